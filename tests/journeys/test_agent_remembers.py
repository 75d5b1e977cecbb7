"""The agent without its store: it serves by the object that a former life had read. On fakes."""

import asyncio
import json
from ipaddress import ip_address, ip_network

from journeys.agent_fakes import NAME, Machine, a_machine, a_vnic, play

from mooring.agent.remember import FILE
from mooring.core.npn.record import Npn, NpnSpec


async def a_known_machine() -> Machine:
    machine = a_machine()
    machine.on_a_cluster = True
    await machine.start()
    return machine


def lose_the_store(machine: Machine) -> None:
    machine.away = OSError("GET /apis: connection refused")
    machine.objects.unreachable = True


def find_the_store(machine: Machine) -> None:
    machine.away = None
    machine.objects.unreachable = False


async def restarted(machine: Machine, seconds: float = 90.0) -> None:
    machine.clock.forward(seconds)
    machine.agent = machine.new_agent()
    machine.agent.book.open()


def test_a_restart_without_the_store_serves_by_what_was_known() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        first = await machine.run_pod("c1")
        lose_the_store(machine)
        await restarted(machine)
        await machine.agent.follow()
        assert not machine.agent.node.ready  # the store has a moment to answer
        machine.clock.forward(1)
        await machine.settle()

        (line,) = machine.heard("remembered")
        assert f"npn={NAME}" in line
        assert "seconds=" in line
        await machine.run_pod("c2")
        await machine.delete(first)
        await machine.settle()
        machine.assert_consistent()

    play(story())


def test_a_pod_that_comes_before_the_stores_first_word_waits_for_it() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        machine.objects.unreachable = True
        await restarted(machine)
        await machine.agent.follow()
        coming = asyncio.create_task(machine.add(machine.a_pod("c1")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not coming.done()
        machine.objects.unreachable = False
        await machine.agent.follow()
        assert ip_address(await coming) in ip_network("10.0.8.0/24")
        machine.assert_consistent()

    play(story())


def test_a_pod_does_not_wait_for_ever_for_a_store_that_says_nothing() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        machine.objects.unreachable = True
        await restarted(machine)
        machine.agent.attachments.start.patience = 0.01
        await machine.agent.follow()
        for container in ("c1", "c2"):  # the second one finds the wait over
            answer = await machine.cni("ADD", machine.a_pod(container))
            assert b"cannot attach pods yet" in answer.stdout
        assert not machine.leases

    play(story())


def test_a_store_that_is_slow_is_not_taken_for_one_that_is_away() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        machine.objects.unreachable = True  # not listed yet, and no trouble known
        await restarted(machine)
        for _ in range(9):
            await machine.agent.follow()
            machine.clock.forward(1)
        await machine.agent.follow()
        assert machine.heard("remembered") == []
        machine.clock.forward(1)
        await machine.agent.follow()
        assert len(machine.heard("remembered")) == 1

    play(story())


def test_what_the_store_says_goes_before_what_was_known() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        lose_the_store(machine)
        await restarted(machine)
        await machine.agent.follow()
        machine.clock.forward(1)
        await machine.settle()
        find_the_store(machine)
        machine.cloud(a_vnic(range(20, 22)))
        await machine.settle()

        assert await machine.add(machine.a_pod("c1")) == "10.0.8.20"
        kept = json.loads(machine.disk.shelf[FILE][0])
        assert len(kept["status"]["vnics"][0]["podAddresses"]) == 2

    play(story())


def test_what_was_known_of_an_object_that_is_gone_is_handed_out_no_more() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        pod = await machine.run_pod("c1")
        kept = machine.disk.shelf[FILE]
        machine.objects.remove(NAME)
        lose_the_store(machine)
        await restarted(machine)
        await machine.agent.follow()
        machine.clock.forward(1)
        await machine.settle()
        assert machine.free() == 3
        find_the_store(machine)
        machine.disk.time = 1000.0
        machine.clock.forward(60)
        await machine.settle()

        nothing = f"there is no NativePodNetwork {NAME} yet"
        assert [nothing in line for line in machine.heard("withheld")] == [True]
        assert machine.free() == 0
        assert machine.disk.shelf[FILE] == kept
        assert (await machine.check(pod)).exit_code == 0
        machine.objects.write(Npn(name=NAME, spec=NpnSpec(id=f"ocid.{NAME}")))
        machine.cloud(a_vnic(range(10, 13)))
        await machine.settle()
        assert machine.free() == 2

    play(story())


def test_a_store_that_answers_is_not_gone_past() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        await restarted(machine)
        await machine.settle()

        assert machine.heard("remembered") == []
        assert machine.agent.node.ready

    play(story())


def test_another_instances_object_and_a_spoilt_one_are_not_believed() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        lose_the_store(machine)
        good, at = machine.disk.shelf[FILE]
        other = json.dumps({**json.loads(good), "name": "somebodyelse"}).encode()
        for spoilt, told in ((other, 0), (b"{", 1), (good[:60], 2), (b"[]", 2)):
            machine.disk.shelf[FILE] = spoilt, at
            await restarted(machine)
            await machine.agent.follow()
            machine.clock.forward(1)
            await machine.settle()

            assert not machine.agent.node.ready
            assert len(machine.heard("memory-unreadable")) == told

    play(story())


def test_a_full_disk_is_told_once_and_costs_nothing_else() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        machine.disk.full = True
        for last in (14, 15):
            machine.cloud(a_vnic(range(10, last)))
            await machine.agent.follow()

        assert len(machine.heard("memory-refused")) == 1
        assert machine.free() == 5

    play(story())


def test_the_time_of_what_is_kept_is_when_the_store_was_last_heard() -> None:
    async def story() -> None:
        machine = await a_known_machine()
        machine.disk.time = 1000.0
        await machine.agent.follow()
        assert machine.disk.shelf[FILE][1] == 0.0
        machine.clock.forward(60)
        await machine.agent.follow()
        assert machine.disk.shelf[FILE][1] == 1000.0

    play(story())


def test_a_store_that_goes_away_and_comes_back_is_told_and_serves_meanwhile() -> None:
    """A cluster's store answers out of its cache while the API server is away."""

    async def story() -> None:
        machine = await a_known_machine()
        assert machine.heard("store-heard") == []
        machine.away = OSError("GET /apis: connection refused")
        for _ in range(3):
            machine.clock.forward(60)
            await machine.agent.follow()
        assert len(machine.heard("store-away")) == 1
        assert machine.disk.shelf[FILE][1] == 0.0
        await machine.run_pod("c1")
        machine.away, machine.disk.time = None, 500.0
        await machine.agent.follow()
        assert len(machine.heard("store-heard")) == 1
        assert machine.disk.shelf[FILE][1] == 500.0

    play(story())
