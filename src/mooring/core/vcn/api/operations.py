"""Every call that the local VCN answers: method and path to operation, as one table.

What the cloud has and this table has not is answered with 501 and its name (`elsewhere`).
"""

from mooring.core.vcn.api.elsewhere import WORDS, segments
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.calls import (
    addresses,
    bulk,
    compute,
    drg,
    gateways,
    identity,
    images,
    inventory,
    moves,
    networks,
    onprem,
    publicips,
    rules,
    work,
)

VERSION = "20160918"

OPERATIONS: dict[Route, Operation] = {
    **networks.ROUTES,
    **rules.ROUTES,
    **gateways.ROUTES,
    **drg.ROUTES,
    **onprem.ROUTES,
    **compute.ROUTES,
    **images.ROUTES,
    **addresses.ROUTES,
    **work.ROUTES,
    **publicips.ROUTES,
    **inventory.ROUTES,
    **bulk.ROUTES,
    **moves.ROUTES,
    **identity.ROUTES,
}

_BY_SEGMENTS: dict[tuple[str, ...], dict[str, Operation]] = {}
for (_method, _path), _operation in OPERATIONS.items():
    _BY_SEGMENTS.setdefault(segments(_path), {})[_method] = _operation


def methods(path: tuple[str, ...]) -> dict[str, Operation]:
    """Give the operations of a path below the version, by method."""
    if path in WORDS and path not in _BY_SEGMENTS:
        return {}  # a call of the cloud's, though it looks like an object of ours
    for candidate in (path, templated(path), _keyed(path), _nested(path)):
        if candidate in _BY_SEGMENTS:
            return _BY_SEGMENTS[candidate]
    return {}


def templated(path: tuple[str, ...]) -> tuple[str, ...]:
    """Give a path with its second segment as `{id}`."""
    return (*path[:1], "{id}", *path[2:])


def _keyed(path: tuple[str, ...]) -> tuple[str, ...]:
    """Give a path with its fourth segment as `{key}` too: a part of the object of the path."""
    return (*templated(path)[:3], "{key}", *path[4:])


def _nested(path: tuple[str, ...]) -> tuple[str, ...]:
    """Give a path with its third segment as `{id}`, below the word of what it is an id of."""
    return (*path[:2], "{id}", *path[3:])
