"""Every call that the local VCN answers: method and path to operation, as one table.

What the cloud has and this table has not is answered with 501 and its name (`elsewhere`).
"""

from mooring.core.vcn.api.elsewhere import WORDS, Segments, whole
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
    servicelimits,
    work,
)

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
    **servicelimits.ROUTES,
}

_BY_SEGMENTS: dict[Segments, dict[str, Operation]] = {}
for (_method, _path), _operation in OPERATIONS.items():
    _BY_SEGMENTS.setdefault(whole(_path), {})[_method] = _operation


def methods(path: Segments) -> dict[str, Operation]:
    """Give the operations of a path, which begins with its version, by method."""
    if path in _BY_SEGMENTS:
        return _BY_SEGMENTS[path]
    if path in WORDS:
        return {}  # a call of the cloud's, though it looks like an object of ours
    for form in (_templated, _keyed, _nested):
        if (candidate := form(path)) in _BY_SEGMENTS:
            return _BY_SEGMENTS[candidate]
    return {}


def _templated(path: Segments) -> Segments:
    """Give a path with the segment behind the word of a kind as `{id}`."""
    return (*path[:2], "{id}", *path[3:])


def _keyed(path: Segments) -> Segments:
    """Give such a path with a second `{key}`: a part of the object of the path."""
    return (*_templated(path)[:4], "{key}", *path[5:])


def _nested(path: Segments) -> Segments:
    """Give a path with an `{id}` below the word of what it is an id of."""
    return (*path[:3], "{id}", *path[4:])
