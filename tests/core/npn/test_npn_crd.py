"""The schema in deploy/manifests/crd.yaml and the codec say the same of every bound.

What they say is compared value by value: for each field of the schema the values at its bounds and
one beyond go into a whole object. Rules in CEL are tried on a real API server (tests/kubernetes).
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from npn_shapes import CAPOCI, KARPENTER, KARPENTER_FIRST, OKE

from mooring.core.npn import usage as usages
from mooring.core.npn.codec import API_VERSION, KIND, Unreadable, parse
from mooring.core.npn.record import Npn

CRD = yaml.safe_load(
    (Path(__file__).parents[3] / "deploy/manifests/crd.yaml").read_text()
)
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
Path_ = tuple[str | int, ...]

PAIR = [{"v4": "10.0.0.1", "v6": "fd00::1"}]
OBJECT: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "abc"},
    "spec": {
        "id": "ocid1.instance.oc1.test.abc",
        "maxPodCount": 31,
        "podSubnetIds": ["s"],
        "networkSecurityGroupIds": ["g"],
        "ipFamilies": ["IPv4"],
        "secondaryVnics": [
            {
                "displayName": "a",
                "nicIndex": 0,
                "createVnicDetails": {
                    "displayName": "n",
                    "subnetId": "s",
                    "ipCount": 16,
                    "nsgIds": ["g"],
                    "skipSourceDestCheck": True,
                    "assignIpv6Ip": False,
                    "assignPublicIp": False,
                    "ipv6AddressIpv6SubnetCidrPairDetails": [
                        {"ipv6Address": "fd00::7", "ipv6SubnetCidr": "fd00::/64"}
                    ],
                    "applicationResources": ["r"],
                    "freeformTags": {"k": "v"},
                    "definedTags": {"space": {"k": "v"}},
                    "securityAttributes": {"space": {"k": {"value": "v"}}},
                    "ipFamilies": ["IPv4"],
                },
            }
        ],
    },
    "status": {
        "state": "SUCCESS",
        "reason": "COMPLETED",
        "message": "m",
        "compartmentId": "c",
        "workRequestId": "w",
        "observedGeneration": 1,
        "conditions": [{"type": "t", "status": "True", "reason": "r", "message": "m"}],
        "pool": {
            "warmTarget": 8,
            "minimum": 0,
            "maximum": 256,
            "coolDown": 30,
            "serial": 1,
        },
        "usage": {
            "serial": 1,
            "used": 1,
            "free": 1,
            "cooling": 0,
            "addresses": {"held": ["10.0.0.1"], "cooling": [], "free": []},
            "vnics": [{"vnicId": "v", "link": "ens5", "table": 7001}],
        },
        "vnicCount": 1,
        "vnics": [
            {
                "vnicId": "v",
                "macAddress": "02:00:17:00:00:01",
                "nicIndex": 0,
                "vlanTag": 0,
                "nicConfiguration": {
                    "ipCount": 31,
                    "ipFamilies": ["IPv4"],
                    "subnetId": "s",
                    "subnet": "s",
                    "nsgs": ["g"],
                    "networkSecurityGroupIds": ["g"],
                    "applicationResources": ["r"],
                },
                "subnetCidr": "10.0.0.0/24",
                "subnetCidrs": [{"v4": "10.0.0.0/24", "v6": "fd00::/64"}],
                "routerIp": "10.0.0.1",
                "routerIps": PAIR,
                "hostAddress": "10.0.0.1",
                "hostAddresses": PAIR,
                "addresses": ["10.0.0.9"],
                "podAddresses": PAIR,
            }
        ],
    },
}

UNREAD = {"vnicCount", "createVnicDetails.ipFamilies"}
"""Nothing of ours reads these: whatever stands there is fine."""
STRICTER = {
    *("v4", "v6", "subnetCidr", "routerIp", "hostAddress", "addresses"),
    *("held", "cooling", "free", "macAddress", "ipv6Address", "ipv6SubnetCidr"),
}
"""Addresses: that a text is one, the codec tells, and of the spec's a rule in CEL (tried on a real server)."""
OLD: Mapping[str | int, str] = {
    "subnet": "subnetId",
    "nsgs": "networkSecurityGroupIds",
    "addresses": "podAddresses",
    "subnetCidr": "subnetCidrs",
    "routerIp": "routerIps",
    "hostAddress": "hostAddresses",
}
"""First spellings: read only where the second one is absent."""


def kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array"}
    return names.get(type(value), "object")


def fits(schema: Mapping[str, Any], value: object) -> bool:
    """What the API server says of a value, its rules in CEL aside."""
    if value is None:
        return bool(schema.get("nullable")) or "default" in schema
    found, wanted = kind(value), schema["type"]
    if found != wanted and not (found == "integer" and wanted == "number"):
        return False
    if value not in schema.get("enum", [value]):
        return False
    check = CHECKS.get(wanted)
    return check is None or check(schema, value)


def fits_number(schema: Mapping[str, Any], value: Any) -> bool:
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)


def fits_text(schema: Mapping[str, Any], value: str) -> bool:
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
    return least <= len(value) <= most and (
        "pattern" not in schema or bool(re.search(schema["pattern"], value))
    )


def fits_list(schema: Mapping[str, Any], value: list[Any]) -> bool:
    few = len(value) <= schema.get("maxItems", len(value))
    return few and all(fits(schema.get("items", ANY), item) for item in value)


def fits_object(schema: Mapping[str, Any], value: dict[str, Any]) -> bool:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", ANY)
    return all(name in value for name in schema.get("required", ())) and all(
        known.get(name, rest) is ANY or fits(known.get(name, rest), each)
        for name, each in value.items()
    )


ANY: Mapping[str, Any] = {}
CHECKS = {
    "integer": fits_number,
    "number": fits_number,
    "string": fits_text,
    "array": fits_list,
    "object": fits_object,
}


def fields(schema: Mapping[str, Any], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every field below spec and status with its schema; lists by their first item."""
    if len(path) > 1:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        if path or name in {"spec", "status"}:
            yield from fields(inner, (*path, name))
    if "items" in schema:
        yield from fields(schema["items"], (*path, 0))


def values(schema: Mapping[str, Any], now: Any) -> Iterator[Any]:
    """At each bound and one beyond, of other types, and nothing."""
    yield from (None, True, 7, 1.5, "text", [], {}, [None], ["x"], [{}])
    yield from schema.get("enum", ())
    around = (-1, 0, 1)
    for bound in schema.keys() & {"minimum", "maximum"}:
        yield from (schema[bound] + more for more in around)
    for bound in schema.keys() & {"minLength", "maxLength"}:
        yield from ("x" * max(schema[bound] + more, 0) for more in around)
    if now and isinstance(now, list):
        for more in around:
            yield deepcopy(now) * (schema["maxItems"] + more)
    if now and isinstance(now, dict):
        yield from ({k: v for k, v in now.items() if k != name} for name in now)


def at(document: Any, path: Path_) -> Any:
    for step in path:
        document = document[step]
    return document


def put(path: Path_, value: object) -> dict[str, Any]:
    document = deepcopy(OBJECT)
    for depth, step in enumerate(path):
        if step in OLD:
            at(document, path[:depth]).pop(OLD[step], None)
    at(document, path[:-1])[path[-1]] = value
    return document


def read(document: dict[str, Any]) -> Npn:
    npn = parse(document)
    usage = (document.get("status") or {}).get("usage")
    if usage is not None:
        usages.read(usage)
    return npn


def readable(document: dict[str, Any]) -> bool:
    try:
        read(document)
    except Unreadable:
        return False
    return True


def known_by_cel(document: dict[str, Any]) -> bool:
    """Tell whether a rule in CEL refuses it, as the rule has it; the real ones are tried on a real server.

    `status.pool`, `status.vnics[].nicConfiguration.ipFamilies` are the controller's own: no rule there.
    """
    spec = document["spec"]
    profiles = spec.get("secondaryVnics") or []
    names = [name_of(profile, i) for i, profile in enumerate(profiles)]
    families = spec.get("ipFamilies") or ["IPv4"]
    count = 32 if "IPv4" in families else 256
    total = sum(p["createVnicDetails"].get("ipCount") or count for p in profiles)
    end = spec["id"].rpartition(".")[2].lower()
    return (
        len(set(names)) < len(names)
        or len(set(families)) < len(families)
        or total > 256
        or not (profiles or spec.get("podSubnetIds"))
        or document["metadata"]["name"] != end
    )


def name_of(profile: dict[str, Any], index: int) -> str:
    details = profile["createVnicDetails"]
    found = details.get("displayName") or profile.get("displayName")
    return str(found or f"SVnic {index}")


def written_by_us(document: dict[str, Any]) -> bool:
    """Tell whether the status breaks a rule that only its writer, which is ours, has to keep."""
    pool = (document.get("status") or {}).get("pool") or {}
    nics = (document.get("status") or {}).get("vnics") or []
    listed = [(n.get("nicConfiguration") or {}).get("ipFamilies") or [] for n in nics]
    return any(len(set(f)) < len(f) for f in listed) or (
        (pool.get("minimum") or 0) > (pool.get("maximum") or 256)
    )


CASES = [
    pytest.param(path, schema, id=".".join(map(str, path)))
    for path, schema in fields(SCHEMA)
]


def test_the_object_that_all_begins_with_has_every_field() -> None:
    assert fits(SCHEMA, OBJECT)
    assert readable(OBJECT)
    for path, _ in fields(SCHEMA):
        if path[-1] != 0 or at(OBJECT, path[:-1]):
            at(OBJECT, path)


@pytest.mark.parametrize(("path", "schema"), CASES)
def test_schema_and_codec_agree(path: Path_, schema: Mapping[str, Any]) -> None:
    names = [str(step) for step in path if isinstance(step, str)]
    unread = ".".join(names[-2:]) in UNREAD or names[-1] in UNREAD
    empty = path[-1] == 0 and not at(OBJECT, path[:-1])
    now = None if empty else at(OBJECT, path)
    for value in values(schema, now):
        document = put(path[:-1], [value]) if empty else put(path, value)
        accepted = fits(SCHEMA, document)
        told = f"{'.'.join(map(str, path))} = {str(value)[:80]}"
        if accepted and (unread or names[-1] in STRICTER or written_by_us(document)):
            continue
        if accepted and known_by_cel(document):
            assert not readable(document) or names == ["spec", "id"], told
        elif accepted:
            read(document)
        elif not unread and value not in (
            None,
            [None],
        ):  # null is absent, for the codec
            assert not readable(document), told


@pytest.mark.parametrize(
    "document",
    [KARPENTER, KARPENTER_FIRST, CAPOCI, OKE],
    ids=["karpenter", "karpenter-first", "capoci", "oke"],
)
def test_what_others_write_is_taken_as_it_is(document: dict[str, Any]) -> None:
    assert fits(SCHEMA, document)
    read(document)


def test_the_resource_is_named_as_everybody_knows_it() -> None:
    names = CRD["spec"]["names"]
    columns = VERSION["additionalPrinterColumns"]

    assert CRD["metadata"]["name"] == f"{names['plural']}.{CRD['spec']['group']}"
    assert f"{CRD['spec']['group']}/{VERSION['name']}" == API_VERSION
    assert names["kind"] == KIND
    assert names["shortNames"] == ["npn", "npns"]
    assert CRD["spec"]["scope"] == "Cluster"
    assert VERSION["subresources"] == {"status": {}}
    assert [c["name"] for c in columns if not c.get("priority")][:2] == [
        "State",
        "Reason",
    ]
    assert [c["name"] for c in columns if c.get("priority")] == [
        "Node",
        "VNICs",
        "Used",
        "Free",
    ]


# The facts (oci-facts 1.2 and 1.3), field by field, as (least, most) of a number, a text or a list.

PROFILE = "spec.secondaryVnics[].createVnicDetails"
VNIC = "status.vnics[]"
NIC = f"{VNIC}.nicConfiguration"
FACTS: Mapping[str, tuple[int | None, int | None]] = {
    "spec.id": (1, 128),
    "spec.maxPodCount": (1, 256),
    "spec.networkSecurityGroupIds": (0, 5),
    "spec.podSubnetIds": (0, 5),
    "spec.ipFamilies": (1, 2),
    "spec.secondaryVnics": (0, 64),
    "spec.secondaryVnics[].displayName": (None, None),
    "spec.secondaryVnics[].nicIndex": (None, None),
    f"{PROFILE}.assignIpv6Ip": (None, None),
    f"{PROFILE}.assignPublicIp": (None, None),
    f"{PROFILE}.definedTags": (None, None),
    f"{PROFILE}.displayName": (None, None),
    f"{PROFILE}.ipCount": (None, None),
    f"{PROFILE}.applicationResources": (None, None),
    f"{PROFILE}.freeformTags": (None, None),
    f"{PROFILE}.securityAttributes": (None, None),
    f"{PROFILE}.ipv6AddressIpv6SubnetCidrPairDetails": (None, None),
    f"{PROFILE}.ipv6AddressIpv6SubnetCidrPairDetails[].ipv6Address": (None, None),
    f"{PROFILE}.ipv6AddressIpv6SubnetCidrPairDetails[].ipv6SubnetCidr": (None, None),
    f"{PROFILE}.nsgIds": (None, None),
    f"{PROFILE}.skipSourceDestCheck": (None, None),
    f"{PROFILE}.subnetId": (None, None),
    f"{PROFILE}.ipFamilies": (None, None),
    "status.state": (None, None),
    "status.reason": (None, None),
    "status.vnics": (None, None),
    f"{VNIC}.vnicId": (1, None),
    f"{VNIC}.macAddress": (1, None),
    f"{NIC}.ipCount": (1, 256),
    f"{NIC}.ipFamilies": (1, 2),
    f"{NIC}.subnet": (1, 255),
    f"{NIC}.nsgs": (0, 5),
    f"{NIC}.subnetId": (None, None),
    f"{NIC}.networkSecurityGroupIds": (None, None),
    f"{NIC}.applicationResources": (0, 1),
    f"{VNIC}.subnetCidr": (1, None),
    f"{VNIC}.subnetCidrs": (1, None),
    f"{VNIC}.routerIp": (1, 128),
    f"{VNIC}.routerIps": (None, None),
    f"{VNIC}.addresses": (1, 256),
    f"{VNIC}.podAddresses": (1, 256),
    f"{VNIC}.hostAddress": (None, None),
    f"{VNIC}.hostAddresses": (None, None),
    f"{VNIC}.nicIndex": (None, None),
    f"{VNIC}.vlanTag": (None, None),
}
DEFAULTS = {"spec.maxPodCount": 31, f"{NIC}.ipCount": 31}
EMPTY_IS_ABSENT = {
    *("spec.ipFamilies", f"{NIC}.ipFamilies"),
    *(f"{VNIC}.subnetCidrs", f"{VNIC}.addresses", f"{VNIC}.podAddresses"),
}
"""Lists that may be empty here though the facts have one item at least: Go writes an empty list for nothing."""


def in_facts(path: Path_) -> str:
    words = "".join("[]" if step == 0 else f".{step}" for step in path)
    return words.removeprefix(".")


def bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    kinds = {"integer": "imum", "string": "Length", "array": "Items"}
    word = kinds.get(schema["type"], "")
    return schema.get(f"min{word}"), schema.get(f"max{word}")


def test_every_field_of_the_facts_is_there_with_its_bounds() -> None:
    here = {in_facts(path): schema for path, schema in fields(SCHEMA)}
    assert FACTS.keys() <= here.keys()
    for name, (least, most) in FACTS.items():
        low, high = bounds(here[name])
        if name in EMPTY_IS_ABSENT:
            assert (least, low) == (1, None), name
        elif least is not None:
            assert (low or 0) == least, name
        if most is not None:
            assert high == most, name


def test_defaults_are_those_of_the_facts() -> None:
    here = {in_facts(path): schema for path, schema in fields(SCHEMA)}
    found = {name: s["default"] for name, s in here.items() if "default" in s}

    assert found == DEFAULTS
    assert set(here["status.state"]["enum"]) == {
        *("BACKOFF", "IN_PROGRESS", "SUCCESS"),
        "",  # before the first turn
    }


def test_what_the_facts_require_is_required() -> None:
    spec = SCHEMA["properties"]["spec"]

    assert spec["required"] == ["id"]
    assert SCHEMA["required"] == ["spec"]
