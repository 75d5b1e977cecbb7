"""Pods of two families, on fakes: each from its own queue, and neither waits for the other."""

import json
from dataclasses import replace
from typing import Any

import pytest
from journeys.agent_fakes import (
    BOTH,
    NAME,
    Machine,
    Pod,
    a_dual_vnic,
    a_machine,
    a_vnic,
    play,
    success,
    v4,
    v6,
)

from mooring.core.cni.request import AttachmentId
from mooring.core.linux.plan import HOST, POD, Address, Neighbour, Route, Rule
from mooring.core.npn.record import UNDER_WAY, Condition, NpnStatus, VnicStatus
from mooring.core.wiring import pod as wiring
from mooring.core.wiring.names import host_link
from mooring.core.wiring.ruleset import PODS4, PODS6


async def started(vnic: VnicStatus | None = None, **settings: float) -> Machine:
    machine = a_machine(**settings)
    machine.cloud(vnic or a_dual_vnic())
    await machine.start()
    return machine


async def added(machine: Machine, name: str = "c1") -> tuple[Pod, list[str]]:
    """Run a pod; give the addresses of its result."""
    pod = machine.a_pod(name)
    await machine.add(pod)
    assert pod.prev is not None
    return pod, [ip["address"] for ip in pod.prev["ips"]]


def status(machine: Machine) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(machine.disk.files["status.json"])
    return document


def test_a_full_node_gives_both_families_before_their_rest_is_over() -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic([10], [0x10]), cooldown=30.0)
        gone, _ = await added(machine)
        await machine.delete(gone)
        await machine.agent.reaper.reap()
        _, said = await added(machine, "c2")

        assert said == ["10.0.8.10/32", "fd00:8::10/128"]
        told = " ".join(machine.heard("reused-early")).split()
        early = [word for word in told if word.startswith("address=")]
        assert early == ["address=10.0.8.10", "address=fd00:8::10"]
        assert "lacks" not in machine.heard("added")[-1]
        machine.assert_consistent()

    play(story())


@pytest.mark.parametrize(("families", "order"), [(BOTH, [0, 1]), (BOTH[::-1], [1, 0])])
def test_the_result_names_the_preferred_family_first(
    families: tuple[str, ...], order: list[int]
) -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic(families=families))
        pod, said = await added(machine)

        both = ["10.0.8.10/32", "fd00:8::10/128"]
        assert said == [both[n] for n in order]
        assert pod.prev is not None
        gates = ["169.254.1.1", "fe80::1"]
        assert [r["gw"] for r in pod.prev["routes"]] == [gates[n] for n in order]
        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())


def test_both_families_of_a_pod_are_wired_and_taken_back() -> None:
    async def story() -> None:
        machine = await started()
        pod, _ = await added(machine)
        link = host_link(pod.id)
        seen = machine.kernel.look(HOST, None)
        ways = {f.destination for f in seen.routes if f.link == link}
        assert {str(way) for way in ways} >= {"10.0.8.10/32", "fd00:8::10/128"}
        assert len(machine.nft.elements(PODS4)) == len(machine.nft.elements(PODS6)) == 1

        await machine.delete(pod)
        assert machine.nft.elements(PODS4) == machine.nft.elements(PODS6) == {}
        await machine.agent.reaper.reap()
        pool = machine.agent.book.ledger.pool
        assert set(pool.cooling) == {v4(10), v6(0x10)}
        machine.end(pod)
        machine.assert_consistent()

    play(story())


def test_rules_do_not_grow_with_pods() -> None:
    async def story() -> None:
        machine = await started()
        before = machine.kernel.look(HOST, None).rules
        for n in range(4):
            await added(machine, f"c{n}")

        assert machine.kernel.look(HOST, None).rules == before
        marked = [r for r in before if isinstance(r, Rule) and r.mark is not None]
        assert sorted(r.family for r in marked) == [4, 6]

    play(story())


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_what_is_lost_of_ipv6_is_seen_and_comes_back(inside: bool) -> None:
    async def story() -> None:
        machine = await started()
        pod, _ = await added(machine)
        cables = machine.agent.node.cables(machine.leases[pod.id])
        part = wiring.inside(cables) if inside else wiring.ways_in(cables)
        lost = [
            fact
            for fact in part
            if isinstance(fact, Address | Neighbour | Route) and ":" in str(fact)
        ]
        spaces = {HOST: None, POD: pod.fd}
        for fact in lost:
            assert machine.kernel.take_back((fact,), spaces) == ()
        assert len(lost) > 1
        answer = await machine.check(pod)
        assert answer.exit_code == 1
        assert b"missing" in answer.stdout

        await machine.settle()
        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())


# RT-09: one family runs out.


def test_rt_09_a_pod_goes_without_the_second_family_and_it_is_said() -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic(sixes=[0x10]))
        await added(machine, "c1")
        pod, said = await added(machine, "c2")
        await machine.agent.report()

        assert said == ["10.0.8.11/32"]
        assert "lacks=IPv6" in machine.heard("added")[-1]
        assert "lacks" not in machine.heard("added")[0]
        families = status(machine)["families"]
        assert (families["IPv4"]["free"], families["IPv6"]["free"]) == (2, 0)
        lacks = {a["container"]: a["lacks"] for a in status(machine)["attachments"]}
        assert lacks == {"c1": [], "c2": ["IPv6"]}
        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())


def test_rt_09_the_next_pod_has_both_again() -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic(sixes=[0x10]))
        await added(machine, "c1")
        await added(machine, "c2")
        machine.cloud(a_dual_vnic())
        await machine.settle()
        _, said = await added(machine, "c3")

        assert said == ["10.0.8.12/32", "fd00:8::11/128"]
        assert machine.heard("withdrawn") == []

    play(story())


def test_rt_09_without_the_required_family_there_is_no_pod() -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic(sixes=[0x10], families=BOTH[::-1]))
        await added(machine, "c1")
        pod = machine.a_pod("c2")
        error = await machine.refused("ADD", pod)

        assert error["code"] == 11
        assert "none of this node's 1 IPv6 pod addresses is free" in error["msg"]
        assert (await machine.cni("STATUS")).exit_code == 0
        machine.end(pod)
        machine.assert_consistent()

    play(story())


def ready(family: str, status_: str, reason: str) -> Condition:
    return Condition(type=f"{family}Ready", status=status_, reason=reason, message="m")


def partial(four: tuple[str, str], six: tuple[str, str], state: str) -> NpnStatus:
    return replace(
        success(a_dual_vnic(sixes=[])),
        state=state,
        conditions=(ready("IPv4", *four), ready("IPv6", *six)),
    )


COMPLETE = ("True", "Complete")


@pytest.mark.parametrize(
    ("first", "serves"),
    [
        (partial(COMPLETE, ("False", "Exhausted"), "BACKOFF"), True),
        (partial(COMPLETE, ("False", "NotInSubnet"), "BACKOFF"), True),
        (partial(COMPLETE, ("False", UNDER_WAY), "BACKOFF"), False),
        (partial(COMPLETE, ("False", UNDER_WAY), "IN_PROGRESS"), False),
        (partial(("False", "Exhausted"), COMPLETE, "BACKOFF"), False),
    ],
    ids=["used up", "no prefix", "a hiccup", "under way", "the required one"],
)
def test_rt_09_a_node_serves_as_soon_as_the_second_family_is_given_up(
    first: NpnStatus, serves: bool
) -> None:
    async def story() -> None:
        machine = a_machine()
        machine.objects.write_status(NAME, first)
        await machine.start()
        await machine.agent.report()

        assert machine.agent.node.ready is serves
        if serves:
            _, said = await added(machine)
            assert said == ["10.0.8.10/32"]
            await machine.agent.report()
            assert status(machine)["families"]["IPv6"]["trouble"] == "m"
            machine.cloud(a_dual_vnic())
            await machine.settle()
            _, said = await added(machine, "c2")
            assert len(said) == 2

    play(story())


def test_ipv6_that_is_withdrawn_whole_leaves_ipv4_as_it_is() -> None:
    async def story() -> None:
        machine = await started()
        pod, _ = await added(machine)
        machine.cloud(a_vnic())
        await machine.settle()

        assert len(machine.heard("withdrawn")) == 1
        assert machine.leases[pod.id].addresses.v6 == v6(0x10)
        rules = machine.kernel.look(HOST, None).rules
        assert [r.family for r in rules if r.priority == 510] == [4]
        _, said = await added(machine, "c2")
        assert said == ["10.0.8.11/32"]
        machine.assert_consistent()

    play(story())


def test_ipv6_without_a_router_is_not_handed_out() -> None:
    async def story() -> None:
        vnic = a_dual_vnic()
        machine = await started(replace(vnic, router=replace(vnic.router, v6=None)))
        _, said = await added(machine)

        assert said == ["10.0.8.10/32"]

    play(story())


# Restarts.


@pytest.mark.parametrize("families", [BOTH, BOTH[::-1]])
def test_the_kernel_alone_gives_both_addresses_and_their_order_back(
    families: tuple[str, ...],
) -> None:
    async def story() -> None:
        machine = await started(a_dual_vnic(families=families))
        pod, said = await added(machine)
        machine.disk.journal = b""
        await machine.start()

        assert machine.heard("adopted")
        lease = machine.leases[AttachmentId("mooring", pod.name, "eth0")]
        assert [f"{a}/{a.max_prefixlen}" for a in lease.ordered] == said
        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())


def test_the_journal_alone_lays_both_families_again() -> None:
    async def story() -> None:
        machine = await started()
        pod, _ = await added(machine)
        machine.kernel.delete_links(None, [host_link(pod.id)])
        await machine.start()

        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())
