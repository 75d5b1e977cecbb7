"""How durations, budgets and chances are written, and read back."""

import re
from datetime import timedelta

from mooring.core.vcn.limits import Budget

LONGEST = timedelta(days=1)
MOST_PER_SECOND = 100_000
LARGEST_BURST = 1_000_000

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
_BUDGET = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)/(s|m|h)(?::([0-9]{1,7}))?")


class Unread(ValueError):
    """The text is not of the form; the message says which form it is."""


def duration(text: str) -> timedelta:
    """Read `300ms`, `2s`, `1.5m` or `1h`."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Unread(f"{text!r} is no duration such as 300ms, 2s, 1.5m or 1h")
    read = timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    if read > LONGEST:
        raise Unread(f"{text!r} is longer than 24h")
    return read


def said_duration(value: timedelta) -> str:
    """Write a duration in the largest unit that needs no fraction, or in ms."""
    milliseconds = value / timedelta(milliseconds=1)
    for unit in ("h", "m", "s"):
        size = _UNITS[unit] * 1000
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds / size:g}{unit}"
    return f"{milliseconds:g}ms"


def budget(text: str) -> Budget:
    """Read `20/s`, `100/m:10`, `0.5/s:1`: a rate and how many may come at once."""
    found = _BUDGET.fullmatch(text)
    if found is None:
        raise Unread(f"{text!r} is no budget such as 20/s, 100/m or 20/s:5")
    rate = float(found[1]) / _UNITS[found[2]]
    if not 0 < rate <= MOST_PER_SECOND:
        raise Unread(f"{text!r} must be more than 0 and at most {MOST_PER_SECOND}/s")
    burst = int(found[3]) if found[3] else max(1, round(rate))
    if not 1 <= burst <= LARGEST_BURST:
        raise Unread(f"{text!r} must let 1 to {LARGEST_BURST} come at once")
    return Budget(rate, burst)


def said_budget(value: Budget) -> str:
    """Write a budget so that it reads back as the same."""
    units = (unit for unit in ("s", "m") if value.per_second * _UNITS[unit] >= 1)
    unit = next(units, "h")
    rate = round(value.per_second * _UNITS[unit], 6)
    return f"{rate:.15g}/{unit}:{value.burst}"


def rate(text: str) -> float:
    """Read a chance above 0, up to 1."""
    try:
        read = float(text)
    except ValueError:
        read = 0.0
    if not 0 < read <= 1:
        raise Unread(f"{text!r} is no chance above 0, up to 1")
    return read


def whole(text: str, least: int, most: int) -> int:
    """Read a whole number within bounds."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 19:
        raise Unread(f"{text!r} is no whole number")
    if not least <= int(text) <= most:
        raise Unread(f"{text!r} must be from {least} to {most}")
    return int(text)
