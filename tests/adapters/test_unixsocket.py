"""The contract of the agent's socket, and what bad peers try on the real one."""

import array
import asyncio
import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from descriptors import open_descriptors
from fakes.unixsocket import FakeAgentSocket, Gone

from mooring.adapters.unixsocket import AgentSocket, Arrival, Limits, Occupied, Serve
from mooring.core.cni.frames import (
    DONE,
    LIMIT,
    Answer,
    Call,
    answers,
    encode_call,
    granted,
)

HELLO = Call({"CNI_COMMAND": "STATUS"}, b"{}")
Ring = Callable[..., Awaitable[Answer]]
DEADLINE = 120.0  # generous: a test that hangs is told apart from a slow machine


async def connect(path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(0)
    try:
        await asyncio.get_running_loop().sock_connect(peer, str(path))
    except OSError as why:
        peer.close()
        raise Gone(str(path)) from why
    return peer


def send_with(peer: socket.socket, data: bytes, *descriptors: int) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    peer.sendmsg([data], rights)


async def hear(peer: socket.socket) -> bytes:
    """Read until the agent hangs up."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := await asyncio.wait_for(
            asyncio.get_running_loop().sock_recv(peer, 65536), DEADLINE
        ):
            data += chunk
    return data


async def ring(path: Path, call: Call, netns: int | None = None) -> Answer:
    peer = await connect(path)
    with peer:
        if netns is None:
            await asyncio.get_running_loop().sock_sendall(peer, encode_call(call))
        else:
            send_with(peer, encode_call(call), netns)
        got = answers().feed(await hear(peer))
    if not got:
        raise Gone(str(path))
    return got[0]


async def echo(arrival: Arrival) -> Answer:
    """Answer with what arrived."""
    inode = None if arrival.netns is None else os.fstat(arrival.netns).st_ino
    return granted({**arrival.call.env, "pid": arrival.pid, "inode": inode})


class House:
    """One path, and sockets of one kind on it."""

    def __init__(self, kind: str, path: Path) -> None:
        self.kind = kind
        self.path = path
        self.said: list[str] = []
        self.doors: dict[Path, FakeAgentSocket] = {}

    def a_socket(self, serve: Serve) -> AgentSocket | FakeAgentSocket:
        if self.kind == "fake":
            return FakeAgentSocket(self.path, serve, self.said.append, self.doors)
        return AgentSocket(self.path, serve, self.said.append)

    @contextlib.asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncIterator[Ring]:
        door = self.a_socket(serve)
        await door.start()
        try:
            yield self.ring
        finally:
            await door.stop()

    async def ring(self, call: Call, netns: int | None = None) -> Answer:
        if self.kind == "fake":
            visitor = FakeAgentSocket(self.path, echo, print, self.doors)
            return await visitor.call(call, netns)
        return await ring(self.path, call, netns)


@pytest.fixture(params=["real", "fake"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(request.param, tmp_path / "run/agent.sock")


def names(directory: Path) -> set[str]:
    return {p.name for p in directory.iterdir()}


# --- the contract


def test_a_call_is_answered_and_its_caller_known(house: House) -> None:
    async def story() -> None:
        async with house.serving(echo) as call:
            answer = await call(HELLO)

        assert answer == granted(
            {"CNI_COMMAND": "STATUS", "pid": os.getpid(), "inode": None}
        )

    asyncio.run(story())


def test_a_descriptor_arrives_and_is_closed_after_the_answer(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "netns"
    file.touch()

    async def story() -> None:
        descriptors = []

        async def keep(arrival: Arrival) -> Answer:
            descriptors.append(arrival.netns)
            return await echo(arrival)

        with file.open() as netns:
            async with house.serving(keep) as call:
                answer = await call(HELLO, netns.fileno())

        assert json.loads(answer.stdout)["inode"] == file.stat().st_ino
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptors[0] or -1)

    asyncio.run(story())


def test_a_defect_becomes_code_999_and_a_report(house: House) -> None:
    async def fail(_: Arrival) -> Answer:
        raise ValueError("oh")

    async def story() -> None:
        async with house.serving(fail) as call:
            answer = await call(HELLO)

        assert answer.exit_code == 1
        assert json.loads(answer.stdout)["code"] == 999
        assert house.said == ["serving failed: ValueError('oh')"]

    asyncio.run(story())


def test_calls_do_not_wait_for_each_other(house: House) -> None:
    async def story() -> None:
        second_came = asyncio.Event()

        async def wait_for_the_second(arrival: Arrival) -> Answer:
            if arrival.call.env["N"] == "2":
                second_came.set()
            await asyncio.wait_for(second_came.wait(), DEADLINE)
            return granted({})

        async with house.serving(wait_for_the_second) as call:
            both = await asyncio.gather(
                call(Call({"N": "1"}, b"")), call(Call({"N": "2"}, b""))
            )

        assert [answer.exit_code for answer in both] == [0, 0]

    asyncio.run(story())


def test_two_agents_do_not_share_a_path(house: House) -> None:
    async def story() -> None:
        async with house.serving(echo) as call:
            with pytest.raises(Occupied, match="another agent listens there"):
                await house.a_socket(echo).start()

            assert (await call(HELLO)).exit_code == 0

    asyncio.run(story())


def test_after_stop_nobody_answers_and_another_may_start(house: House) -> None:
    async def story() -> None:
        door = house.a_socket(echo)
        await door.start()
        await door.stop()
        await door.stop()
        with pytest.raises(Gone):
            await house.ring(HELLO)
        async with house.serving(echo) as call:
            assert (await call(HELLO)).exit_code == 0

    asyncio.run(story())


def test_stop_lets_calls_under_way_be_answered(house: House) -> None:
    async def story() -> None:
        came, go = asyncio.Event(), asyncio.Event()

        async def slowly(_: Arrival) -> Answer:
            came.set()
            await go.wait()
            return granted({"late": True})

        door = house.a_socket(slowly)
        await door.start()
        calling = asyncio.ensure_future(house.ring(HELLO))
        await asyncio.wait_for(came.wait(), DEADLINE)
        stopping = asyncio.ensure_future(door.stop(grace=DEADLINE))
        await asyncio.sleep(0)
        go.set()
        await stopping

        assert await calling == granted({"late": True})

    asyncio.run(story())


def test_stop_does_not_wait_for_ever(house: House) -> None:
    async def story() -> None:
        came = asyncio.Event()

        async def hang(_: Arrival) -> Answer:
            came.set()
            await asyncio.Event().wait()
            raise AssertionError

        door = house.a_socket(hang)
        await door.start()
        calling = asyncio.ensure_future(house.ring(HELLO))
        await asyncio.wait_for(came.wait(), DEADLINE)
        await door.stop(grace=0.01)

        with pytest.raises(Gone):
            await calling

    asyncio.run(story())


# --- the real one, and bad peers


@contextlib.asynccontextmanager
async def real(
    path: Path, said: list[str], limits: Limits, serve: Serve = echo
) -> AsyncIterator[None]:
    door = AgentSocket(path, serve, said.append, limits)
    await door.start()
    try:
        yield
    finally:
        await door.stop()


def test_the_socket_file_is_for_root_only_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a/b/agent.sock"

    async def story() -> None:
        async with real(path, [], Limits()):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert names(path.parent) == {"agent.sock"}

    asyncio.run(story())
    assert names(path.parent) == set()


def test_a_file_left_by_a_killed_agent_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    (tmp_path / f"agent.sock.{os.getpid()}").touch()

    async def story() -> None:
        async with real(path, [], Limits()):
            assert (await ring(path, HELLO)).exit_code == 0

    asyncio.run(story())


def test_an_agent_too_busy_to_accept_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as queue:
            busy.bind(str(path))
            busy.listen(0)
            queue.enter_context(await connect(path))
            with pytest.raises(Occupied):
                await AgentSocket(path, echo, print).start()

    asyncio.run(story())


def test_a_successor_s_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def story() -> None:
        first = AgentSocket(path, echo, print)
        await first.start()
        path.unlink()
        async with real(path, [], Limits()):
            await first.stop()
            assert (await ring(path, HELLO)).exit_code == 0

    asyncio.run(story())


def test_a_path_too_long_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)

    async def story() -> None:
        with pytest.raises(OSError, match="too long"):
            await AgentSocket(path, echo, print).start()

    asyncio.run(story())
    assert names(tmp_path) == set()


def test_a_peer_that_is_not_root_is_turned_away(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []
    program = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]); os.write(s.fileno(), b'MOR1');"
        "print(s.recv(1))"
    )
    tmp_path.chmod(0o755)
    python = Path(sys.executable).resolve()

    async def story() -> bytes:
        async with real(path, said, Limits()):
            path.chmod(0o666)
            process = await asyncio.create_subprocess_exec(
                *(python, "-I", "-S", "-c", program, path.name),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                user=65534,
                group=65534,
                cwd=tmp_path,
            )
            out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
            return out

    assert asyncio.run(story()) in {b"b''\n", b""}
    assert len(said) == 1
    assert "runs as user 65534" in said[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a frame begins with"),
        (b"MOR1" + b"\xff" * 8, "the limit is"),
        (encode_call(HELLO) * 2, "more than one call"),
        (encode_call(HELLO) + b"M", "more than one call"),
    ],
)
def test_nonsense_ends_its_own_connection_only(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits()):
            with await connect(path) as bad:
                bad.sendall(data)
                assert await hear(bad) == b""
            assert (await ring(path, HELLO)).exit_code == 0

    asyncio.run(story())
    assert len(said) == 1
    assert words in said[0]


def test_a_half_call_harms_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def story() -> None:
        async with real(path, [], Limits()):
            with await connect(path) as half:
                half.sendall(encode_call(HELLO)[:-1])
                assert (await ring(path, HELLO)).exit_code == 0
                half.sendall(encode_call(HELLO)[-1:])
                assert len(answers().feed(await hear(half))) == 1

    asyncio.run(story())


def test_a_half_call_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits(read_seconds=0.05)):
            with await connect(path) as half:
                half.sendall(encode_call(HELLO)[:-1])
                assert await hear(half) == b""

    asyncio.run(story())
    assert said == ["a peer was too slow"]


def test_a_peer_that_leaves_in_the_middle_is_told_and_one_that_looks_in_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits()):
            with await connect(path):
                pass
            with await connect(path) as half:
                half.sendall(b"MOR")
            assert (await ring(path, HELLO)).exit_code == 0

    asyncio.run(story())
    assert said == ["a peer was turned away: it left in the middle of a call"]


def test_a_call_may_come_in_crumbs(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def story() -> None:
        async with real(path, [], Limits()):
            with await connect(path) as peer:
                for byte in encode_call(HELLO):
                    peer.sendall(bytes([byte]))
                    await asyncio.sleep(0)
                assert len(answers().feed(await hear(peer))) == 1

    asyncio.run(story())


def test_the_largest_call_and_the_largest_answer_pass(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def give_back(arrival: Arrival) -> Answer:
        return Answer(0, arrival.call.stdin)

    async def story() -> Answer:
        async with real(path, [], Limits(), give_back):
            return await ring(path, Call({}, b"x" * LIMIT))

    assert asyncio.run(story()).stdout == b"x" * LIMIT


def test_a_peer_that_does_not_take_its_answer_is_left(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def much(_: Arrival) -> Answer:
        return Answer(0, bytes(LIMIT))

    async def story() -> None:
        async with real(path, said, Limits(write_seconds=0.05), much):
            with await connect(path) as deaf:
                deaf.sendall(encode_call(HELLO))
                for _ in range(3000):
                    if said:
                        break
                    await asyncio.sleep(0.01)

    asyncio.run(story())
    assert said == ["a peer was too slow"]


@pytest.mark.parametrize("count", [2, 4, 5, 50])
def test_all_descriptors_that_come_along_are_closed(tmp_path: Path, count: int) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits()):
            before = open_descriptors()
            with await connect(path) as peer:
                send_with(peer, encode_call(HELLO), *[0] * count)
                assert await hear(peer) == b""
            assert (await ring(path, HELLO)).exit_code == 0
            assert open_descriptors() == before

    asyncio.run(story())
    assert len(said) == 1
    assert "descriptors" in said[0]


def test_descriptors_of_half_calls_are_closed_too(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def story() -> None:
        async with real(path, [], Limits()):
            before = open_descriptors()
            with await connect(path) as peer:
                send_with(peer, b"MOR1", 0)
            assert (await ring(path, HELLO)).exit_code == 0
            assert open_descriptors() == before

    asyncio.run(story())


def test_more_calls_than_allowed_wait_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []
    most = 0

    async def story() -> None:
        busy = 0
        full, go = asyncio.Event(), asyncio.Event()

        async def slowly(_: Arrival) -> Answer:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            if busy == 2:
                full.set()
            await go.wait()
            busy -= 1
            return DONE

        async with real(path, said, Limits(serving=2), slowly):
            rings = [asyncio.ensure_future(ring(path, HELLO)) for _ in range(8)]
            await asyncio.wait_for(full.wait(), DEADLINE)
            await asyncio.sleep(0.05)
            go.set()
            assert await asyncio.gather(*rings) == [DONE] * 8

    asyncio.run(story())
    assert (most, said) == (2, [])


def test_who_waits_longest_goes_when_others_knock(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits(waiting=2, patience=0.01)):
            with await connect(path) as first, await connect(path) as second:
                second.sendall(b"MOR")
                assert (await ring(path, HELLO)).exit_code == 0
                assert await hear(first) == b""
                second.sendall(encode_call(HELLO)[3:])
                assert answers().feed(await hear(second))

    asyncio.run(story())
    assert said == ["a peer was turned away: others waited for its place"]


def test_nobody_gives_up_a_place_before_his_time(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        limits = Limits(waiting=1, patience=DEADLINE)
        async with real(path, said, limits):
            with await connect(path) as slow:
                slow.sendall(encode_call(HELLO)[:5])
                other = asyncio.ensure_future(ring(path, HELLO))
                await asyncio.sleep(0.05)
                assert not other.done()
                slow.sendall(encode_call(HELLO)[5:])
                assert answers().feed(await hear(slow))
                assert (await other).exit_code == 0

    asyncio.run(story())
    assert said == []


def test_the_largest_half_goes_when_all_are_too_large(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []
    call = encode_call(Call({}, b"x" * 5000))

    async def story() -> None:
        async with real(path, said, Limits(waiting_bytes=6000)):
            with (
                await connect(path) as large,
                await connect(path) as small,
                await connect(path) as third,
            ):
                large.sendall(call[:4000])
                small.sendall(call[:1500])
                await asyncio.sleep(0.05)
                third.sendall(call[:1000])
                assert await hear(large) == b""
                for peer, sent in ((small, 1500), (third, 1000)):
                    peer.sendall(call[sent:])
                    assert answers().feed(await hear(peer))
            with await connect(path) as huge:
                # What was answered does not count any more.
                huge.sendall(call[:4999])
                await asyncio.sleep(0.05)
                huge.sendall(call[4999:])
                assert answers().feed(await hear(huge))

    asyncio.run(story())
    assert len(said) == 1
    assert "half calls were too large together" in said[0]


def test_one_half_that_is_too_large_alone_goes_too(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits(waiting_bytes=100)):
            with await connect(path) as large:
                large.sendall(encode_call(Call({}, b"x" * 500))[:200])
                assert await hear(large) == b""

    asyncio.run(story())
    assert len(said) == 1


def test_who_is_turned_away_before_he_was_heard_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits(waiting=1, patience=0.0)):
            before = open_descriptors()
            peers = [await connect(path) for _ in range(50)]
            assert (await ring(path, HELLO)).exit_code == 0
            for peer in peers:
                assert await hear(peer) == b""
                peer.close()
            assert open_descriptors() == before

    asyncio.run(story())
    assert len(said) == 50


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("precious")

    async def story() -> None:
        with pytest.raises(Occupied, match="is no socket"):
            await AgentSocket(path, echo, print).start()

    asyncio.run(story())
    assert path.read_text() == "precious"


def test_out_of_descriptors_is_reported_and_survived(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    said: list[str] = []

    async def story() -> None:
        async with real(path, said, Limits()):
            waiting = await connect(path)
            with waiting, contextlib.ExitStack() as hoard:
                taken: list[int] = []
                hoard.callback(lambda: [os.close(fd) for fd in taken])
                with contextlib.suppress(OSError):
                    while len(taken) < 100_000:
                        taken.append(os.dup(0))
                waiting.sendall(encode_call(HELLO))
                for _ in range(3000):
                    if said:
                        break
                    await asyncio.sleep(0.01)
                hoard.close()
                assert answers().feed(await hear(waiting))

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        asyncio.run(story())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert any("Too many open files" in line for line in said)


# --- what is answered on the spot


def at_once(arrival: Arrival) -> Answer:
    return granted({**arrival.call.env, "pid": arrival.pid})


def test_what_needs_no_waiting_has_no_task_of_its_own(tmp_path: Path) -> None:
    house = House("real", tmp_path / "agent.sock")
    tasks: list[asyncio.Task[object] | None] = []

    def serve(arrival: Arrival) -> Answer:
        tasks.append(asyncio.current_task())
        return at_once(arrival)

    async def story() -> None:
        async with house.serving(serve):
            # The call is whole before the door is looked at.
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.connect(str(house.path))
                peer.sendall(encode_call(HELLO))
                peer.settimeout(0)
                (answer,) = answers().feed(await hear(peer))
            assert answer.exit_code == 0

    asyncio.run(story())
    assert tasks == [None]
    assert house.said == []


def test_an_answer_on_the_spot_may_be_larger_than_the_pipe(tmp_path: Path) -> None:
    house = House("real", tmp_path / "agent.sock")
    large = Answer(0, b"x" * (LIMIT - 1))

    async def story() -> Answer:
        async with house.serving(lambda _: large) as call:
            return await call(HELLO)

    assert asyncio.run(story()) == large


def test_a_defect_on_the_spot_becomes_code_999_and_a_report(tmp_path: Path) -> None:
    house = House("real", tmp_path / "agent.sock")

    def broken(_: Arrival) -> Answer:
        raise RuntimeError("boom")

    async def story() -> Answer:
        async with house.serving(broken) as call:
            return await call(HELLO)

    answer = asyncio.run(story())
    assert answer.exit_code == 1
    assert b"999" in answer.stdout
    assert "boom" in house.said[0]


def test_descriptors_are_closed_after_an_answer_on_the_spot(tmp_path: Path) -> None:
    house = House("real", tmp_path / "agent.sock")

    async def story() -> tuple[dict[str, str], dict[str, str]]:
        async with house.serving(at_once) as call:
            await call(HELLO)
            before = open_descriptors()
            fd = os.open("/proc/self/ns/net", os.O_RDONLY)
            try:
                await call(HELLO, fd)
            finally:
                os.close(fd)
            return before, open_descriptors()

    before, after = asyncio.run(story())
    assert after == before


def test_many_who_come_together_are_all_answered(tmp_path: Path) -> None:
    house = House("real", tmp_path / "agent.sock")

    async def story() -> list[Answer]:
        async with house.serving(at_once) as call:
            return await asyncio.gather(*(call(HELLO) for _ in range(100)))

    assert {answer.exit_code for answer in asyncio.run(story())} == {0}
