"""What a lab looks like: its networks, its nodes, and what is wrong with a wish for one.

A wish is the parsed content of a `lab.yaml` (docs/programs/lab.md). Every field has a default,
so that the empty wish is the native example of the facts (oci-facts 5.3): one VCN with subnets
for the API endpoint, the workers, the load balancers and the pods. The first fault found is
raised as `Unreadable`, which names field, value and rule.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import combinations
from typing import Any

from mooring.core.vcn import labagent, labcluster, labfamilies, shapes
from mooring.core.vcn.labagent import AgentPlan
from mooring.core.vcn.labcluster import KUBERNETES
from mooring.core.vcn.labwish import Unreadable, mapping, one_of, said, whole
from mooring.core.vcn.limits import (
    BLOCKS_PER_VCN,
    NARROWEST_NETWORK,
    PUBLIC_ADDRESSES,
    RESERVED_FIRST,
    RESERVED_LAST,
    WIDEST_NETWORK,
)
from mooring.core.vcn.packets.names import fabric_fault
from mooring.core.vcn.shapes import Shape

RUNTIMES = ("netns", "containerd", KUBERNETES)
ROLES = ("api", "workers", "lb", "pods")
KEYS = ("name", "runtime", "proxy", "ipFamilies", "vcn", "subnets", "nodes", "agent")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOST_NODES = 32
MOST_PODS = 256
PODS_PER_VNIC = 31
SHAPE, OCPUS = "VM.Standard.E4.Flex", 4

TAKEN = {
    IPv4Network("169.254.0.0/16"): "link-local addresses",
    IPv4Network("127.0.0.0/8"): "loopback addresses",
    IPv4Network("224.0.0.0/3"): "multicast and reserved addresses",
    IPv4Network("0.0.0.0/8"): "addresses of this network",
    IPv4Network("198.51.100.0/24"): "the simulated internet",
    PUBLIC_ADDRESSES: "the cloud's public addresses",
}
"""Networks that mean something else in a lab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPlan:
    """A subnet of the VCN; a public one has the internet gateway as its way out."""

    role: str
    cidr: IPv4Network
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """A node: an instance with room for `max_pods` pods."""

    name: str
    shape: str = SHAPE
    ocpus: int = OCPUS
    max_pods: int = PODS_PER_VNIC

    @property
    def pod_vnics(self) -> int:
        """Tell how many secondary VNICs the pods need."""
        return -(-self.max_pods // PODS_PER_VNIC)


DEFAULT_SUBNETS = (
    SubnetPlan(role="api", cidr=IPv4Network("10.0.0.0/29"), public=True),
    SubnetPlan(role="workers", cidr=IPv4Network("10.0.1.0/24")),
    SubnetPlan(role="lb", cidr=IPv4Network("10.0.2.0/24"), public=True),
    SubnetPlan(role="pods", cidr=IPv4Network("10.0.32.0/19")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A lab as it shall be.

    `proxy` is kube-proxy's mode, where there is Kubernetes.

    `families` are the pods', the preferred one first. With IPv6 among them the VCN has
    `prefix`, private as a laptop's networks are, and every subnet a /64 of it.
    """

    name: str = "lab"
    runtime: str = "netns"
    proxy: str = labcluster.PROXIES[0]
    families: tuple[str, ...] = labfamilies.DEFAULT
    cidrs: tuple[IPv4Network, ...] = (IPv4Network("10.0.0.0/16"),)
    prefix: IPv6Network = labfamilies.PREFIX
    subnets: tuple[SubnetPlan, ...] = DEFAULT_SUBNETS
    nodes: tuple[NodePlan, ...] = (NodePlan(name="node-1"), NodePlan(name="node-2"))
    agent: AgentPlan = labagent.DEFAULT

    def subnet(self, role: str) -> SubnetPlan:
        """Give the subnet of a role."""
        return next(s for s in self.subnets if s.role == role)

    @property
    def is_cluster(self) -> bool:
        """Tell whether Kubernetes runs the pods."""
        return self.runtime == KUBERNETES

    @property
    def has_ipv6(self) -> bool:
        """Tell whether the VCN has a prefix."""
        return labfamilies.IPV6 in self.families

    def prefix_of(self, role: str) -> IPv6Network:
        """Give the prefix of the subnet of a role."""
        return labfamilies.subnet(self.prefix, ROLES.index(role))


def parse(wish: object) -> Topology:
    """Read a wish, or raise the first fault."""
    root = mapping("lab", {} if wish is None else wish, KEYS)
    topology = Topology(
        name=_name(root.get("name", "lab")),
        runtime=one_of("runtime", root.get("runtime", "netns"), RUNTIMES),
        proxy=labcluster.proxy(root),
        families=said(
            "ipFamilies",
            root.get("ipFamilies", list(labfamilies.DEFAULT)),
            labfamilies.families,
        ),
        cidrs=_cidrs(root.get("vcn")),
        prefix=said(
            "vcn.ipv6",
            _vcn(root.get("vcn")).get("ipv6", str(labfamilies.PREFIX)),
            labfamilies.prefix,
        ),
        subnets=_subnets(root.get("subnets")),
        nodes=_nodes(root.get("nodes", 2)),
        agent=labagent.parse(root.get(labagent.SECTION)),
    )
    _check_cidrs(topology)
    _check_subnets(topology)
    if topology.is_cluster:
        _check_cluster(topology)
    _check_room(topology)
    return topology


def document(topology: Topology) -> dict[str, Any]:
    """Write a topology as a wish that `parse` reads back."""
    return {
        "name": topology.name,
        "runtime": topology.runtime,
        **({"proxy": topology.proxy} if topology.is_cluster else {}),
        "ipFamilies": list(topology.families),
        "vcn": {
            "cidrs": [str(c) for c in topology.cidrs],
            "ipv6": str(topology.prefix),
        },
        "subnets": {
            s.role: {"cidr": str(s.cidr), "public": s.public} for s in topology.subnets
        },
        "nodes": [
            {"name": n.name, "shape": n.shape, "maxPods": n.max_pods, **_sized(n)}
            for n in topology.nodes
        ],
        labagent.SECTION: labagent.document(topology.agent),
    }


def _sized(node: NodePlan) -> dict[str, int]:
    """Give the OCPUs of a flexible shape; a fixed one brings its own."""
    shape = shapes.find(node.shape)
    return {"ocpus": node.ocpus} if shape and shape.flexible else {}


FROZEN = {
    "name": "name",
    "runtime": "runtime",
    "proxy": "proxy",
    "families": "ipFamilies",
    "cidrs": "cidrs",
    "prefix": "vcn.ipv6",
    "subnets": "subnets",
    "agent": "agent",
}


def grown(standing: Topology, wished: Topology) -> Topology:
    """Give what a standing lab becomes by a new wish; only nodes may be added."""
    for field, word in FROZEN.items():
        old, new = getattr(standing, field), getattr(wished, field)
        if old != new:
            raise Unreadable(word, _brief(new), f"the lab stands with {_brief(old)}")
    nodes = {n.name: n for n in wished.nodes}
    for node in standing.nodes:
        if nodes.get(node.name) != node:
            raise Unreadable(
                "nodes", node.name, "a standing lab's nodes stay as they are"
            )
    added = tuple(n for n in wished.nodes if n not in standing.nodes)
    return replace(standing, nodes=standing.nodes + added)


def _brief(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(getattr(v, "cidr", v)) for v in value)
    return str(value)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise Unreadable("name", value, "must be text")
    if fault := fabric_fault(value):
        raise Unreadable("name", value, fault.partition(": ")[2])
    return value


def _cidr(field: str, value: object) -> IPv4Network:
    try:
        block = IPv4Network(value) if isinstance(value, str) else None
    except ValueError:
        block = None
    if block is None:
        raise Unreadable(
            field, value, "must be an IPv4 CIDR block, no bit set behind its prefix"
        )
    if not WIDEST_NETWORK <= block.prefixlen <= NARROWEST_NETWORK:
        rule = f"must be from /{WIDEST_NETWORK} to /{NARROWEST_NETWORK}"
        raise Unreadable(field, value, rule)
    for network, meaning in TAKEN.items():
        if block.overlaps(network):
            raise Unreadable(field, value, f"must not overlap {network}, {meaning}")
    return block


def _cidrs(value: object) -> tuple[IPv4Network, ...]:
    section = _vcn(value)
    given = section.get("cidrs", ["10.0.0.0/16"])
    if not isinstance(given, list) or not 1 <= len(given) <= BLOCKS_PER_VCN:
        raise Unreadable(
            "vcn.cidrs", given, f"must be a list of 1 to {BLOCKS_PER_VCN} CIDR blocks"
        )
    return tuple(_cidr(f"vcn.cidrs[{i}]", each) for i, each in enumerate(given))


def _vcn(value: object) -> Mapping[str, Any]:
    return mapping("vcn", {} if value is None else value, ("cidrs", "ipv6"))


def _subnets(value: object) -> tuple[SubnetPlan, ...]:
    section = mapping("subnets", {} if value is None else value, ROLES)
    return tuple(_subnet(each, section.get(each.role)) for each in DEFAULT_SUBNETS)


def _subnet(default: SubnetPlan, value: object) -> SubnetPlan:
    field = f"subnets.{default.role}"
    given = mapping(field, {} if value is None else value, ("cidr", "public"))
    public = given.get("public", default.public)
    if not isinstance(public, bool):
        raise Unreadable(f"{field}.public", public, "must be true or false")
    cidr = default.cidr
    if "cidr" in given:
        cidr = _cidr(f"{field}.cidr", given["cidr"])
    if default.role == "pods" and public:
        rule = "pod subnets are private (their way out is the NAT gateway)"
        raise Unreadable(f"{field}.public", public, rule)
    return replace(default, cidr=cidr, public=public)


def _nodes(value: object) -> tuple[NodePlan, ...]:
    if isinstance(value, list):
        if not 1 <= len(value) <= MOST_NODES:
            raise Unreadable("nodes", value, f"must be 1 to {MOST_NODES} nodes")
        nodes = tuple(_node(f"nodes[{i}]", i, each) for i, each in enumerate(value))
    else:
        count = whole("nodes", value, 1, MOST_NODES)
        nodes = tuple(NodePlan(name=f"node-{i + 1}") for i in range(count))
    for one, two in combinations(range(len(nodes)), 2):
        if nodes[one].name == nodes[two].name:
            rule = f"must differ from the name of nodes[{one}]"
            raise Unreadable(f"nodes[{two}].name", nodes[two].name, rule)
    return nodes


def _node(field: str, index: int, value: object) -> NodePlan:
    known = ("name", "shape", "ocpus", "maxPods")
    given = mapping(field, {} if value is None else value, known)
    name = given.get("name", f"node-{index + 1}")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        rule = "must be 1 to 63 of a-z, 0-9 and -, a letter or digit at both ends"
        raise Unreadable(f"{field}.name", name, rule)
    shape = _shape(f"{field}.shape", given.get("shape", SHAPE))
    node = NodePlan(
        name=name,
        shape=shape.name,
        ocpus=_ocpus(f"{field}.ocpus", given.get("ocpus"), shape),
        max_pods=whole(
            f"{field}.maxPods", given.get("maxPods", PODS_PER_VNIC), 1, MOST_PODS
        ),
    )
    vnics = shape.max_vnics(node.ocpus)
    if node.pod_vnics > vnics - 1:
        rule = (
            f"{shape.name} with {node.ocpus} OCPUs carries {vnics} VNICs; besides the"
            f" first, each serves {PODS_PER_VNIC} pods: {(vnics - 1) * PODS_PER_VNIC}"
        )
        raise Unreadable(f"{field}.maxPods", node.max_pods, rule)
    return node


def _shape(field: str, value: object) -> Shape:
    shape = shapes.find(value) if isinstance(value, str) else None
    if shape is None:
        near = difflib.get_close_matches(str(value), shapes.SHAPES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f", like {SHAPE}"
        raise Unreadable(field, value, f"must be the name of a compute shape{hint}")
    return shape


def _ocpus(field: str, value: object, shape: Shape) -> int:
    if not shape.flexible:
        if value is not None:
            rule = f"{shape.name} has its own number; leave it out"
            raise Unreadable(field, value, rule)
        return int(shape.ocpus)
    given = OCPUS if value is None else value
    return whole(field, given, int(shape.least_ocpus), int(shape.ocpus))


def _check_cidrs(topology: Topology) -> None:
    for one, two in combinations(range(len(topology.cidrs)), 2):
        if topology.cidrs[one].overlaps(topology.cidrs[two]):
            rule = f"must not overlap vcn.cidrs[{one}], {topology.cidrs[one]}"
            raise Unreadable(f"vcn.cidrs[{two}]", str(topology.cidrs[two]), rule)


def _check_subnets(topology: Topology) -> None:
    for subnet in topology.subnets:
        if not any(subnet.cidr.subnet_of(block) for block in topology.cidrs):
            blocks = ", ".join(str(block) for block in topology.cidrs)
            rule = f"must lie in a block of the VCN ({blocks})"
            raise Unreadable(f"subnets.{subnet.role}.cidr", str(subnet.cidr), rule)
    for one, two in combinations(topology.subnets, 2):
        if one.cidr.overlaps(two.cidr):
            rule = f"must not overlap subnets.{one.role}.cidr, {one.cidr}"
            raise Unreadable(f"subnets.{two.role}.cidr", str(two.cidr), rule)


def _check_cluster(topology: Topology) -> None:
    for index, block in enumerate(topology.cidrs):
        if block.overlaps(labcluster.SERVICES4):
            rule = f"must not overlap {labcluster.SERVICES4}, the cluster's Services"
            raise Unreadable(f"vcn.cidrs[{index}]", str(block), rule)
    if topology.prefix.overlaps(labcluster.SERVICES6):
        rule = f"must not overlap {labcluster.SERVICES6}, the cluster's Services"
        raise Unreadable("vcn.ipv6", str(topology.prefix), rule)
    for index, node in enumerate(topology.nodes):
        if node.name == labcluster.CONTROL:
            rule = "is the control plane's name"
            raise Unreadable(f"nodes[{index}].name", node.name, rule)


def _check_room(topology: Topology) -> None:
    reserved = RESERVED_FIRST + RESERVED_LAST
    for role, need, reason in _needs(topology):
        cidr = topology.subnet(role).cidr
        room = cidr.num_addresses - reserved
        if room < need:
            rule = f"too small: {reason} need {need} addresses, it has {room}"
            raise Unreadable(f"subnets.{role}.cidr", str(cidr), rule)


def _needs(topology: Topology) -> Iterator[tuple[str, int, str]]:
    nodes = topology.nodes
    if topology.is_cluster:
        yield "api", 1, "the control plane"
    yield "workers", len(nodes), f"{len(nodes)} nodes"
    # Per node: an address for each pod, and per VNIC its own and the host's.
    pods = sum(n.max_pods for n in nodes)
    yield "pods", pods + 2 * sum(n.pod_vnics for n in nodes), f"{pods} pods"
