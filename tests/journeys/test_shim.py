"""The CNI executable itself, started as a runtime starts it.

Opposite sits `AgentSocket` with a `serve` of the test's own, in a thread.
"""

import asyncio
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mooring.adapters import cnifiles
from mooring.adapters.clock import Clock
from mooring.adapters.spool import Spool
from mooring.adapters.unixsocket import AgentSocket, Arrival
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import (
    DONE,
    LIMIT,
    Answer,
    Call,
    calls,
    encode_answer,
    granted,
    refused,
)
from mooring.core.cni.parse import parse, spoken
from mooring.core.cni.request import AttachmentId, Del, Gc
from mooring.core.cni.versions import SUPPORTED

ROOT = Path(__file__).parents[2]
DEADLINE = 180.0
CONF = {"cniVersion": "1.1.0", "name": "mooring", "type": "mooring"}
Serve = Callable[[Arrival], Awaitable[Answer]]
Outcome = subprocess.CompletedProcess[bytes]


class Node:
    """A directory with a socket path and a spool, and the executable to run against."""

    def __init__(self, directory: Path, executable: Path) -> None:
        self.socket = directory / "run/agent.sock"
        self.spool = directory / "state/mooring/spool"
        self.executable = executable
        self.said: list[str] = []

    def run(
        self,
        command: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] = {},
        before: tuple[str, ...] = (),
    ) -> Outcome:
        """Run as a runtime does, `before` it a program that executes it.

        `env` overrides; for the executable "" is as good as not set.
        """
        variables = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": "c0ffee",
            "CNI_NETNS": "/proc/self/ns/net",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/opt/cni/bin",
            "HOME": "/root",
            "MOORING_SOCKET": str(self.socket),
            "MOORING_SPOOL": str(self.spool),
            "MOORING_WAIT_MS": "0",
            **env,
        }
        return subprocess.run(
            [*before, self.executable],
            input=json.dumps(CONF).encode() if stdin is None else stdin,
            env=variables,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )

    def pending(self) -> list[AttachmentId]:
        items = Spool(self.spool, self.said.append).pending()
        return [item.request.id for item in items]

    @contextmanager
    def agent(self, serve: Serve) -> Iterator[None]:
        """An agent that answers as told, in a thread of its own."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        door = AgentSocket(self.socket, serve, self.said.append)
        asyncio.run_coroutine_threadsafe(door.start(), loop).result(DEADLINE)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(door.stop(0.0), loop).result(DEADLINE)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path, cnifiles.built())


@contextmanager
def rude_agent(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody at the path who does with each connection what the test likes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def visits() -> None:
            while True:
                peer, _ = listener.accept()
                with peer, suppress(ConnectionError):  # it may have given up by now
                    if not (data := peer.recv(4)):
                        return
                    behave_with(peer, data)

        def behave_with(peer: socket.socket, data: bytes) -> None:
            assert data == b"MOR1"
            behave(peer)

        thread = threading.Thread(target=visits)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()
    path.unlink()


async def honest(arrival: Arrival) -> Answer:
    """Judge the call as an agent does, and tell what came."""
    try:
        request = parse(arrival.call.env, arrival.call.stdin)
    except CniError as error:
        return refused(error, spoken(arrival.call.stdin))
    if isinstance(request, Del):
        return DONE
    inode = None if arrival.netns is None else os.fstat(arrival.netns).st_ino
    return granted({"was": type(request).__name__, "netns": inode})


def output(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(outcome.stdout)
    return document


# --- with the agent there


@pytest.mark.parametrize("command", ["ADD", "CHECK", "GC", "STATUS"])
def test_the_answer_is_printed_as_it_came(node: Node, command: str) -> None:
    stdin = json.dumps({**CONF, "prevResult": {"ips": []}}).encode()
    with node.agent(honest):
        outcome = node.run(command, stdin)

    assert output(outcome)["was"] == command.capitalize()
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert node.said == []


def test_del_is_silent_and_may_come_twice(node: Node) -> None:
    with node.agent(honest):
        for netns in ("/proc/self/ns/net", "", "/run/netns/gone"):
            outcome = node.run("DEL", env={"CNI_NETNS": netns})
            assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, b"", b"")

    assert node.pending() == []


def test_an_error_is_printed_on_stdout_with_a_non_zero_exit_code(node: Node) -> None:
    with node.agent(honest):
        outcome = node.run("ADD", b'{"cniVersion":"0.4.0","name":"a b"}')

    assert outcome.returncode == 1
    assert outcome.stderr == b""
    assert output(outcome) == {
        "cniVersion": "0.4.0",
        "code": Code.INVALID_CONFIG,
        "msg": 'name: "a b": must match [a-zA-Z0-9][a-zA-Z0-9_.-]*',
    }


def test_the_very_namespace_arrives(node: Node, tmp_path: Path) -> None:
    with node.agent(honest):
        own = node.run("ADD")
        gone = node.run("ADD", env={"CNI_NETNS": str(tmp_path / "gone")})

    assert output(own)["netns"] == Path("/proc/self/ns/net").stat().st_ino
    assert output(gone)["netns"] is None


def test_no_namespace_goes_along_where_none_is_entered(node: Node) -> None:
    with node.agent(honest):
        outcome = node.run("STATUS")

    assert output(outcome)["netns"] is None


def test_a_path_to_a_pipe_does_not_hang(node: Node, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with node.agent(honest):
        outcome = node.run("ADD", env={"CNI_NETNS": str(tmp_path / "pipe")})

    assert output(outcome)["netns"] == (tmp_path / "pipe").stat().st_ino


def test_the_agent_gets_what_it_should_know_and_no_more(node: Node) -> None:
    got: list[Call] = []

    async def note(arrival: Arrival) -> Answer:
        got.append(arrival.call)
        return DONE

    env = {
        "CNI_ARGS": "A=B;C=D",
        "TRACEPARENT": "00-1",
        "TRACESTATE": "",
        "BAGGAGE": "x",
    }
    with node.agent(note):
        node.run("ADD", b" any bytes \x00\xff", env | {"SECRET": "s", "XCNI_A": "b"})

    assert got == [
        Call(
            {
                "CNI_COMMAND": "ADD",
                "CNI_CONTAINERID": "c0ffee",
                "CNI_NETNS": "/proc/self/ns/net",
                "CNI_IFNAME": "eth0",
                "CNI_PATH": "/opt/cni/bin",
                **env,
            },
            b" any bytes \x00\xff",
        )
    ]


def test_the_largest_call_and_the_largest_answer_pass(node: Node) -> None:
    async def give_back(arrival: Arrival) -> Answer:
        return Answer(7, arrival.call.stdin.ljust(LIMIT, b"y"))

    with node.agent(give_back):
        outcome = node.run("ADD", b"x" * (LIMIT - 200))

    assert outcome.returncode == 7
    assert outcome.stdout == (b"x" * (LIMIT - 200)).ljust(LIMIT, b"y")


def test_more_than_a_mebibyte_is_refused_without_the_agent(node: Node) -> None:
    outcome = node.run("ADD", b'{"cniVersion":"0.3.1","x":"' + b"x" * LIMIT + b'"}')

    assert outcome.returncode == 1
    assert output(outcome)["cniVersion"] == "0.3.1"
    assert output(outcome)["code"] == Code.DECODING_FAILURE


def test_calls_run_in_parallel(node: Node) -> None:
    barrier = asyncio.Barrier(8)

    async def together(_: Arrival) -> Answer:
        async with barrier:
            return DONE

    codes: list[int] = []
    with node.agent(together):
        threads = [
            threading.Thread(target=lambda: codes.append(node.run("ADD").returncode))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert codes == [0] * 8


# --- the file itself


def program_headers(path: Path) -> list[int]:
    """Give the types of an executable's program headers (elf(5), 64 bits)."""
    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01"
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<I", data, start + n * size)[0] for n in range(count)]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_it_needs_no_library_of_the_node(machine: str) -> None:
    """It runs in whatever the runtime has: nothing loads it, and it loads nothing."""
    load, dynamic, interpreter = 1, 2, 3
    (path,) = cnifiles.built().parent.glob(f"mooring-{machine}")
    found = program_headers(path)

    assert load in found
    assert not {dynamic, interpreter} & set(found)


# --- without any agent


@pytest.mark.parametrize("version", [*SUPPORTED, "0.1.0", "0.2.0"])
def test_version_is_answered_by_itself(node: Node, version: str) -> None:
    stdin = json.dumps(
        {"a": ["cniVersion", {"cniVersion": "x"}], "cniVersion": version}
    )
    outcome = node.run("VERSION", stdin.encode(), {"CNI_NETNS": "dummy"})

    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert output(outcome) == {
        "cniVersion": version,
        "supportedVersions": list(SUPPORTED),
    }


@pytest.mark.parametrize(
    "stdin",
    [
        b"",
        b"{",
        b'{"cniVersion"',
        b'{"cniVersion":',
        b'{"cniVersion":"',
        b'{"cniVersion":"1.0.0',
        b'{"cniVersion":"a\\"b"}',
        b'{"cniVersion":"' + b"1" * 32 + b'"}',
        b'{"cniVersion":""}',
        b'{"cniVersion":"\xff"}',
        b'{"x":{"cniVersion":"0.4.0"}}',
        b'{} {"cniVersion":"0.4.0"}',
        b'{"a":"\\',
        b'{"a":"\\"',
    ],
)
def test_version_without_a_version_is_answered_too(node: Node, stdin: bytes) -> None:
    outcome = node.run("VERSION", stdin)

    assert outcome.returncode == 0
    assert output(outcome)["cniVersion"] == "1.0.0"


@pytest.mark.parametrize("env", [{}, {"CNI_COMMAND": ""}])
def test_without_a_command_it_says_what_it_is_on_stderr(
    node: Node, env: dict[str, str]
) -> None:
    outcome = subprocess.run(
        [node.executable], env=env, capture_output=True, check=False, timeout=DEADLINE
    )

    assert (outcome.returncode, outcome.stdout) == (0, b"")
    about = outcome.stderr.decode()
    assert about.startswith("mooring 0.")
    assert about.splitlines()[1] == (
        f"CNI protocol versions supported: {', '.join(SUPPORTED)}"
    )


@pytest.mark.parametrize("command", ["add", "UPDATE", 'A"D\\D\n\x01\x7fä'])
def test_an_unknown_command_is_code_4(node: Node, command: str) -> None:
    outcome = node.run(command)

    assert outcome.returncode == 1
    assert output(outcome)["code"] == Code.INVALID_ENVIRONMENT
    assert (
        "must be one of ADD, DEL, CHECK, GC, STATUS, VERSION" in output(outcome)["msg"]
    )
    assert output(outcome)["details"][:2] == command[:2]


@pytest.mark.parametrize(
    ("command", "code"), [("ADD", 11), ("CHECK", 11), ("GC", 11), ("STATUS", 50)]
)
@pytest.mark.parametrize("left_behind", [False, True])
def test_with_the_agent_away_the_runtime_is_told(
    node: Node, command: str, code: int, left_behind: bool
) -> None:
    if left_behind:
        node.socket.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(node.socket))
    outcome = node.run(command)

    assert outcome.returncode == 1
    assert output(outcome) == {
        "cniVersion": "1.1.0",
        "code": code,
        "msg": f"{command}: nobody answers at {node.socket}",
        "details": "Connection refused" if left_behind else "No such file or directory",
    }
    assert node.pending() == []


def test_add_waits_for_an_agent_that_is_starting(node: Node) -> None:
    answers: list[Outcome] = []
    adding = threading.Thread(
        target=lambda: answers.append(
            node.run("ADD", env={"MOORING_WAIT_MS": "600000"})
        )
    )
    adding.start()
    with node.agent(honest):
        adding.join()

    assert output(answers[0])["was"] == "Add"


def test_a_socket_path_too_long_is_told(node: Node) -> None:
    outcome = node.run("ADD", env={"MOORING_SOCKET": "/" + "x" * 120})

    assert output(outcome)["code"] == 11
    assert output(outcome)["details"] == "Filename too long"


# --- with an agent that fails in the middle


def hang_up(peer: socket.socket) -> None:
    """Read a little, and leave."""


def answer_half(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(encode_answer(granted({"a": 1}))[:-1])


def hang(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def speak_another_language(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def promise_too_much(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(struct.pack("<4sII", b"MOR1", 0, LIMIT + 1))


FAILURES = [hang_up, answer_half, hang, speak_another_language, promise_too_much]


@pytest.mark.parametrize("behave", FAILURES)
@pytest.mark.parametrize(
    ("command", "code"), [("ADD", 11), ("CHECK", 11), ("GC", 11), ("STATUS", 50)]
)
def test_no_answer_is_told_and_nothing_half_is_printed(
    node: Node, behave: Callable[[socket.socket], None], command: str, code: int
) -> None:
    with rude_agent(node.socket, behave):
        outcome = node.run(command, env={"MOORING_REPLY_MS": "50"})

    assert outcome.returncode == 1
    assert output(outcome)["code"] == code
    assert str(node.socket) in output(outcome)["msg"]


@pytest.mark.parametrize("behave", FAILURES)
def test_a_del_without_an_answer_is_kept(
    node: Node, behave: Callable[[socket.socket], None]
) -> None:
    with rude_agent(node.socket, behave):
        outcome = node.run("DEL", env={"MOORING_REPLY_MS": "50"})

    assert (outcome.returncode, outcome.stdout) == (0, b"")
    assert node.pending() == [AttachmentId("mooring", "c0ffee", "eth0")]


def test_an_agent_that_stops_in_the_middle_of_a_large_call_is_survived(
    node: Node,
) -> None:
    conf = json.dumps({**CONF, "args": "x" * (LIMIT // 2)}).encode()
    with rude_agent(node.socket, hang_up):
        outcome = node.run("DEL", conf)

    assert outcome.returncode == 0
    assert node.pending() == [AttachmentId("mooring", "c0ffee", "eth0")]


def test_an_exit_code_that_is_none_becomes_1(node: Node) -> None:
    async def answer(_: Arrival) -> Answer:
        return Answer(256, b"{}")

    with node.agent(answer):
        assert node.run("ADD").returncode == 1


# --- the spool


def test_a_del_with_the_agent_away_is_kept_whole_and_replayed(node: Node) -> None:
    """RT-24: a full node on which the agent itself cannot be started."""
    outcome = node.run("DEL", env={"CNI_NETNS": "/run/netns/x", "CNI_ARGS": "A=B"})

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, b"", b"")
    (path,) = node.spool.iterdir()
    assert path.name.endswith("-c0ffee.del")
    assert path.stat().st_mode & 0o777 == 0o600
    assert node.spool.stat().st_mode & 0o777 == 0o700
    (call,) = calls().feed(path.read_bytes())
    assert call.env["CNI_NETNS"] == "/run/netns/x"
    assert json.loads(call.stdin) == CONF

    spool = Spool(node.spool, node.said.append)
    (item,) = spool.pending()
    assert isinstance(item.request, Del)
    spool.done(item)
    assert list(node.spool.iterdir()) == []


def test_a_kept_del_says_when_by_a_clock_that_nobody_can_set(node: Node) -> None:
    clock = Clock()
    before = clock.now()
    assert node.run("DEL").returncode == 0
    after = clock.now()

    (item,) = Spool(node.spool, node.said.append).pending()
    assert before <= item.since_boot <= after
    assert item.boot == clock.boot()
    assert item.request.conf.name == "mooring"


def test_a_kept_del_of_the_largest_size_is_whole(node: Node) -> None:
    """There is no room to say when: it is judged by its name, as an older one's."""
    env = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c0ffee", "CNI_IFNAME": "eth0"}
    env |= {"CNI_PATH": "/opt/cni/bin", "CNI_NETNS": "/proc/self/ns/net"}
    taken = sum(len(f"{name}={value}") + 1 for name, value in env.items())
    for spare, says in ((0, False), (200, True)):
        conf = json.dumps({**CONF, "args": ""})
        fill = "x" * (LIMIT - taken - len(conf) - spare)
        stdin = json.dumps({**CONF, "args": fill}).encode()
        assert node.run("DEL", stdin).returncode == 0
        spool = Spool(node.spool, node.said.append)
        (item,) = spool.pending()
        assert bool(item.boot) is says
        (call,) = calls().feed((node.spool / item.name).read_bytes())
        assert call.stdin == stdin
        spool.done(item)
    assert node.said == []


SLEEPLESS = """
import ctypes, os, struct, sys
sleeps = {"x86_64": (35, 230), "aarch64": (101, 115)}[os.uname().machine]
load, equal, end, kill, allow = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000
program = b"".join(struct.pack("=HBBI", *each) for each in (
    (load, 0, 0, 0), (equal, 1, 0, sleeps[0]), (equal, 0, 1, sleeps[1]),
    (end, 0, 0, kill), (end, 0, 0, allow),
))
text = ctypes.create_string_buffer(program)
whole = struct.pack("@HP", len(program) // 8, ctypes.addressof(text))
prctl = ctypes.CDLL(None).prctl
prctl.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 4]
assert prctl(38, 1, 0, 0, 0) == 0  # no new privileges
assert prctl(22, 2, whole, 0, 0) == 0  # a filter of system calls
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Executes a program that the kernel ends at its first call of nanosleep or clock_nanosleep."""


@pytest.mark.parametrize("left_behind", [False, True])
def test_rt_24_a_del_waits_for_no_agent_where_nothing_is_set(
    node: Node, left_behind: bool
) -> None:
    """With the default patience of ten seconds, which an ADD has: it sleeps, and is ended."""
    if left_behind:
        node.socket.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(node.socket))
    sleepless = (sys.executable, "-c", SLEEPLESS)
    usual = {"MOORING_WAIT_MS": ""}
    for name in ("a", "b"):
        outcome = node.run(
            "DEL", env={**usual, "CNI_CONTAINERID": name}, before=sleepless
        )
        assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, b"", b"")

    assert [whose.container for whose in node.pending()] == ["a", "b"]
    assert node.run("ADD", env=usual, before=sleepless).returncode == -signal.SIGSYS


@pytest.mark.parametrize("size", [0, 1, 60])
def test_an_executable_that_dies_while_it_writes_leaves_no_del(
    node: Node, size: int
) -> None:
    """The kernel ends it at its first byte too many; the runtime hears of no success."""
    limited = ("prlimit", "--core=0", f"--fsize={size}")
    assert node.run("DEL", before=limited).returncode == -signal.SIGXFSZ
    (half,) = node.spool.iterdir()
    assert (half.suffix, half.stat().st_size) == (".tmp", size)

    spool = Spool(node.spool, node.said.append)
    assert spool.pending() == []
    assert half.exists()
    spool.sweep()
    assert list(node.spool.iterdir()) == []
    assert len(node.said) == 1
    assert node.run("DEL").returncode == 0
    assert node.pending() == [AttachmentId("mooring", "c0ffee", "eth0")]


def test_kept_dels_come_back_in_the_order_of_the_runtime(node: Node) -> None:
    names = ["b", "a", "a", "c"]
    for name in names:
        assert node.run("DEL", env={"CNI_CONTAINERID": name}).returncode == 0

    assert [whose.container for whose in node.pending()] == names


def test_a_container_s_name_cannot_leave_the_spool(node: Node) -> None:
    for name in ("../../../evil", "a/b", "x" * 500, "", "ä\n"):
        assert node.run("DEL", env={"CNI_CONTAINERID": name}).returncode == 0

    files = sorted(p.name.split("-", 2)[2] for p in node.spool.iterdir())
    assert files == sorted(
        ["......evil.del", "ab.del", f"{'x' * 64}.del", ".del", ".del"]
    )
    assert len(node.pending()) == 1  # the long one; the others break a rule
    assert len(node.said) == 4


def test_a_del_that_cannot_be_kept_fails(node: Node) -> None:
    node.spool.parent.parent.mkdir(parents=True)
    node.spool.parent.write_text("a file where a directory should be")
    outcome = node.run("DEL")

    assert outcome.returncode == 1
    assert output(outcome)["code"] == Code.IO_FAILURE
    assert str(node.spool) in output(outcome)["msg"]
    assert output(outcome)["details"] == "Not a directory"


# --- strange surroundings


def test_it_gives_up_on_standard_input_that_never_ends(node: Node) -> None:
    reading, writing = os.pipe()
    try:
        outcome = subprocess.run(
            [node.executable],
            stdin=reading,
            env={"CNI_COMMAND": "VERSION", "MOORING_REPLY_MS": "20"},
            capture_output=True,
            check=False,
            timeout=DEADLINE,
        )
    finally:
        os.close(reading)
        os.close(writing)

    assert output(outcome)["code"] == Code.IO_FAILURE


def test_closed_standard_descriptors_are_survived(node: Node) -> None:
    shell = 'exec "$0" <&- >&- 2>&-'
    with node.agent(honest):
        outcome = subprocess.run(
            ["/bin/sh", "-c", shell, node.executable],
            env={"CNI_COMMAND": "DEL", "MOORING_SOCKET": str(node.socket)},
            check=False,
            timeout=DEADLINE,
        )

    assert outcome.returncode == 1  # the agent refuses an empty configuration
    assert node.said == []


def test_a_reader_that_is_gone_is_an_exit_code_and_no_signal(node: Node) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        outcome = subprocess.run(
            [node.executable],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            env={"CNI_COMMAND": "VERSION"},
            check=False,
            timeout=DEADLINE,
        )
    finally:
        os.close(writing)

    assert outcome.returncode == 1


@pytest.mark.parametrize("text", ["", "soon", "-1", "9" * 30, "600001", "1e3"])
def test_a_limit_that_is_none_counts_as_not_set(node: Node, text: str) -> None:
    with node.agent(honest):
        outcome = node.run("ADD", env={"MOORING_REPLY_MS": text})

    assert output(outcome)["was"] == "Add"


def test_gc_reaches_the_agent_with_its_list(node: Node) -> None:
    got: list[Gc] = []

    async def note(arrival: Arrival) -> Answer:
        request = parse(arrival.call.env, arrival.call.stdin)
        assert isinstance(request, Gc)
        got.append(request)
        return DONE

    valid = [{"containerID": "a", "ifname": "eth0"}]
    stdin = json.dumps({**CONF, "cni.dev/valid-attachments": valid}).encode()
    with node.agent(note):
        outcome = node.run("GC", stdin, {"CNI_CONTAINERID": "", "CNI_NETNS": ""})

    assert (outcome.returncode, outcome.stdout) == (0, b"")
    assert got[0].valid == {AttachmentId("mooring", "a", "eth0")}


# --- random input, with traps where C leaves the behaviour open


@pytest.fixture(scope="module")
def checked() -> Path:
    target = ROOT / "build/shim-checked"
    compile_py = str(ROOT / "native/compile.py")
    subprocess.run([sys.executable, compile_py, "--checked", target], check=True)
    return target


def draw_env(chance: random.Random) -> dict[bytes, bytes]:
    names = [b"CNI_COMMAND", b"CNI_CONTAINERID", b"CNI_NETNS", b"CNI_IFNAME", b"CNI_X"]
    commands = [b"ADD", b"DEL", b"CHECK", b"GC", b"STATUS", b"VERSION"]
    drawn = {
        name: chance.randbytes(chance.choice([0, 1, 20, 3000])).replace(b"\0", b"")
        for name in names
        if chance.random() < 0.7
    }
    drawn[b"CNI_COMMAND"] = chance.choice([*commands, b"\xff" + chance.randbytes(9)])
    return {k: v.replace(b"\0", b"\1") for k, v in drawn.items()}


def draw_stdin(chance: random.Random) -> bytes:
    sound = json.dumps({**CONF, "args": {"x": ["y", 1, None, "\\"]}}).encode()
    if chance.random() < 0.3:
        return chance.randbytes(chance.choice([0, 1, 100, 70_000]))
    broken = bytearray(sound[: chance.randrange(len(sound) + 1)] + sound)
    for _ in range(chance.randrange(4)):
        broken[chance.randrange(len(broken))] = chance.choice(b'"\\{}[]: \xff')
    return bytes(broken)


def draw_answer(chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        return chance.randbytes(chance.choice([0, 3, 11, 12, 100]))
    size = chance.choice([0, 5, LIMIT, LIMIT + 1, 2**32 - 1])
    header = struct.pack("<4sII", b"MOR1", chance.randrange(2**32), size)
    return header + chance.randbytes(5)


def test_random_input_never_crashes_it(
    tmp_path: Path, checked: Path, chance: random.Random
) -> None:
    node = Node(tmp_path, checked)

    def babble(peer: socket.socket) -> None:
        peer.sendall(draw_answer(chance))

    with rude_agent(node.socket, babble):
        for turn in range(300):
            env = draw_env(chance)
            away = chance.random() < 0.3
            env[b"MOORING_SOCKET"] = os.fsencode(
                tmp_path / "away" if away else node.socket
            )
            env[b"MOORING_SPOOL"] = os.fsencode(node.spool)
            env[b"MOORING_WAIT_MS"] = b"0"
            env[b"MOORING_REPLY_MS"] = b"2000"
            outcome = subprocess.run(
                [checked],
                input=draw_stdin(chance),
                env=env,
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )

            assert outcome.returncode >= 0, f"turn {turn}: signal {outcome.returncode}"
            assert outcome.stderr == b""
            if away and env[b"CNI_COMMAND"] == b"DEL":
                assert (outcome.returncode, outcome.stdout) == (0, b"")
            elif away and env[b"CNI_COMMAND"] != b"VERSION":
                assert outcome.returncode == 1
                assert output(outcome)["code"] in set(Code)
            elif away:
                assert output(outcome)["supportedVersions"] == list(SUPPORTED)
