"""How fast the cloud may be asked: a token bucket, slowed down by the cloud's answers.

`most` is what the operator allows. The rate falls by a fifth when the cloud says 429, at most twice
a second, because calls in flight say it together, and climbs by one call per second in every good
second: so it finds the tenancy's own limit where that is lower (RT-18, RT-48).
"""

from dataclasses import dataclass, replace

SLOWEST = 1.0
CUT, CUT_EVERY = 0.8, 0.5
JITTER = 0.25
"""By how much a pause that the cloud asks for may grow: others were told the same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`tokens` were there at moment `at`; below zero they are promised to who waits."""

    rate: float = 20.0
    most: float = 20.0
    burst: float = 20.0
    tokens: float = 20.0
    at: float = 0.0
    cut_at: float = float("-inf")


def allowed(qps: float, burst: int, now: float) -> Pace:
    """Begin with a full bucket."""
    return Pace(rate=qps, most=qps, burst=burst, tokens=burst, at=now)


def enter(pace: Pace, now: float) -> tuple[Pace, float]:
    """Promise a token and tell how long to wait for it."""
    tokens = _tokens(pace, now) - 1
    return replace(pace, tokens=tokens, at=max(now, pace.at)), max(
        0.0, -tokens / pace.rate
    )


def answered(pace: Pace) -> Pace:
    """Climb a little."""
    return replace(pace, rate=min(pace.most, pace.rate + 1 / pace.rate))


def throttled(
    pace: Pace, now: float, retry_after: float | None, chance: float = 0.0
) -> Pace:
    """Slow down, and pause for as long as the cloud says; `chance` from 0 to 1 makes it longer."""
    tokens = min(_tokens(pace, now), 0.0)
    rate = pace.rate
    if now - pace.cut_at >= CUT_EVERY:
        rate = max(min(SLOWEST, pace.most), rate * CUT)
        pace = replace(pace, cut_at=now)
    # A pause is a debt: nobody gets a token before it is paid off.
    debt = (retry_after or 0.0) * (1 + JITTER * chance) * rate
    return replace(pace, rate=rate, tokens=min(tokens, -debt), at=max(now, pace.at))


def _tokens(pace: Pace, now: float) -> float:
    return min(pace.burst, pace.tokens + max(0.0, now - pace.at) * pace.rate)
