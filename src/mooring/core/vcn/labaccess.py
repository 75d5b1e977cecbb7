"""What the nodes of a lab's cluster may do in the cloud: the controller calls it as the one it runs on."""

from mooring.core.vcn.estate import Wanted
from mooring.core.vcn.topology import Topology

VERBS = (
    "manage instance-family",
    "manage virtual-network-family",
    "inspect compartments",
)
"""What Mooring's controller may do in a lab."""


def access(topology: Topology, compartment: str) -> tuple[Wanted, ...]:
    """List what lets the controller call the cloud as the instance that it runs on."""
    if not topology.is_cluster:
        return ()
    group = f"{topology.name}-nodes"
    rule = f"ALL {{instance.compartment.id = '{compartment}'}}"
    said = {"description": "the cluster's nodes"}
    statements = [f"Allow dynamic-group {group} to {verb} in tenancy" for verb in VERBS]
    return (
        Wanted("dynamic_group", group, {**said, "matchingRule": rule}),
        Wanted(
            "policy", f"{topology.name}-controller", {**said, "statements": statements}
        ),
    )
