"""A Kubernetes Pod, cut down to what Mooring reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from mooring.core.kube import meta as metas
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import condition
from mooring.core.net.fields import Field

Address = IPv4Address | IPv6Address
PHASES = ("", "Pending", "Running", "Succeeded", "Failed", "Unknown")
MOST_IPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod. `ips` in the order of its status; `owner` is the controlling one, if any.

    One that `ended` holds no address any more, whatever its status still lists.
    """

    namespace: str
    name: str
    uid: str = ""
    version: str = ""
    node: str = ""
    ips: tuple[Address, ...] = ()
    phase: str = ""
    host_network: bool = False
    deleting: bool = False
    ready: bool = False
    owner: Owner | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Give `namespace/name`."""
        return metas.key_of(self.namespace, self.name)

    @property
    def ended(self) -> bool:
        """Tell whether all of its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")


def read(document: object) -> Pod:
    """Read a Pod; raise Unreadable at the first fault."""
    root, meta = metas.entity(document), metas.read(document)
    spec, status = root.at("spec"), root.at("status")
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        version=meta.version,
        labels=meta.labels,
        deleting=meta.deleting,
        owner=next((owner for owner in meta.owners if owner.controller), None),
        node=spec.at("nodeName").either(lambda f: f.text(253, 0), ""),
        host_network=spec.at("hostNetwork").flag(),
        phase=status.at("phase").either(lambda f: f.one_of(*PHASES), ""),
        ips=_ips(status),
        ready=condition(status.at("conditions"), "Ready"),
    )


def _ips(status: Field) -> tuple[Address, ...]:
    """Read the addresses; `podIP` alone is what very old servers say."""
    listed = status.at("podIPs").items(MOST_IPS)
    fields = [each.at("ip") for each in listed] or [status.at("podIP")]
    return tuple(_ip(each) for each in fields if each.value not in (None, ""))


def _ip(field: Field) -> Address:
    return field.ipv6() if ":" in field.text(64) else field.ipv4()
