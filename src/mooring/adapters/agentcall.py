"""The caller's end of the agent's socket: one call, one answer, as the CNI executable does it."""

import socket
import time
from pathlib import Path

from mooring.core.cni.frames import Answer, Call, Malformed, answers, encode_call

_CHUNK = 65536


class AgentAway(Exception):
    """Nobody listens, or the answer did not come; the text says why."""


def ask(path: Path, call: Call, patience: float) -> Answer:
    """Send a call and wait for its answer for `patience` seconds; raise AgentAway."""
    deadline = time.monotonic() + patience
    decoder = answers()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(patience)
            peer.connect(str(path))
            peer.sendall(encode_call(call))
            while True:
                peer.settimeout(max(deadline - time.monotonic(), 0.001))
                chunk = peer.recv(_CHUNK)
                if not chunk:
                    raise AgentAway(f"{path}: the connection ended without an answer")
                if got := decoder.feed(chunk):
                    return got[0]
    except TimeoutError:
        raise AgentAway(f"{path}: no answer within {patience:g} s") from None
    except (OSError, Malformed) as why:
        text = why.strerror if isinstance(why, OSError) and why.strerror else str(why)
        raise AgentAway(f"{path}: {text}") from why
