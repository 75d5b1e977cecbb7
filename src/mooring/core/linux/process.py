"""Processes as values: which one it is, and whether it is still that one.

A process id alone is worth nothing once its process may have ended: the number is given
out again. The id with its start time (field 22 of /proc/PID/stat, in ticks since boot) and
the boot's id names one process for ever (proc(5)).
"""

from dataclasses import dataclass

LISTEN = "0A"  # TCP_LISTEN
ENDED = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says of a process, as far as we ask."""

    pid: int
    state: str
    parent: int
    started: int


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one boot."""

    pid: int
    started: int
    boot: str


def stat(text: str) -> Stat | None:
    """Read /proc/PID/stat; None when it is no such text (cut off, empty)."""
    # The name stands in parentheses and may hold anything, parentheses too.
    head, closed, rest = text.rpartition(")")
    fields = rest.split()
    pid = head.split(" ", 1)[0]
    if not closed or len(fields) < 20 or not pid.isdecimal():
        return None
    parent, started = fields[1], fields[19]
    if not (parent.lstrip("-").isdecimal() and started.isdecimal()):
        return None
    return Stat(int(pid), fields[0], int(parent), int(started))


def identity(record: str) -> Identity | None:
    """Read what a process wrote of itself at its start: its stat line, then the boot's id."""
    line, _, boot = record.strip().partition("\n")
    found = stat(line)
    if found is None or not boot.strip():
        return None
    return Identity(found.pid, found.started, boot.strip())


def listening(table: str, port: int) -> bool:
    """Read /proc/net/tcp or tcp6: whether a socket listens on the port."""
    rows = (line.split() for line in table.splitlines()[1:])
    return any(
        len(row) > 3 and row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port
        for row in rows
    )


def is_alive(process: Identity, boot: str, now: Stat | None) -> bool:
    """Tell whether what now has the pid is that process, and has not ended."""
    return (
        now is not None
        and process.boot == boot
        and process.started == now.started
        and now.state not in ENDED
    )
