"""How many pods fit on how many VNICs, and in which blocks their addresses come.

Classic mode: a VNIC serves 31 pods and keeps one address for the host, of each family; the
primary VNIC serves none (oci-facts 1.7 and 8.1).
"""

from collections.abc import Sequence

PODS_PER_VNIC = 31
MOST_PODS = 256
MOST_OBJECTS = 64
"""Private-IP objects of one VNIC besides its primary address; a block is one object."""
MOST_OBJECTS6 = 33
"""IPv6 objects of one VNIC: its first and 32 secondary ones."""
NIBBLE = 16
"""Lengths of IPv6 blocks are multiples of 4, so their sizes are powers of this."""


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


def blocks6(addresses: int, largest: int | None = None) -> tuple[int, ...]:
    """Cover a number of IPv6 addresses with one block that holds them all, or a single one.

    Where no block larger than `largest` is free, it takes several of what there is.
    """
    sizes: list[int] = []
    while addresses > 0:
        size = 1
        while size < addresses and (largest is None or size * NIBBLE <= largest):
            size *= NIBBLE
        sizes.append(size)
        addresses -= size
    return tuple(sizes)


def smaller(size: int, family: str) -> int:
    """Give the size of block to ask for when none of this size is free."""
    return max(size // (NIBBLE if family == "IPv6" else 2), 1)


def prefix(size: int, family: str = "IPv4") -> int:
    """Give the prefix length of a block of that size, a power of two."""
    return (129 if family == "IPv6" else 33) - size.bit_length()


def objects(sizes: Sequence[int], family: str = "IPv4") -> int:
    """Count the objects beyond the fewest that could hold as many addresses."""
    split = blocks6 if family == "IPv6" else blocks
    return len(sizes) - len(split(sum(sizes)))
