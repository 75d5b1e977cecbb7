"""A Kubernetes Node, cut down to what Mooring reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from mooring.core.kube import meta as metas
from mooring.core.net.fields import Field

Address = IPv4Address | IPv6Address
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
MOST_TAINTS, MOST_ADDRESSES, MOST_CONDITIONS = 256, 256, 256
MOST_PODS = 1 << 31


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class NodeCondition:
    """What somebody says of a node."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. `provider_id` is the instance's OCID where the kubelet was told so.

    `capacity_pods` is None where the kubelet has not said it yet.
    """

    name: str
    uid: str = ""
    version: str = ""
    provider_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    addresses: tuple[Address, ...] = ()
    ready: bool = False
    conditions: tuple[NodeCondition, ...] = ()
    unschedulable: bool = False
    deleting: bool = False
    capacity_pods: int | None = None
    allocatable_pods: int | None = None

    @property
    def most_pods(self) -> int | None:
        """Give how many pods the scheduler sends at most; None where nobody said it yet."""
        most = self.allocatable_pods
        return self.capacity_pods if most is None else most

    def tainted(self, key: str, effect: str = "") -> bool:
        """Tell whether it carries that taint, with that effect or with any."""
        return any(t.key == key and effect in ("", t.effect) for t in self.taints)


def read(document: object) -> Node:
    """Read a Node; raise Unreadable at the first fault."""
    root, meta = metas.entity(document), metas.read(document)
    spec, status = root.at("spec"), root.at("status")
    return Node(
        name=meta.name,
        uid=meta.uid,
        version=meta.version,
        labels=meta.labels,
        annotations=meta.annotations,
        deleting=meta.deleting,
        provider_id=spec.at("providerID").either(lambda f: f.text(1024, 0), ""),
        taints=tuple(_taint(f) for f in spec.at("taints").items(MOST_TAINTS)),
        unschedulable=spec.at("unschedulable").flag(),
        addresses=_addresses(status.at("addresses")),
        ready=condition(status.at("conditions"), "Ready"),
        conditions=tuple(
            _condition(f) for f in status.at("conditions").items(MOST_CONDITIONS)
        ),
        capacity_pods=_pods(status.at("capacity")),
        allocatable_pods=_pods(status.at("allocatable")),
    )


def condition(field: Field, kind: str) -> bool:
    """Tell whether the condition of that type is there and True."""
    return any(
        each.at("type").text() == kind and each.at("status").text() == "True"
        for each in field.items(MOST_CONDITIONS)
    )


def _condition(field: Field) -> NodeCondition:
    """Read one as whoever wrote it meant it; what is no text says nothing."""
    words = (field.at(key).value for key in ("type", "status", "reason", "message"))
    return NodeCondition(*(word if isinstance(word, str) else "" for word in words))


def _taint(field: Field) -> Taint:
    return Taint(
        key=field.at("key").text(317),
        effect=field.at("effect").one_of(*EFFECTS),
        value=field.at("value").either(lambda f: f.text(63, 0), ""),
    )


def _addresses(field: Field) -> tuple[Address, ...]:
    return tuple(
        _address(each.at("address"))
        for each in field.items(MOST_ADDRESSES)
        if each.at("type").text() == "InternalIP"
    )


def _address(field: Field) -> Address:
    text = field.text(64)
    try:
        return ip_address(text)
    except ValueError:
        raise field.wrong("must be an IP address") from None


def _pods(field: Field) -> int | None:
    """Read how many pods; a quantity comes as text, and may come as a number."""
    pods = field.at("pods")
    if pods.absent or not isinstance(pods.value, str):
        return pods.either(lambda f: f.whole(0, MOST_PODS), None)
    text = pods.text(32)
    if not (text.isascii() and text.isdigit()):
        raise pods.wrong("must be a whole number")
    return Field(pods.path, int(text)).whole(0, MOST_PODS)
