"""Crowds at the agent's socket: bad peers harm nobody else, and many good ones leave nothing.

The agent is a process on a real kernel and the ADDs beside bad peers go through the executable,
which waits eight seconds for an answer here: less than any of these peers is given.
"""

import contextlib
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journeys.agent_world import Pod, World, a_world
from patience import PATIENCE, until

from mooring.adapters import netns
from mooring.adapters.cnifiles import built
from mooring.core.cni.frames import LIMIT, Answer, Call, answers, encode_call

PEERS = 1000
CYCLES = 5
LONGEST = encode_call(Call({"CNI_COMMAND": "ADD"}, b" " * (LIMIT - 64)))

QUEUED, SERVED, WAVES = 500, 250, 3
FLAT_MIB = 2.0
"""What the agent's memory may grow from the first wave to the last: 2 KiB for each ADD between."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with a_world(tmp_path, "--cooldown", "0") as made:
            made.start()
            yield made
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Peers of one kind; they stay as long as the agent lets them."""

    def __init__(self, door: Path) -> None:
        self._door = str(door)
        self._peers: list[socket.socket] = []
        self._end = threading.Event()

    def connect(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(PATIENCE)
        peer.connect(self._door)
        self._peers.append(peer)
        return peer

    def say(self, count: int, data: bytes) -> None:
        """Connect so often, say something, and fall silent."""
        for _ in range(count):
            peer = self.connect()
            with contextlib.suppress(OSError):
                peer.setblocking(False)
                peer.send(data)

    def push(self, data: bytes) -> None:
        """Say a lot, as much of it as the other side takes."""
        peer = self.connect()
        with contextlib.suppress(OSError):
            peer.sendall(data)

    @contextlib.contextmanager
    def dripping(self, count: int) -> Iterator[None]:
        """Many who send byte after byte, for ever, and come again when turned away."""
        thread = threading.Thread(target=self._drip, args=(count,))
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _drip(self, count: int) -> None:
        peers = [self.connect() for _ in range(count)]
        turn = 0
        while not self._end.wait(0.02):
            for index, peer in enumerate(peers):
                try:
                    peer.send(LONGEST[turn : turn + 1])
                except OSError:
                    peer.close()
                    with contextlib.suppress(OSError):
                        peers[index] = self.connect()
            turn += 1

    def leave(self) -> None:
        for peer in self._peers:
            peer.close()


@contextlib.contextmanager
def a_crowd(world: World) -> Iterator[Crowd]:
    crowd = Crowd(world.place / "agent.sock")
    try:
        yield crowd
    finally:
        crowd.leave()


def call(world: World, command: str, pod: Pod) -> None:
    """Run the executable, which must not wait long."""
    done = subprocess.run(
        [built()],
        input=world.conf(),
        env={
            **world.environment(command, pod),
            "MOORING_REPLY_MS": "8000",
            "MOORING_WAIT_MS": "0",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def pods_come_and_go(world: World) -> None:
    for n in range(CYCLES):
        pod = world.a_space_for(f"c{n}")
        call(world, "ADD", pod)
        call(world, "DEL", pod)
        world.drop_space(pod.space)
    # None of the DELs was written down because nobody listened.
    assert not list((world.place / "spool").glob("*.del"))


def threads(crowd: Crowd, count: int) -> None:
    """Push the largest half calls from several sides at once."""
    pushing = [
        threading.Thread(target=crowd.push, args=(LONGEST[:-1],)) for _ in range(count)
    ]
    for each in pushing:
        each.start()
    for each in pushing:
        each.join()


CROWDS: dict[str, Callable[[Crowd], None]] = {
    "idle": lambda crowd: crowd.say(PEERS, b""),
    "half a header": lambda crowd: crowd.say(PEERS, b"MOR1\x10"),
    "half a call": lambda crowd: crowd.say(PEERS, LONGEST[:2000]),
    "a call over the limit": lambda crowd: crowd.say(PEERS, b"MOR1" + b"\xff" * 8),
    "no call": lambda crowd: crowd.say(PEERS, b"GET / HTTP/1.1\r\n\r\n"),
    "halves of the largest": lambda crowd: threads(crowd, 64),
}


@pytest.mark.parametrize("kind", CROWDS)
def test_a_crowd_harms_nobody_else(world: World, kind: str) -> None:
    pods_come_and_go(world)
    before, small = descriptors(world), memory_mib(world)
    with a_crowd(world) as crowd:
        CROWDS[kind](crowd)
        pods_come_and_go(world)

    assert memory_mib(world) < small + 16
    until(lambda: descriptors(world) <= before + 2, "the descriptors")
    pods_come_and_go(world)


def test_slow_writers_harm_nobody_else(world: World) -> None:
    with a_crowd(world) as crowd, crowd.dripping(300):
        pods_come_and_go(world)
    pods_come_and_go(world)


def test_peers_who_do_not_take_their_answers_harm_nobody_else(world: World) -> None:
    pod = world.a_space_for("deaf")
    env = {k: v for k, v in world.environment("ADD", pod).items() if k[:4] == "CNI_"}
    with a_crowd(world) as crowd:
        crowd.say(PEERS, encode_call(Call(env, world.conf())))
        pods_come_and_go(world)


@pytest.fixture
def containers(world: World) -> Iterator[dict[str, int]]:
    """As many containers as are queued, each with its namespace; the node can serve half of them."""
    world.write_npn(tuple(f"10.0.8.{n + 3}" for n in range(SERVED)))
    until(lambda: world.status["pool"]["free"] == SERVED, lambda: world.log)
    made: dict[str, int] = {}
    try:
        for n in range(QUEUED):
            space = f"{world.prefix}-q{n}"
            netns.create(space)
            made[f"q{n}"] = netns.open_fd(space)
            netns.delete(space)
        yield made
    finally:
        for fd in made.values():
            netns.close(fd)


def answer(peer: socket.socket) -> Answer:
    decoder = answers()
    while True:
        if got := decoder.feed(peer.recv(65536)):
            return got[0]


def a_wave(world: World, command: str, containers: dict[str, int]) -> list[Answer]:
    """Queue all calls while the agent stands still, then let it answer them."""
    assert world.process is not None
    with a_crowd(world) as crowd:
        world.process.send_signal(signal.SIGSTOP)
        try:
            peers = []
            for name, fd in containers.items():
                pod = Pod(name, name)
                frame = encode_call(Call(world.environment(command, pod), world.conf()))
                peers.append(crowd.connect())
                socket.send_fds(peers[-1], [frame], [fd])
        finally:
            world.process.send_signal(signal.SIGCONT)
        return [answer(peer) for peer in peers]


def test_rt_47_waves_of_five_hundred_queued_adds_leave_its_memory_flat(
    world: World, containers: dict[str, int]
) -> None:
    resident = []
    for _ in range(WAVES):
        told = a_wave(world, "ADD", containers)
        assert sum(each.exit_code == 0 for each in told) == SERVED, told[-1]
        assert len(world.host_ends()) == SERVED
        gone = a_wave(world, "DEL", containers)
        assert [each.exit_code for each in gone] == [0] * QUEUED, gone[-1]
        until(lambda: not world.host_ends(), "the end of all cables")
        resident.append(memory_mib(world, "VmRSS"))
    print("MiB after each wave:", *(f"{mib:.1f}" for mib in resident))

    assert resident[-1] <= resident[0] + FLAT_MIB


def descriptors(world: World) -> int:
    return len(list(Path(f"/proc/{agent(world)}/fd").iterdir()))


def memory_mib(world: World, which: str = "VmHWM") -> float:
    """Give the most that the agent ever had, or what it has now (VmRSS)."""
    text = Path(f"/proc/{agent(world)}/status").read_text()
    (line,) = (x for x in text.splitlines() if x.startswith(which))
    return int(line.split()[1]) / 1024


def agent(world: World) -> int:
    assert world.process is not None
    return world.process.pid
