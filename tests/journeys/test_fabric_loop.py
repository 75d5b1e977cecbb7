"""The fabric's loop on fakes: only the difference, all but what was refused, nothing twice."""

import asyncio
import threading
from errno import EBUSY, EEXIST
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from builders_vcn import OPEN, Cloud, a_mac, a_world, allow, an_id
from fakes.kernel import FakeKernel
from fakes.netns import FakeNamespaces
from fakes.nft import FakeNft

from mooring.core.linux.plan import (
    Address,
    LinkUp,
    Neighbour,
    Route,
    Sysctl,
    Veth,
)
from mooring.core.linux.seen import Seen
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.packets.names import (
    internet_space,
    nic_name,
    node_space,
    port_name,
    vcn_space,
)
from mooring.localvcn.fabric import FabricError, FabricLoop, Tools, remove
from mooring.localvcn.tables import HELD

NAME = "lab"
A, B = an_id("vnic", "a"), an_id("vnic", "b")
NODE = node_space(NAME, an_id("instance", "a"))
ROUTER = vcn_space(NAME, an_id("vcn", "net"))


class Watched(FakeKernel):
    """A kernel that counts looks, and in which looks can be held up."""

    def __init__(self, namespaces: FakeNamespaces) -> None:
        super().__init__(namespaces)
        self.looks = 0
        self.looking = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def look(self, space: str, fd: int | None, last: Seen | None = None) -> Seen:
        self.looks += 1
        self.looking.set()
        assert self.go_on.wait(60)
        return super().look(space, fd, last)


class Ground:
    """A machine of fakes with a fabric's loop on it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.namespaces = FakeNamespaces()
        self.kernel = Watched(self.namespaces)
        self.nft = FakeNft(self.namespaces)
        self.restart()

    @property
    def tools(self) -> Tools:
        return Tools(self.kernel, self.nft, self.namespaces)

    def restart(self) -> None:
        self.loop = FabricLoop(NAME, self.tools)

    def apply(self) -> None:
        asyncio.run(self.loop.apply(self.cloud.world))

    def look(self) -> None:
        asyncio.run(self.loop.look())

    def seen(self, space: str) -> Seen:
        fd = self.namespaces.open_fd(space)
        try:
            return self.kernel.look(space, fd)
        finally:
            self.namespaces.close(fd)

    def unplug(self, space: str, link: str) -> None:
        fd = self.namespaces.open_fd(space)
        self.kernel.delete_links(fd, [link])
        self.namespaces.close(fd)

    def rules(self) -> str:
        fd = self.namespaces.open_fd(ROUTER)
        try:
            return self.nft.listing("inet", "mooring", fd)
        finally:
            self.namespaces.close(fd)


@pytest.fixture
def ground() -> Ground:
    made = Ground(a_world())
    made.apply()
    made.kernel.done.clear()
    made.kernel.looks = 0
    made.nft.scripts.clear()
    return made


def test_a_first_pass_makes_everything() -> None:
    ground = Ground(a_world())
    ground.apply()

    assert ground.namespaces.names() == sorted(wanted(ground.cloud.world, NAME).spaces)
    assert set(ground.seen(NODE).links) == {"lo", nic_name(0)}
    assert port_name(A) in ground.seen(ROUTER).links
    assert "chain egress" in ground.rules()


def test_a_pass_gives_every_descriptor_back(ground: Ground) -> None:
    ground.look()

    assert ground.namespaces.open_fds == {}


def test_the_same_world_again_is_no_work(ground: Ground) -> None:
    ground.apply()

    assert (ground.kernel.done, ground.nft.scripts) == ([], [])


def test_a_changed_rule_is_one_transaction_and_no_cable(ground: Ground) -> None:
    ground.cloud.security_list("open", *OPEN, allow("ingress", "tcp", "10.9.0.0/16"))
    ground.cloud.security_list("open", allow("ingress", "tcp"), allow("egress"))
    ground.apply()

    assert ground.kernel.done == []
    assert len(ground.nft.scripts) == 1
    assert "delete table inet mooring\n" not in ground.nft.scripts[0]


def test_a_changed_rule_opens_one_namespace_and_looks_at_none(ground: Ground) -> None:
    opened: list[str] = []

    class Spied(FakeNamespaces):
        def open_fd(self, path_or_name: str) -> int:
            opened.append(path_or_name)
            return super().open_fd(path_or_name)

        def names(self) -> list[str]:
            opened.append("all")
            return super().names()

    spied = Spied()
    ground = Ground(a_world())
    ground.namespaces = spied
    ground.kernel, ground.nft = Watched(spied), FakeNft(spied)
    ground.restart()
    ground.apply()
    opened.clear()
    ground.kernel.looks = 0
    ground.cloud.security_list("open", allow("ingress", "tcp"), allow("egress"))
    ground.apply()

    assert (opened, ground.kernel.looks) == ([ROUTER], 0)


def test_a_new_address_is_one_route_and_no_look(ground: Ground) -> None:
    ground.cloud.ip(A, "10.0.1.77")
    ground.apply()
    made = [f for f in ground.kernel.done if isinstance(f, Route)]

    assert ground.kernel.done == made
    assert [route.destination for route in made] == [IPv4Network("10.0.1.77/32")]
    assert ground.kernel.looks == 0


def test_an_address_on_a_link_that_somebody_took_brings_the_link_back(
    ground: Ground,
) -> None:
    ground.unplug(ROUTER, port_name(A))
    ground.cloud.ip(A, "10.0.1.77")
    ground.apply()

    assert port_name(A) in ground.seen(ROUTER).links
    assert IPv4Network("10.0.1.77/32") in {
        route.destination for route in ground.seen(ROUTER).routes
    }


@pytest.mark.parametrize("again", [False, True])
def test_a_change_finds_a_namespace_that_somebody_removed(
    ground: Ground, *, again: bool
) -> None:
    ground.namespaces.delete(ROUTER)
    if again:
        ground.namespaces.create(ROUTER)
    ground.cloud.security_list("open", allow("ingress", "tcp"), allow("egress"))
    ground.apply()

    assert "vmap @senders" in ground.rules()
    assert port_name(A) in ground.seen(ROUTER).links


def test_a_look_that_finds_nothing_touches_nothing(ground: Ground) -> None:
    ground.look()
    ground.look()

    assert ground.nft.scripts == []
    assert [f for f in ground.kernel.done if not isinstance(f, Sysctl)] == []


def test_a_change_does_not_wait_for_a_look(ground: Ground) -> None:
    async def story() -> None:
        ground.kernel.go_on.clear()
        ground.kernel.looking.clear()
        look = asyncio.create_task(ground.loop.look())
        await asyncio.to_thread(ground.kernel.looking.wait, 60)
        ground.cloud.security_list("open", allow("ingress", "tcp"), allow("egress"))
        await ground.loop.apply(ground.cloud.world)
        assert not look.done()
        assert len(ground.nft.scripts) == 1
        ground.kernel.go_on.set()
        await look

    asyncio.run(story())
    assert "vmap @senders" in ground.rules()


def test_of_few_namespaces_nft_is_kept_open(ground: Ground) -> None:
    for number in range(HELD):
        vcn = ground.cloud.vcn(f"more{number}", f"10.{number + 1}.0.0/16")
        ground.apply()
    assert len(ground.nft.held) == HELD
    ground.cloud.world = ground.cloud.world.drop(vcn)
    ground.apply()

    assert len(ground.nft.held) == HELD - 1


def test_a_new_vnic_touches_no_other(ground: Ground) -> None:
    ground.cloud.vnic("d", an_id("subnet", "one"), "10.0.1.9")
    ground.apply()

    made = [f for f in ground.kernel.done if isinstance(f, Veth)]
    assert [f.near.name for f in made] == [port_name(an_id("vnic", "d"))]


def test_a_detached_vnic_is_gone_and_with_it_its_routes(ground: Ground) -> None:
    ground.cloud.unplug("a")
    ground.apply()

    assert port_name(A) not in ground.seen(ROUTER).links
    assert nic_name(0) not in ground.seen(NODE).links
    assert IPv4Network("10.0.1.5/32") not in {
        route.destination for route in ground.seen(ROUTER).routes
    }


def test_an_address_that_moves_is_routed_anew(ground: Ground) -> None:
    moving = ground.cloud.ip(A, "10.0.1.77")
    ground.apply()
    ground.cloud.change(moving, vnic_id=B)
    ground.apply()

    routes = {r.destination: r.link for r in ground.seen(ROUTER).routes}
    assert routes[IPv4Network("10.0.1.77/32")] == port_name(B)


def test_an_address_that_is_deleted_is_routed_no_more(ground: Ground) -> None:
    extra = ground.cloud.ip(A, "10.0.1.77")
    ground.apply()
    ground.cloud.world = ground.cloud.world.drop(extra)
    ground.apply()

    assert IPv4Network("10.0.1.77/32") not in {
        r.destination for r in ground.seen(ROUTER).routes
    }


def test_a_terminated_instance_loses_its_namespace(ground: Ground) -> None:
    ground.cloud.unplug("a")
    ground.cloud.change(an_id("instance", "a"), lifecycle_state="TERMINATED")
    ground.apply()

    assert not ground.namespaces.exists(NODE)


def test_the_first_boot_is_played_once(ground: Ground) -> None:
    everywhere = IPv4Network("0.0.0.0/0")
    route = Route(NODE, everywhere, "ens3", IPv4Address("10.0.1.1"))
    assert route in ground.seen(NODE).routes

    fd = ground.namespaces.open_fd(NODE)
    ground.kernel.take_back((route,), {NODE: fd})
    ground.look()
    ground.restart()
    ground.apply()

    assert route not in ground.seen(NODE).routes


def test_a_boot_that_was_cut_off_is_played_again() -> None:
    ground = Ground(a_world())
    boot = Address(NODE, "ens3", IPv4Interface("10.0.1.5/24"))
    ground.kernel.refuse(boot, EBUSY)
    with pytest.raises(FabricError):
        ground.apply()
    ground.kernel.relent()
    ground.restart()
    ground.apply()

    assert boot in ground.seen(NODE).addresses


def a_pair(ground: Ground) -> Veth:
    facts = wanted(ground.cloud.world, NAME).facts[ROUTER]
    return next(f for f in facts if isinstance(f, Veth) and f.near.name == port_name(A))


def test_what_is_refused_stops_nothing_else() -> None:
    ground = Ground(a_world())
    ground.kernel.refuse(a_pair(ground), EBUSY)
    with pytest.raises(FabricError, match=port_name(A)):
        ground.apply()

    assert port_name(B) in ground.seen(ROUTER).links
    assert "chain egress" in ground.rules()


def test_a_guest_that_takes_a_nics_name_is_no_error_of_the_fabric() -> None:
    ground = Ground(a_world())
    ground.kernel.refuse(a_pair(ground), EEXIST)
    ground.apply()
    shown = ground.seen(ROUTER).links
    ground.kernel.relent()
    ground.look()

    assert port_name(B) in shown
    assert port_name(A) not in shown
    assert port_name(A) in ground.seen(ROUTER).links


def test_what_was_refused_is_made_by_a_later_look() -> None:
    ground = Ground(a_world())
    ground.kernel.refuse(Neighbour, EBUSY)
    with pytest.raises(FabricError):
        ground.apply()
    ground.kernel.relent()
    ground.look()

    assert (a_mac("a"), IPv4Address("10.0.1.5")) in {
        (n.mac, n.address) for n in ground.seen(ROUTER).neighbours
    }


def test_a_look_that_fails_is_no_end() -> None:
    ground = Ground(a_world())
    ground.look()
    ground.apply()
    ground.kernel.refuse(LinkUp)
    ground.unplug(ROUTER, port_name(A))
    ground.look()
    ground.kernel.relent()
    ground.look()

    assert ground.seen(NODE).links["ens3"].up


def test_rules_that_nft_refuses_are_said_and_tried_again(ground: Ground) -> None:
    ground.cloud.security_list("open", allow("ingress"))
    ground.nft.refuse_next("Error: no")
    ground.apply()

    # The difference was refused; the whole table took its place.
    assert "delete table" in ground.nft.scripts[-1]


def test_rules_that_cannot_be_written_at_all_are_an_error() -> None:
    ground = Ground(a_world())
    ground.nft.refuse_next("Error: no")
    with pytest.raises(FabricError, match="Error: no"):
        ground.apply()
    ground.look()

    assert "chain egress" in ground.rules()


def test_a_table_that_somebody_changed_is_replaced(ground: Ground) -> None:
    fd = ground.namespaces.open_fd(ROUTER)
    ground.nft.run("flush chain inet mooring egress", fd)
    ground.namespaces.close(fd)
    ground.look()

    assert "vmap @senders" in ground.rules()


def test_a_change_finds_a_table_that_somebody_changed(ground: Ground) -> None:
    fd = ground.namespaces.open_fd(ROUTER)
    ground.nft.run("delete table inet mooring", fd)
    ground.namespaces.close(fd)
    ground.cloud.security_list("open", allow("ingress"))
    ground.apply()

    assert "vmap @senders" in ground.rules()


@pytest.mark.parametrize("space", [ROUTER, NODE, internet_space(NAME)])
def test_a_namespace_that_somebody_removed_is_made_again(
    ground: Ground, space: str
) -> None:
    before = shown(ground)
    ground.namespaces.delete(space)
    ground.look()

    assert shown(ground) == before


@pytest.mark.parametrize("space", [ROUTER, NODE, internet_space(NAME)])
def test_a_namespace_that_lost_its_name_to_a_process_is_made_again(
    ground: Ground, space: str
) -> None:
    before = shown(ground)
    fd = ground.namespaces.open_fd(space)
    ground.namespaces.delete(space)
    ground.look()
    after = shown(ground)
    ground.namespaces.close(fd)

    assert after == before


def shown(ground: Ground) -> dict[str, object]:
    """Everything that counts, but for numbers that the kernel chooses."""
    found: dict[str, object] = {}
    for space in ground.namespaces.names():
        seen = ground.seen(space)
        links = sorted((x.name, x.mac, x.mtu, x.up) for x in seen.links.values())
        found[space] = (links, seen.addresses, seen.routes, seen.neighbours)
    return found


def test_a_start_finds_everything_in_place(ground: Ground) -> None:
    ground.restart()
    ground.apply()

    assert not [f for f in ground.kernel.done if isinstance(f, Veth | Route | Address)]


def test_a_removal_leaves_nothing_and_nothing_of_others(ground: Ground) -> None:
    others = ("moor-lab-b-internet", "moor-lab-b-vcn-12345678", "somebody")
    for name in others:
        ground.namespaces.create(name)
    gone = remove(NAME, ground.tools)

    assert ground.namespaces.names() == sorted(others)
    assert len(gone) == 5
    assert ground.namespaces.open_fds == {}


def test_the_name_of_a_fabric_is_checked() -> None:
    ground = Ground(a_world())

    with pytest.raises(ValueError, match="must not end in -vcn"):
        FabricLoop("a-vcn", ground.tools)
    with pytest.raises(ValueError, match="1 to 12"):
        remove("No", ground.tools)


def test_the_loop_repairs_by_itself() -> None:
    ground = Ground(a_world())

    repaired = asyncio.Event()

    class Watchful(FabricLoop):
        async def look(self) -> None:
            await super().look()
            repaired.set()

    async def story() -> None:
        loop = Watchful(NAME, ground.tools, period=0.001)
        await loop.apply(ground.cloud.world)
        ground.unplug(ROUTER, port_name(A))
        task = asyncio.create_task(loop.run())
        async with asyncio.timeout(60):
            await repaired.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert port_name(A) in ground.seen(ROUTER).links
