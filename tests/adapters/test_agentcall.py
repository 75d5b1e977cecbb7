"""The caller's end of the agent's socket, against the real door and against bad ones."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mooring.adapters.agentcall import AgentAway, ask
from mooring.adapters.unixsocket import AgentSocket, Arrival
from mooring.core.cni.frames import Answer, Call

HELLO = Call({"MOORING_ASK": "repair"}, b"{}")
PATIENCE = 120.0


@contextmanager
def a_peer(path: Path, says: bytes) -> Iterator[None]:
    """Somebody who listens, says this to the first caller and hangs up."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()

        def serve() -> None:
            peer, _ = door.accept()
            peer.recv(65536)
            peer.sendall(says)
            peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_call_is_answered(tmp_path: Path) -> None:
    async def story() -> Answer:
        async def serve(arrival: Arrival) -> Answer:
            return Answer(7, arrival.call.env["MOORING_ASK"].encode())

        door = AgentSocket(tmp_path / "s", serve, print)
        await door.start()
        try:
            return await asyncio.to_thread(ask, tmp_path / "s", HELLO, PATIENCE)
        finally:
            await door.stop()

    assert asyncio.run(story()) == Answer(7, b"repair")


def test_where_nobody_listens_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentAway, match="No such file"):
        ask(tmp_path / "s", HELLO, PATIENCE)


def test_who_does_not_answer_is_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s"))
        door.listen()

        with pytest.raises(AgentAway, match=r"no answer within 0\.05 s"):
            ask(tmp_path / "s", HELLO, 0.05)


@pytest.mark.parametrize(
    ("says", "words"), [(b"", "without an answer"), (b"HTTP/1.1 200", "MOR1")]
)
def test_half_an_answer_is_none(tmp_path: Path, says: bytes, words: str) -> None:
    with (
        a_peer(tmp_path / "s", says),
        pytest.raises(AgentAway, match=words),
    ):
        ask(tmp_path / "s", HELLO, PATIENCE)
