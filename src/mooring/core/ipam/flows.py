"""Whether anybody still speaks with an address whose pod is gone.

When a pod is gone, the flows that connection tracking knows of it lead nowhere: the end at the
address is dead, whatever the other one does. They are forgotten at once, so a translation
(a hostPort, a Service) cannot go on sending packets there. A flow that appears after that was
begun, or taken up in its middle, by somebody who does not know yet. As long as there is one,
the address rests: its next pod would get that packet. The kernel forgets a SYN after two
minutes and a datagram after half a minute. A flow that it would remember for days is forgotten
here when nothing of it came for as long as it would wait for a SYN.

An address that nobody tracks flows of has none: there the cool-down alone decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import Ip

LEAD = 2.0
"""Seconds before the end of its rest from which an address is looked at."""
AGAIN = 8.0
"""Seconds that an address with a live flow rests on."""
SILENCE = 120.0
"""Seconds without a packet after which a flow is nobody's any more."""
SLACK = 1.5
"""Seconds by which two looks may disagree about a flow's remaining time."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How a flow looked, and when something of it moved last."""

    timeout: int
    at: float
    moved: float


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known between looks: each rest that began with a clean sheet, flows since then."""

    clean: Mapping[Ip, float] = field(default_factory=dict)
    sights: Mapping[bytes, Sight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look comes to.

    `forget` are flows with a dead end; `rest` are the addresses that rest on, until then,
    because of a flow; `watch` is for the next look, if all of it is done, and `undone` if the
    kernel refused to forget: then who is new to rest is new still.
    """

    forget: tuple[Flow, ...]
    rest: Mapping[Ip, float]
    why: Mapping[Ip, Flow]
    watch: Watch
    undone: Watch


def due(watch: Watch, cooling: Mapping[Ip, float], now: float) -> frozenset[Ip]:
    """Give the addresses that are to be looked at: those new to rest, and at its end."""
    return frozenset(
        address
        for address, until in cooling.items()
        if until <= now + LEAD or watch.clean.get(address) != until
    )


def trusted(cooling: Mapping[Ip, float], now: float) -> Watch:
    """Begin after a start: what is known of these was made since their pods went.

    But the last life may have ended between a pod's end and the look after it. So only a rest
    that may have been prolonged because of a flow is trusted; the others begin anew.
    """
    return Watch(
        clean={a: until for a, until in cooling.items() if until <= now + AGAIN}
    )


def judge(
    watch: Watch, cooling: Mapping[Ip, float], flows: Iterable[Flow], now: float
) -> Verdict:
    """Say which flows are to be forgotten and which addresses have to rest on."""
    known = {a: until for a, until in cooling.items() if watch.clean.get(a) == until}
    sights: dict[bytes, Sight] = {}
    seen: dict[bytes, Sight] = {}
    why: dict[Ip, Flow] = {}
    forget: list[Flow] = []
    for flow in flows:
        ends = [address for address in flow.ends if address in cooling]
        sight = seen[flow.name] = _sight(watch.sights.get(flow.name), flow, now)
        if now - sight.moved >= SILENCE or any(end not in known for end in ends):
            forget.append(flow)
            continue
        sights[flow.name] = sight
        why |= {end: flow for end in ends if cooling[end] <= now + LEAD}
    rest = dict.fromkeys(why, now + AGAIN)
    return Verdict(
        forget=tuple(forget),
        rest=rest,
        why=why,
        watch=Watch({**cooling, **rest}, sights),
        undone=Watch({**known, **rest}, seen),
    )


def _sight(before: Sight | None, flow: Flow, now: float) -> Sight:
    """See a flow; one whose remaining time did not just run down has had a packet."""
    if before is None:
        return Sight(flow.timeout, now, now)
    expected = before.timeout - (now - before.at)
    moved = now if flow.timeout > expected + SLACK else before.moved
    return Sight(flow.timeout, now, moved)
