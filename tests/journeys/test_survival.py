"""What hurts other plugins' users, on fakes: each case by its own name, those of the list by number.

`docs/rt-cases.md` says which case is held by which test. On the real kernel: `test_survival_real`.
"""

import asyncio
import gc
import json
import random
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from errno import EIO, ENOBUFS, ENOSPC, EROFS
from pathlib import Path
from typing import Any

import pytest
from fakes.spool import FakeSpool
from journeys.agent_fakes import (
    OTHER_MAC,
    VNIC_MAC,
    Machine,
    a_machine,
    a_vnic,
    play,
)
from survival.loop import StoryLoop
from survival.points import Fault
from survival.witness import Told
from survival.world import COOLDOWN, World

from mooring.adapters.unixsocket import AgentSocket, Arrival, Work
from mooring.agent.node import KNOWN_CABLES
from mooring.core.cni.errors import Code
from mooring.core.cni.frames import Answer, Call, answers, encode_call
from mooring.core.cni.request import AttachmentId
from mooring.core.cni.spool import WRITTEN
from mooring.core.ipam.pool import parts
from mooring.core.linux.plan import Veth
from mooring.core.wiring.names import host_link


async def started(**settings: float) -> Machine:
    machine = a_machine(**settings)
    await machine.start()
    return machine


async def a_world(pods: int = 4) -> World:
    """A node that the controller has served, with its agent."""
    world = World(random.Random(1), pods)
    world.control(20)
    await world.start()
    await world.turn("follow")
    return world


def tell(story: Coroutine[Any, Any, None]) -> None:
    """Play a story in time that passes by itself."""
    loop = StoryLoop()
    try:
        loop.play(random.Random(1), story)
    finally:
        loop.close()


# Disks.


@pytest.mark.parametrize(
    "errno", [ENOSPC, EROFS, EIO], ids=["full", "readonly", "fsync"]
)
@pytest.mark.parametrize("lost", [False, True], ids=["refused", "kept"])
def test_a_disk_that_refuses_costs_no_address_and_keeps_no_pod(
    errno: int, lost: bool
) -> None:
    """Full, read-only, failing at fsync: pods go, none comes, and all is well afterwards."""

    async def story() -> None:
        world = await a_world()
        assert await world.add("a")
        fault = Fault("disk", 0, 1000, errno, lost)
        world.points.faults.append(fault)
        assert not await world.add("b")
        await world.delete("b")
        await world.stop("a")
        await world.turn("reap")
        await world.turn("look")
        assert world.machine.heard("journal-refused")

        fault.times = 0
        world.forward(COOLDOWN + 1)
        for name in ("flows", "look", "reap", "flows", "look"):
            await world.turn(name)
        world.machine.assert_consistent()
        assert world.machine.free() == 4
        assert await world.add("c")

    tell(story())


def torn(data: bytes) -> bytes:
    return data[:-7]


def flipped(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes([data[half] ^ 4]) + data[half + 1 :]


def zeroed(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


def emptied(_data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("spoil", [torn, flipped, zeroed, emptied])
def test_a_spoilt_ledger_costs_no_pod_and_no_rest(
    spoil: Callable[[bytes], bytes],
) -> None:
    """Corrupt, cut off in the middle of a line, gone: the kernel is asked, all addresses rest."""

    async def story() -> None:
        machine = await started()
        gone = await machine.run_pod("gone")
        pod = await machine.run_pod("stays")
        await machine.delete(gone)
        machine.end(gone)
        await machine.settle()
        machine.disk.journal = spoil(machine.disk.journal)
        await machine.start()

        assert (await machine.check(pod)).exit_code == 0
        assert machine.heard("journal-damaged") or machine.heard("journal-lost")
        assert machine.free() == 0
        machine.assert_consistent()
        machine.clock.forward(60)
        await machine.settle()
        assert machine.free() == 3

    play(story())


def test_a_start_that_dies_before_the_kernel_was_asked_does_not_forget_the_rest() -> (
    None
):
    async def story() -> None:
        machine = await started()
        await machine.delete(await machine.run_pod("gone"))
        await machine.settle()
        machine.disk.journal = torn(machine.disk.journal)
        machine.agent = machine.new_agent()
        machine.agent.book.open()  # and it is killed here
        await machine.start()

        assert machine.free() == 0

    play(story())


# Clocks.


@pytest.mark.parametrize("seconds", [-86_400, -30, 30, 86_400])
def test_a_calendar_that_jumps_neither_shortens_nor_lengthens_a_rest(
    seconds: float,
) -> None:
    """NTP, an operator, a resumed machine: the rest is counted from the boot."""

    async def story() -> None:
        machine = await started(cooldown=30)
        await machine.delete(await machine.run_pod())
        await machine.settle()
        rested = machine.clock.now()
        machine.clock.step_wall(seconds)
        await machine.start()
        assert machine.free() == 3
        machine.clock.forward(max(0.0, 31 - (machine.clock.now() - rested)))
        await machine.settle()

        assert machine.free() == 4

    play(story())


def a_call(command: str, name: str, **more: str) -> Call:
    document = {"cniVersion": "1.1.0", "name": "mooring", "type": "mooring"}
    env = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": name,
        "CNI_NETNS": f"/run/netns/{name}",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": "/opt/cni/bin",
        **more,
    }
    return Call(env, json.dumps(document).encode())


def spooled(world: World, name: str, *, says_when: bool = True) -> bytes:
    """Write a DEL as the executable does now; one of an older executable has the name only."""
    world.witness.left(AttachmentId("mooring", name, "eth0"))
    clock = world.machine.clock
    when = {WRITTEN: f"{clock.now() * 1e9:.0f}/{clock.boot()}"} if says_when else {}
    content = encode_call(a_call("DEL", name, **when))
    world.spool[f"{clock.wall().timestamp() * 1e9:020.0f}-1-{name}.del"] = content
    return content


STEPS = [
    *((step, True) for step in (-86_400, -1, 0, 1, 86_400)),
    (0, False),  # of an older executable, whose calendar stood still
]


@pytest.mark.parametrize(("step", "says_when"), STEPS)
def test_a_del_that_was_promised_is_kept_whatever_the_calendar_does(
    step: float, says_when: bool
) -> None:
    """The agent is away, the clock is set before it comes back; the namespace stays."""

    async def story() -> None:
        world = await a_world()
        assert await world.add("a")
        world.forward(2)
        world.points.kill()
        spooled(world, "a", says_when=says_when)
        world.forward(2)
        world.machine.clock.step_wall(step)
        await world.start()
        for name in ("follow", "look", "reap"):
            await world.turn(name)

        assert world.machine.namespaces.exists("a")
        assert world.machine.leases == {}
        assert world.machine.host_ends() == set()
        assert world.spool == {}
        assert not world.machine.heard("spooled-del-too-old")

    tell(story())


@pytest.mark.parametrize(("step", "says_when"), STEPS)
def test_a_spooled_del_never_ends_a_pod_that_came_after_it(
    step: float, says_when: bool
) -> None:
    """The same container is added again before the file is looked at, and the clock is set."""

    async def story() -> None:
        world = await a_world()
        assert await world.add("a")
        world.forward(2)
        await world.delete("a")
        spooled(world, "a", says_when=says_when)
        await world.turn("reap")
        world.forward(2)
        world.sandboxes["a"].stays = True
        assert await world.add("a")
        told = dict(world.witness.told)
        world.forward(2)
        world.machine.clock.step_wall(step)
        await world.replay()

        assert set(world.machine.leases) == set(told) != set()
        assert world.machine.heard("spooled-del-too-old")
        assert world.spool == {}
        assert await world.check("a")
        world.machine.assert_consistent()

    tell(story())


def test_a_spooled_del_of_another_boot_ends_no_pod_of_this_one() -> None:
    """With a spool that a reboot does not empty."""

    async def story() -> None:
        world = await a_world()
        world.forward(10_000)
        spooled(world, "a")
        content = dict(world.spool)
        await world.reboot()
        world.spool.clear()
        await world.start()
        await world.turn("follow")
        assert await world.add("a")
        world.forward(20_000)
        world.spool.update(content)
        await world.replay()

        assert len(world.machine.leases) == 1
        assert world.machine.heard("spooled-del-too-old")

    tell(story())


class Shut:
    """A door through which nobody comes."""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


def test_a_start_takes_half_a_del_for_none_and_carries_out_the_whole_ones() -> None:
    """Executables died while they wrote: before the first byte, in the middle, before the rename."""

    async def story() -> None:
        world = await a_world()
        for name in ("a", "b"):
            assert await world.add(name)
        whole = spooled(world, "b")
        world.spool.clear()
        for number, size in enumerate((0, len(whole) // 2, len(whole))):
            world.spool[f"{number:020}-1-b.tmp"] = whole[:size]
        spooled(world, "a")
        stop = asyncio.Event()
        stop.set()
        files = FakeSpool(world.spool, world.machine.said.append)
        await world.machine.agent.run(Shut(), files, stop)

        assert world.spool == {}
        assert {a.container for a in world.machine.leases} == {"b"}
        assert len(world.machine.heard("spool:")) == 3

    tell(story())


def test_rt_04_a_node_that_rebooted_frees_all_without_a_del() -> None:
    """Another boot, no links, a stale ledger, the runtime's directory gone: pods are made anew."""

    async def story() -> None:
        world = await a_world()
        for name in ("a", "b", "c"):
            assert await world.add(name)
        before = {t.addresses for t in world.witness.told.values()}
        await world.reboot()
        await world.start()
        for name in ("follow", "flows", "look", "reap"):
            await world.turn(name)

        assert world.machine.leases == {}
        assert world.machine.free() == 4
        for name in ("x", "y", "z"):
            assert await world.add(name)
        for name in ("a", "b", "c"):  # DEL of what an earlier boot ran, as kubelet asks
            await world.delete(name)
        world.machine.assert_consistent()
        assert len(world.witness.told) == len(before) == 3

    tell(story())


def test_an_agent_restarted_in_the_same_boot_keeps_what_runs() -> None:
    async def story() -> None:
        world = await a_world()
        assert await world.add("a")
        told = dict(world.witness.told)
        world.points.kill()
        await world.start()
        for name in ("follow", "look", "reap"):
            await world.turn(name)

        assert set(world.machine.leases) == set(told)
        assert await world.check("a")

    tell(story())


# The kernel refuses.


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "done all the same"])
@pytest.mark.parametrize(
    ("what", "in_add", "in_all"),
    [("kernel make", 8, 8), ("nft elements", 1, 2), ("kernel look", 0, 2)],
)
def test_netlink_without_buffers_is_told_and_nothing_is_left(
    what: str, in_add: int, in_all: int, lost: bool
) -> None:
    """ENOBUFS: the request was refused, or its answer got lost and it was done.

    `in_add` of the steps are an ADD's, which each of them makes fail.
    """

    async def story() -> None:
        world = await a_world()
        failed = 0
        for after in range(12):
            struck = world.points.struck
            world.points.faults[:] = [Fault(what, after, 1, ENOBUFS, lost)]
            came = await world.add("a")
            assert came is (world.points.struck == struck), after
            if not came:
                failed += 1
                await world.delete("a")
            await world.stop("a")
            for name in ("reap", "look", "look", "reap", "flows"):
                world.forward(1)
                await world.turn(name)
            world.forward(COOLDOWN + 1)
            await world.turn("flows")
        assert failed >= in_add
        assert world.points.struck >= in_all
        world.points.faults.clear()
        await world.turn("look")
        await world.turn("reap")

        world.machine.assert_consistent()
        assert world.machine.host_ends() == set()
        assert world.machine.free() == 4

    tell(story())


def test_rt_36_del_succeeds_without_anything() -> None:
    """Twice, without a namespace, without a link, without any state."""

    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod("a")
        machine.end(pod)
        machine.kernel.delete_links(None, [host_link(pod.id)])
        await machine.delete(pod)
        await machine.delete(pod)
        never = replace(pod, name="never")
        await machine.delete(never)
        await machine.settle()
        machine.disk.journal = b""
        await machine.start()
        await machine.delete(pod)

        assert machine.leases == {}
        assert machine.host_ends() == set()

    play(story())


# ADD.


def test_a_namespace_that_is_deleted_in_the_middle_of_add_leaks_nothing() -> None:
    """At any step of it: the ADD fails or succeeds, and what is left is collected."""

    async def story() -> None:
        world = await a_world()
        vanished: dict[str, bool] = {}
        for point in range(1, 40):
            name = f"a{point}"
            world.a_sandbox(name)
            at = world.points.burned + point

            def vanish(name: str = name) -> None:
                vanished[name] = False
                world.sandboxes[name].stays = False
                world.machine.namespaces.delete(name)

            world.points.then[at] = vanish
            came = await world.add(name)
            world.points.then.clear()
            if name in vanished:
                vanished[name] = came
            world.drop(name)
            for _ in range(2):
                world.forward(COOLDOWN + 1)
                for turn in ("flows", "look", "reap"):
                    await world.turn(turn)
            assert world.machine.leases == {}, point
            assert world.machine.host_ends() == set()
        # Before and after each of its steps; the descriptor that came with it kept it alive.
        assert len(vanished) >= 20
        assert all(vanished.values())
        world.machine.assert_consistent()
        assert world.machine.free() == 4

    tell(story())


async def steps_of_add(machine: Machine) -> int:
    """Count what the kernel is asked to make for a pod."""
    before = len(machine.kernel.done)
    pod = await machine.run_pod("counted")
    made = len(machine.kernel.done) - before
    await machine.delete(pod)
    machine.end(pod)
    await machine.settle()
    machine.clock.forward(31)
    await machine.settle()
    assert made >= 8
    return made


@pytest.mark.parametrize("same", [True, False], ids=["same", "another"])
def test_an_add_that_failed_is_tried_again(same: bool) -> None:
    """After a failure at every step, by the same container and by another one."""

    async def story() -> None:
        machine = await started()
        for step in range(1, await steps_of_add(machine) + 1):
            machine.kernel.refuse_step(step)
            pod = machine.a_pod(f"a{step}")
            first = await machine.cni("ADD", pod)
            assert first.exit_code == 1, step
            machine.kernel.relent()
            if not same:
                pod = machine.a_pod(f"b{step}")
            again, _ = await asyncio.gather(
                machine.cni("ADD", pod), machine.agent.reaper.reap()
            )
            assert again.exit_code == 0, (step, again.stdout)
            assert set(machine.leases) == {pod.id}
            await machine.delete(pod)
            machine.end(pod)
            await machine.settle()
            machine.clock.forward(31)
            await machine.settle()

        machine.assert_consistent()
        assert machine.free() == 4

    play(story())


def test_rt_03_two_hundred_failed_sandboxes_cost_no_address() -> None:
    """Each fails at another step, and is deleted as runtimes do, or is not."""

    async def story() -> None:
        machine = await started()
        steps = await steps_of_add(machine)
        refused = 0
        for number in range(200):
            pod = machine.a_pod(f"a{number}")
            machine.kernel.refuse_step(1 + number % steps)
            refused += (await machine.cni("ADD", pod)).exit_code
            machine.kernel.relent()
            if number % 3:
                await machine.delete(pod)
            machine.end(pod)
            await machine.agent.reaper.reap()
            machine.clock.forward(31)
            machine.agent.book.reclaim()
        await machine.settle()

        assert refused == 200
        machine.assert_consistent()
        assert machine.free() == 4

    play(story())


def test_rt_17_a_refused_add_gives_its_cause_and_what_comes_next() -> None:
    """Each refusal by what it is, and those that pass by themselves with code 11."""

    async def story() -> None:
        early = a_machine()
        early.agent.attachments.start.patience = 0.01
        machine = await started()
        told = {"starting": await early.refused("ADD", early.a_pod())}
        machine.kernel.refuse_step(2)
        told["kernel"] = await machine.refused("ADD", machine.a_pod("k"))
        machine.kernel.relent()
        machine.disk.full = True
        told["disk"] = await machine.refused("ADD", machine.a_pod("d"))
        full = await started()
        for number in range(4):
            await full.run_pod(f"p{number}")
        told["exhausted"] = await full.refused("ADD", full.a_pod("e"))
        for why, each in told.items():
            print(f"{why}: {each['code']} {each['msg']} ({each['details']})")

        later = {n for n, e in told.items() if e["code"] == Code.TRY_AGAIN_LATER}
        assert later == {"starting", "exhausted"}
        assert "kernel refused" in told["kernel"]["msg"]
        assert "is full" in told["disk"]["details"]
        assert "held by pods" in told["exhausted"]["msg"]
        assert "raise maxPodCount" in told["exhausted"]["details"]

    play(story())


MANY = 500


async def crowded() -> Machine:
    machine = await started()
    addresses = [f"10.1.{n // 250}.{n % 250 + 1}" for n in range(MANY)]
    vnic = a_vnic()
    pairs = tuple(type(vnic.host)(type(vnic.host.v4)(a)) for a in addresses)
    machine.cloud(replace(vnic, pod_addresses=pairs))
    await machine.settle()
    return machine


async def a_wave(machine: Machine, number: int) -> None:
    """All containers are added at once, then deleted at once."""
    pods = [machine.a_pod(f"w{number}-{n}") for n in range(MANY)]
    told = await asyncio.gather(*(machine.cni("ADD", pod) for pod in pods))
    assert [answer.exit_code for answer in told] == [0] * MANY
    held = {a for x in machine.leases.values() for a in parts(x.addresses)}
    assert len(held) == MANY
    await asyncio.gather(
        *(machine.delete(p) for p in pods), machine.agent.reaper.reap()
    )
    for pod in pods:
        machine.end(pod)
    await machine.agent.reaper.reap()
    machine.clock.forward(31)
    machine.agent.book.reclaim()
    machine.said.clear()


def test_rt_47_five_hundred_queued_adds_leave_nothing_behind() -> None:
    """No lock for all, no process, nothing kept of what is over."""

    async def story() -> None:
        machine = await crowded()
        for number in range(3):
            await a_wave(machine, number)
        gc.collect()
        agent = machine.agent

        assert agent.attachments._turns._locks == {}
        assert agent.reaper._waiting == agent.reaper._gone == {}
        assert len(agent.node._cables) <= KNOWN_CABLES
        assert asyncio.all_tasks() == {asyncio.current_task()}

    play(story())


def caller(path: Path, name: str) -> socket.socket:
    """Come in as the executable does, with an ADD."""
    talk = socket.socket(socket.AF_UNIX)
    talk.connect(str(path))
    talk.sendall(encode_call(a_call("ADD", name)))
    talk.setblocking(False)
    return talk


async def reply(talk: socket.socket) -> Answer:
    loop, decoder = asyncio.get_running_loop(), answers()
    while True:
        if got := decoder.feed(await loop.sock_recv(talk, 65536)):
            return got[0]


def test_rt_48_nothing_holds_a_burst_back(tmp_path: Path) -> None:
    """No limiter of our own: five hundred ADDs at once take no time but their work's.

    The loop's time passes only when nobody has anything to do but to wait for it.
    """

    async def story() -> None:
        machine = await crowded()
        pods = {f"p{n}": machine.a_pod(f"p{n}") for n in range(MANY)}

        def serve(arrival: Arrival) -> Answer | Work:
            pod = pods[arrival.call.env["CNI_CONTAINERID"]]
            return machine.agent.respond(arrival.call, pod.fd)

        door = AgentSocket(tmp_path / "agent.sock", serve, machine.said.append)
        await door.start()
        loop = asyncio.get_running_loop()
        before = machine.clock.now(), loop.time()
        with ExitStack() as callers:
            # All have knocked and said everything before the door turns to the first.
            heard = [
                reply(callers.enter_context(caller(tmp_path / "agent.sock", name)))
                for name in pods
            ]
            told = await asyncio.gather(*heard)

        assert (machine.clock.now(), loop.time()) == before
        assert [answer.exit_code for answer in told] == [0] * MANY
        held = {a for x in machine.leases.values() for a in parts(x.addresses)}
        assert len(held) == MANY
        await door.stop()

    tell(story())


def test_a_storm_of_dels_ends_every_pod_once() -> None:
    """Of pods that run, of the same ones again, of pods that never were; all at once."""

    async def story() -> None:
        machine = await crowded()
        pods = [await machine.run_pod(f"p{n}") for n in range(50)]
        strangers = [replace(pod, name=f"never-{pod.name}") for pod in pods]
        calls = [machine.delete(p) for p in (*pods, *pods, *strangers, *pods)]
        await asyncio.gather(*calls, machine.agent.reaper.reap())
        await machine.settle()

        assert machine.leases == {}
        assert len(machine.agent.book.ledger.pool.cooling) == 50
        machine.assert_consistent()

    play(story())


# Nodes.


def test_rt_06_a_node_made_anew_under_its_old_name_begins_with_what_it_has_now() -> (
    None
):
    """Its disk has the ledger of the node before it; VNICs and addresses are others."""

    async def story() -> None:
        machine = await started()
        for name in ("a", "b"):
            await machine.run_pod(name)
        for pod in ("a", "b"):
            machine.namespaces.delete(pod)
        machine.kernel.delete_links(None, [*machine.host_ends(), "ens5"])
        machine.clock.reboot()
        machine.kernel.add_hardware(None, "ens5", OTHER_MAC, 1500)
        machine.cloud(a_vnic(range(12, 18), "vnic-2", OTHER_MAC))
        for pod_fd in list(machine.namespaces.open_fds):
            machine.namespaces.close(pod_fd)
        await machine.start()
        machine.clock.forward(31)
        await machine.settle()

        assert machine.free() == 6
        assert set(machine.agent.book.ledger.slots) == {"vnic-2"}
        got = {await machine.add(machine.a_pod(f"n{n}")) for n in range(6)}
        assert len(got) == 6
        machine.assert_consistent()

    play(story())


def test_rt_34_what_stands_in_the_way_of_an_add_gives_way() -> None:
    """A link of an earlier life with the pod's name, its route, its neighbour."""

    async def story() -> None:
        machine = await started()
        pod, other = machine.a_pod("a"), machine.a_pod("other")
        await machine.add(pod)
        lease = machine.leases[pod.id]
        cables = machine.agent.node.cables(lease)
        machine.end(pod)
        await machine.settle()
        stale = next(fact for fact in cables if isinstance(fact, Veth))
        machine.kernel.carry_out((stale,), {"host": None, "pod": other.fd})
        again = machine.a_pod("a")

        assert await machine.add(again)
        assert VNIC_MAC
        await machine.settle()
        machine.assert_consistent()

    play(story())


def test_told_is_what_the_runtime_heard() -> None:
    """The witness itself: an address of two pods, and one that has not rested, are seen."""

    async def story() -> None:
        world = await a_world()
        assert await world.add("a")
        (told,) = world.witness.told.values()
        twin = Told(told.attachment._replace(container="b"), 1, told.addresses)
        with pytest.raises(AssertionError, match="were given to"):
            world.witness.answered(twin, told.addresses)
        world.drop("a")
        with pytest.raises(AssertionError, match="rested"):
            world.witness.answered(twin, told.addresses)
        with pytest.raises(AssertionError, match="is not offered"):
            world.witness.answered(twin, ())

    tell(story())


def test_an_exhausted_node_says_so_in_the_runtimes_words() -> None:
    async def story() -> None:
        machine = await started()
        for n in range(4):
            await machine.run_pod(f"p{n}")
        error = await machine.refused("ADD", machine.a_pod("more"))

        assert error["code"] == Code.TRY_AGAIN_LATER

    play(story())
