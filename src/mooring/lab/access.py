"""What the nodes of a cluster may do in the cloud: the controller calls it as the one it runs on."""

from mooring.core.npn.permissions import dynamic_group, matching_rule, statements
from mooring.core.vcn.estate import Wanted
from mooring.core.vcn.topology import Topology


def access(topology: Topology, compartment: str) -> tuple[Wanted, ...]:
    """List the dynamic group and the policy; none where no controller runs in the cluster."""
    if not topology.is_cluster:
        return ()
    group = f"{topology.name}-nodes"
    words = statements(dynamic_group(group), compartment, compartment)
    said = {"description": "Mooring's controller, on whichever node it runs"}
    rule = {**said, "matchingRule": matching_rule(compartment)}
    return (
        Wanted("dynamic_group", group, rule),
        Wanted(
            "policy", f"{topology.name}-controller", {**said, "statements": list(words)}
        ),
    )
