"""Calls that the cloud has at the same endpoints and the local VCN has not: answered 501 with their names.

A line is a method, a path below `VERSION` (or with another version before it) and the name; `#` begins
a family. `tests/core/vcn/test_vcn_contract.py` holds them against the official SDK and says what is
missing when that grows.
"""

from mooring.core.vcn.api.elsewhere import (
    compute,
    identity,
    limits,
    networks,
    pools,
    storage,
)

Segments = tuple[str, ...]

VERSION = "20160918"


def _families() -> dict[str, dict[tuple[str, str], str]]:
    """Give names by method and path, by family."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for part in (networks, compute, storage, pools, identity, limits):
        for line in part.CALLS.strip().splitlines():
            if line.startswith("#"):
                family = found.setdefault(line[1:].strip(), {})
            else:
                method, path, name = line.split()
                family[method, path] = name
    return found


FAMILIES = _families()
ELSEWHERE: dict[tuple[str, str], str] = {
    route: name for calls in FAMILIES.values() for route, name in calls.items()
}


def segments(path: str) -> Segments:
    """Take a path apart; a slash at its end means nothing."""
    return tuple(path.strip("/").split("/"))


def whole(path: str) -> Segments:
    """Give the segments of a path as tables have it, with its version."""
    found = segments(path)
    return found if found[0].isdigit() else (VERSION, *found)


_BY_SHAPE: dict[tuple[str, int], list[tuple[Segments, str]]] = {}
for (_method, _path), _name in sorted(
    ELSEWHERE.items(), key=lambda item: item[0][1].count("{id}")
):
    _shape = _method, len(whole(_path))
    _BY_SHAPE.setdefault(_shape, []).append((whole(_path), _name))
WORDS = frozenset(whole(path) for _, path in ELSEWHERE if "{id}" not in path)


def name_elsewhere(method: str, path: Segments) -> str | None:
    """Give the name of a call that the cloud has and the local VCN has not."""
    for pattern, name in _BY_SHAPE.get((method, len(path)), ()):
        if all(
            want in ("{id}", given) for want, given in zip(pattern, path, strict=True)
        ):
            return name
    return None
