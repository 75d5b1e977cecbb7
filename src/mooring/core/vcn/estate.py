"""A topology as the cloud's objects: what to create, in which order, with which rules.

Each `Wanted` is one object as the API's create call takes it (camelCase JSON, API 20160918), known
by its kind and display name, so that a second run finds what the first one made. A `Ref`
stands where the OCID of an earlier object goes.

The security rules are those of the facts (oci-facts 5.1) for VCN-native pods, the optional ones
too; where the lab has IPv6, each stands for that family as well. Private subnets reach Oracle's
services by a service gateway, all else by the NAT gateway (5.3); what the lab has of IPv6 is
private and leads to nothing outside. The pods' own rules stand in a network security group,
`pods`, one rule each, so that one can be taken away and given back; the pod subnet's security
list is empty (rules only allow).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.oracle_services import ZONE, services
from mooring.core.vcn.topology import NodePlan, SubnetPlan, Topology

ANYWHERE = "0.0.0.0/0"
SERVICES, SERVICE = "services", "SERVICE_CIDR_BLOCK"
ALL_SERVICES = services(Settings().region)[0]
ALL, ICMP, TCP, UDP = "all", "1", "6", "17"
PATH_MTU = (3, 4)  # ICMP type and code
ANYWHERE6, ICMP6, PATH_MTU6 = "::/0", "58", (2, 0)
POD_RULES = "pods"
WORKERS = "workers"


@dataclass(frozen=True, slots=True)
class Ref:
    """The OCID of the object of this kind and display name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that shall exist. `body` is the create call's, with Refs in it."""

    kind: str
    name: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """A stateful rule as a line of the facts' table; `peer` a role, a Ref or a CIDR."""

    direction: str  # INGRESS | EGRESS
    peer: str
    protocol: str = ALL
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


def _from(peer: str, protocol: str = ALL, *ports: int) -> Iterator[Allow]:
    yield from _allows("INGRESS", peer, protocol, ports)


def _to(peer: str, protocol: str = ALL, *ports: int) -> Iterator[Allow]:
    yield from _allows("EGRESS", peer, protocol, ports)


def _allows(
    direction: str, peer: str, protocol: str, ports: tuple[int, ...]
) -> Iterator[Allow]:
    if protocol == ICMP:
        yield Allow(direction=direction, peer=peer, protocol=ICMP, icmp=PATH_MTU)
        return
    for port in ports or (None,):
        span = None if port is None else SERVICE_PORTS.get(port, (port, port))
        yield Allow(direction=direction, peer=peer, protocol=protocol, ports=span)


SERVICE_PORTS = {30000: (30000, 32767)}
"""Ports that begin a range: what NodePort services listen on."""

# 6443 the Kubernetes API, 12250 the cluster's control plane, 10250 kubelet, 10256 the health
# port of kube-proxy (oci-facts 5.3).
RULES: Mapping[str, tuple[Allow, ...]] = {
    "api": (
        *_from("workers", TCP, 6443, 12250),
        *_from("workers", ICMP),
        *_from("pods", TCP, 6443, 12250),
        *_from(ANYWHERE, TCP, 6443),
        *_to(SERVICES, TCP),
        *_to(SERVICES, ICMP),
        *_to("workers", TCP, 10250),
        *_to("workers", ICMP),
        *_to("pods"),
    ),
    "workers": (
        *_from("api", TCP, 10250),
        *_from(ANYWHERE, ICMP),
        *_from("lb", TCP, 30000, 10256),
        *_from("lb", UDP, 30000, 10256),
        *_from("workers"),
        *_from("pods"),
        *_to("pods"),
        *_to(ANYWHERE, ICMP),
        *_to(SERVICES, TCP),
        *_to("api", TCP, 6443, 12250),
        *_to("workers"),
        *_to(ANYWHERE, TCP),
    ),
    "lb": (
        *_from(ANYWHERE, TCP, 80, 443),
        *_to("workers", TCP, 30000, 10256),
        *_to("workers", UDP, 30000, 10256),
    ),
    "pods": (
        *_from("workers"),
        *_from("api"),
        *_from("pods"),
        *_to("pods"),
        *_to(SERVICES, ICMP),
        *_to(SERVICES, TCP),
        *_to("api", TCP, 6443, 12250),
        *_to(ANYWHERE, TCP, 443),
    ),
}

# What a cluster needs besides: CoreDNS runs beside the API server, where OKE has it in pods;
# NodePort services are reached from pods, as OKE's own "quick create" allows.
CLUSTER_RULES: Mapping[str, tuple[Allow, ...]] = {
    "api": (
        *_from("workers", TCP, 53),
        *_from("workers", UDP, 53),
        *_from("pods", TCP, 53),
        *_from("pods", UDP, 53),
    ),
    "workers": (*_to("api", TCP, 53), *_to("api", UDP, 53)),
    "pods": (*_to("api", TCP, 53), *_to("api", UDP, 53), *_to("workers")),
}


def _allowed(topology: Topology, role: str) -> tuple[Allow, ...]:
    more = CLUSTER_RULES.get(role, ()) if topology.is_cluster else ()
    return RULES[role] + more


def estate(topology: Topology) -> tuple[Wanted, ...]:
    """List all objects of the lab's cloud, each after what it refers to."""
    return (*_network(topology), *_subnets(topology), *_instances(topology))


def pod_group(topology: Topology) -> Ref:
    """Tell which network security group the pods' VNICs join."""
    return Ref("network_security_group", f"{topology.name}-{POD_RULES}")


def pod_subnet(topology: Topology) -> Ref:
    """Tell which subnet the pods' VNICs are in."""
    return Ref("subnet", f"{topology.name}-pods")


def pod_rules(topology: Topology) -> tuple[dict[str, Any], ...]:
    """Give the rules of the pods' group as the API's add call takes them."""
    return tuple(_rules(topology, _allowed(topology, "pods"), in_group=True))


def domains(topology: Topology) -> tuple[str, ...]:
    """Tell in which domains a node looks for the names of others."""
    vcn = f"{_label(topology)}.{ZONE}"
    return f"{WORKERS}.{vcn}", vcn


def _label(topology: Topology) -> str:
    return f"v{topology.name.replace('-', '')}"


def _vcn(topology: Topology) -> Ref:
    return Ref("vcn", topology.name)


def _network(topology: Topology) -> Iterator[Wanted]:
    blocks = [str(c) for c in topology.cidrs]
    label = _label(topology)
    six = {
        "isIpv6Enabled": True,
        "isOracleGuaAllocationEnabled": False,
        "ipv6PrivateCidrBlocks": [str(topology.prefix)],
    }
    vcn = {"cidrBlocks": blocks, "dnsLabel": label}
    yield Wanted("vcn", topology.name, vcn | (six if topology.has_ipv6 else {}))
    inside = {"vcnId": _vcn(topology)}
    internet = Ref("internet_gateway", f"{topology.name}-internet")
    nat = Ref("nat_gateway", f"{topology.name}-nat")
    yield Wanted(internet.kind, internet.name, {**inside, "isEnabled": True})
    yield Wanted(nat.kind, nat.name, inside)
    oracle = Ref("service_gateway", f"{topology.name}-services")
    enabled = [{"serviceId": ALL_SERVICES.id}]
    yield Wanted(oracle.kind, oracle.name, {**inside, "services": enabled})
    to_services = _route(ALL_SERVICES.label, SERVICE, oracle)
    for way, rules in (
        ("public", [_route(ANYWHERE, "CIDR_BLOCK", internet)]),
        ("private", [_route(ANYWHERE, "CIDR_BLOCK", nat), to_services]),
    ):
        body = {**inside, "routeRules": rules}
        yield Wanted("route_table", f"{topology.name}-{way}", body)
    for subnet in topology.subnets:
        yield Wanted(
            "security_list",
            f"{topology.name}-{subnet.role}",
            {**inside, **_list_rules(topology, subnet)},
        )
    group = pod_group(topology)
    yield Wanted(group.kind, group.name, inside)


def _route(destination: str, kind: str, target: Ref) -> dict[str, Any]:
    return {
        "destination": destination,
        "destinationType": kind,
        "networkEntityId": target,
    }


def _list_rules(topology: Topology, subnet: SubnetPlan) -> dict[str, Any]:
    allows = () if subnet.role == "pods" else _allowed(topology, subnet.role)
    return {
        key: list(
            _rules(topology, [a for a in allows if a.direction == way], in_group=False)
        )
        for key, way in (
            ("ingressSecurityRules", "INGRESS"),
            ("egressSecurityRules", "EGRESS"),
        )
    }


def _rules(
    topology: Topology, allows: Iterable[Allow], *, in_group: bool
) -> Iterator[dict[str, Any]]:
    """Write the rules, and where there is IPv6 what they are for it."""
    for allow in allows:
        peer, kind = _peer(topology, allow.peer, in_group=in_group)
        yield _rule(allow, peer, kind, in_group=in_group)
        block = kind == "CIDR_BLOCK"
        if topology.has_ipv6 and (block or (allow.icmp and kind != SERVICE)):
            six = (
                replace(allow, protocol=ICMP6, icmp=PATH_MTU6) if allow.icmp else allow
            )
            there = _peer6(topology, allow.peer) if block else peer
            rule = _rule(six, there, kind, in_group=in_group)
            yield {**rule, "description": f"{_description(allow)} (IPv6)"}


def _peer6(topology: Topology, peer: str) -> str:
    return str(topology.prefix_of(peer)) if peer in RULES else ANYWHERE6


def _rule(
    allow: Allow, peer: str | Ref, kind: str, *, in_group: bool
) -> dict[str, Any]:
    side = "source" if allow.direction == "INGRESS" else "destination"
    rule: dict[str, Any] = {
        "protocol": allow.protocol,
        "isStateless": False,
        side: peer,
        f"{side}Type": kind,
        "description": _description(allow),
    }
    if in_group:
        rule["direction"] = allow.direction
    if allow.ports:
        least, most = allow.ports
        options = {"destinationPortRange": {"min": least, "max": most}}
        rule["tcpOptions" if allow.protocol == TCP else "udpOptions"] = options
    if allow.icmp:
        rule["icmpOptions"] = {"type": allow.icmp[0], "code": allow.icmp[1]}
    return rule


def _peer(topology: Topology, peer: str, *, in_group: bool) -> tuple[str | Ref, str]:
    if peer == "pods" and in_group:
        return pod_group(topology), "NETWORK_SECURITY_GROUP"
    if peer == SERVICES:
        return ALL_SERVICES.label, SERVICE
    is_role = peer in RULES
    return str(topology.subnet(peer).cidr) if is_role else peer, "CIDR_BLOCK"


WORDS = {ALL: "all", ICMP: "ICMP 3,4", ICMP6: "ICMPv6 2", TCP: "TCP", UDP: "UDP"}


def _description(allow: Allow) -> str:
    way = "from" if allow.direction == "INGRESS" else "to"
    protocol = WORDS[allow.protocol]
    ports = ""
    if allow.ports:
        least, most = allow.ports
        ports = f" {least}" if least == most else f" {least}-{most}"
    peer = "anywhere" if allow.peer == ANYWHERE else allow.peer
    return f"{way} {peer}: {protocol}{ports}"


def _subnets(topology: Topology) -> Iterator[Wanted]:
    for subnet in topology.subnets:
        name = f"{topology.name}-{subnet.role}"
        way = "public" if subnet.public else "private"
        yield Wanted(
            "subnet",
            name,
            {
                "vcnId": _vcn(topology),
                "cidrBlock": str(subnet.cidr),
                **(
                    {"ipv6CidrBlock": str(topology.prefix_of(subnet.role))}
                    if topology.has_ipv6
                    else {}
                ),
                "dnsLabel": subnet.role,
                "prohibitPublicIpOnVnic": not subnet.public,
                "routeTableId": Ref("route_table", f"{topology.name}-{way}"),
                "securityListIds": [Ref("security_list", name)],
            },
        )


def _instances(topology: Topology) -> Iterator[Wanted]:
    if topology.is_cluster:
        yield Wanted("instance", CONTROL, control(topology))
    for node in topology.nodes:
        yield Wanted("instance", node.name, instance(topology, node))


def instance(topology: Topology, node: NodePlan) -> dict[str, Any]:
    """Give the launch call of a node (metadata keys: oci-facts 4.4)."""
    families = {"oke-ip-families": ",".join(topology.families)}
    metadata = {
        "oke-native-pod-networking": "true",
        "oke-max-pods": str(node.max_pods),
        "pod-subnets": pod_subnet(topology),
        "pod-nsgids": pod_group(topology),
        **(families if topology.is_cluster else {}),
    }
    return {**_launched(topology, WORKERS, node), "metadata": metadata}


def control(topology: Topology) -> dict[str, Any]:
    """Give the launch call of the control plane's machine."""
    return _launched(topology, "api", NodePlan(name=CONTROL))


def _launched(topology: Topology, role: str, node: NodePlan) -> dict[str, Any]:
    return {
        "shape": node.shape,
        "shapeConfig": {"ocpus": node.ocpus},
        "sourceDetails": {"sourceType": "image", "imageId": IMAGE},
        "createVnicDetails": {
            "subnetId": Ref("subnet", f"{topology.name}-{role}"),
            "assignPublicIp": False,
            "displayName": node.name,
            "hostnameLabel": node.name,
            **({"assignIpv6Ip": True} if topology.has_ipv6 else {}),
        },
    }


IMAGE = "ocid1.image.oc1.local-1.aaaamooringlab"
"""What a node boots from; nothing boots here, but the API wants to be told."""


def resolved(body: Mapping[str, Any], ids: Mapping[Ref, str]) -> dict[str, Any]:
    """Put OCIDs where a body refers to other objects; KeyError when one is unknown."""
    return {key: _resolved(each, ids) for key, each in body.items()}


def _resolved(value: object, ids: Mapping[Ref, str]) -> object:
    if isinstance(value, Ref):
        return ids[value]
    if isinstance(value, Mapping):
        return resolved(value, ids)
    if isinstance(value, list):
        return [_resolved(each, ids) for each in value]
    return value
