"""What a node is to carry besides its object: labels, taints, and what people are told of it.

    oci.oraclecloud.com/vcn-native-ip-cni, …/ip-family-…   labels, as OKE sets them
    mooring/agent-not-ready            off when the node's agent is ready and its object serves
    oci.oraclecloud.com/application-resource-only   on when every VNIC is for somebody's asking
    mooring/too-few-addresses          on while the kubelet allows more pods than there are addresses
                                       for (`shortage`); its value says the numbers
    mooring/no-addresses               on while no pod could be given an address (`scarcity`)

The start-up taint comes with the kubelet; the controller takes it off, never the agent, which has
no right to (RT-23).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mooring.core.kube.node import Node, Taint
from mooring.core.kube.port import Note
from mooring.core.net.fields import Unreadable
from mooring.core.npn.record import UNDER_WAY, Npn, NpnSpec
from mooring.core.npn.scarcity import Dryness, judge, listed
from mooring.core.npn.shortage import Shortage, shortage
from mooring.core.npn.usage import Counts

STARTING = Taint("mooring/agent-not-ready", "NoSchedule")
DRY = Taint("mooring/no-addresses", "NoSchedule")
SHORT = Taint("mooring/too-few-addresses", "NoSchedule")
RESERVED = Taint("oci.oraclecloud.com/application-resource-only", "NoSchedule")
DOMAIN = "oci.oraclecloud.com"
NATIVE = f"{DOMAIN}/vcn-native-ip-cni"
FAMILY4, FAMILY6 = f"{DOMAIN}/ip-family-ipv4", f"{DOMAIN}/ip-family-ipv6"
PREFERRED = f"{DOMAIN}/ip-family-preferred"
FLAG = ("true", "false")
VALUES = {
    NATIVE: FLAG,
    FAMILY4: FLAG,
    FAMILY6: FLAG,
    PREFERRED: ("ipv4", "ipv6"),
}
"""What may stand in each label of ours."""
LABELS = tuple(VALUES)
SCHEMES = "://"
WITHOUT = "the node has no NativePodNetwork object"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A node with its object, what its agent told, and whether that agent is ready.

    `overcommit`: somebody wants pods there although there may be no address for them. `dryness` and
    `short` are what was said last.
    """

    node: Node
    npn: Npn
    agent_ready: bool = False
    counts: Counts | None = None
    dryness: Dryness = field(default_factory=Dryness)
    short: Shortage | None = None
    overcommit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to do to a node; empty when it is as it should be.

    `odd` are those of the labels to change whose value somebody made up, with it.
    """

    labels: Mapping[str, str | None] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
    put: tuple[Taint, ...] = ()
    lift: tuple[Taint, ...] = ()
    notes: tuple[Note, ...] = ()
    dryness: Dryness = field(default_factory=Dryness)
    short: Shortage | None = None


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
    short = _short(view, now)
    wanted[_valued(node, short)] = short is not None
    put = tuple(t for t, on in wanted.items() if on and t not in node.taints)
    lift = tuple(t for t, on in wanted.items() if not on and _has(node, t))
    changes = strange(node.labels, labels(npn.spec))
    return Work(
        labels=changes,
        odd=_odd(node, changes),
        put=put,
        lift=lift,
        notes=tuple(_note(view, t, short) for t in put)
        + tuple(_note(view, t, None, on=False) for t in lift),
        dryness=dryness,
        short=short,
    )


def _short(view: View, now: float) -> Shortage | None:
    if view.overcommit:
        return None
    taint = _standing(view.node)
    before = (view.short or _told(taint.value)) if taint else None
    return shortage(view.npn, view.node.most_pods, before, now)


def _standing(node: Node) -> Taint | None:
    """Give the taint that says the numbers, with them."""
    return next((t for t in node.taints if replace(t, value="") == SHORT), None)


def _told(value: str) -> Shortage:
    """Read the numbers that another leader wrote; what is none of ours says that there was nothing."""
    found = re.fullmatch("([0-9]{1,9})-for-([0-9]{1,10})-pods", value)
    return Shortage(int(found[2]), int(found[1])) if found else Shortage(0, 0)


def _valued(node: Node, short: Shortage | None) -> Taint:
    """Give the taint with the numbers; while they are changing, the one that is there."""
    if short is None:
        return SHORT
    taint = _standing(node)
    if short.eased and taint:
        return taint
    return replace(SHORT, value=f"{short.addresses}-for-{short.pods}-pods")


def without(node: Node, *, declined: bool, gone: bool) -> Work:
    """Say what to do to a node without an object.

    `declined`: its instance says that its pods have no addresses of the VCN. `gone`: it had an
    object. Of others, whose object may come yet, only taints that nobody but a controller puts say
    something of an object that went: no agent runs where the label says "false", and the kubelet may
    have registered with what is to be.
    """
    kinds = (DRY, SHORT, RESERVED) if declined or gone else (DRY, SHORT)
    lift = tuple(taint for taint in kinds if _has(node, taint))
    changes = _left(node, declined=declined, gone=gone)
    return Work(
        labels=changes,
        odd=_odd(node, changes),
        lift=lift,
        notes=tuple(
            Note(reason="ObjectGone", text=f"{taint.key} lifted: {WITHOUT}")
            for taint in lift
        ),
    )


def _left(node: Node, *, declined: bool, gone: bool) -> Mapping[str, str | None]:
    wanted: dict[str, str | None] = {}
    if (declined or gone) and node.labels.get(NATIVE) == "true":
        wanted = dict.fromkeys(LABELS)
    if declined:
        wanted[NATIVE] = "false"
    return strange(node.labels, wanted)


def _odd(node: Node, changes: Mapping[str, str | None]) -> Mapping[str, str]:
    here = {key: node.labels[key] for key in changes if key in node.labels}
    return {key: value for key, value in here.items() if value not in VALUES[key]}


def remarks(node: Node, odd: Mapping[str, str], told: Mapping[str, str]) -> list[Note]:
    """Say which values somebody made up; what was `told` of a label last is not said again."""
    return [
        Note(
            reason="LabelPutRight",
            text=str(
                Unreadable(
                    f"node {node.name}: metadata.labels.{key}",
                    value,
                    f"must be {' or '.join(VALUES[key])}, as the controller writes it; it was put right",
                )
            ),
            warning=True,
        )
        for key, value in odd.items()
        if told.get(key) != value
    ]


def labels(spec: NpnSpec) -> Mapping[str, str | None]:
    """Give the labels of a node whose pods have addresses of the VCN."""
    families = asked(spec)
    return {
        NATIVE: "true",
        FAMILY4: "true" if "IPv4" in families else None,
        FAMILY6: "true" if "IPv6" in families else None,
        PREFERRED: families[0].lower(),
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


def strange(
    here: Mapping[str, str], wanted: Mapping[str, str | None]
) -> Mapping[str, str | None]:
    """Leave out what is so already."""
    return {key: value for key, value in wanted.items() if here.get(key) != value}


def _note(view: View, taint: Taint, short: Shortage | None, *, on: bool = True) -> Note:
    tally = view.counts or Counts()
    numbers = f"{tally.used} used, {tally.cooling} cooling, {tally.free} free"
    reason, text = WORDS[taint.key, on]
    return Note(
        reason=reason,
        text=text.format(
            numbers=numbers, listed=listed(view.npn), short=_advice(short)
        ),
        warning=on and taint.key in (DRY.key, SHORT.key),
    )


def _advice(short: Shortage | None) -> str:
    """Say the numbers and what to set."""
    if short is None:
        return ""
    said = f"the kubelet allows {short.pods} pods and there are {short.addresses} addresses"
    if short.hard:
        return (
            f"{said} at most: set the kubelet's maxPods to {short.addresses}, or have the"
            f" object ask for {short.pods}"
        )
    return (
        f"{said} and no more come: make room in the pods' subnet (the object's conditions"
        f" say why), or set the kubelet's maxPods to {short.addresses}"
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
    (SHORT.key, True): ("TooFewAddresses", "{short}"),
    (SHORT.key, False): (
        "EnoughAddresses",
        "there is an address for every pod that the kubelet allows",
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
