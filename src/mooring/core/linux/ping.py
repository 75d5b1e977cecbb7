"""What `ping` printed, that of iputils and that of busybox."""

import re
from dataclasses import dataclass

COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
TIMES = re.compile(r"min/avg/max(?:/mdev)? = ([\d.]+)/([\d.]+)/([\d.]+)")


@dataclass(frozen=True, slots=True)
class Pinged:
    """How many went and came back; times in milliseconds, None when none came."""

    sent: int
    received: int
    average: float | None = None
    best: float | None = None


def command(address: str, count: int) -> list[str]:
    """Give the words to ping an address so many times, five times a second."""
    return ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", "1", address]


def pinged(printed: str) -> Pinged | None:
    """Read what was printed; None when it is no summary."""
    counts = COUNTS.search(printed)
    if counts is None:
        return None
    sent, received = int(counts[1]), int(counts[2])
    times = TIMES.search(printed)
    if times is None:
        return Pinged(sent, received)
    return Pinged(sent, received, average=float(times[2]), best=float(times[1]))
