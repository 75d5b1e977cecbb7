"""How old something is, in kubectl's words: two units at most, coarser as it gets older."""

from datetime import datetime

UNKNOWN = "<unknown>"
MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


def since(then: datetime | None, now: datetime) -> str:
    """Say how long ago that was."""
    return UNKNOWN if then is None else lasted((now - then).total_seconds())


def lasted(seconds: float) -> str:
    """Say a duration; clocks that differ by less than two seconds are forgiven."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    if whole < 2 * MINUTE:
        return f"{whole}s"
    for limit, unit, name, smaller, small in (
        (10 * MINUTE, MINUTE, "m", 1, "s"),
        (3 * HOUR, MINUTE, "m", 0, ""),
        (8 * HOUR, HOUR, "h", MINUTE, "m"),
        (2 * DAY, HOUR, "h", 0, ""),
        (8 * DAY, DAY, "d", HOUR, "h"),
        (2 * YEAR, DAY, "d", 0, ""),
        (8 * YEAR, YEAR, "y", DAY, "d"),
    ):
        if whole < limit:
            rest = whole % unit // smaller if smaller else 0
            return f"{whole // unit}{name}" + (f"{rest}{small}" if rest else "")
    return f"{whole // YEAR}y"
