"""What a caller may not see is told like what is not there, whatever else is wrong with the call."""

import json
from collections.abc import Iterable
from dataclasses import MISSING, fields
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any, get_origin, get_type_hints

import pytest
from iam_tenancy import Tenancy
from vcn_cloud import START

from mooring.core.vcn.api.operation import Operation
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.model import Resource, WorkRequest
from mooring.core.vcn.model.kinds import KINDS

ROUTES = sorted(  # a work request is told to whoever knows its id
    (method, path)
    for (method, path), one in OPERATIONS.items()
    if one.kind not in (None, WorkRequest)
)
WORLD = Tenancy()
ANN = WORLD.user("ann", "staff")
VCN = WORLD.vcn()


def filled(kind: type[Resource]) -> Resource:
    """Make a record of a kind with only what it must have."""
    words: dict[Any, Any] = {
        str: VCN["id"],
        IPv6Address: IPv6Address("fd00::9"),
        IPv4Address: IPv4Address("10.0.0.9"),
        IPv4Network: IPv4Network("10.0.0.0/24"),
        float: 1.0,
        int: 1,
        bool: False,
        tuple: (),
    }
    hints = get_type_hints(kind)
    given = {
        field.name: words.get(get_origin(hints[field.name]) or hints[field.name])
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }
    home = WORLD.network
    common = {"id": f"ocid1.{KINDS[kind].word}.oc1..hidden", "compartment_id": home}
    return kind(**{**given, **common, "time_created": START})


def calls(operation: Operation) -> Iterable[tuple[bytes, dict[str, str]]]:
    """Give bodies and headers that may tell of an object: none at all, bad ones, others' names."""
    yield b"", {}
    yield b"", {"if-match": "zz"}
    yield b"{", {"if-match": "zz"}
    for value in ("x" * 300, VCN["id"], WORLD.nodes, 7, [], {}, [{}]):
        body = dict.fromkeys(operation.body or (), value)
        yield json.dumps(body).encode(), {}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_hidden_and_missing_answer_alike(method: str, path: str) -> None:
    operation = OPERATIONS[method, path]
    assert operation.kind is not None
    record = filled(operation.kind)
    missing = record.id.replace("hidden", "missin")
    before = WORLD.world
    for body, headers in calls(operation):
        told = []
        for id in (record.id, missing):
            WORLD.world = before.put(record)
            with WORLD.acting(ANN):
                real = path.replace("{id}", id).replace("{key}", "y")
                reply = WORLD.send(method, real, body, headers=headers).reply
            told.append((reply.status, reply.body.decode().replace(id, "…")))
        WORLD.world = before
        assert told[0] == told[1], (body, headers)
        assert told[0][0] == 404, (body, headers)


def test_who_may_use_an_object_hears_what_is_wrong_with_the_call() -> None:
    place = Tenancy()
    ann, vcn = place.user("ann", "staff"), place.vcn()
    place.policy("Allow group staff to manage vcns in tenancy")
    with place.acting(ann):
        long = place.refused("PUT", f"/vcns/{vcn['id']}", {"displayName": "x" * 300})
        other = place.refused(
            "DELETE", f"/vcns/{vcn['id']}", headers={"if-match": "zz"}
        )

    assert long[:2] == (400, "InvalidParameter")
    assert other[:2] == (412, "NoEtagMatch")
