"""Several addresses by one call: accepted at once, carried out by a work request.

The work is followed here for some seconds, so that a turn is one change still; a longer one goes on
without us, and is not asked for again before it has ended. What it made, and whether all of it, is for
the next look to tell; an ended work with an error is a refusal.
"""

import time
from collections.abc import Callable
from typing import Any

from oci.core import models

from mooring.core.npn.changes import CreateAddresses, DeleteAddresses
from mooring.core.npn.errors import TRANSIENT, NotFound, Refused, Unavailable, UnderWay
from mooring.core.npn.seen import ENDED, SUCCEEDED

PATIENCE = 5.0
"""Seconds that a work may take here; one that takes longer is asked after by later turns."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


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
    response: Any,
    ask: Callable[[str], str],
    patience: float,
) -> None:
    """Wait for the work that a call began; raise a CloudError when it did not succeed.

    UnderWay is raised for one that takes longer, or of which nobody could be asked.
    """
    work_id = response.headers.get("opc-work-request-id")
    if not work_id:
        raise Unavailable(name, "Malformed", "the answer names no work request")
    waited, pause = 0.0, FIRST_PAUSE
    while True:
        try:
            state = ask(work_id)
        except (*TRANSIENT, NotFound) as error:
            # A fresh work may not be known everywhere yet, and the right to see it may be missing.
            raise UnderWay(name, work_id, f"not to be seen now: {error}") from error
        if state in ENDED:
            break
        if waited >= patience:
            raise UnderWay(name, work_id, state)
        time.sleep(pause)
        waited += pause
        pause = min(pause * 2, LONGEST_PAUSE)
    if state != SUCCEEDED:
        raise Refused(name, state, f"{work_id} did not do all of it")
