"""lab.yaml's content: what it may say, and how precisely a fault is told."""

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import (
    DEFAULT_SUBNETS,
    NodePlan,
    Topology,
    document,
    grown,
    parse,
)

ON_AND_OFF = ("--fast-path=on", "--conntrack=off")
"""What comes of bare words: YAML reads `on` as true."""


def fault(wish: object) -> str:
    with pytest.raises(Unreadable) as caught:
        parse(wish)
    return str(caught.value)


def subnets(**cidrs: str) -> dict[str, Any]:
    return {"subnets": {role: {"cidr": cidr} for role, cidr in cidrs.items()}}


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_wish_is_the_native_example(nothing: object) -> None:
    assert parse(nothing) == Topology()


def test_the_native_example_is_that_of_the_facts() -> None:
    topology = parse({})

    assert {s.role: (str(s.cidr), s.public) for s in topology.subnets} == {
        "api": ("10.0.0.0/29", True),
        "workers": ("10.0.1.0/24", False),
        "lb": ("10.0.2.0/24", True),
        "pods": ("10.0.32.0/19", False),
    }


def test_everything_may_be_said() -> None:
    topology = parse(
        {
            "name": "my-lab",
            "runtime": "containerd",
            "vcn": {"cidrs": ["172.16.0.0/16", "172.20.0.0/16"]},
            "subnets": {
                "api": {"cidr": "172.16.0.0/29", "public": False},
                "workers": {"cidr": "172.16.1.0/24"},
                "lb": {"cidr": "172.16.2.0/24"},
                "pods": {"cidr": "172.20.0.0/20", "public": False},
            },
            "nodes": [{"name": "big", "ocpus": 8, "maxPods": 110}, None],
        }
    )

    assert topology.nodes == (
        NodePlan(name="big", ocpus=8, max_pods=110),
        NodePlan(name="node-2"),
    )
    assert topology.subnet("pods").cidr == IPv4Network("172.20.0.0/20")
    assert not topology.subnet("api").public


def test_a_number_of_nodes_names_them() -> None:
    assert [n.name for n in parse({"nodes": 3}).nodes] == ["node-1", "node-2", "node-3"]


def test_a_fixed_shape_brings_its_own_ocpus() -> None:
    topology = parse({"nodes": [{"shape": "VM.Standard2.4", "maxPods": 90}]})

    assert topology.nodes[0].ocpus == 4
    assert parse(document(topology)) == topology


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ([], "lab: []: must be a mapping"),
        ({"nodse": 2}, "lab.nodse: 2: no such key; did you mean nodes?"),
        (
            {"zzz": 1},
            "lab.zzz: 1: no such key; known: name, runtime, proxy, ipFamilies, vcn,",
        ),
        ({3: 1}, "lab.3: 1: no such key"),
        ({"name": 7}, "name: 7: must be text"),
        ({"name": "My Lab"}, "name: 'My Lab': 1 to 12 of a-z, 0-9 and -"),
        ({"name": "thirteen-long"}, "1 to 12 of"),
        ({"name": "a-vcn"}, "must not end in -vcn"),
        ({"runtime": "docker"}, "runtime: 'docker': must be one of netns, containerd"),
        ({"runtime": None}, "runtime: None: must be one of"),
        ({"vcn": []}, "vcn: []: must be a mapping"),
        ({"vcn": {"cidr": "x"}}, "vcn.cidr: 'x': no such key; did you mean cidrs?"),
        ({"vcn": {"cidrs": []}}, "vcn.cidrs: []: must be a list of 1 to 16"),
        ({"vcn": {"cidrs": "10.0.0.0/16"}}, "must be a list"),
        ({"vcn": {"cidrs": [1]}}, "vcn.cidrs[0]: 1: must be an IPv4 CIDR block"),
        ({"vcn": {"cidrs": ["10.0.0.1/16"]}}, "no bit set behind its prefix"),
        ({"vcn": {"cidrs": ["10.0.0.0/8"]}}, "must be from /16 to /30"),
        ({"vcn": {"cidrs": ["fd00::/64"]}}, "must be an IPv4 CIDR block"),
        (
            {"vcn": {"cidrs": ["10.0.0.0/16", "10.0.128.0/17"]}},
            "vcn.cidrs[1]: '10.0.128.0/17': must not overlap vcn.cidrs[0], 10.0.0.0/16",
        ),
        (
            {"vcn": {"cidrs": ["169.254.0.0/16"]}},
            "must not overlap 169.254.0.0/16, link-local addresses",
        ),
        ({"vcn": {"cidrs": ["198.51.100.0/24"]}}, "the simulated internet"),
        ({"subnets": {"pod": {}}}, "subnets.pod: {}: no such key; did you mean pods?"),
        ({"subnets": {"pods": 1}}, "subnets.pods: 1: must be a mapping"),
        ({"subnets": {"lb": {"public": 1}}}, "subnets.lb.public: 1: must be true or"),
        (
            {"subnets": {"pods": {"public": True}}},
            "subnets.pods.public: True: pod subnets are private",
        ),
        (
            subnets(pods="10.0.1.0/25"),
            "subnets.pods.cidr: '10.0.1.0/25': must not overlap subnets.workers.cidr",
        ),
        (
            subnets(pods="192.168.0.0/20"),
            "must lie in a block of the VCN (10.0.0.0/16)",
        ),
        (
            subnets(pods="10.0.32.0/26"),
            "'10.0.32.0/26': too small: 62 pods need 66 addresses, it has 61",
        ),
        (
            {**subnets(workers="10.0.1.0/30"), "nodes": 2},
            "too small: 2 nodes need 2 addresses, it has 1",
        ),
        ({"nodes": 0}, "nodes: 0: must be from 1 to 32"),
        ({"nodes": True}, "nodes: True: must be a whole number"),
        ({"nodes": []}, "nodes: []: must be 1 to 32 nodes"),
        ({"nodes": [3]}, "nodes[0]: 3: must be a mapping"),
        (
            {"nodes": [{"nam": "a"}]},
            "nodes[0].nam: 'a': no such key; did you mean name",
        ),
        ({"nodes": [{"name": "A"}]}, "nodes[0].name: 'A': must be 1 to 63 of a-z"),
        ({"nodes": [{"name": 5}]}, "nodes[0].name: 5: must be 1 to 63"),
        (
            {"nodes": [{"name": "a"}, {"name": "a"}]},
            "nodes[1].name: 'a': must differ from the name of nodes[0]",
        ),
        (
            {"nodes": [{"shape": "Big"}]},
            "must be the name of a compute shape, like VM.",
        ),
        ({"nodes": [{"shape": 4}]}, "nodes[0].shape: 4: must be the name"),
        (
            {"nodes": [{"shape": "VM.Standard.E4.Flx"}]},
            "did you mean VM.Standard.E4.Flex?",
        ),
        ({"nodes": [{"ocpus": 0}]}, "nodes[0].ocpus: 0: must be from 1 to 64"),
        ({"nodes": [{"ocpus": "4"}]}, "nodes[0].ocpus: '4': must be a whole number"),
        (
            {"nodes": [{"shape": "VM.Standard2.4", "ocpus": 4}]},
            "nodes[0].ocpus: 4: VM.Standard2.4 has its own number; leave it out",
        ),
        ({"nodes": [{"maxPods": 257}]}, "nodes[0].maxPods: 257: must be from 1 to 256"),
        (
            {"nodes": [{"ocpus": 2, "maxPods": 32}]},
            "with 2 OCPUs carries 2 VNICs; besides the first, each serves 31 pods: 31",
        ),
    ],
)
def test_a_fault_names_field_value_and_rule(wish: object, said: str) -> None:
    assert said in fault(wish)


@pytest.mark.parametrize(
    ("agent", "arguments"),
    [
        (None, ()),
        ({}, ()),
        ({"fastPath": "off", "conntrack": "auto", "mtu": 9000, "cooldown": 30}, ()),
        ({"fastPath": "on"}, ("--fast-path=on",)),
        (yaml.safe_load("{fastPath: on, conntrack: off}"), ON_AND_OFF),
        (
            {"fastPath": "auto", "conntrack": "on"},
            ("--fast-path=auto", "--conntrack=on"),
        ),
        ({"mtu": 1500, "cooldown": 0}, ("--mtu=1500", "--cooldown=0")),
    ],
)
def test_agents_are_told_what_differs_from_their_defaults(
    agent: object, arguments: tuple[str, ...]
) -> None:
    topology = parse({"agent": agent})

    assert topology.agent.arguments == arguments
    assert parse(document(topology)) == topology


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ([], "agent: []: must be a mapping"),
        (
            {"fastpath": "on"},
            "agent.fastpath: 'on': no such key; did you mean fastPath?",
        ),
        (
            {"x": 1},
            "agent.x: 1: no such key; known: fastPath, conntrack, mtu, cooldown",
        ),
        ({"fastPath": "yes"}, "agent.fastPath: 'yes': must be one of off, on, auto"),
        ({"conntrack": 1}, "agent.conntrack: 1: must be one of auto, on, off"),
        ({"mtu": 1000}, "agent.mtu: 1000: must be from 1280 to 9216"),
        ({"cooldown": "30s"}, "agent.cooldown: '30s': must be a whole number"),
    ],
)
def test_an_option_that_no_agent_has_is_refused(agent: object, said: str) -> None:
    assert said in fault({"agent": agent})


def test_a_long_value_is_cut_short() -> None:
    assert fault({"runtime": "x" * 500}).startswith(f"runtime: '{'x' * 56}...: must")


BOTH = {"ipFamilies": ["IPv6", "IPv4"], "vcn": {"ipv6": "fd77::/60"}}


def test_a_lab_may_have_both_families() -> None:
    topology = parse(BOTH)

    assert topology.families == ("IPv6", "IPv4")
    assert topology.has_ipv6
    assert not parse({}).has_ipv6
    prefixes = [str(topology.prefix_of(s.role)) for s in topology.subnets]
    assert prefixes == [
        "fd77::/64",
        "fd77:0:0:1::/64",
        "fd77:0:0:2::/64",
        "fd77:0:0:3::/64",
    ]
    assert parse(document(topology)) == topology


@pytest.mark.parametrize(
    "value", ["IPv4", [], ["IPv4", "IPv4"], ["IPv5"], [4], None, [["IPv4"]], {}]
)
def test_wrong_families_are_refused(value: object) -> None:
    said = fault({"ipFamilies": value})

    assert said.startswith("ipFamilies: ")
    assert "must be a list of IPv4, IPv6 or both, the preferred one first" in said


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("fd00::/64", "must be a prefix of fc00::/7, from /48 to /62"),
        ("fd00::/40", "must be a prefix of fc00::/7"),
        ("2001:db8::/48", "must be a prefix of fc00::/7"),
        ("fd00::1/48", "must be a prefix of fc00::/7"),
        (5, "must be a prefix of fc00::/7"),
        ("fd00:c1::/48", "must not overlap fd00:c1::/32, the cloud's own"),
    ],
)
def test_a_wrong_prefix_is_refused(value: object, rule: str) -> None:
    said = fault({"vcn": {"ipv6": value}})

    assert said.startswith(f"vcn.ipv6: {value!r}: ")
    assert rule in said


def test_a_topology_survives_being_written() -> None:
    wish = {"name": "x", "runtime": "containerd", "nodes": [{"name": "n", "ocpus": 9}]}

    assert parse(document(parse(wish))) == parse(wish)


def test_a_standing_lab_takes_more_nodes() -> None:
    assert grown(parse({"nodes": 1}), parse({"nodes": 3})) == parse({"nodes": 3})


def test_a_standing_lab_asked_for_itself_stays() -> None:
    assert grown(Topology(), Topology()) == Topology()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"nodes": 1}, "nodes: 'node-2': a standing lab's nodes stay as they are"),
        ({"nodes": [{}, {"ocpus": 5}]}, "nodes: 'node-2'"),
        ({"runtime": "containerd"}, "runtime: 'containerd': the lab stands with netns"),
        (BOTH, "ipFamilies: 'IPv6, IPv4': the lab stands with IPv4"),
        (
            {"agent": {"fastPath": "on"}},
            "agent: '--fast-path=on': the lab stands with its defaults",
        ),
        ({"vcn": BOTH["vcn"]}, "vcn.ipv6: 'fd77::/60': the lab stands with fd00:"),
        (
            subnets(pods="10.0.64.0/19"),
            "subnets: '10.0.0.0/29, 10.0.1.0/24, 10.0.2.0/24, 10.0.64.0/19': the lab",
        ),
    ],
)
def test_a_standing_lab_does_not_change(wish: object, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        grown(Topology(), parse(wish))

    assert said in str(caught.value)


def test_the_role_of_every_subnet_is_known() -> None:
    assert [Topology().subnet(s.role) for s in DEFAULT_SUBNETS] == list(DEFAULT_SUBNETS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["name", "runtime", "proxy", "ipFamilies", "vcn", "subnets", "nodes", "agent", "x"]
)


@given(st.dictionaries(KEYS, JSON, max_size=4) | JSON)
def test_any_wish_is_read_or_refused_in_words(wish: object) -> None:
    try:
        topology = parse(wish)
    except Unreadable:
        return

    assert parse(document(topology)) == topology


PAGE = Path(__file__).parents[3] / "docs/programs/lab.md"


def test_the_example_of_the_page_is_the_default() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert parse(yaml.safe_load(example)) == Topology()
