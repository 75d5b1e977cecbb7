"""A VNIC of whose cables the kernel refuses a part: it alone gives no addresses, on fakes."""

import json
from dataclasses import replace

import pytest
from journeys.agent_fakes import (
    NAME,
    OTHER_MAC,
    Machine,
    a_machine,
    a_vnic,
    play,
    success,
    v4,
)

from mooring.core.linux.plan import HOST, Address, Fact, LinkUp, Rule, Sysctl
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Pair, PoolStatus
from mooring.core.npn.usage import Counts
from mooring.core.wiring import vnic
from mooring.core.wiring.pod import alone

SECOND = a_vnic(range(20, 24), "vnic-2", OTHER_MAC)
FIRST, RULE = (
    Rule(HOST, 510, 4, vnic.table(slot), mark=vnic.mark(slot), mask=vnic.MARK_MASK)
    for slot in (1, 2)
)


async def with_two(**settings: float) -> Machine:
    machine = a_machine(**settings)
    machine.kernel.add_hardware(None, "ens6", OTHER_MAC, 1500)
    machine.cloud(a_vnic(), SECOND)
    await machine.start()
    return machine


async def with_second_refused(fact: Fact) -> Machine:
    machine = a_machine()
    await machine.start()
    machine.kernel.add_hardware(None, "ens6", OTHER_MAC, 1500)
    machine.kernel.refuse(fact)
    machine.cloud(a_vnic(), SECOND)
    await machine.settle()
    return machine


@pytest.mark.parametrize(
    "fact",
    [
        RULE,
        LinkUp(HOST, "ens6", 9000),
        Address(HOST, "ens6", alone(v4(3))),
        Sysctl(HOST, "net/ipv4/conf/ens6/arp_ignore", "1"),
    ],
    ids=["rule", "link", "address", "setting"],
)
def test_the_other_vnic_serves_on(fact: Fact) -> None:
    async def story() -> None:
        machine = await with_second_refused(fact)
        assert machine.agent.node.ready
        assert machine.free() == 4
        assert await machine.add(machine.a_pod()) == "10.0.8.10"
        trouble = machine.agent.node.standing.trouble
        assert trouble.startswith("vnic-2 gives no addresses: the kernel refused ")
        assert "told to refuse" in trouble
        assert len(machine.heard("trouble")) == 1
        await machine.agent.report()
        assert json.loads(machine.disk.files["status.json"])["refused"] == ["vnic-2"]

        machine.kernel.relent()
        await machine.settle()
        assert machine.free() == 7
        assert machine.agent.node.standing.trouble == ""
        machine.assert_consistent()

    play(story())


def test_what_is_refused_again_is_told_again() -> None:
    async def story() -> None:
        machine = await with_second_refused(RULE)
        machine.kernel.relent()
        await machine.settle()
        machine.unmake(RULE)
        machine.kernel.refuse(RULE)
        machine.cloud(a_vnic(range(10, 15)), SECOND)
        await machine.settle()

        assert machine.free() == 5
        assert len(machine.heard("trouble")) == 2

    play(story())


def test_a_node_whose_only_vnic_it_is_serves_nobody_and_says_why() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.kernel.refuse(FIRST)
        await machine.start()
        error = await machine.refused("STATUS")
        assert (
            "vnic-1 gives no addresses: the kernel refused rule 510" in error["details"]
        )
        assert (await machine.refused("ADD", machine.a_pod()))["code"] == 11

        machine.kernel.relent()
        await machine.settle()
        assert (await machine.cni("STATUS")).exit_code == 0

    play(story())


async def refused_with_a_pod(machine: Machine, address: str) -> None:
    """Give the second VNIC another host address, and have the kernel refuse it."""
    machine.kernel.refuse(Address(HOST, "ens6", alone(v4(9))))
    machine.cloud(a_vnic(), replace(SECOND, host=Pair(v4(9))))
    await machine.settle()
    assert machine.agent.node.standing.refused == ("vnic-2",)
    assert machine.heard("withdrawn") == []
    held = {str(a) for a in machine.agent.book.ledger.holders}
    assert address in held


async def a_pod_of_the_second(machine: Machine) -> tuple[str, str]:
    for number in range(8):
        name = f"c{number}"
        address = await machine.add(machine.a_pod(name))
        if address.startswith("10.0.8.2"):
            return name, address
    raise AssertionError("no pod of the second VNIC")


def test_its_pods_keep_what_they_have_and_are_looked_after() -> None:
    async def story() -> None:
        machine = await with_two()
        _, address = await a_pod_of_the_second(machine)
        await refused_with_a_pod(machine, address)
        assert machine.agent.book.ledger.draining() == ()

        machine.unmake(RULE)
        machine.clock.forward(10)
        await machine.settle()
        assert RULE in machine.kernel.look(HOST, None).rules
        machine.kernel.relent()
        await machine.settle()
        assert machine.agent.node.standing.refused == ()
        assert machine.heard("withdrawn") == []

    play(story())


def test_what_the_cloud_takes_of_it_is_told() -> None:
    async def story() -> None:
        machine = await with_two()
        _, address = await a_pod_of_the_second(machine)
        await refused_with_a_pod(machine, address)
        machine.cloud(a_vnic(), replace(SECOND, host=Pair(v4(9)), pod_addresses=()))
        await machine.settle()
        (line,) = machine.heard("withdrawn")
        assert address in line

    play(story())


def test_a_refused_setting_is_tried_at_each_look_and_told_once() -> None:
    async def story() -> None:
        setting = Sysctl(HOST, "net/ipv4/conf/ens6/arp_ignore", "1")
        machine = await with_second_refused(setting)
        standing, said = machine.agent.node.standing, list(machine.said)
        for _ in range(5):
            machine.clock.forward(10)
            await machine.settle()
        assert machine.agent.node.standing is standing
        assert machine.said == said

        machine.kernel.relent()
        await machine.settle()
        assert machine.free() == 8

    play(story())


def test_a_pod_that_gets_none_is_told_of_it() -> None:
    async def story() -> None:
        machine = await with_second_refused(RULE)
        for number in range(4):
            await machine.run_pod(f"c{number}")
        error = await machine.refused("ADD", machine.a_pod("c4"))
        assert "8 IPv4 pod addresses is free: 4 held by pods" in error["msg"]
        assert error["details"].startswith("vnic-2 gives no addresses: ")

    play(story())


@pytest.mark.parametrize(
    "pool",
    [None, PoolStatus(policy=PoolPolicy(warm_target=2))],
    ids=["fixed", "elastic"],
)
def test_its_addresses_count_as_resting(pool: PoolStatus | None) -> None:
    """An elastic pool grows beside them, and gives none back that others could use."""

    async def story() -> None:
        machine = a_machine()
        await machine.start()
        machine.kernel.add_hardware(None, "ens6", OTHER_MAC, 1500)
        machine.kernel.refuse(RULE)
        status = replace(success(a_vnic(), SECOND), pool=pool)
        machine.objects.write_status(NAME, status)
        await machine.settle()
        await machine.agent.account()
        usage = machine.objects.read_usage(NAME)
        assert usage is not None
        assert usage.tally == Counts(used=0, free=4, cooling=4)
        if pool is not None:
            assert usage.cooling == {v4(n) for n in range(20, 24)}

    play(story())


def test_an_address_that_is_given_back_meanwhile_rests_as_long_as_any() -> None:
    async def story() -> None:
        machine = await with_two(cooldown=30.0)
        name, address = await a_pod_of_the_second(machine)
        await refused_with_a_pod(machine, address)
        (held,) = (p for p in machine.leases if p.container == name)
        machine.agent.attachments.detach(held)
        await machine.settle()
        machine.kernel.relent()
        await machine.settle()

        pool = machine.agent.book.ledger.pool
        assert address in {str(a) for a in pool.cooling}
        assert address not in {str(a) for queue in pool.free.values() for a in queue}
        machine.clock.forward(40)
        await machine.settle()
        assert machine.free() == 8 - len(machine.leases)

    play(story())
