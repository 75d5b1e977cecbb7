"""The kernel's networking in memory, with the refusals that the real one is known for.

It is told to refuse (`refuse`, `refuse_step`) where the real one has to be provoked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from errno import (
    EBUSY,
    EEXIST,
    EHOSTUNREACH,
    EINVAL,
    EIO,
    ENETDOWN,
    ENETUNREACH,
    ENODEV,
    ENOENT,
)

from fakes.netns import HOME, FakeNamespaces

from mooring.core.linux import drift
from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.port import KernelError, Spaces
from mooring.core.linux.seen import Link, Seen

LARGEST_MTU = 65535
LOOPBACK = Link(
    name="lo",
    index=1,
    mac="00:00:00:00:00:00",
    mtu=65536,
    up=False,
    operational=False,
    kind="loopback",
    peer_index=None,
    alias="",
    group=0,
)


@dataclass
class Room:
    """What is in one namespace. Facts are kept as said of the space ""."""

    links: dict[str, Link] = field(default_factory=lambda: {"lo": LOOPBACK})
    twins: dict[str, tuple[int, str]] = field(default_factory=dict)
    addresses: set[Address] = field(default_factory=set)
    routes: set[Route] = field(default_factory=set)
    rules: set[Rule] = field(default_factory=set)
    neighbours: set[Neighbour] = field(default_factory=set)
    sysctls: dict[str, str] = field(default_factory=dict)
    next_index: int = 2
    speaks_ipv4: bool = False  # without an address there is no table to judge by


class FakeKernel:
    """`adapters.netlink.Kernel` without Linux.

    Descriptors are told apart by `namespaces`; without it each number is a namespace of its own.
    """

    def __init__(self, namespaces: FakeNamespaces | None = None) -> None:
        self.done: list[Fact] = []
        self._namespaces = namespaces
        self._rooms: dict[int, Room] = {}
        self._refusals: list[tuple[Fact | type, int]] = []
        self._steps: dict[int, BaseException | int] = {}
        self._step = 0
        if namespaces is not None:
            namespaces.when_ended(self.end_space)

    # What tests do behind the back of who uses the kernel.

    def refuse(self, what: Fact | type, errno: int = EIO) -> None:
        """Refuse this fact, or every fact of this class, until `relent`."""
        self._refusals.append((what, errno))

    def refuse_step(self, step: int, how: BaseException | int = EIO) -> None:
        """Refuse the n-th fact from now on (the first is 1), or raise something there."""
        self._steps[self._step + step] = how

    def relent(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()
        self._steps.clear()

    def sysctl(self, fd: int | None, key: str) -> str | None:
        """What was written to a setting."""
        return self._room(fd).sysctls.get(key)

    def end_space(self, inode: int) -> None:
        """A namespace ends, and with it both ends of every pair that has one there."""
        room = self._rooms.get(inode)
        for name in list(room.links if room else ()):
            self._drop_link(inode, name)
        self._rooms.pop(inode, None)

    def add_hardware(self, fd: int | None, name: str, mac: str, mtu: int) -> None:
        """A link that is no veth appears, down."""
        room = self._room(fd)
        room.links[name] = replace(
            LOOPBACK, name=name, index=room.next_index, mac=mac, mtu=mtu, kind=""
        )
        room.next_index += 1

    # The port.

    def carry_out(self, plan: Iterable[Fact], spaces: Spaces) -> None:
        for fact in plan:
            self._count(fact)
            self._make(fact, spaces)
            self.done.append(fact)

    def take_back(self, plan: Plan, spaces: Spaces) -> tuple[KernelError, ...]:
        refused: list[KernelError] = []
        for fact in drift.backwards(plan):
            space = fact.near.space if isinstance(fact, Veth) else fact.space
            if space not in spaces:
                continue
            try:
                self._refuse_if_told(fact)
                self._remove(fact, spaces)
            except KernelError as err:
                refused.append(err)
        return tuple(refused)

    def look(self, space: str, fd: int | None, last: Seen | None = None) -> Seen:
        room = self._room(fd)
        return Seen(
            space,
            dict(room.links),
            frozenset(replace(each, space=space) for each in room.addresses),
            frozenset(replace(each, space=space) for each in room.routes),
            frozenset(replace(each, space=space) for each in room.rules),
            frozenset(replace(each, space=space) for each in room.neighbours),
        )

    def link(self, fd: int | None, name: str) -> Link | None:
        return self._room(fd).links.get(name)

    def links(self, fd: int | None) -> Mapping[str, Link]:
        return dict(self._room(fd).links)

    def delete_links(self, fd: int | None, names: Iterable[str]) -> None:
        for name in names:
            self._drop_link(self._inode(fd), name)

    def delete_group(self, fd: int | None, group: int) -> None:
        if group == 0:
            raise ValueError("every link is in group 0 that is in no other")
        links = self._room(fd).links.values()
        self.delete_links(fd, [link.name for link in links if link.group == group])

    def set_group(self, fd: int | None, name: str, group: int) -> bool:
        links = self._room(fd).links
        if name not in links:
            return False
        links[name] = replace(links[name], group=group)
        return True

    # How it comes about.

    def _inode(self, fd: int | None) -> int:
        if fd is None:
            return HOME
        return fd if self._namespaces is None else self._namespaces.inode(fd)

    def _room(self, fd: int | None) -> Room:
        return self._rooms.setdefault(self._inode(fd), Room())

    def _space(self, fact: Fact, word: str, spaces: Spaces) -> int | None:
        if word not in spaces:
            raise KernelError(fact, ENOENT, f"no namespace is known as {word!r}")
        return spaces[word]

    def _count(self, fact: Fact) -> None:
        self._step += 1
        how = self._steps.pop(self._step, None)
        if isinstance(how, BaseException):
            raise how
        if how is not None:
            raise KernelError(fact, how, "told to refuse this step")
        self._refuse_if_told(fact)

    def _refuse_if_told(self, fact: Fact) -> None:
        for what, errno in self._refusals:
            if what == fact or (isinstance(what, type) and isinstance(fact, what)):
                raise KernelError(fact, errno, "told to refuse")

    def _make(self, fact: Fact, spaces: Spaces) -> None:
        if isinstance(fact, Veth):
            self._make_veth(fact, spaces)
            return
        room = self._room(self._space(fact, fact.space, spaces))
        match fact:
            case Sysctl():
                _write(room, fact)
            case LinkUp():
                self._change(room, _risen(room, fact))
            case Address():
                _add_address(room, fact)
            case Route():
                _make_route(room, fact)
            case Rule():
                mask = 0xFFFFFFFF if fact.mask is None else fact.mask
                mask_or_none = None if fact.mark is None else mask
                room.rules.add(replace(fact, space="", mask=mask_or_none))
            case Neighbour():
                _need(room, fact.link, fact)
                room.neighbours -= {n for n in room.neighbours if _same(n, fact)}
                room.neighbours.add(replace(fact, space="", mac=fact.mac.lower()))

    def _make_veth(self, fact: Veth, spaces: Spaces) -> None:
        near_fd = self._space(fact, fact.near.space, spaces)
        far_fd = self._space(fact, fact.far.space, spaces)
        near_room, far_room = self._room(near_fd), self._room(far_fd)
        one = near_room.links.get(fact.near.name)
        other = far_room.links.get(fact.far.name)
        if one is not None or other is not None:
            if one is None or other is None or not drift.is_pair(fact, one, other):
                raise KernelError(fact, EEXIST, "File exists")
        else:
            far = _new_link(far_room, fact.far, fact)
            near = _new_link(near_room, fact.near, fact)
            far_room.links[far.name] = replace(far, peer_index=near.index)
            near_room.links[near.name] = replace(near, peer_index=far.index)
            near_room.twins[near.name] = (self._inode(far_fd), far.name)
            far_room.twins[far.name] = (self._inode(near_fd), near.name)
        for room, end in ((near_room, fact.near), (far_room, fact.far)):
            link = room.links[end.name]
            alias = end.alias if end is fact.near else ""
            self._change(room, replace(link, up=True, mtu=end.mtu, alias=alias))

    def _change(self, room: Room, link: Link) -> None:
        """Keep the link; a veth is operational when both ends are up."""
        room.links[link.name] = link
        if link.name not in room.twins:
            return
        inode, name = room.twins[link.name]
        twin_room = self._rooms[inode]
        twin = twin_room.links[name]
        both = twin.up and link.up
        room.links[link.name] = replace(link, operational=both)
        twin_room.links[name] = replace(twin, operational=both)

    def _remove(self, fact: Fact, spaces: Spaces) -> None:
        match fact:
            case Veth(near=near):
                fd = spaces[near.space]
                link = self._room(fd).links.get(near.name)
                if link is not None and drift.is_end(near, link):
                    self._drop_link(self._inode(fd), near.name)
            case LinkUp() | Sysctl():
                pass
            case Address():
                _drop_address(self._room(spaces[fact.space]), replace(fact, space=""))
            case Route():
                room = self._room(spaces[fact.space])
                room.routes -= _named_by(fact, room.routes)
            case Rule():
                mask = 0xFFFFFFFF if fact.mask is None else fact.mask
                plain = replace(
                    fact, space="", mask=None if fact.mark is None else mask
                )
                self._room(spaces[fact.space]).rules.discard(plain)
            case Neighbour():
                room = self._room(spaces[fact.space])
                room.neighbours -= {n for n in room.neighbours if _same(n, fact)}

    def _drop_link(self, inode: int, name: str) -> None:
        room = self._rooms.get(inode)
        if room is None or name not in room.links:
            return
        del room.links[name]
        room.addresses = {a for a in room.addresses if a.link != name}
        room.routes = {r for r in room.routes if r.link != name}
        room.neighbours = {n for n in room.neighbours if n.link != name}
        twin = room.twins.pop(name, None)
        if twin is not None:
            self._drop_link(*twin)


def _need(room: Room, name: str, fact: Fact) -> Link:
    if name not in room.links:
        raise KernelError(fact, ENODEV, f"No such device {name!r}")
    return room.links[name]


def _risen(room: Room, fact: LinkUp) -> Link:
    link = _need(room, fact.link, fact)
    mtu = link.mtu if fact.mtu is None else fact.mtu
    if mtu > LARGEST_MTU and link.kind == "veth":
        raise KernelError(fact, EINVAL, "mtu greater than device maximum")
    room.speaks_ipv4 |= fact.link == "lo"
    return replace(link, up=True, mtu=mtu, alias=fact.alias or link.alias)


def _new_link(room: Room, end: End, fact: Fact) -> Link:
    taken = {link.index for link in room.links.values()}
    if end.index in taken:
        raise KernelError(fact, EBUSY, "Device or resource busy")
    index = end.index
    if index is None:
        index = room.next_index = max({room.next_index, *(n + 1 for n in taken)})
    return replace(
        LOOPBACK,
        name=end.name,
        index=index,
        mac=end.mac.lower() or f"02:ff:ff:00:00:{index % 256:02x}",
        mtu=end.mtu,
        kind="veth",
        group=end.group,
        peer_space=0,
    )


def _write(room: Room, fact: Sysctl) -> None:
    parts = fact.key.split("/")
    if ".." in parts or fact.key.startswith("/"):
        raise KernelError(fact, EINVAL, f"{fact.key!r} is no setting's name")
    if "conf" in parts[:-2] and parts[-2] not in {*room.links, "all", "default"}:
        raise KernelError(fact, ENOENT, "No such file or directory")
    room.sysctls[fact.key] = fact.value


def _add_address(room: Room, fact: Address) -> None:
    """An address, and the kernel's own route to its network."""
    _need(room, fact.link, fact)
    room.speaks_ipv4 |= fact.address.version == 4
    room.addresses.add(replace(fact, space=""))
    network = fact.address.network
    if network.prefixlen == network.max_prefixlen and network.version == 4:
        return
    source = fact.address.ip if network.version == 4 else None
    if room.links[fact.link].up and fact.link != "lo":
        room.routes.add(Route("", network, link=fact.link, source=source))


def _drop_address(room: Room, fact: Address) -> None:
    """An address goes with its network's route, the last of IPv4 with all else of its link."""
    if fact not in room.addresses:
        return
    room.addresses.remove(fact)
    connected = Route("", fact.address.network, link=fact.link)
    room.routes -= {r for r in room.routes if r.source == fact.address.ip}
    room.routes.discard(connected)
    if fact.link == "lo" and room.links["lo"].up:
        return  # 127.0.0.1 is still there
    left = {a.address.version for a in room.addresses if a.link == fact.link}
    if fact.address.version == 4 and 4 not in left:
        room.routes = {
            r for r in room.routes if r.link != fact.link or r.destination.version != 4
        }
        room.neighbours = {
            n for n in room.neighbours if n.link != fact.link or n.address.version != 4
        }


def _make_route(room: Room, fact: Route) -> None:
    plain = replace(fact, space="")
    if fact.kind in drift.NOWHERE:
        plain = replace(plain, link=None)
    elif fact.link is not None:
        up = _need(room, fact.link, fact).up
        if not up and fact.kind != "local":
            raise KernelError(fact, ENETDOWN, "Device for nexthop is not up.")
    _check_ends(room, fact)
    if fact.gateway is not None and not fact.onlink:
        plain = replace(plain, link=_way_to(room, fact))
    room.routes -= {
        r
        for r in room.routes
        if (r.destination, r.table) == (plain.destination, plain.table)
    }
    room.routes.add(plain)


def _check_ends(room: Room, fact: Route) -> None:
    if fact.onlink and fact.destination.version == 4 and not room.speaks_ipv4:
        raise KernelError(fact, EINVAL, "Nexthop has invalid gateway")
    own = {a.address.ip for a in room.addresses}
    if fact.source is not None and fact.source not in own:
        raise KernelError(fact, EINVAL, "Invalid source address")


def _way_to(room: Room, fact: Route) -> str | None:
    gateway = fact.gateway
    if gateway is not None and gateway.version == 6 and gateway.is_link_local:
        return fact.link
    for route in room.routes:
        direct = route.gateway is None and route.link is not None
        reaches = direct and route.table == 254 and fact.gateway in route.destination
        if reaches and fact.link in {None, route.link}:
            return route.link
    errno = ENETUNREACH if fact.destination.version == 4 else EHOSTUNREACH
    raise KernelError(fact, errno, "Nexthop has invalid gateway.")


def _named_by(fact: Route, routes: set[Route]) -> set[Route]:
    """Find the routes that a deletion names; without a link it names that of any."""
    plain = replace(fact, space="")
    if fact.link is not None:
        return {plain}
    return {route for route in routes if replace(route, link=None) == plain}


def _same(one: Neighbour, other: Neighbour) -> bool:
    return (one.link, one.address) == (other.link, other.address)
