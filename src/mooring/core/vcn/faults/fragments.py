"""A subnet cut into pieces: single addresses held so that no aligned block is free.

The addresses are held in the index of what is taken, under the fault's name; there are no
objects for them, nothing is written down, and when the fault ends they are free again.
Held are only addresses of the form 4n+2: such a one is neither of the first two nor the
last of any block, so that a subnet whose CIDR block changes cannot want to reserve it.
"""

from dataclasses import replace

from mooring.core.net.blocks import Entry
from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.api.turns import Dice
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.indexes import addresses
from mooring.core.vcn.model import Subnet
from mooring.core.vcn.world import World

MOST_HELD = 16_384


def check(world: World, subnet_id: str, prefix: int) -> None:
    """Refuse a subnet that is not there, or one that would need too many addresses."""
    subnet = world.find(Subnet, subnet_id)
    if subnet is None:
        raise Unread(f"subnet: {subnet_id[:100]!r} is no subnet that exists")
    most = sum(1 << max(prefix - b.prefixlen, 0) for b in subnet.ipv4_cidr_blocks)
    if most > MOST_HELD:
        raise Unread(
            f"prefix: a /{prefix} in {subnet_id} would take {most} addresses, more "
            f"than {MOST_HELD}; choose a shorter prefix or a smaller subnet"
        )


def cut(world: World, subnet_id: str, prefix: int, name: str) -> World:
    """Hold addresses under a name until no aligned block of the size is free."""
    subnet = world.find(Subnet, subnet_id)
    if subnet is None:
        return world
    key, bits = addresses(subnet_id), 32 - prefix
    before = space = world.space(key)
    dice = Dice(f"{subnet_id} {name}".encode())
    for block in subnet.ipv4_cidr_blocks:
        within = int(block.network_address), 32 - block.prefixlen
        while (
            found := space.pick(within, bits, dice.number(f"{space.count}"))
        ) is not None:
            quarter = dice.number(f"in {space.count}") % (1 << (bits - 2))
            space = space.take(Entry(found + quarter * 4 + 2, 0, name))
    if space is before:
        return world
    return replace(world, indexes=world.indexes.set(key, space))


def mend(world: World, subnet_id: str, name: str) -> World:
    """Free what is held under a name."""
    key = addresses(subnet_id)
    space = world.space(key)
    for entry in [entry for entry in space.items() if entry.owner == name]:
        space = space.release(entry)
    indexes = world.indexes
    if space.count:
        return replace(world, indexes=indexes.set(key, space))
    return replace(world, indexes=indexes.delete(key)) if key in indexes else world


def for_want_of_room(reply: Reply, subnet_id: str) -> bool:
    """Tell whether a request was refused because a subnet has no aligned free block."""
    if reply.status != 409 or b"no available IP CIDR" not in reply.body:
        return False
    return subnet_id.encode() in reply.body
