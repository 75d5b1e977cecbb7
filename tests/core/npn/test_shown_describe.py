"""What `mooring describe node` says of a node."""

from copy import deepcopy
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from core.npn.shown_builders import (
    BORN,
    NOW,
    VNIC,
    Json,
    a_node,
    a_pod,
    a_vnic,
    an_event,
    an_npn,
    ready,
)

from mooring.core.npn.record import Condition
from mooring.core.npn.shown import things
from mooring.core.npn.shown.describe import Own, Told, Way, lines, runs
from mooring.core.npn.shown.view import Source, View

SILENT = Told()
WAY = Way(link="ens5", table="7001", rule="510: from all fwmark 0x10000 lookup 7001")


def described(
    npn: Json | None = None,
    node: Json | None = None,
    *pods: Json,
    told: Told = SILENT,
    events: tuple[Json, ...] = (),
    unknown: Source | None = None,
    has: frozenset[Source] = frozenset(Source),
) -> list[str]:
    view = View(
        now=NOW,
        has=has,
        unknown=frozenset({unknown} - {None}),
        npns=(things.npn(npn),) if npn else (),
        nodes=(things.node(node),) if node else (),
        pods=tuple(map(things.pod, pods)),
        events=tuple(map(things.event, events)),
    )
    seen = view.npns[0] if npn else None
    return list(lines(view, view.nodes[0] if node else None, seen, told))


def test_a_node_is_described_whole() -> None:
    text = described(
        an_npn(vnics=(a_vnic(six=True),)),
        a_node(taints=[{"key": "mooring/no-addresses", "effect": "NoSchedule"}]),
        a_pod("web", "10.0.8.10", "fd00:8::a"),
        told=Told(
            ways={VNIC: WAY}, own=Own(repairs=("2026-11-21T11:00:00Z  a route",))
        ),
        events=(an_event(), an_event(deprecatedCount=3, type="Warning")),
    )

    assert (
        "\n".join(text)
        == f"""\
Name:          node-1
Status:        Ready
Internal IPs:  10.0.1.2
Taints:        mooring/no-addresses:NoSchedule
Max pods:      110 (kubelet), 3 (object)
Instance:      ocid1.instance.oc1..aaaa
NativePodNetwork:
  Name:      aaaa
  State:     SUCCESS
  Reason:    COMPLETED
  Message:   <none>
  Families:  IPv4
  Age:       60m
Pool:
  Policy:       preallocate
  Offered:      IPv4 3, IPv6 3
  Used:         1
  Free:         2
  Cooling:      0
  Last change:  <none>
VNICs:
  {VNIC}
    MAC:             02:00:17:00:00:01
    Subnet:          ocid1.subnet.oc1..pods
    Blocks:          10.0.8.0/24,fd00:8::/64
    Routers:         10.0.8.1,fe80::1
    Host addresses:  10.0.8.9
    NSGs:            nsg-a
    IPv4 for pods:   3: 10.0.8.10-10.0.8.12
    IPv6 for pods:   3: fd00:8::a-fd00:8::c
    Pods:            1
    Link:            ens5
    Table:           7001
    Rule:            510: from all fwmark 0x10000 lookup 7001
Conditions:
  TYPE        STATUS   REASON     MESSAGE
  IPv4Ready   True     Complete   <none>
Agent:
  Trouble:  <none>
Repairs:
  2026-11-21T11:00:00Z  a route
Pods:
  NAMESPACE   NAME   STATUS    IPS                   VNIC
  default     web    Running   10.0.8.10,fd00:8::a   …bbbbcccc
Events:
  LAST SEEN   TYPE      REASON           FROM               MESSAGE
  60s         Normal    NPN_CR_Success   nativepodnetwork   3 addresses
  60s (x3)    Warning   NPN_CR_Success   nativepodnetwork   3 addresses"""
    )


AGENT = a_pod("vcn-native-ip-cni-x", "10.0.1.2", hostNetwork=True)
AGENT["metadata"] |= {
    "namespace": "kube-system",
    "labels": {"app": "vcn-native-ip-cni"},
}
ASK = "python3 -m mooring describe node node-1"


ASKED = [
    "Agent:",
    "  Trouble:  <unknown>",
    "  Repairs:  <unknown>",
    f"  Ask it:   kubectl exec -n kube-system vcn-native-ip-cni-x -- {ASK}",
]


def test_from_afar_a_vnic_has_its_link_and_who_knows_the_repairs_is_said() -> None:
    text = described(an_npn(), a_node(), AGENT, told=Told(ways={VNIC: WAY}))

    place = text.index("    Link:            ens5")
    assert text[place + 1 : place + 3] == [
        "    Table:           7001",
        "    Rule:            510: from all fwmark 0x10000 lookup 7001",
    ]
    assert text[text.index("Agent:") :][:4] == ASKED


def test_a_vnic_that_is_not_among_those_told_is_not_taken() -> None:
    text = described(an_npn(), a_node(), AGENT, told=Told(ways={"another": WAY}))

    assert "    Table:           none: the agent has not taken this VNIC" in text
    assert text[text.index("Agent:") :][:4] == ASKED


def test_of_an_agent_that_tells_no_link_the_table_is_not_known() -> None:
    text = described(an_npn(), a_node(), AGENT)

    assert "    Table:           <unknown>: see Agent below" in text
    assert text[text.index("Agent:") :][:4] == ASKED


def test_an_agent_that_goes_or_is_elsewhere_is_not_asked() -> None:
    going, other = deepcopy(AGENT), deepcopy(AGENT)
    going["metadata"]["deletionTimestamp"] = BORN
    other["spec"]["nodeName"] = "node-2"

    text = described(an_npn(), a_node(), going, other)

    assert (
        "  Ask it:   no pod of the agent (app=vcn-native-ip-cni in kube-system)"
        " is on this node"
    ) in text


def test_a_directory_that_tells_no_link_names_the_agent_s_state() -> None:
    text = described(an_npn(), None, has=frozenset({Source.NPNS}))

    assert (
        "    Table:           <unknown>: known on the node, from the agent's --state"
        in text
    )
    assert not {"Agent:", "Pods:", "Events:"} & {each.split()[0] for each in text}


def test_without_nodes_one_is_described_by_the_object_that_it_owns() -> None:
    text = described(
        an_npn(owner="node-1"), None, a_pod("web", "10.0.8.10"), unknown=Source.NODES
    )

    assert text[:6] == [
        "Name:          node-1",
        "Status:        <unknown>",
        "Internal IPs:  <unknown>",
        "Taints:        <unknown>",
        "Max pods:      <unknown> (kubelet), 3 (object)",
        "Instance:      ocid1.instance.oc1..aaaa",
    ]
    assert "    Pods:            1" in text
    assert any(line.split()[:2] == ["default", "web"] for line in text)


def test_without_objects_it_is_not_known_whether_a_node_has_one() -> None:
    text = described(None, a_node(), unknown=Source.NPNS)

    assert "Object:        <unknown>" in text
    assert "Max pods:      110 (kubelet), <unknown> (object)" in text


def test_without_pods_they_are_not_counted_as_none() -> None:
    text = described(an_npn(), a_node(), unknown=Source.PODS)

    assert "    Pods:            <unknown>" in text
    assert "Pods:  <unknown>" in text
    assert (
        "  Ask it:   kubectl exec -n kube-system $(kubectl get pod -n kube-system -l"
        " app=vcn-native-ip-cni --field-selector spec.nodeName=node-1 -o name)"
        f" -- {ASK}"
    ) in text


def test_without_events_it_is_not_said_that_there_are_none() -> None:
    assert "Events:  <unknown>" in described(an_npn(), a_node(), unknown=Source.EVENTS)


def test_the_agent_of_no_node_is_not_asked() -> None:
    text = described(an_npn(), None)

    assert "  Ask it:   no node is known to be this object's" in text


def test_a_vnic_that_the_agent_has_not_taken_has_no_table() -> None:
    text = described(an_npn(), a_node(), told=Told(own=Own(trouble="no route")))

    assert "    Table:           none: the agent has not taken this VNIC" in text
    assert "  Trouble:  no route" in text
    assert "Repairs:  <none>" in text


def test_a_node_without_an_object_says_so() -> None:
    text = described(None, a_node())

    assert "Object:        none: no NativePodNetwork is for this node" in text
    assert "Pods:  <none>" in text
    assert "Events:  <none>" in text


def test_an_object_without_a_node_is_described() -> None:
    text = described(an_npn(), None)

    assert text[:3] == [
        "Name:      aaaa",
        "Max pods:  3 (object)",
        "Instance:  ocid1.instance.oc1..aaaa",
    ]
    assert not any(line.startswith("Pods:") for line in text)
    assert not any(line.startswith("    Pods:") for line in text)


def test_an_object_that_breaks_a_rule_is_described_by_the_rule() -> None:
    document = an_npn()
    document["spec"]["id"] = ""

    text = described(document, None)

    assert any(line.startswith("  Message:   spec.id") for line in text)
    assert "VNICs:  <none>" in text
    assert "Conditions:  <none>" in text


def test_why_the_pool_changed_is_said() -> None:
    why = Condition(type="Pool", status="True", reason="Growing", message="2 of 4 free")

    text = described(an_npn(conditions=(ready(), why)), a_node())

    assert "  Last change:  Growing: 2 of 4 free" in text


def test_a_vnic_without_addresses_lists_none() -> None:
    text = described(an_npn(vnics=(replace(a_vnic(), pod_addresses=()),)), a_node())

    assert not any("for pods" in line for line in text)


def test_an_event_without_a_time_is_the_oldest() -> None:
    text = described(
        an_npn(), a_node(), events=(an_event(), an_event(eventTime=None, reason="Old"))
    )

    assert [line.split()[2] for line in text[-2:]] == ["Old", "NPN_CR_Success"]


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ([], ""),
        (["10.0.0.1"], "10.0.0.1"),
        (["10.0.0.3", "10.0.0.1", "10.0.0.2"], "10.0.0.1-10.0.0.3"),
        (["10.0.0.1", "10.0.0.3", "10.0.0.4"], "10.0.0.1,10.0.0.3-10.0.0.4"),
        (["255.255.255.255"], "255.255.255.255"),
    ],
)
def test_addresses_are_written_as_runs(addresses: list[str], said: str) -> None:
    assert runs(IPv4Address(ip_address(a)) for a in addresses) == said
