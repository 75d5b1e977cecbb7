"""All comparisons of one node, in the order in which one would look oneself."""

from mooring.core.wiring.audit import cables, cloud, node, owners, pods, twice
from mooring.core.wiring.audit.difference import Difference
from mooring.core.wiring.audit.sides import Sides

_COMPARISONS = (
    owners.compare,
    pods.compare,
    cables.compare,
    twice.compare,
    node.compare,
    cloud.compare,
)


def compare(sides: Sides) -> tuple[Difference, ...]:
    """Give every difference once."""
    found = [each for look in _COMPARISONS for each in look(sides)]
    return tuple({each.key: each for each in found}.values())
