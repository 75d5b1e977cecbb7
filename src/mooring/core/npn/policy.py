"""How large a node's pool of addresses is to be: all at once, or as many as it needs.

One text says it, in the object's annotation `mooring/pool` as on the controller's command line,
where it holds for all objects that say nothing:

    preallocate
    warmTarget=8,minimum=8,maximum=62,coolDown=30
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mooring.core.cni.fields import nearest
from mooring.core.npn.capacity import MOST_PODS
from mooring.core.npn.fields import Unreadable

ANNOTATION = "mooring/pool"
PREALLOCATE = "preallocate"
LONGEST_COOL_DOWN = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPolicy:
    """An elastic pool: how many addresses are to be free, and the bounds of all.

    `maximum` None leaves it to the object's own number of pods, `cool_down` None to the agent.
    IPv6 comes in blocks that hold all pods' addresses, so only IPv4 is elastic.
    """

    warm_target: int
    minimum: int = 0
    maximum: int | None = None
    cool_down: float | None = None


NAMES: Mapping[str, tuple[str, float, float]] = {
    "warmTarget": ("warm_target", 1, MOST_PODS),
    "minimum": ("minimum", 0, MOST_PODS),
    "maximum": ("maximum", 1, MOST_PODS),
    "coolDown": ("cool_down", 0, LONGEST_COOL_DOWN),
}
"""What can be said, what it is called here, and from where to where it goes."""


def parse(
    text: str, field: str = f"metadata.annotations['{ANNOTATION}']"
) -> PoolPolicy | None:
    """Read a policy, None for preallocation; raise Unreadable."""
    return None if text.strip() == PREALLOCATE else elastic(text, field)


def elastic(text: str, field: str) -> PoolPolicy:
    """Read an elastic pool's policy; raise Unreadable."""
    said: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        if name not in NAMES or not equals:
            known = f"one of {', '.join(NAMES)}, each with =NUMBER"
            near = nearest(name, NAMES)
            meant = f"; {near} is meant" if near else ""
            raise Unreadable(field, part, f"must be {PREALLOCATE} or {known}{meant}")
        if name in said:
            raise Unreadable(field, part, f"must not say {name} twice")
        said[name] = _number(f"{field}.{name}", value, NAMES[name])
    return _policy(field, text, said)


def say(policy: PoolPolicy | None) -> str:
    """Write a policy as it is read."""
    if policy is None:
        return PREALLOCATE
    values = {name: getattr(policy, own) for name, (own, _, _) in NAMES.items()}
    return ",".join(f"{n}={v:g}" for n, v in values.items() if v is not None)


def _policy(field: str, text: str, said: Mapping[str, float]) -> PoolPolicy:
    if "warmTarget" not in said:
        raise Unreadable(field, text, f"needs warmTarget, or must be {PREALLOCATE}")
    whole = {name: int(value) for name, value in said.items()}
    found = PoolPolicy(
        warm_target=whole["warmTarget"],
        minimum=whole.get("minimum", 0),
        maximum=whole.get("maximum"),
        cool_down=said.get("coolDown"),
    )
    if found.maximum is not None and found.minimum > found.maximum:
        rule = f"must not be more than the maximum of {found.maximum}"
        raise Unreadable(f"{field}.minimum", found.minimum, rule)
    return found


def _number(field: str, value: str, bounds: tuple[str, float, float]) -> float:
    _, least, most = bounds
    whole = most != LONGEST_COOL_DOWN
    kind = "a whole number" if whole else "a number of seconds"
    try:
        number = float(int(value) if whole else float(value))
    except ValueError:
        raise Unreadable(field, value, f"must be {kind}") from None
    if not least <= number <= most:
        raise Unreadable(field, value, f"must be from {least:g} to {most:g}")
    return number
