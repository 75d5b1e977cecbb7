"""A topology as the cloud's objects: order, references, and the rules of the facts."""

from collections.abc import Iterator
from typing import Any

import pytest

from mooring.core.vcn.estate import (
    Ref,
    Wanted,
    domains,
    estate,
    pod_group,
    pod_rules,
    pod_subnet,
    resolved,
)
from mooring.core.vcn.topology import Topology, parse

LAB = Topology()


def refs(value: object) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def of(kind: str) -> dict[str, Wanted]:
    return {w.name: w for w in estate(LAB) if w.kind == kind}


def lines(role: str) -> set[str]:
    """A role's rules as `direction description`."""
    if role == "pods":
        return {f"{r['direction'][:2]} {r['description']}" for r in pod_rules(LAB)}
    body = of("security_list")[f"lab-{role}"].body
    return {f"IN {r['description']}" for r in body["ingressSecurityRules"]} | {
        f"EG {r['description']}" for r in body["egressSecurityRules"]
    }


def test_every_object_comes_after_what_it_refers_to() -> None:
    seen: set[Ref] = set()
    for wanted in estate(LAB):
        assert set(refs(dict(wanted.body))) <= seen, wanted.name
        seen.add(Ref(wanted.kind, wanted.name))

    assert {pod_group(LAB), pod_subnet(LAB)} <= seen


def test_a_node_looks_for_names_where_the_nodes_have_theirs() -> None:
    vcn, workers = of("vcn")["lab"].body, of("subnet")["lab-workers"].body
    zone = f"{vcn['dnsLabel']}.oraclevcn.com"

    assert domains(LAB) == (f"{workers['dnsLabel']}.{zone}", zone)


def test_names_are_unique_within_a_kind() -> None:
    named = [(w.kind, w.name) for w in estate(LAB)]

    assert len(set(named)) == len(named)


def test_public_subnets_leave_by_the_internet_gateway_private_ones_by_nat() -> None:
    subnets = of("subnet")

    assert {n: s.body["routeTableId"].name for n, s in subnets.items()} == {
        "lab-api": "lab-public",
        "lab-workers": "lab-private",
        "lab-lb": "lab-public",
        "lab-pods": "lab-private",
    }
    assert subnets["lab-pods"].body["prohibitPublicIpOnVnic"]
    gateway = of("route_table")["lab-private"].body["routeRules"][0]["networkEntityId"]
    assert gateway == Ref("nat_gateway", "lab-nat")


def test_private_subnets_reach_oracle_s_services_by_the_service_gateway() -> None:
    tables = of("route_table")
    last = tables["lab-private"].body["routeRules"][-1]
    (enabled,) = of("service_gateway")["lab-services"].body["services"]

    assert last == {
        "destination": "all-local-1-services-in-oracle-services-network",
        "destinationType": "SERVICE_CIDR_BLOCK",
        "networkEntityId": Ref("service_gateway", "lab-services"),
    }
    assert enabled["serviceId"].startswith("ocid1.service.oc1.local-1.")
    assert len(tables["lab-public"].body["routeRules"]) == 1


# oci-facts 5.1; "services" are the Oracle Services Network
FACTS = {
    "api": {
        "IN from workers: TCP 6443",
        "IN from workers: TCP 12250",
        "IN from workers: ICMP 3,4",
        "IN from pods: TCP 6443",
        "IN from pods: TCP 12250",
        "IN from anywhere: TCP 6443",
        "EG to workers: TCP 10250",
        "EG to workers: ICMP 3,4",
        "EG to pods: all",
        "EG to services: TCP",
        "EG to services: ICMP 3,4",
    },
    "workers": {
        "IN from api: TCP 10250",
        "IN from anywhere: ICMP 3,4",
        "IN from lb: TCP 30000-32767",
        "IN from lb: TCP 10256",
        "IN from lb: UDP 30000-32767",
        "IN from lb: UDP 10256",
        "IN from workers: all",
        "IN from pods: all",
        "EG to pods: all",
        "EG to anywhere: ICMP 3,4",
        "EG to api: TCP 6443",
        "EG to api: TCP 12250",
        "EG to workers: all",
        "EG to anywhere: TCP",
        "EG to services: TCP",
    },
    "pods": {
        "IN from workers: all",
        "IN from api: all",
        "IN from pods: all",
        "EG to pods: all",
        "EG to api: TCP 6443",
        "EG to api: TCP 12250",
        "EG to anywhere: TCP 443",
        "EG to services: TCP",
        "EG to services: ICMP 3,4",
    },
    "lb": {
        "IN from anywhere: TCP 80",
        "IN from anywhere: TCP 443",
        "EG to workers: TCP 30000-32767",
        "EG to workers: TCP 10256",
        "EG to workers: UDP 30000-32767",
        "EG to workers: UDP 10256",
    },
}


@pytest.mark.parametrize("role", sorted(FACTS))
def test_the_rules_are_those_of_the_facts(role: str) -> None:
    assert lines(role) == FACTS[role]


def test_the_pods_security_list_is_empty_so_that_their_group_alone_speaks() -> None:
    body = of("security_list")["lab-pods"].body

    assert (body["ingressSecurityRules"], body["egressSecurityRules"]) == ([], [])


def test_pods_meet_pods_by_group_and_others_by_subnet() -> None:
    ingress = [r for r in pod_rules(LAB) if r["direction"] == "INGRESS"]

    assert {(str(r["source"]), r["sourceType"]) for r in ingress} == {
        (str(pod_group(LAB)), "NETWORK_SECURITY_GROUP"),
        ("10.0.1.0/24", "CIDR_BLOCK"),
        ("10.0.0.0/29", "CIDR_BLOCK"),
    }


def test_options_stand_with_their_protocol() -> None:
    rules = of("security_list")["lab-workers"].body["ingressSecurityRules"]
    shown = {r["description"]: r for r in rules}

    assert shown["from lb: UDP 30000-32767"]["udpOptions"] == {
        "destinationPortRange": {"min": 30000, "max": 32767}
    }
    assert shown["from anywhere: ICMP 3,4"]["icmpOptions"] == {"type": 3, "code": 4}
    assert shown["from pods: all"].keys() == {
        "protocol",
        "isStateless",
        "source",
        "sourceType",
        "description",
    }


def test_a_node_is_launched_with_what_self_managed_nodes_carry() -> None:
    lab = parse({"nodes": [{"name": "big", "ocpus": 8, "maxPods": 110}]})
    node = next(w for w in estate(lab) if w.kind == "instance")

    assert node.name == "big"
    assert node.body["shapeConfig"] == {"ocpus": 8}
    assert node.body["metadata"] == {
        "oke-native-pod-networking": "true",
        "oke-max-pods": "110",
        "pod-subnets": pod_subnet(lab),
        "pod-nsgids": pod_group(lab),
    }


def test_references_are_replaced_wherever_they_stand() -> None:
    one, two = Ref("a", "1"), Ref("b", "2")
    body = {"x": one, "y": [{"z": two}, "w"], "n": 3}

    assert resolved(body, {one: "id1", two: "id2"}) == {
        "x": "id1",
        "y": [{"z": "id2"}, "w"],
        "n": 3,
    }


# IPv6.

DUAL = parse({"ipFamilies": ["IPv4", "IPv6"]})


def test_without_ipv6_nothing_speaks_of_it() -> None:
    assert not [k for w in estate(LAB) for k in w.body if "v6" in k.lower()]
    assert not [r for r in pod_rules(LAB) if "IPv6" in r["description"]]


def test_with_ipv6_every_network_has_a_prefix() -> None:
    made = {(w.kind, w.name): w.body for w in estate(DUAL)}
    subnets = {name: b for (kind, name), b in made.items() if kind == "subnet"}

    assert made["vcn", "lab"]["ipv6PrivateCidrBlocks"] == ["fd00:6d6f:6f72::/48"]
    assert not made["vcn", "lab"]["isOracleGuaAllocationEnabled"]
    prefixes = {name: body["ipv6CidrBlock"] for name, body in subnets.items()}
    assert len(set(prefixes.values())) == 4
    assert prefixes["lab-pods"] == "fd00:6d6f:6f72:3::/64"
    assert made["instance", "node-1"]["createVnicDetails"]["assignIpv6Ip"]


def test_with_ipv6_every_rule_by_address_stands_for_both_families() -> None:
    for wanted in estate(DUAL):
        for key in ("ingressSecurityRules", "egressSecurityRules"):
            rules = wanted.body.get(key, [])
            assert_twins(rules, "source" if key.startswith("in") else "destination")
    rules = [r for r in pod_rules(DUAL) if r["direction"] == "INGRESS"]
    assert_twins(rules, "source")
    said = [r["description"] for r in pod_rules(DUAL)]
    assert len(set(said)) == len(said)
    by_group = [r for r in pod_rules(DUAL) if "GROUP" in str(r.get("sourceType"))]
    assert [r["description"] for r in by_group] == ["from pods: all"]


def assert_twins(rules: list[dict[str, Any]], side: str) -> None:
    """A rule by an IPv4 block has one by the same role's IPv6 block."""
    by_block = [r for r in rules if r[f"{side}Type"] == "CIDR_BLOCK"]
    four = [r for r in by_block if ":" not in r[side]]
    six = [r for r in by_block if ":" in r[side]]
    assert [f"{r['description']} (IPv6)" for r in four] == [
        r["description"] for r in six
    ]
    assert {r["protocol"] for r in six if "icmpOptions" in r} <= {"58"}
    for one, other in zip(four, six, strict=True):
        assert one.get("tcpOptions") == other.get("tcpOptions")
