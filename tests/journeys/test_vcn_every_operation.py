"""Every operation once, by the official SDK; then the server is asked whether it granted each."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from journeys.local_vcn import LocalVcn, local_vcn, mooring
from journeys.vcn_contract import CALLS, REFUSED
from journeys.vcn_stories import compute, identity, networks, routing
from journeys.vcn_stories.scene import a_scene
from oci.core import (
    BlockstorageClient,
    ComputeClient,
    ComputeManagementClient,
    VirtualNetworkClient,
)
from oci.exceptions import ServiceError
from oci.identity import IdentityClient
from oci.limits import QuotasClient

QUICK = tuple(
    word
    for name in (
        *("instance-launch", "instance-terminate", "instance-power"),
        *("vnic-attach", "vnic-detach", "subnet-update", "vcn-update", "bulk-work"),
    )
    for word in ("--delay", f"{name}=10ms")
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    """A server that was told all stories."""
    with local_vcn(tmp_path_factory.mktemp("vcn"), flags=QUICK) as server:
        scene = a_scene(server)
        for story in (networks, routing, compute, identity):
            story.tell(scene)
        yield server


def answered(server: LocalVcn) -> dict[str, dict[str, int]]:
    """Give how often each operation was answered, by status."""
    told = mooring("vcn", "stats", "--state", str(server.state), "-o", "json")
    assert told.returncode == 0, told.stderr
    operations: dict[str, dict[str, int]] = json.loads(told.stdout)["operations"]
    return operations


def test_every_operation_of_the_contract_was_granted(told: LocalVcn) -> None:
    counts = answered(told)
    granted = {n for n, statuses in counts.items() if any(s < "3" for s in statuses)}

    assert sorted(set(CALLS) - set(REFUSED) - granted) == []
    assert all(set(counts[name]) == {str(s)} for name, s in REFUSED.items())


@pytest.mark.parametrize(
    ("client", "function", "words", "name"),
    [
        (VirtualNetworkClient, "get_vlan", ["ocid1.vlan.oc1..x"], "GetVlan"),
        (ComputeClient, "get_volume_attachment", ["ocid1.x"], "GetVolumeAttachment"),
        (BlockstorageClient, "list_volumes", [], "ListVolumes"),
        (
            ComputeManagementClient,
            "list_instance_pools",
            ["ocid1.tenancy.oc1..x"],
            "ListInstancePools",
        ),
        (QuotasClient, "list_quotas", ["ocid1.tenancy.oc1..x"], "ListQuotas"),
        (
            IdentityClient,
            "list_bulk_action_resource_types",
            ["BULK_MOVE_RESOURCES"],
            "ListBulkActionResourceTypes",
        ),
    ],
)
def test_what_is_not_there_is_told_by_name(
    told: LocalVcn, client: type[Any], function: str, words: list[str], name: str
) -> None:
    with pytest.raises(ServiceError) as refusal:
        getattr(told.client(client), function)(*words)

    assert (refusal.value.status, refusal.value.code) == (501, "MethodNotImplemented")
    assert refusal.value.message == f"The local VCN does not have {name}."
    assert answered(told)[name] == {"501": 1}
