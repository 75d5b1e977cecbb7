"""Every call that the local VCN answers: method and path to operation, as one table.

What the cloud has and this table has not is answered with 501 and its name (`ELSEWHERE`
gives the names of those that one is likely to meet).
"""

from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.calls import (
    addresses,
    bulk,
    compute,
    drg,
    gateways,
    identity,
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
    **addresses.ROUTES,
    **work.ROUTES,
    **publicips.ROUTES,
    **inventory.ROUTES,
    **bulk.ROUTES,
    **moves.ROUTES,
    **identity.ROUTES,
}

ELSEWHERE: dict[Route, str] = {
    ("POST", "/publicIpPools"): "CreatePublicIpPool",
    ("GET", "/publicIpPools"): "ListPublicIpPools",
    ("GET", "/publicIpPools/{id}"): "GetPublicIpPool",
    ("POST", "/vlans"): "CreateVlan",
    ("GET", "/vlans"): "ListVlans",
    ("POST", "/vtaps"): "CreateVtap",
    ("GET", "/vtaps"): "ListVtaps",
    ("POST", "/captureFilters"): "CreateCaptureFilter",
    ("GET", "/captureFilters"): "ListCaptureFilters",
    ("POST", "/byoipRanges"): "CreateByoipRange",
    ("GET", "/byoipRanges"): "ListByoipRanges",
    ("GET", "/byoipRanges/{id}"): "GetByoipRange",
    ("POST", "/compartments/{id}/actions/recoverCompartment"): "RecoverCompartment",
    ("PUT", "/users/{id}/state"): "UpdateUserState",
    ("PUT", "/users/{id}/capabilities"): "UpdateUserCapabilities",
    ("POST", "/users/{id}/uiPassword"): "CreateOrResetUIPassword",
    ("GET", "/users/{id}/authTokens"): "ListAuthTokens",
    ("POST", "/users/{id}/authTokens"): "CreateAuthToken",
    ("GET", "/tagNamespaces"): "ListTagNamespaces",
    ("POST", "/tagNamespaces"): "CreateTagNamespace",
    ("GET", "/domains"): "ListDomains",
    ("GET", "/identityProviders"): "ListIdentityProviders",
    ("GET", "/networkSources"): "ListNetworkSources",
}


def segments(path: str) -> tuple[str, ...]:
    """Take a path apart; a slash at its end means nothing."""
    return tuple(path.strip("/").split("/"))


_BY_SEGMENTS: dict[tuple[str, ...], dict[str, Operation]] = {}
for (_method, _path), _operation in OPERATIONS.items():
    _BY_SEGMENTS.setdefault(segments(_path), {})[_method] = _operation


def methods(path: tuple[str, ...]) -> dict[str, Operation]:
    """Give the operations of a path below the version, by method."""
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


def name_elsewhere(method: str, path: tuple[str, ...]) -> str | None:
    """Give the name of a call that the cloud has and this table has not."""
    for candidate in (path, templated(path)):
        name = ELSEWHERE.get((method, "/" + "/".join(candidate)))
        if name is not None:
            return name
    return None
