"""What a node is to carry besides its object: labels, taints, and what people are told of it.

    oci.oraclecloud.com/vcn-native-ip-cni, …/ip-family-…   labels, as OKE sets them
    mooring/agent-not-ready            off when the node's agent is ready and its object serves
    oci.oraclecloud.com/application-resource-only   on when every VNIC is for somebody's asking
    mooring/no-addresses               on while no pod could be given an address (`scarcity`)

The start-up taint comes with the kubelet; the controller takes it off, never the agent, which has
no right to (RT-23).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.core.kube.node import Node, Taint
from mooring.core.kube.port import Note
from mooring.core.npn.record import UNDER_WAY, Npn, NpnSpec
from mooring.core.npn.scarcity import Dryness, judge, listed
from mooring.core.npn.usage import Counts

STARTING = Taint("mooring/agent-not-ready", "NoSchedule")
DRY = Taint("mooring/no-addresses", "NoSchedule")
RESERVED = Taint("oci.oraclecloud.com/application-resource-only", "NoSchedule")
DOMAIN = "oci.oraclecloud.com"
SCHEMES = "://"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A node with its object, what its agent told, and whether that agent is ready."""

    node: Node
    npn: Npn
    agent_ready: bool = False
    counts: Counts | None = None
    dryness: Dryness = field(default_factory=Dryness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to do to a node; empty when it is as it should be."""

    labels: Mapping[str, str | None] = field(default_factory=dict)
    put: tuple[Taint, ...] = ()
    lift: tuple[Taint, ...] = ()
    notes: tuple[Note, ...] = ()
    dryness: Dryness = field(default_factory=Dryness)


def plan(view: View, now: float) -> Work:
    """Say what to do."""
    node, npn = view.node, view.npn
    dryness = Dryness()
    wanted = {RESERVED: reserved(npn.spec)}
    starting = [taint for taint in node.taints if taint.key == STARTING.key]
    if starting:  # with whatever effect the kubelet gave it
        waits = not (view.agent_ready and serves(npn))
        wanted |= dict.fromkeys(starting, waits)
    else:
        tainted = node.tainted(DRY.key, DRY.effect)
        dryness = judge(view.dryness, npn, view.counts, tainted=tainted, now=now)
        wanted[DRY] = dryness.dry_since is not None
    put = tuple(t for t, on in wanted.items() if on and not _has(node, t))
    lift = tuple(t for t, on in wanted.items() if not on and _has(node, t))
    return Work(
        labels=_strange(node.labels, labels(npn.spec)),
        put=put,
        lift=lift,
        notes=tuple(_note(view, t, on=True) for t in put)
        + tuple(_note(view, t, on=False) for t in lift),
        dryness=dryness,
    )


def labels(spec: NpnSpec) -> Mapping[str, str | None]:
    """Give the labels of a node whose pods have addresses of the VCN."""
    families = asked(spec)
    return {
        f"{DOMAIN}/vcn-native-ip-cni": "true",
        f"{DOMAIN}/ip-family-ipv4": "true" if "IPv4" in families else None,
        f"{DOMAIN}/ip-family-ipv6": "true" if "IPv6" in families else None,
        f"{DOMAIN}/ip-family-preferred": families[0].lower(),
    }


def asked(spec: NpnSpec) -> tuple[str, ...]:
    """Give the families that pods are to have, the preferred one first."""
    if any(p.assign_ipv6_ip for p in spec.secondary_vnics):
        return tuple(dict.fromkeys([*spec.ip_families, "IPv4", "IPv6"]))
    return spec.ip_families


def reserved(spec: NpnSpec) -> bool:
    """Tell whether every VNIC is for pods that ask for an application resource."""
    profiles = spec.secondary_vnics
    return bool(profiles) and all(p.application_resources for p in profiles)


def serves(npn: Npn) -> bool:
    """Tell whether pods can be given addresses, and no family is only a moment away."""
    ready = [c for c in npn.status.conditions if c.type.endswith("Ready")]
    under_way = any(c.status != "True" and c.reason == UNDER_WAY for c in ready)
    return listed(npn) > 0 and not under_way


def instance_of(provider_id: str) -> str | None:
    """Give the instance's OCID out of a node's provider id, with a scheme or without.

    None when it says nothing; an id of another cloud is "".
    """
    if not provider_id:
        return None
    found = provider_id.rpartition(SCHEMES)[2].rpartition("/")[2]
    return found if found.startswith("ocid1.instance.") else ""


def _has(node: Node, taint: Taint) -> bool:
    return node.tainted(taint.key, taint.effect)


def _strange(
    here: Mapping[str, str], wanted: Mapping[str, str | None]
) -> Mapping[str, str | None]:
    return {key: value for key, value in wanted.items() if here.get(key) != value}


def _note(view: View, taint: Taint, *, on: bool) -> Note:
    tally = view.counts or Counts()
    numbers = f"{tally.used} used, {tally.cooling} cooling, {tally.free} free"
    reason, text = WORDS[taint.key, on]
    return Note(
        reason=reason,
        text=text.format(numbers=numbers, listed=listed(view.npn)),
        warning=taint is DRY and on,
    )


WORDS: Mapping[tuple[str, bool], tuple[str, str]] = {
    (DRY.key, True): (
        "NoAddresses",
        "no pod can be given an address ({numbers}) and none is on its way",
    ),
    (DRY.key, False): (
        "AddressesFree",
        "pods can be given addresses again ({numbers})",
    ),
    (STARTING.key, False): (
        "AgentReady",
        "the agent is ready and serves {listed} addresses: pods may come",
    ),
    (RESERVED.key, True): (
        "ApplicationResourceOnly",
        "every VNIC is for pods that ask for an application resource",
    ),
    (RESERVED.key, False): (
        "ApplicationResourceOnlyEnded",
        "not every VNIC is for application resources any more",
    ),
}
