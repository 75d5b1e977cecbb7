"""Drift, on fakes: whatever is removed behind the agent's back comes back, and is told."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from errno import EPERM
from ipaddress import IPv4Interface

import pytest
from journeys.agent_fakes import Machine, Pod, a_machine, play

from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.wiring.names import host_link
from mooring.core.wiring.ruleset import PODS4
from mooring.core.wiring.words import say


async def with_pod() -> tuple[Machine, Pod]:
    machine = a_machine()
    await machine.start()
    pod = await machine.run_pod()
    machine.clock.forward(1)
    return machine, pod


def everything(machine: Machine, pod: Pod) -> list[Fact]:
    cables = machine.agent.node.cables(machine.leases[pod.id])
    return [*machine.agent.node.standing.plan(), *cables]


def removable() -> list[int]:
    async def story() -> list[int]:
        facts = everything(*await with_pod())
        kept = Sysctl | LinkUp | Veth
        return [n for n, fact in enumerate(facts) if not isinstance(fact, kept)]

    return play(story())


@pytest.mark.parametrize("n", removable())
def test_what_was_removed_comes_back_and_is_told(n: int) -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        fact = everything(machine, pod)[n]
        machine.kernel.take_back((fact,), {HOST: None, POD: pod.fd})
        await machine.agent.look_after()
        await machine.agent.report()

        machine.assert_consistent()
        # A link's last address takes the routes of the link along.
        assert f"repaired what={say(fact)}" in machine.heard("repaired")
        status = json.loads(machine.disk.files["status.json"])
        assert say(fact) in [r["what"] for r in status["repairs"]]

    play(story())


def test_nothing_is_repaired_where_nothing_drifted() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        for _ in range(3):
            await machine.agent.look_after()

        assert machine.heard("repaired") == []

    play(story())


def test_who_asks_during_a_look_has_another_one_after_it() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        go, began = threading.Event(), threading.Event()
        said: list[str] = []

        @contextmanager
        def gate() -> Iterator[None]:
            said.append("begins")
            began.set()
            assert go.wait(60)
            yield
            said.append("ends")

        machine.nft.gate = gate()
        first = asyncio.create_task(machine.agent.repair.table())
        await asyncio.to_thread(began.wait)
        machine.nft.gate = gate()
        second = asyncio.create_task(machine.agent.repair.table())
        for _ in range(20):
            await asyncio.sleep(0)
        assert said == ["begins"]
        go.set()
        await asyncio.gather(first, second)

        assert said == ["begins", "ends"] * 2

    play(story())


def test_a_veth_that_vanished_is_laid_again() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        machine.kernel.delete_links(None, [host_link(pod.id)])
        await machine.agent.look_after()

        machine.assert_consistent()
        assert any("veth" in line for line in machine.heard("repaired"))

    play(story())


def test_a_veth_that_is_down_or_unnamed_is_mended() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        room = machine.kernel._room(None)
        name = host_link(pod.id)
        room.links[name] = replace(room.links[name], up=False, alias="", mtu=1500)
        await machine.agent.look_after()
        await machine.agent.look_after()

        machine.assert_consistent()
        link = machine.kernel.link(None, name)
        assert link is not None
        assert link.alias.startswith("mooring:")

    play(story())


def test_a_veth_whose_namespace_cannot_be_seen_is_raised() -> None:
    async def story() -> None:
        machine = a_machine()
        await machine.start()
        pod = machine.a_pod()
        other = machine.a_pod("other")
        await machine.add(replace(pod, fd=other.fd))
        machine.clock.forward(1)
        room = machine.kernel._room(None)
        name = host_link(pod.id)
        room.links[name] = replace(room.links[name], up=False)
        await machine.agent.look_after()

        assert room.links[name].up

    play(story())


def test_a_pod_that_is_gone_is_collected() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        machine.end(pod)
        await machine.settle()

        assert machine.leases == {}
        assert machine.heard("collected")
        machine.assert_consistent()

    play(story())


def test_a_pod_whose_path_has_another_namespace_is_collected() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        machine.end(pod)
        machine.a_pod(pod.name)
        await machine.settle()

        assert machine.leases == {}

    play(story())


@pytest.mark.parametrize(
    "script",
    [
        "delete table inet mooring\n",
        "flush chain inet mooring from_pod\n",
        "flush chain inet mooring postrouting\n",
        "flush set inet mooring hosts4\n",
    ],
)
def test_a_changed_table_is_written_again(script: str) -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        before = machine.nft.listing("inet", "mooring")
        machine.nft.run(script)
        await machine.agent.look_after()

        assert machine.nft.listing("inet", "mooring") == before
        assert len(machine.heard("repaired")) == 1
        machine.assert_consistent()

    play(story())


def test_elements_that_were_lost_or_slipped_in_are_mended() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        machine.nft.run("flush set inet mooring pods4\n")
        machine.nft.run(
            'add element inet mooring pods4 { "moorx" . 10.0.8.99 : 0x00010000 }\n'
        )
        await machine.agent.look_after()

        machine.assert_consistent()
        assert len(machine.heard("repaired")) == 2
        assert len(machine.nft.elements(PODS4)) == 1

    play(story())


def test_an_element_with_another_mark_is_mended() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        name = host_link(pod.id)
        machine.nft.run("flush set inet mooring pods4\n")
        machine.nft.run(
            f'add element inet mooring pods4 {{ "{name}" . 10.0.8.10 : 0x00050000 }}\n'
        )
        await machine.agent.look_after()

        machine.assert_consistent()

    play(story())


def test_pods_are_tracked_once_somebody_else_has_a_table() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        assert "notrack" in machine.nft.rules("inet", "mooring", "permitted4")
        machine.nft.run("add table ip kube-proxy\n")
        await machine.agent.look_after()
        assert machine.nft.rules("inet", "mooring", "permitted4") == ""

        machine.nft.run("delete table ip kube-proxy\n")
        await machine.agent.look_after()
        assert machine.nft.rules("inet", "mooring", "permitted4") == ""
        assert len(machine.heard("tracking")) == 1
        machine.assert_consistent()

    play(story())


def test_strays_under_our_numbers_are_removed() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        other = machine.a_pod("other")
        veth = Veth(
            End(HOST, "moorstray", "02:00:00:00:00:01", 1500),
            End(POD, "x", "02:00:00:00:00:02", 1500),
        )
        machine.kernel.carry_out((veth,), {HOST: None, POD: other.fd})
        machine.make(
            Rule(HOST, 510, 4, 7009, mark=0x90000, mask=0x7F0000),
            Route(HOST, IPv4Interface("10.0.0.0/8").network, "ens5", table=7009),
            Route(HOST, IPv4Interface("10.0.8.77/32").network, host_link(pod.id)),
        )
        await machine.agent.look_after()
        await machine.agent.reaper.reap()

        machine.assert_consistent()
        assert len(machine.heard("repaired")) == 4

    play(story())


def test_a_setting_that_was_changed_is_set_again() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        key = "net/ipv4/conf/all/rp_filter"
        machine.make(Sysctl(HOST, key, "1"))
        await machine.agent.look_after()

        assert machine.kernel.sysctl(None, key) == "0"

    play(story())


def test_a_default_route_of_another_plugin_stays() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        cables = machine.agent.node.cables(machine.leases[pod.id])
        (ours,) = (f for f in cables if isinstance(f, Route) and f.onlink)
        theirs = replace(ours, gateway=None, onlink=False)
        machine.kernel.take_back((ours,), {HOST: None, POD: pod.fd})
        machine.kernel.carry_out((theirs,), {HOST: None, POD: pod.fd})
        for _ in range(3):
            await machine.agent.look_after()

        assert ours not in machine.kernel.look(POD, pod.fd).routes
        assert machine.heard("repaired") == []

    play(story())


def test_a_refused_repair_is_told_and_tried_again() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        address = Address(POD, "eth0", IPv4Interface("10.0.8.10/32"))
        neighbour = next(
            f
            for f in everything(machine, pod)
            if isinstance(f, Neighbour) and f.space == HOST
        )
        spaces = {HOST: None, POD: pod.fd}
        machine.kernel.take_back((address, neighbour), spaces)
        machine.kernel.refuse(Address, EPERM)
        machine.kernel.refuse(Neighbour, EPERM)
        await machine.agent.look_after()
        assert machine.heard("repair-refused")

        machine.kernel.relent()
        for _ in range(3):
            await machine.agent.look_after()
        machine.assert_consistent()

    play(story())


def test_nft_that_refuses_a_look_is_told() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        machine.nft.run("flush set inet mooring hosts4\n")
        machine.nft.refuse_next("no")
        await machine.agent.look_after()
        assert machine.heard("repair-refused")

        await machine.agent.look_after()
        machine.assert_consistent()

    play(story())


def test_repair_gives_way_to_pods_that_come_but_not_for_ever() -> None:
    async def story() -> None:
        machine, pod = await with_pod()
        machine.kernel.delete_links(None, [host_link(pod.id)])
        machine.agent.attachments.busy_at = machine.clock.now()
        turns = 0
        while not machine.heard("repaired"):
            await machine.agent.look_after()
            turns += 1

        assert 1 < turns < 10

    play(story())


def test_every_pods_inside_is_looked_at_in_its_turn() -> None:
    async def story() -> None:
        machine, first = await with_pod()
        second = await machine.run_pod("c2")
        for pod, last in ((first, 10), (second, 11)):
            address = Address(POD, "eth0", IPv4Interface(f"10.0.8.{last}/32"))
            machine.kernel.take_back((address,), {HOST: None, POD: pod.fd})
        machine.clock.forward(1)
        for _ in range(3):
            await machine.agent.look_after()

        machine.assert_consistent()

    play(story())


def test_what_is_refused_keeps_nothing_else_from_coming_back() -> None:
    async def story() -> None:
        machine, _ = await with_pod()
        plan = machine.agent.node.standing.plan()
        ways = [fact for fact in plan if isinstance(fact, Rule | Route)]
        settings = [fact for fact in plan if isinstance(fact, Sysctl)]
        machine.unmake(*ways)
        machine.make(*(replace(each, value="7") for each in settings))
        machine.kernel.refuse(ways[0])
        machine.kernel.refuse(settings[0])
        await machine.agent.look_after()

        seen = machine.kernel.look(HOST, None)
        assert {*ways} - {*seen.rules, *seen.routes} == {ways[0]}
        now = {each: machine.kernel.sysctl(None, each.key) for each in settings}
        assert [s for s, value in now.items() if value != s.value] == settings[:1]
        assert len(machine.heard("repair-refused")) == 2

    play(story())
