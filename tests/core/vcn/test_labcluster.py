"""A lab with Kubernetes: what may be said of it, and what its cloud has besides."""

from typing import Any

import pytest

from mooring.core.vcn.estate import Ref, Wanted, estate, pod_rules
from mooring.core.vcn.labcluster import CONTROL, of_families, services
from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import Topology, document, grown, parse

WISH: dict[str, Any] = {"runtime": "kubernetes"}
DUAL = parse({**WISH, "ipFamilies": ["IPv6", "IPv4"]})
LAB = parse(WISH)


def fault(wish: object) -> str:
    with pytest.raises(Unreadable) as caught:
        parse(wish)
    return str(caught.value)


def instance(topology: Topology, name: str) -> Wanted:
    (found,) = [w for w in estate(topology) if (w.kind, w.name) == ("instance", name)]
    return found


def lists(topology: Topology, role: str) -> set[str]:
    (found,) = [
        w
        for w in estate(topology)
        if (w.kind, w.name) == ("security_list", f"lab-{role}")
    ]
    ways = ("ingressSecurityRules", "egressSecurityRules")
    return {f"{way[:2]} {r['description']}" for way in ways for r in found.body[way]}


def test_kube_proxy_s_mode_is_said_and_kept() -> None:
    iptables = parse({**WISH, "proxy": "iptables"})

    assert (LAB.proxy, iptables.proxy) == ("nftables", "iptables")
    assert parse(document(iptables)) == iptables
    assert "proxy" not in document(Topology())


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({**WISH, "proxy": "ipvs"}, "proxy: 'ipvs': must be one of nftables, iptables"),
        ({"proxy": "iptables"}, "proxy: 'iptables': kube-proxy runs with runtime"),
        ({**WISH, "nodes": [{"name": "control"}]}, "nodes[0].name: 'control': is the"),
        (
            {
                **WISH,
                "vcn": {"cidrs": ["10.0.0.0/16", "10.96.0.0/16"]},
            },
            "vcn.cidrs[1]: '10.96.0.0/16': must not overlap 10.96.0.0/16, the cluster's",
        ),
        (
            {**WISH, "vcn": {"ipv6": "fd00:96::/48"}},
            "vcn.ipv6: 'fd00:96::/48': must not overlap fd00:96::/112",
        ),
    ],
)
def test_a_fault_names_field_value_and_rule(wish: object, said: str) -> None:
    assert said in fault(wish)


def test_without_kubernetes_these_are_no_faults() -> None:
    assert parse({"nodes": [{"name": "control"}]}).nodes[0].name == "control"


def test_a_standing_cluster_keeps_its_proxy() -> None:
    with pytest.raises(Unreadable, match="proxy: 'iptables': the lab stands with"):
        grown(LAB, parse({**WISH, "proxy": "iptables"}))


def test_the_control_plane_is_an_instance_in_the_api_subnet() -> None:
    vnic = instance(LAB, CONTROL).body["createVnicDetails"]

    assert vnic["subnetId"] == Ref("subnet", "lab-api")
    assert vnic["hostnameLabel"] == "control"
    assert "metadata" not in instance(LAB, CONTROL).body
    assert CONTROL not in {w.name for w in estate(Topology())}


def test_nodes_say_their_pods_families() -> None:
    told = instance(DUAL, "node-1").body["metadata"]

    assert told["oke-ip-families"] == "IPv6,IPv4"
    assert told["oke-native-pod-networking"] == "true"
    plain = instance(Topology(), "node-1").body["metadata"]
    assert "oke-ip-families" not in plain


def test_pods_and_nodes_reach_names_and_pods_reach_nodes() -> None:
    api = lists(LAB, "api") - lists(Topology(), "api")
    workers = lists(LAB, "workers") - lists(Topology(), "workers")
    plain = {rule["description"] for rule in pod_rules(Topology())}
    pods = {rule["description"] for rule in pod_rules(LAB)} - plain

    assert api == {f"in from {who}: {p} 53" for who in ("workers", "pods") for p in TCP}
    assert workers == {f"eg to api: {p} 53" for p in TCP}
    assert pods == {"to api: TCP 53", "to api: UDP 53", "to workers: all"}


TCP = ("TCP", "UDP")


def test_services_have_their_families_in_order() -> None:
    found = services(("IPv6", "IPv4"))

    assert [str(each) for each in found.cidrs] == ["fd00:96::/112", "10.96.0.0/16"]
    assert (found.dns, found.api[1]) == (("fd00:96::a", "10.96.0.10"), "10.96.0.1")


@pytest.mark.parametrize(
    ("families", "kept"),
    [
        (("IPv4",), ("10.0.0.3",)),
        (("IPv6",), ("fd00::3",)),
        (("IPv6", "IPv4"), ("fd00::3", "10.0.0.3")),
    ],
)
def test_one_address_per_family_counts(
    families: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    assert of_families(("10.0.0.3", "fd00::3", "fd00::4"), families) == kept
    assert of_families((), families) == ()
