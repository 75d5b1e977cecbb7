"""The spool: DELs that the executable wrote down because the agent was away.

A file holds one call as `frames` encodes it. Its name says when it was written (in
nanoseconds since 1970, twenty digits, so that names sort by time), by which process, and
for which container: `01700000000000000000-4711-a-container.del`. The name is a label; what
counts is in the file. Everything else in the directory is either still being written
(`.tmp`), was set aside (`.bad`), or is not ours.

Among the call's variables the file says when it was written in nanoseconds since boot, and of
which boot: the calendar, which the name has, may step between a DEL and the agent's next start.
Only of a file without that variable (an older executable's) the name's time counts.
"""

import re
from dataclasses import dataclass

from mooring.core.cni.errors import CniError
from mooring.core.cni.frames import Malformed, calls
from mooring.core.cni.parse import parse
from mooring.core.cni.request import Del

WRITTEN = "MOORING_WRITTEN"
"""The variable with the nanoseconds since boot and the boot's name, with a slash in between."""

_NAME = re.compile(r"([0-9]{20})-[0-9]{1,10}-[A-Za-z0-9_.-]{0,64}\.del")
_HALF = re.compile(r"[0-9]{20}-[0-9]{1,10}-[A-Za-z0-9_.-]{0,64}\.tmp")
_WRITTEN = re.compile(r"([0-9]{1,19})/([!-~]+)")
_LABEL = re.compile(r"[0-9]{20}-[0-9]{1,10}-([A-Za-z0-9_.-]{0,64})\.(?:del|tmp)\b")


class Unreadable(Exception):
    """The file is no spooled DEL."""


@dataclass(frozen=True, slots=True)
class SpooledDel:
    """A DEL that waits; when it was written tells it from a later ADD of the same container.

    `written_ns` is what the calendar said; `since_boot` are the seconds that the machine had been
    up in the boot of that name, which is "" where the file does not say.
    """

    name: str
    written_ns: int
    request: Del
    since_boot: float = 0.0
    boot: str = ""

    def precedes(self, since: float, now: "Moment") -> bool:
        """Tell whether it was written before that time since boot."""
        if self.boot:
            return self.boot != now.boot or self.since_boot < since
        return now.wall - self.written_ns / 1e9 > now.since_boot - since


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by each clock: seconds since boot, which boot, seconds since 1970."""

    since_boot: float
    boot: str
    wall: float


def is_spooled(name: str) -> bool:
    """Tell whether a file of that name waits to be carried out."""
    return _NAME.fullmatch(name) is not None


def is_half(name: str) -> bool:
    """Tell whether a file of that name is being written, or was when its writer ended."""
    return _HALF.fullmatch(name) is not None


def container_of(name: str) -> str:
    """Give the container that a file's name is labelled with, whatever became of it."""
    match = _LABEL.match(name)
    return match[1] if match else ""


def read(name: str, content: bytes) -> SpooledDel:
    """Read a file of the spool, or raise Unreadable."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise Unreadable(f"{name}: not a name of the spool")
    decoder = calls()
    try:
        found = decoder.feed(content)
        if len(found) != 1 or not decoder.idle:
            raise Unreadable(f"{name}: {len(found)} whole calls; one is the rule")
        request = parse(found[0].env, found[0].stdin)
    except (Malformed, CniError) as why:
        raise Unreadable(f"{name}: {why}") from why
    if not isinstance(request, Del):
        raise Unreadable(f"{name}: {type(request).__name__}; only DEL is spooled")
    written = _WRITTEN.fullmatch(found[0].env.get(WRITTEN, ""))
    if written is None:
        return SpooledDel(name, int(match[1]), request)
    up, boot = int(written[1]) / 1e9, written[2]
    return SpooledDel(name, int(match[1]), request, up, boot)
