"""How many pods fit on how many VNICs, and in which blocks their addresses come.

Classic mode: a VNIC serves 31 pods and keeps one address for the host; the primary VNIC
serves none (oci-facts 1.7 and 8.1).
"""

from collections.abc import Sequence

PODS_PER_VNIC = 31
MOST_PODS = 256
MOST_OBJECTS = 64
"""Private-IP objects of one VNIC besides its primary address; a block is one object."""


def pods(vnics: int) -> int:
    """Tell how many pods a node with that many VNICs, the primary included, can serve."""
    return min(max(vnics - 1, 0) * PODS_PER_VNIC, MOST_PODS)


def vnics_for(pod_count: int) -> int:
    """Tell how many secondary VNICs so many pods need."""
    return -(-pod_count // PODS_PER_VNIC)


def spread(pod_count: int) -> tuple[int, ...]:
    """Give each secondary VNIC its pods: the first ones full, the last what remains."""
    full, rest = divmod(pod_count, PODS_PER_VNIC)
    return (PODS_PER_VNIC,) * full + ((rest,) if rest else ())


def blocks(addresses: int, largest: int = MOST_PODS) -> tuple[int, ...]:
    """Split a number of addresses into powers of two, the largest first.

    `largest` bounds them, for a subnet in which no larger block is free.
    """
    sizes: list[int] = []
    while addresses > 0:
        size = min(1 << (addresses.bit_length() - 1), largest)
        sizes.append(size)
        addresses -= size
    return tuple(sizes)


def prefix(size: int) -> int:
    """Give the IPv4 prefix length of a block of that size, a power of two."""
    return 33 - size.bit_length()


def objects(sizes: Sequence[int]) -> int:
    """Count the objects beyond the fewest that could hold as many addresses."""
    return len(sizes) - len(blocks(sum(sizes)))
