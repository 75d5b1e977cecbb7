"""Every call that has a body, with bodies made of the SDK's own models: granted or refused, never broken."""

import json
import re
from datetime import datetime
from itertools import product
from typing import Any

import pytest
import sdk_calls
from hypothesis import given, settings
from hypothesis import strategies as st
from iam_tenancy import ROOT, TENANCY, Tenancy
from sdk_bodies import ADDRESSES, NOWHERE, PARTS, Bodies, Reader, model_of, subtypes
from vcn_cloud import COMPARTMENT, START, placed
from vcn_hub import Hub

from mooring.core.vcn.api.apply import apply
from mooring.core.vcn.api.errors import CODES
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.api.requests import Drop, Outcome, Request
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.rows import from_row, to_row
from mooring.core.vcn.world import World

Json = Any
EXAMPLES = 12
SDK = {(call.method, call.path): call for call in sdk_calls.calls().values()}
READER = Reader()


def prepared() -> tuple[World, dict[str, list[str]]]:
    """Give a world with one of each kind, and the ids in it by the word of their kind."""
    place = Tenancy()
    hub = Hub(place)
    hub.everything()
    vcn = place.vcn(
        "10.0.0.0/16",
        isIpv6Enabled=True,
        ipv6PrivateCidrBlocks=["fd12::/48", "fd14::/48"],
    )
    place.post(f"/vcns/{vcn['id']}/actions/addCidr", {"cidrBlock": "10.9.0.0/16"})
    place.wait()
    subnet = place.subnet(
        vcn,
        *("10.0.1.0/24", "10.0.10.0/24"),
        ipv6CidrBlocks=["fd12::/64", "fd12:0:0:9::/64"],
        prohibitPublicIpOnVnic=False,
    )
    for other in (vcn, place.vcn("10.72.0.0/16")):
        hub.peering(other)
        hub.remote(hub.drg())
    inside = hub.inside(vcn)
    place.post("/internetGateways", {**inside, "isEnabled": True})
    place.post("/natGateways", inside)
    group = place.nsg(vcn)
    rule = {"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"}
    path = f"/networkSecurityGroups/{group['id']}/actions/addSecurityRules"
    rules = place.post(path, {"securityRules": [rule]})["securityRules"]
    instance = place.instance(subnet)
    vnic = place.attach(instance, subnet)
    place.ip(vnic)
    place.post("/privateIps", {"subnetId": subnet["id"]})
    place.post("/ipv6", {"vnicId": vnic["id"], "ipv6SubnetCidr": "fd12::/64"})
    public = place.post("/publicIps", {**hub.home, "lifetime": "RESERVED"})
    place.user("ann", "pilots")
    place.make("groups", "others")
    place.make("dynamicGroups", "nodes", matchingRule="instance.id = 'x'")
    place.policy("Allow any-user to read vcns in tenancy")
    place.wait()
    known: dict[str, list[str]] = {"rule": [one["id"] for one in rules]}
    for record in place.world.records.values():
        known.setdefault(KINDS[type(record)].word, []).append(record.id)
    for table in known["drgroutetable"]:
        known["rule"] += [one["id"] for one in hub.rules(table)]
    for one in known["drgroutedistribution"]:
        path = f"/drgRouteDistributions/{one}/drgRouteDistributionStatements"
        known["rule"] += [statement["id"] for statement in place.get(path)]
    known["service"] = [one["id"] for one in hub.services]
    query = {"compartmentId": place.compartment}
    known["image"] = [one["id"] for one in place.get("/images", **query)]
    known["compartment"] += [TENANCY]
    known["ipAddress"] = [*ADDRESSES, public["ipAddress"]]
    return place.world, known


WORLD, KNOWN = prepared()
BODIES = Bodies(KNOWN)
FIELDS = [
    route for route, operation in OPERATIONS.items() if operation.body is not None
]


KINDLESS = {  # what is no record, or need not be one
    "users": "user",
    "services": "service",
    "images": "image",
    "groups": "group",
    "tenancies": "compartment",
    "compartments": "compartment",
    "ipinventory": "vcn",
}


def places(method: str, path: str) -> list[str]:
    """Give paths of an operation: to what there is mostly."""
    if path.endswith("/resourceAvailability"):
        return ["/20190729/services/vcn/limits/vcn-count/resourceAvailability"]
    operation = OPERATIONS[method, path]
    kind, first = operation.kind, path.split("/")[1]
    word = KINDLESS.get(first, "") if kind is None else KINDS[kind].word
    ids = KNOWN.get(word, [])
    if "{key}" in path:  # of a part of the connection
        path = path.replace("{id}", KNOWN["ipsecconnection"][0])
    return [re.sub(r"\{\w+\}", one, path) for one in (*ids * 4, NOWHERE)]


def ask(method: str, path: str, body: Json, query: dict[str, str]) -> Outcome:
    return apply(
        WORLD,
        Request(
            method=method,
            path=placed(path),
            query=query,
            body=b"" if body is None else json.dumps(body).encode(),
            principal=ROOT.id,
            caller=ROOT,
            now=max(START, WORLD_NOW),
            entropy=b"entropy-entropy-",
        ),
    )


WORLD_NOW = max(record.time_created for record in WORLD.records.values())


def keys_of(model: type) -> set[str]:
    """Give all names that may stand anywhere in bodies of a model."""
    found: set[str] = set()
    todo, seen = [*subtypes(model)], set()
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            made = one()
            found |= set(made.attribute_map.values())
            for kind in made.swagger_types.values():
                name = re.sub(r"^list\[(.*)\]$", r"\1", kind)
                todo += subtypes(PARTS[name]) if name in PARTS else ()
    return found


def check_refused(outcome: Outcome, names: set[str]) -> None:
    """Hold a refusal: nothing has changed, the code is known, the message says which field."""
    assert outcome.world is WORLD
    assert outcome.changes == ()
    error = json.loads(outcome.reply.body)
    assert set(error) == {"code", "message"}
    assert CODES[error["code"]] == outcome.reply.status
    assert error["message"]
    if error["code"] == "InvalidParameter":
        (field,) = re.findall(r"^(\w+)[.\[\w\]]* ", error["message"])
        assert field in names, error["message"]
    if error["code"] == "MissingParameter":
        said = re.findall(r"\w+", error["message"].partition("missing ")[2])
        assert {said[0], said[-1]} & names, error["message"]


def told(value: Json) -> Json:
    """Give JSON as the SDK writes it: without what is null, times in one form."""
    if isinstance(value, dict):
        return {k: told(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [told(one) for one in value]
    if isinstance(value, str) and re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", value
    ):
        return datetime.fromisoformat(value).isoformat()
    return value


def check_granted(outcome: Outcome, response: str) -> None:
    """Hold an answer: the SDK's models read it without loss; what has changed can be stored."""
    body = outcome.reply.body
    if response and body:
        assert told(READER.again(body, response)) == told(json.loads(body))
    else:
        assert not body
    for change in outcome.changes:
        if not isinstance(change, Drop):
            assert from_row(to_row(change.record)) == change.record


@pytest.mark.parametrize(
    ("method", "path"), FIELDS, ids=[OPERATIONS[r].name for r in FIELDS]
)
def test_any_body_of_the_sdk_is_granted_or_refused(method: str, path: str) -> None:
    call = SDK[method, sdk_calls.bare(path)]
    model = model_of(call.body)
    names = keys_of(model) | {"action", "body", *call.parameters}
    query = {"action": "STOP"} if path == "/instances/{id}" else {}

    @settings(max_examples=EXAMPLES)
    @given(st.sampled_from(places(method, path)), BODIES.of(model))
    def each(place: str, body: Json) -> None:
        outcome = ask(method, place, body, query)
        if outcome.reply.status >= 400:
            check_refused(outcome, names)
        else:
            assert outcome.reply.status in (200, 202, 204)
            check_granted(outcome, call.response)

    each()


READS = [route for route in OPERATIONS if route[0] == "GET"]
QUERIES = {
    "compartmentId": [TENANCY, COMPARTMENT],
    "availabilityDomain": ["moor:LOCAL-1-AD-1"],
    "scope": ["REGION"],
    "drgId": KNOWN["drg"][:2],
    "vcnId": KNOWN["vcn"][-2:],
    "subnetId": KNOWN["subnet"],
    "serviceName": ["vcn", "compute"],
}
NEEDED_ONE = {"/privateIps": "subnetId", "/ipv6": "subnetId"}


@pytest.mark.parametrize(
    ("method", "path"), READS, ids=[OPERATIONS[r].name for r in READS]
)
def test_the_sdk_reads_all_that_there_is_without_loss(method: str, path: str) -> None:
    call = SDK[method, sdk_calls.bare(path)]
    needed = [
        n for n, field in OPERATIONS[method, path].query.items() if field.required
    ]
    if path in NEEDED_ONE:
        needed.append(NEEDED_ONE[path])
    read = 0
    for place in dict.fromkeys(places(method, path)):
        for values in product(*(QUERIES[name] for name in needed)):
            query = dict(zip(needed, values, strict=True))
            outcome = ask(method, place, None, query)
            if outcome.reply.status == 200:
                check_granted(outcome, call.response)
                read += 1

    assert read
