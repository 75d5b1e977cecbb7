"""All that was read, put side by side: which object is which node's, which VNIC has which pod."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from ipaddress import ip_address

from mooring.core.npn.record import VnicStatus
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen


class Source(Enum):
    """What is read to show something."""

    NPNS = "nativepodnetworks"
    NODES = "nodes"
    PODS = "pods"
    EVENTS = "events"


EVERYTHING = frozenset(Source)
NOTHING: frozenset[Source] = frozenset()


@dataclass(frozen=True, kw_only=True)
class View:
    """One look. What was not read is empty: `unknown` is what there is and could not be read.

    `has` is what there is at all: a directory has objects only.
    """

    now: datetime
    has: frozenset[Source] = EVERYTHING
    unknown: frozenset[Source] = NOTHING
    npns: tuple[NpnSeen, ...] = ()
    nodes: tuple[NodeSeen, ...] = ()
    pods: tuple[PodSeen, ...] = ()
    events: tuple[EventSeen, ...] = ()

    @property
    def unread(self) -> list[str]:
        """Name what could not be read, for programs."""
        return sorted(each.value for each in self.unknown)

    @cached_property
    def node_of(self) -> Mapping[str, str]:
        """Give the node's name by the object's, where there is one."""
        by_instance = {node.instance: node.meta.name for node in self.nodes}
        found = {
            n.meta.name: n.node or by_instance.get(instance(n), "") for n in self.npns
        }
        return {name: node for name, node in found.items() if node}

    @cached_property
    def npn_of(self) -> Mapping[str, NpnSeen]:
        """Give a node's object by the node's name."""
        named = {npn.meta.name: npn for npn in self.npns}
        return {node: named[name] for name, node in self.node_of.items()}

    @cached_property
    def vnic_of(self) -> Mapping[str, VnicStatus]:
        """Give the VNIC that an address is on."""
        return {
            str(address): vnic
            for npn in self.npns
            for vnic in vnics(npn)
            for pair in vnic.pod_addresses
            for address in (pair.v4, pair.v6)
            if address is not None
        }

    @cached_property
    def pods_on(self) -> Mapping[str, tuple[PodSeen, ...]]:
        """Give a node's pods that have an address of its pool."""
        found: dict[str, list[PodSeen]] = {}
        for pod in self.pods:
            if pod.holds:
                found.setdefault(pod.node, []).append(pod)
        return {node: tuple(pods) for node, pods in found.items()}

    def vnics_of(self, pod: PodSeen) -> tuple[VnicStatus, ...]:
        """Give the VNICs that a pod's addresses are on."""
        if pod.on_host:
            return ()
        found = (self.vnic_of.get(canonical(text)) for text in pod.addresses)
        return tuple({v.vnic_id: v for v in found if v is not None}.values())


def instance(npn: NpnSeen) -> str:
    """Give the OCID that an object is for; "" where it says none."""
    return npn.npn.spec.id if npn.npn else ""


def vnics(npn: NpnSeen) -> tuple[VnicStatus, ...]:
    """Give the VNICs of an object's status."""
    return npn.npn.status.vnics if npn.npn else ()


def families(vnic_list: Iterable[VnicStatus]) -> tuple[str, ...]:
    """Name the families that VNICs have, in order."""
    return tuple(dict.fromkeys(f for vnic in vnic_list for f in vnic.ip_families))


def offered(vnic_list: Iterable[VnicStatus]) -> Mapping[str, int]:
    """Count the pod addresses of each family."""
    pairs = [(vnic, pair) for vnic in vnic_list for pair in vnic.pod_addresses]
    return {
        family: sum(
            (pair.v4 if family == "IPv4" else pair.v6) is not None for _, pair in pairs
        )
        for family in families(vnic for vnic, _ in pairs)
    }


def canonical(text: str) -> str:
    """Write an address in its usual form; leave what is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text
