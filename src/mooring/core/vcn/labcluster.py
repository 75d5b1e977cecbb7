"""What a lab with Kubernetes has besides: a control plane, Services, kube-proxy.

The numbers are OKE's where it has any (oci-facts 4.2): Services in 10.96.0.0/16, DNS the tenth of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from mooring.core.vcn.labfamilies import IPV4
from mooring.core.vcn.labwish import Unreadable, one_of

KUBERNETES = "kubernetes"
PROXIES = ("nftables", "iptables")
CONTROL = "control"
"""The instance of the control plane, by its name and its host name; no node is called so."""
DOMAIN = "cluster.local"
SERVICES4 = IPv4Network("10.96.0.0/16")
SERVICES6 = IPv6Network("fd00:96::/112")
API, DNS = 1, 10  # which of the Services' addresses these two have


@dataclass(frozen=True, slots=True)
class Services:
    """The addresses of Services, by family, the preferred one first."""

    cidrs: tuple[IPv4Network | IPv6Network, ...]

    @property
    def dns(self) -> tuple[str, ...]:
        """Tell where pods ask for names."""
        return tuple(str(block[DNS]) for block in self.cidrs)

    @property
    def api(self) -> tuple[str, ...]:
        """Tell where pods find the API server."""
        return tuple(str(block[API]) for block in self.cidrs)


def services(families: Sequence[str]) -> Services:
    """Give the Services' addresses of a lab whose pods have these families."""
    return Services(tuple(SERVICES4 if f == IPV4 else SERVICES6 for f in families))


def of_families(addresses: Sequence[str], families: Sequence[str]) -> tuple[str, ...]:
    """Give those of a machine's addresses that count, one per family, in the families' order."""
    four = [a for a in addresses if ":" not in a]
    six = [a for a in addresses if ":" in a]
    return tuple(found for f in families for found in (four if f == IPV4 else six)[:1])


def proxy(root: Mapping[str, Any]) -> str:
    """Read kube-proxy's mode off a wish; there is one only with Kubernetes."""
    if "proxy" not in root:
        return PROXIES[0]
    if root.get("runtime") != KUBERNETES:
        rule = f"kube-proxy runs with runtime {KUBERNETES} only"
        raise Unreadable("proxy", root["proxy"], rule)
    return one_of("proxy", root["proxy"], PROXIES)
