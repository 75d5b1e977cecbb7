"""Several addresses by one call: accepted at once, carried out by a work request.

The work is followed here until it has ended, so that a turn is one change still. What it made, and
whether all of it, is for the next look to tell; an ended work with an error is a refusal.
"""

from collections.abc import Callable
from typing import Any

from oci.core import models

from mooring.core.npn.changes import CreateAddresses, DeleteAddresses
from mooring.core.npn.errors import Refused, Unavailable

PATIENCE = 60.0
"""Seconds that a work may take before somebody looks whether it was done."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})


def creation(change: CreateAddresses) -> models.BulkCreatePrivateIpsDetails:
    """Say what to make: single addresses, whichever are free."""
    items = [
        models.BulkCreatePrivateIpItem(freeform_tags=dict(change.tags))
        for _ in range(change.count)
    ]
    return models.BulkCreatePrivateIpsDetails(
        vnic_id=change.vnic_id, bulk_create_private_ip_item=items
    )


def deletion(change: DeleteAddresses) -> models.BulkDeletePrivateIpsDetails:
    """Say what to give back."""
    items = [models.BulkDeletePrivateIpItem(private_ip_id=each) for each in change.ids]
    return models.BulkDeletePrivateIpsDetails(
        vnic_id=change.vnic_id, bulk_delete_private_ip_item=items
    )


def follow(
    name: str,
    response: Any,  # noqa: ANN401 - a response of the SDK
    ask: Callable[[str], Any],
    sleep: Callable[[float], None],
) -> None:
    """Wait for the work that a call began; raise a CloudError when it did not succeed."""
    work_id = response.headers.get("opc-work-request-id")
    if not work_id:
        raise Unavailable(name, "Malformed", "the answer names no work request")
    waited, pause = 0.0, FIRST_PAUSE
    while True:
        work = ask(work_id)
        if work.status in ENDED:
            break
        if waited >= PATIENCE:
            raise Unavailable(name, "StillUnderWay", f"{work_id} is {work.status}")
        sleep(pause)
        waited += pause
        pause = min(pause * 2, LONGEST_PAUSE)
    if work.status != "SUCCEEDED":
        raise Refused(name, work.status, f"{work_id} did not do all of it")
