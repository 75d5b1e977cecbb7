"""What the agent tells of its pool and its VNICs; what of an elastic one it lets go of. On fakes."""

from dataclasses import replace

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

from mooring.core.linux.plan import HOST
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import PoolStatus
from mooring.core.npn.usage import Counts, Usage, VnicLink

FIRST = VnicLink(vnic_id="vnic-1", link="ens5", table=7001)
SECOND = VnicLink(vnic_id="vnic-2", link="ens6", table=7002)


def usage(*links: VnicLink, **said: object) -> Usage:
    """What an agent tells that serves these VNICs, or the first one."""
    return Usage(links=links or (FIRST,), **said)


def offers(machine: Machine, *numbers: int, serial: int, cool: float = 30.0) -> None:
    """The controller lists these addresses, for an elastic pool."""
    policy = PoolPolicy(warm_target=2, cool_down=cool)
    status = replace(
        success(a_vnic(numbers)), pool=PoolStatus(policy=policy, serial=serial)
    )
    machine.objects.write_status(NAME, status)


async def an_elastic_machine(*numbers: int) -> Machine:
    machine = a_machine()
    offers(machine, *numbers, serial=3)
    await machine.start()
    return machine


def told(machine: Machine) -> Usage | None:
    return machine.objects.read_usage(NAME)


async def refused(machine: Machine, times: int) -> None:
    """The store takes nothing of what is told, and is not there from now on."""
    machine.objects.unreachable = True
    for _ in range(times):
        machine.clock.forward(30)
        await machine.agent.account()


def some(*numbers: int) -> frozenset[object]:
    return frozenset(v4(n) for n in numbers)


def test_what_is_held_cools_and_is_free_is_told() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11, 12, 13)
        for name in ("c1", "c2"):
            await machine.run_pod(name)
        gone = await machine.run_pod("c3")
        await machine.delete(gone)
        await machine.agent.reaper.reap()
        await machine.agent.account()

        assert told(machine) == usage(
            serial=3, held=some(10, 11), cooling=some(12), free=some(13)
        )

    play(story())


def with_second_nic(machine: Machine) -> Machine:
    machine.kernel.add_hardware(None, "ens6", OTHER_MAC, 1500)
    return machine


def rename(machine: Machine, link: str, name: str) -> None:
    """What udev does to a link that it comes to know late."""
    room = machine.kernel._room(None)
    room.links[name] = replace(room.links.pop(link), name=name)


async def told_after(machine: Machine, seconds: float) -> Usage | None:
    """Let the agent tell it that much later."""
    machine.clock.forward(seconds)
    await machine.agent.account()
    return told(machine)


def test_links_and_tables_are_told_with_counts_and_with_lists() -> None:
    async def story(serial: int) -> Usage | None:
        machine = with_second_nic(a_machine())
        vnics = a_vnic([10]), a_vnic([20], "vnic-2", OTHER_MAC)
        pool = PoolStatus(policy=PoolPolicy(warm_target=2), serial=serial)
        status = replace(success(*vnics), pool=pool if serial else None)
        machine.objects.write_status(NAME, status)
        await machine.start()
        await machine.agent.account()
        return told(machine)

    both = FIRST, SECOND
    assert play(story(0)) == usage(*both, counts=Counts(used=0, free=2))
    assert play(story(3)) == usage(*both, serial=3, free=some(10, 20))


def test_a_link_with_another_name_is_told_as_seldom_as_counts() -> None:
    async def story(*, elastic: bool) -> None:
        machine = await an_elastic_machine(10) if elastic else a_machine()
        if not elastic:
            await machine.start()
        await machine.agent.account()
        before = told(machine)
        assert before is not None
        rename(machine, "ens5", "ens7")
        await machine.settle()  # three seconds

        assert await told_after(machine, 1.9) == before
        assert await told_after(machine, 0.1) == replace(
            before, links=(replace(FIRST, link="ens7"),)
        )

    play(story(elastic=False))
    play(story(elastic=True))


def test_a_vnic_that_went_is_told_no_more_and_one_that_came_is() -> None:
    async def story() -> None:
        machine = with_second_nic(a_machine())
        await machine.start()
        await machine.agent.account()
        machine.cloud(a_vnic(), a_vnic([20], "vnic-2", OTHER_MAC))
        await machine.settle()
        found = await told_after(machine, 5)
        assert found == usage(FIRST, SECOND, counts=Counts(used=0, free=5))

        machine.cloud(a_vnic([20], "vnic-2", OTHER_MAC))
        await machine.settle()
        found = await told_after(machine, 5)
        assert found == usage(SECOND, counts=Counts(used=0, free=1))

    play(story())


def test_lists_are_told_at_once_though_a_link_changed_a_moment_ago() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11)
        await machine.agent.account()
        rename(machine, "ens5", "ens7")
        await machine.settle()
        await machine.run_pod("c1")
        await machine.agent.account()

        link = replace(FIRST, link="ens7")
        assert told(machine) == usage(link, serial=3, held=some(10), free=some(11))

    play(story())


def test_what_is_worked_out_of_links_is_kept_while_the_vnics_are_the_same() -> None:
    """It is asked for at each turn, beside the ADDs."""

    async def story() -> None:
        machine = a_machine(counts_every=0.0)
        await machine.start()
        await machine.agent.account()
        before = told(machine)
        await machine.run_pod("c1")
        await machine.agent.account()
        after = told(machine)

        assert before is not None
        assert after is not None
        assert after != before
        assert after.links is before.links

    play(story())


def test_where_all_is_taken_at_once_counts_are_told_now_and_then() -> None:
    async def story() -> None:
        machine = a_machine()
        await machine.start()
        await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=0, free=4))

        for name in ("c1", "c2"):
            machine.clock.forward(1)
            await machine.run_pod(name)
            await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=0, free=4))
        machine.clock.forward(5)
        await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=2, free=2))

        machine.objects.usages.clear()
        machine.clock.forward(20)
        await machine.agent.account()
        assert told(machine) is None  # nothing changed

    play(story())


def test_what_the_object_lost_is_told_again() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11)
        await machine.agent.account()
        before = told(machine)
        machine.objects.usages.clear()  # as when it is deleted and made anew
        machine.clock.forward(30)
        await machine.agent.account()

        assert told(machine) == before

    play(story())


def test_a_store_that_refuses_for_ever_is_asked_twice_a_minute() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11)
        await refused(machine, 1100)
        machine.objects.unreachable = False
        await machine.agent.account()
        assert told(machine) is None
        machine.clock.forward(30)
        await machine.agent.account()

        assert told(machine) == usage(serial=3, free=some(10, 11))

    play(story())


def test_what_could_not_be_told_is_told_when_the_store_is_heard_again() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11)
        await refused(machine, 10)
        await machine.agent.follow()
        machine.objects.unreachable = False
        await machine.agent.follow()
        await machine.agent.account()

        assert told(machine) == usage(serial=3, free=some(10, 11))

    play(story())


def test_that_none_is_free_is_told_at_once_and_that_some_are_again() -> None:
    async def story() -> None:
        machine = a_machine()
        await machine.start()
        await machine.agent.account()
        for name in ("c1", "c2", "c3", "c4"):
            machine.clock.forward(0.1)
            pod = await machine.run_pod(name)
            await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=4, free=0))

        await machine.delete(pod)
        machine.clock.forward(0.1)
        await machine.settle()
        await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=4, free=0))  # it rests
        machine.clock.forward(60)
        await machine.settle()
        await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=3, free=1))

    play(story())


def test_what_is_taken_off_the_status_is_let_go_of_and_that_is_told() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11, 12, 13)
        pod = await machine.run_pod("c1")
        offers(machine, 11, 12, serial=4)
        await machine.agent.account()
        before = told(machine)
        assert before is not None
        assert before.serial == 3
        await machine.agent.follow()
        await machine.agent.account()

        # One of them has a pod: it is not let go of before the pod has gone and it has cooled.
        assert told(machine) == usage(serial=4, held=some(10), free=some(11, 12))
        for name in ("c2", "c3"):
            assert await machine.add(machine.a_pod(name)) != "10.0.8.13"
        error = await machine.refused("ADD", machine.a_pod("c4"))
        assert "the controller knows: try again" in error["details"]
        await machine.delete(pod)
        await machine.settle()
        await machine.agent.account()
        assert told(machine) == usage(serial=4, held=some(11, 12), cooling=some(10))
        machine.clock.forward(30)
        await machine.settle()
        await machine.agent.account()
        assert told(machine) == usage(serial=4, held=some(11, 12))

    play(story())


def test_it_is_told_only_when_it_changed_and_again_when_it_was_refused() -> None:
    async def story() -> None:
        machine = await an_elastic_machine(10, 11)
        await machine.agent.account()
        machine.objects.usages.clear()
        await machine.agent.account()
        assert told(machine) is None

        await machine.run_pod("c1")
        machine.objects.unreachable = True
        for _ in range(3):
            await machine.agent.account()
        assert len(machine.heard("usage-refused")) == 1
        machine.objects.unreachable = False
        await machine.agent.account()
        assert told(machine) is None  # a refusal is not answered with a storm
        machine.clock.forward(1)
        await machine.agent.account()
        assert told(machine) == usage(serial=3, held=some(10), free=some(11))

    play(story())


def test_the_pools_cool_down_goes_before_the_agents_own() -> None:
    async def story() -> None:
        machine = a_machine()
        offers(machine, 10, 11, serial=1, cool=5.0)
        await machine.start()
        await machine.delete(await machine.run_pod("c1"))
        await machine.agent.reaper.reap()
        machine.clock.forward(6)
        machine.agent.book.reclaim()
        assert machine.free() == 2

        machine.cloud(a_vnic([10, 11]))
        await machine.agent.follow()
        await machine.delete(await machine.run_pod("c2"))
        await machine.agent.reaper.reap()
        machine.clock.forward(6)
        machine.agent.book.reclaim()
        assert machine.free() == 1

    play(story())


def test_nothing_is_told_before_the_kernel_was_asked_who_runs() -> None:
    """The journal is damaged, and the node's default route is not there yet."""

    async def story() -> None:
        machine = await an_elastic_machine(10, 11, 12, 13)
        await machine.run_pod("c1")
        await machine.agent.account()
        before = told(machine)
        assert before is not None
        assert before.held == some(10)
        machine.disk.journal = type(machine.disk.journal)(b"garbage\n")
        routes = machine.kernel.look(HOST, None).routes
        default = [r for r in routes if r.destination.prefixlen == 0]
        machine.unmake(*default)
        machine.agent = machine.new_agent()
        machine.agent.book.open()
        await machine.agent.follow()
        await machine.agent.account()
        assert told(machine) == before

        machine.make(*default)
        await machine.settle()
        await machine.agent.account()
        after = told(machine)
        assert after is not None
        assert after.held == some(10)

    play(story())


def test_a_serial_is_told_only_when_a_restart_would_follow_it() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.on_a_cluster = True
        offers(machine, 10, 11, serial=3)
        await machine.start()
        await machine.agent.account()
        before = told(machine)
        assert before == usage(serial=3, free=some(10, 11))

        machine.disk.full = True
        offers(machine, 10, serial=4)
        await machine.agent.follow()
        await machine.agent.account()
        assert len(machine.heard("memory-refused")) == 1
        assert told(machine) == before

        machine.disk.full = False
        await machine.agent.follow()
        await machine.agent.account()
        assert told(machine) == usage(serial=4, free=some(10))

    play(story())


def test_what_was_recalled_counts_as_kept() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.on_a_cluster = True
        offers(machine, 10, 11, serial=3)
        await machine.start()
        machine.away = OSError("GET /apis: connection refused")
        machine.objects.unreachable = True
        machine.agent = machine.new_agent()
        machine.agent.book.open()
        await machine.agent.follow()
        machine.clock.forward(1)
        await machine.settle()
        machine.objects.unreachable = False
        machine.disk.full = True
        await machine.agent.account()

        assert told(machine) == usage(serial=3, free=some(10, 11))

    play(story())


def test_mere_counts_are_told_though_nothing_can_be_kept() -> None:
    async def story() -> None:
        machine = a_machine(counts_every=0.0)
        machine.on_a_cluster = True
        machine.disk.full = True
        await machine.start()
        await machine.agent.account()
        assert told(machine) == usage(counts=Counts(used=0, free=4))

        machine.objects.usages.clear()
        for _ in range(5):
            machine.clock.forward(1)
            await machine.agent.account()
        assert told(machine) is None  # nothing changed

    play(story())
