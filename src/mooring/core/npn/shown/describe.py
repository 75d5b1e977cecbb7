"""All that is known of one node's pod network, as text in kubectl's manner."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

from mooring.core.npn.record import VnicStatus
from mooring.core.npn.shown.age import since
from mooring.core.npn.shown.npns import count, served, state, told
from mooring.core.npn.shown.pods import where
from mooring.core.npn.shown.podstatus import status
from mooring.core.npn.shown.pools import most, policy, why
from mooring.core.npn.shown.table import NONE, UNKNOWN, grid, plain, several
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen
from mooring.core.npn.shown.view import Source, View, instance, offered, vnics

GAP = 2
SPACE, APP = "kube-system", "vcn-native-ip-cni"
"""Where the agents' pods are, and their label `app`."""
Address = IPv4Address | IPv6Address
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How packets of a VNIC's pods leave the node, as its agent tells it."""

    link: str
    table: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What the agent keeps on its node and tells nobody: its trouble, what it repaired last."""

    trouble: str = ""
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the node's agent tells: ways by VNIC. `own` is known on its node only."""

    ways: Mapping[str, Way] = field(default_factory=dict)
    own: Own | None = None

    @property
    def of_vnics(self) -> bool:
        """Tell whether it said which VNICs it serves."""
        return bool(self.ways) or self.own is not None


def lines(
    view: View, node: NodeSeen | None, npn: NpnSeen | None, agent: Told
) -> Iterator[str]:
    """Describe a node by its Node and its object; one of the two may not be there."""
    name = (
        node.meta.name if node else view.node_of.get(npn.meta.name, "") if npn else ""
    )
    yield from fields(_head(view, name, node, npn))
    if npn is not None:
        yield from _npn(view, npn, agent)
    if agent.own is not None:
        yield from _section("Agent", fields([("Trouble", agent.own.trouble)]))
        yield from _section("Repairs", agent.own.repairs)
    elif npn is not None and Source.PODS in view.has:
        said = [(each, UNKNOWN) for each in ("Trouble", "Repairs")]
        yield from _section("Agent", fields([*said, ("Ask it", asking(view, name))]))
    if Source.PODS in view.unknown:
        yield f"Pods:  {UNKNOWN}"
    elif name and Source.PODS in view.has:
        yield from _section("Pods", _pods(view, name))
    if Source.EVENTS in view.unknown:
        yield f"Events:  {UNKNOWN}"
    elif Source.EVENTS in view.has:
        yield from _section("Events", _events(view))


def asking(view: View, node: str) -> str:
    """Say how to ask a node's agent, which alone knows its trouble and repairs."""
    if not node:
        return "no node is known to be this object's"
    found = [
        pod.meta.name
        for pod in view.pods
        if (pod.meta.namespace, pod.meta.labels.get("app")) == (SPACE, APP)
        and pod.node == node
        and not pod.meta.deleting
    ]
    if not found and Source.PODS not in view.unknown:
        return f"no pod of the agent (app={APP} in {SPACE}) is on this node"
    pod = next(
        iter(found),
        f"$(kubectl get pod -n {SPACE} -l app={APP}"
        f" --field-selector spec.nodeName={node} -o name)",
    )
    return f"kubectl exec -n {SPACE} {pod} -- python3 -m mooring describe node {node}"


def fields(pairs: Pairs) -> Iterator[str]:
    """Give a line for each pair, the values below each other."""
    width = max(len(name) for name, _ in pairs) + 1 + GAP
    for name, value in pairs:
        yield f"{name + ':':{width}}{plain(value)}"


def runs(addresses: Iterable[Address]) -> str:
    """Write addresses as runs: FIRST-LAST where they follow on each other."""
    known = sorted(addresses)
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(known)) if b != a + 1)]
    ends = [*(i - 1 for i in starts[1:]), len(known) - 1]
    pieces = ((known[i], known[j]) for i, j in zip(starts, ends, strict=True) if known)
    return several(str(a) if a == b else f"{a}-{b}" for a, b in pieces)


def _head(view: View, name: str, node: NodeSeen | None, npn: NpnSeen | None) -> Pairs:
    known = Source.NPNS not in view.unknown
    pods = count(most(npn)) if npn else NONE if known else UNKNOWN
    found = [("Name", name or (npn.meta.name if npn else ""))]
    if node is not None:
        found += [
            ("Status", node.ready),
            ("Internal IPs", several(node.addresses)),
            ("Taints", several(node.taints)),
            ("Max pods", f"{node.most_pods or NONE} (kubelet), {pods} (object)"),
        ]
    elif Source.NODES in view.unknown:
        found += [(each, UNKNOWN) for each in ("Status", "Internal IPs", "Taints")]
        found.append(("Max pods", f"{UNKNOWN} (kubelet), {pods} (object)"))
    else:
        found.append(("Max pods", f"{pods} (object)"))
    ocid = (node.instance if node else "") or (instance(npn) if npn else "")
    found.append(("Instance", ocid))
    if npn is None:
        none = "none: no NativePodNetwork is for this node"
        found.append(("Object", none if known else UNKNOWN))
    return found


def _npn(view: View, npn: NpnSeen, agent: Told) -> Iterator[str]:
    name, reason, message = state(npn)
    yield from _section(
        "NativePodNetwork",
        fields(
            [
                ("Name", npn.meta.name),
                ("State", name),
                ("Reason", reason),
                ("Message", message),
                ("Families", served(npn)),
                ("Age", since(npn.meta.created, view.now)),
            ]
        ),
    )
    yield from _section("Pool", fields(_pool(npn)))
    yield from _section(
        "VNICs",
        (line for vnic in vnics(npn) for line in _vnic(view, vnic, agent)),
    )
    found = npn.npn.status.conditions if npn.npn else ()
    rows = [(c.type, c.status, plain(c.reason), plain(c.message)) for c in found]
    head = ("TYPE", "STATUS", "REASON", "MESSAGE")
    yield from _section("Conditions", grid([head, *rows]) if rows else ())


def _pool(npn: NpnSeen) -> Pairs:
    reason = why(npn)
    sizes = offered(vnics(npn)).items()
    return [
        ("Policy", policy(npn)),
        ("Offered", ", ".join(f"{family} {size}" for family, size in sizes)),
        *((name.capitalize(), count(number)) for name, number in told(npn).items()),
        ("Last change", f"{reason.reason}: {reason.message}" if reason else ""),
    ]


def _vnic(view: View, vnic: VnicStatus, agent: Told) -> Iterator[str]:
    yield vnic.vnic_id
    pairs = [
        ("MAC", vnic.mac_address),
        ("Subnet", vnic.subnet_id),
        ("Blocks", _both(vnic.subnet_v4, vnic.subnet_v6)),
        ("Routers", _both(vnic.router.v4, vnic.router.v6)),
        ("Host addresses", _both(vnic.host.v4, vnic.host.v6)),
        ("NSGs", several(vnic.nsg_ids)),
        *_addresses(vnic),
        *_on(view, vnic),
        *_way(view, vnic, agent),
    ]
    yield from (f"  {line}" for line in fields(pairs))


def _on(view: View, vnic: VnicStatus) -> Iterator[tuple[str, str]]:
    """Count the pods that have an address of a VNIC, where there is a node with pods."""
    if Source.PODS in view.unknown:
        yield "Pods", UNKNOWN
    elif Source.PODS in view.has and view.node_of:
        found = (pod for on_node in view.pods_on.values() for pod in on_node)
        ids = ({v.vnic_id for v in view.vnics_of(pod)} for pod in found)
        yield "Pods", str(sum(vnic.vnic_id in each for each in ids))


def _addresses(vnic: VnicStatus) -> Iterator[tuple[str, str]]:
    sizes = offered([vnic])
    for family, own in (("IPv4", "v4"), ("IPv6", "v6")):
        if sizes.get(family):
            found = (getattr(pair, own) for pair in vnic.pod_addresses)
            listed = runs(a for a in found if a is not None)
            yield f"{family} for pods", f"{sizes[family]}: {listed}"


def _way(view: View, vnic: VnicStatus, agent: Told) -> Pairs:
    way = agent.ways.get(vnic.vnic_id)
    if way is not None:
        return [("Link", way.link), ("Table", way.table), ("Rule", way.rule)]
    if agent.of_vnics:
        return [("Table", "none: the agent has not taken this VNIC")]
    if Source.PODS in view.has:
        return [("Table", f"{UNKNOWN}: see Agent below")]
    return [("Table", f"{UNKNOWN}: known on the node, from the agent's --state")]


def _both(*values: object) -> str:
    return several(value for value in values if value is not None)


def _pods(view: View, node: str) -> list[str]:
    rows = [
        (
            pod.meta.namespace,
            pod.meta.name,
            status(pod.document),
            several(pod.addresses),
            where(view, pod),
        )
        for pod in sorted(
            view.pods_on.get(node, ()), key=lambda p: (p.meta.namespace, p.meta.name)
        )
    ]
    head = ("NAMESPACE", "NAME", "STATUS", "IPS", "VNIC")
    return grid([head, *rows]) if rows else []


def _events(view: View) -> list[str]:
    def order(event: EventSeen) -> float:
        return event.last.timestamp() if event.last else 0.0

    rows = [
        (
            since(event.last, view.now) + (f" (x{event.count})" * (event.count > 1)),
            event.type,
            event.reason,
            event.source,
            plain(event.message),
        )
        for event in sorted(view.events, key=order)
    ]
    head = ("LAST SEEN", "TYPE", "REASON", "FROM", "MESSAGE")
    return grid([head, *rows]) if rows else []


def _section(name: str, body: Iterable[str]) -> Iterator[str]:
    found = list(body)
    yield f"{name}:" if found else f"{name}:  {NONE}"
    yield from (f"  {line}" for line in found)
