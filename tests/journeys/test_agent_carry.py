"""The fast path beside the agent, on fakes: it follows, it is cut first, its refusals cost nothing."""

import struct
from dataclasses import replace

import pytest
from fakes.fastpath import FakeFastPath
from journeys.agent_fakes import NAME, Machine, a_dual_vnic, a_vnic, play, v4, v6

from mooring.agent.carry import Terms, Wish, opened
from mooring.agent.node import Tracking
from mooring.agent.run import Settings
from mooring.core.linux.plan import Sysctl
from mooring.core.linux.port import FastPathError
from mooring.core.npn.record import Pair
from mooring.core.wiring import carrying
from mooring.core.wiring.names import host_link


def a_fast_machine(
    tracking: Tracking = Tracking.OFF, after: float = 0.0
) -> tuple[Machine, FakeFastPath]:
    terms = Terms(after=after)
    machine = Machine(Settings(npn=NAME, tracking=tracking, carried=terms))

    def index(link: str) -> int | None:
        found = machine.kernel.links(None).get(link)
        return None if found is None else found.index

    fast = FakeFastPath(carrying.TABLES, index)
    fast.begin()
    machine.fast_path = fast
    return machine, fast


def index_of(machine: Machine, link: str) -> int:
    return machine.kernel.links(None)[link].index


def test_pods_come_into_the_maps_and_go_first() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        machine.cloud(a_dual_vnic())
        await machine.start()
        pod = await machine.run_pod()
        link = index_of(machine, host_link(pod.id))

        assert fast.entries("pods4").keys() == {v4(10).packed}
        assert fast.entries("pods6").keys() == {v6(0x10).packed}
        assert struct.unpack_from("=I", fast.entries("pods4")[v4(10).packed]) == (link,)
        assert fast.at == {link: "from_pod", index_of(machine, "ens5"): "to_pod"}
        before = dict(fast.entries("pods4"))
        await machine.settle()
        assert fast.entries("pods4") == before
        await machine.delete(pod)
        assert fast.entries("pods4") == fast.entries("pods6") == {}

    play(story())


@pytest.mark.parametrize("tracking", [Tracking.ON, Tracking.OFF, Tracking.AUTO])
def test_tracking_is_told_before_anything_is_carried(tracking: Tracking) -> None:
    async def story() -> None:
        machine, fast = a_fast_machine(tracking)
        await machine.start()
        tracked = tracking is Tracking.ON

        assert bool(fast.entries("choices")) is not tracked
        if tracking is Tracking.AUTO:
            machine.nft.run("add table ip kube-proxy")
            await machine.settle()
            assert fast.entries("choices") == {}
            assert machine.heard("tracking")

    play(story())


def test_the_tracking_is_told_to_bear_gaps() -> None:
    async def story() -> None:
        machine, _ = a_fast_machine(Tracking.ON)
        await machine.start()
        (fact,) = carrying.LIBERAL

        assert isinstance(fact, Sysctl)
        assert machine.kernel.sysctl(None, fact.key) == "1"

    play(story())


def test_maps_and_programs_are_put_right() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        pod = await machine.run_pod()
        machine.clock.forward(1)
        wanted = {table.name: fast.entries(table.name) for table in carrying.TABLES}
        stranger = bytes([10, 0, 8, 99])
        fast.put("pods4", {stranger: bytes([1] * 24), v4(10).packed: bytes([2] * 24)})
        fast.drop("vnics", list(fast.entries("vnics")))
        fast.at.clear()
        await machine.settle()

        assert {t.name: fast.entries(t.name) for t in carrying.TABLES} == wanted
        assert len(fast.at) == 2
        assert len(machine.heard("fast-path")) == 2
        assert host_link(pod.id) in machine.host_ends()

    play(story())


def test_plugins_behind_ours_are_waited_for() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine(after=5.0)
        await machine.start()
        shaped = await machine.run_pod("shaped")
        plain = await machine.run_pod("plain")
        filtered = await machine.run_pod("filtered")
        assert fast.entries("pods4") == {}
        limits = frozenset({"tbf", "ingress"})
        fast.shaped[index_of(machine, host_link(shaped.id))] = limits
        strangers = frozenset({"noqueue", "clsact"})
        fast.shaped[index_of(machine, host_link(filtered.id))] = strangers
        await machine.settle()
        assert fast.entries("pods4") == {}

        machine.clock.forward(5)
        await machine.settle()
        assert fast.entries("pods4").keys() == {v4(11).packed}
        later = {"noqueue", "clsact", "htb"}
        fast.shaped[index_of(machine, host_link(plain.id))] = frozenset(later)
        await machine.settle()
        assert fast.entries("pods4") == {}

    play(story())


def spared(fast: FakeFastPath) -> set[bytes]:
    """The single addresses to which nothing leaves by a VNIC."""
    entries = {**fast.entries("ways4"), **fast.entries("ways6")}
    return {key[4:] for key, value in entries.items() if not any(value)}


def test_addresses_of_pods_are_spared_before_there_are_pods() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine(after=5.0)
        machine.cloud(a_dual_vnic())
        await machine.start()
        assert spared(fast) >= {v4(10).packed, v6(0x10).packed}
        pod = await machine.run_pod()

        machine.cloud(a_vnic(range(20, 24), name="vnic-2", mac="02:00:17:00:00:06"))
        await machine.settle()
        # The cloud took it from under the pod, which has it all the same.
        assert spared(fast) >= {v4(10).packed, v6(0x10).packed}
        await machine.delete(pod)
        await machine.settle()
        assert not spared(fast) & {v4(10).packed, v6(0x10).packed}

    play(story())


def test_an_add_spares_what_nobody_has_spared_yet() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine(after=5.0)
        await machine.start()
        carrier = machine.agent.node.carrier
        await machine.run_pod("first")
        (lease,) = machine.leases.values()
        late = replace(lease, addresses=Pair(v4(77), v6(0x77)))
        carrier.admit(late, 9000)
        assert spared(fast) >= {v4(77).packed, v6(0x77).packed}

        machine.clock.forward(5)
        await machine.settle()
        assert fast.entries("pods4")
        fast.refuse_next("map ways4: No space left on device")
        carrier.admit(late, 9000)
        # What cannot be spared must not be met: nothing is carried until it can be.
        assert fast.entries("pods4") == {}
        await machine.settle()
        assert fast.entries("pods4")

    play(story())


def test_nothing_is_carried_while_the_subnets_cannot_be_told() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        await machine.run_pod()
        machine.clock.forward(1)
        await machine.settle()
        fast.drop("ways4", list(fast.entries("ways4")))
        fast.refuse_next("map ways4: No space left on device")
        await machine.agent.look_after()
        assert fast.entries("pods4") == {}
        assert machine.agent.node.carrier.state.startswith("withheld; map ways4")

        await machine.settle()
        assert fast.entries("pods4").keys() == {v4(10).packed}
        assert machine.agent.node.carrier.state == "on"

    play(story())


def test_nothing_is_carried_past_ipsec() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        await machine.run_pod("one")
        fast.policies = "IPsec policies are in force (ip xfrm policy): 2"
        await machine.settle()
        assert fast.entries("pods4") == {}
        assert machine.agent.node.carrier.state == f"withheld: {fast.policies}"
        await machine.run_pod("two")
        await machine.settle()
        assert fast.entries("pods4") == {}
        assert len(machine.heard("fast-path")) == 1

        fast.policies = ""
        machine.clock.forward(1)
        await machine.settle()
        assert fast.entries("pods4").keys() == {v4(10).packed, v4(11).packed}
        assert machine.agent.node.carrier.state == "on"
        assert len(machine.heard("fast-path")) == 2

    play(story())


def test_a_vnic_that_leaves_is_not_used_any_more() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        assert len(fast.entries("vnics")) == 1
        assert bytes([24, 0, 0, 0, 10, 0, 8, 0]) in fast.entries("ways4")
        machine.cloud(a_vnic(name="vnic-2", mac="02:00:17:00:00:06"))
        await machine.settle()

        assert fast.entries("vnics") == {}
        subnet = bytes([24, 0, 0, 0, 10, 0, 8, 0])
        assert subnet not in fast.entries("ways4")

    play(story())


def test_a_refusal_costs_no_pod() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        fast.refuse_next("from_pod at link: No space left on device")
        pod = await machine.run_pod()
        assert fast.entries("pods4") == {}
        assert len(machine.heard("fast-path-refused")) == 1

        machine.clock.forward(1)
        await machine.settle()
        assert fast.entries("pods4").keys() == {v4(10).packed}
        fast.refuse_next("map pods4: Operation not permitted")
        await machine.settle()
        await machine.delete(pod)
        assert len(machine.heard("fast-path-refused")) <= 2

    play(story())


def test_what_stands_after_a_death_is_brought_up_to_date() -> None:
    async def story() -> None:
        machine, fast = a_fast_machine()
        await machine.start()
        pod = await machine.run_pod()
        machine.end(pod)
        machine.kernel.delete_links(None, [host_link(pod.id)])
        assert fast.begin()
        assert fast.entries("pods4")
        await machine.start()
        machine.clock.forward(1)
        await machine.settle()

        assert fast.entries("pods4") == {}

    play(story())


def opened_with(
    wish: Wish, lacks: str = "", *, standing: bool = False
) -> tuple[bool, str, list[str]]:
    fast = FakeFastPath(carrying.TABLES, {"ens5": 3}.get)
    said: list[str] = []

    def say(verb: str, /, **keys: object) -> None:
        said.append(" ".join([verb, *(f"{k}={v}" for k, v in keys.items())]))

    if standing:
        fast.begin()
        fast.guard("ens5", "to_pod")
    fast.lacks = lacks
    found, state = opened(fast, wish, say)
    return found is not None, state, said


def test_it_begins_as_it_is_wished() -> None:
    missing = "the kernel has no function bpf_skb_ct_lookup"
    absent = f"fast-path-absent why={missing} next=all packets take the normal way"

    assert opened_with(Wish.OFF) == (False, "off", [])
    removed = ["fast-path-removed links=1"]
    assert opened_with(Wish.OFF, standing=True) == (False, "off", removed)
    assert opened_with(Wish.ON) == (True, "on", ["fast-path programs=loaded"])
    found = ["fast-path programs=found"]
    assert opened_with(Wish.AUTO, standing=True) == (True, "on", found)
    assert opened_with(Wish.AUTO, missing) == (False, f"off: {missing}", [absent])
    with pytest.raises(FastPathError, match="bpf_skb_ct_lookup"):
        opened_with(Wish.ON, missing)
