"""The bytes between the CNI executable and the agent; no socket here.

A call is `MOR1`, the lengths of two blocks as little-endian 32-bit numbers, a
block of `NAME=value` strings each ended by a zero byte, and standard input as it
came. An answer is `MOR1`, the exit code, the length of standard output, and that
output. Each side sends one frame per connection. The spool keeps calls in this form.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from mooring.core.cni.errors import CniError
from mooring.core.cni.versions import FALLBACK
from mooring.core.net.jsontext import written

MAGIC = b"MOR1"
LIMIT = 1 << 20
"""What one frame may carry behind its header."""

ASK = "MOORING_ASK"
"""A variable of calls that no runtime sends: `mooring audit` asks the agent for something."""

_HEADER = struct.Struct("<4sII")
_T = TypeVar("_T")


class Malformed(Exception):
    """The bytes are no frame; nothing that follows on the connection can be one."""


class Call(NamedTuple):
    """One execution of the CNI executable: its variables and its standard input."""

    env: Mapping[str, str]
    stdin: bytes


class Answer(NamedTuple):
    """What the executable shall print, and the exit code it shall end with."""

    exit_code: int
    stdout: bytes = b""


DONE = Answer(0)
"""Success of a command that prints nothing."""


def granted(document: Mapping[str, object]) -> Answer:
    """Answer with a result."""
    return Answer(0, written(document) + b"\n")


def refused(error: CniError, version: str = FALLBACK) -> Answer:
    """Answer with an error object and a non-zero exit code."""
    return Answer(1, written(error.as_json(version)) + b"\n")


def encode_call(call: Call) -> bytes:
    """Write a call as a frame."""
    block = b"".join(
        f"{name}={value}".encode(errors="backslashreplace") + b"\0"
        for name, value in call.env.items()
    )
    return _HEADER.pack(MAGIC, len(block), len(call.stdin)) + block + call.stdin


def encode_answer(answer: Answer) -> bytes:
    """Write an answer as a frame."""
    header = _HEADER.pack(MAGIC, answer.exit_code, len(answer.stdout))
    return header + answer.stdout


class Decoder(Generic[_T]):
    """Collects what one peer sends; `calls()` and `answers()` make one."""

    def __init__(
        self,
        size: Callable[[int, int], int],
        build: Callable[[int, int, bytes], _T],
        limit: int,
    ) -> None:
        self._size = size
        self._build = build
        self._limit = limit
        self._buffer = bytearray()

    @property
    def idle(self) -> bool:
        """Tell whether no frame has begun."""
        return not self._buffer

    def feed(self, chunk: bytes) -> tuple[_T, ...]:
        """Take the next bytes, give the messages that they complete."""
        if not self._buffer and (whole := self._alone(chunk)) is not None:
            return (whole,)
        self._buffer += chunk
        messages = []
        while (end := self._end()) is not None:
            _, first, second = _HEADER.unpack_from(self._buffer)
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            messages.append(self._build(first, second, body))
        return tuple(messages)

    def _alone(self, chunk: bytes) -> _T | None:
        """Read what is just one frame, as nearly all comes; None for anything else."""
        if len(chunk) < _HEADER.size or not chunk.startswith(MAGIC):
            return None
        _, first, second = _HEADER.unpack_from(chunk)
        size = self._size(first, second)
        if size > self._limit or len(chunk) != _HEADER.size + size:
            return None
        return self._build(first, second, chunk[_HEADER.size :])

    def _end(self) -> int | None:
        """Find where the first frame ends, when all of it is there."""
        start = bytes(self._buffer[: len(MAGIC)])
        if not MAGIC.startswith(start):
            raise Malformed(f"a frame begins with {MAGIC!r}, not with {start!r}")
        if len(self._buffer) < _HEADER.size:
            return None
        _, first, second = _HEADER.unpack_from(self._buffer)
        size = self._size(first, second)
        if size > self._limit:
            raise Malformed(f"a frame of {size} bytes; the limit is {self._limit}")
        end = _HEADER.size + size
        return end if len(self._buffer) >= end else None


def calls(limit: int = LIMIT) -> Decoder[Call]:
    """Decode what executables send."""
    return Decoder(lambda env, stdin: env + stdin, _call, limit)


def answers(limit: int = LIMIT) -> Decoder[Answer]:
    """Decode what an agent sends."""
    return Decoder(
        lambda _, stdout: stdout, lambda code, _, body: Answer(code, body), limit
    )


def _call(env_size: int, _: int, body: bytes) -> Call:
    block = body[:env_size]
    if block and not block.endswith(b"\0"):
        raise Malformed("the block of variables does not end with a zero byte")
    env: dict[str, str] = {}
    for entry in block.decode(errors="backslashreplace").split("\0")[:-1]:
        name, equals, value = entry.partition("=")
        if not equals:
            raise Malformed(f"{name!r} is no NAME=value")
        env.setdefault(name, value)  # as getenv(3): the first one counts
    return Call(env, body[env_size:])
