"""A cluster's control plane as command lines and texts: etcd to CoreDNS.

etcd serves on the loopback address of the control plane's own network namespace, without TLS: nobody
else is in there. It does not wait for the disk: what a killed process wrote is there, what a
machine wrote that lost its power need not be (the lab is made again then).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.core.linux.kubeconfig import COREDNS, PORT

STORE = "http://127.0.0.1:2379"
PEER = "http://127.0.0.1:2380"
ISSUER = "https://kubernetes.default.svc"
DNS_PORT = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """What differs between labs. `home` holds keys, configurations and etcd's data.

    `addresses` are the machine's, `services` the Services' networks, both one per family, the preferred
    one first.
    """

    programs: str
    home: str
    addresses: tuple[str, ...]
    services: tuple[str, ...]
    domain: str = "cluster.local"

    def key(self, name: str) -> str:
        """Give the file of a private key."""
        return f"{self.home}/pki/{name}.key"

    def certificate(self, name: str) -> str:
        """Give the file of a certificate."""
        return f"{self.home}/pki/{name}.crt"

    def access(self, name: str) -> str:
        """Give the kubeconfig of a program."""
        return f"{self.home}/{name}.kubeconfig"


def etcd(plane: ControlPlane) -> tuple[str, ...]:
    """Give etcd's command line."""
    return (
        f"{plane.programs}/etcd",
        "--name=control",
        f"--data-dir={plane.home}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={STORE}",
        f"--advertise-client-urls={STORE}",
        f"--listen-peer-urls={PEER}",
        f"--initial-advertise-peer-urls={PEER}",
        f"--initial-cluster=control={PEER}",
        "--log-level=warn",
    )


def apiserver(plane: ControlPlane) -> tuple[str, ...]:
    """Give the API server's command line."""
    return (
        *_served(plane),
        *_extended(plane),
        f"--client-ca-file={plane.certificate('authority')}",
        f"--kubelet-client-certificate={plane.certificate('apiserver-kubelet')}",
        f"--kubelet-client-key={plane.key('apiserver-kubelet')}",
        f"--kubelet-certificate-authority={plane.certificate('authority')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={','.join(plane.services)}",
        f"--service-account-issuer={ISSUER}.{plane.domain}",
        f"--service-account-signing-key-file={plane.key('service-accounts')}",
        f"--service-account-key-file={plane.key('service-accounts')}",
        "--allow-privileged=true",
    )


def _served(plane: ControlPlane) -> tuple[str, ...]:
    """Tell where it keeps what it serves, and where."""
    return (
        f"{plane.programs}/kube-apiserver",
        f"--etcd-servers={STORE}",
        f"--advertise-address={plane.addresses[0]}",
        f"--bind-address={'::' if _has6(plane.addresses) else '0.0.0.0'}",  # noqa: S104 - inside its own namespace
        f"--secure-port={PORT}",
        f"--tls-cert-file={plane.certificate('apiserver')}",
        f"--tls-private-key-file={plane.key('apiserver')}",
    )


def _extended(plane: ControlPlane) -> tuple[str, ...]:
    """Tell how it is known to extension servers, and finds them."""
    return (
        f"--requestheader-client-ca-file={plane.certificate('front-authority')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={plane.certificate('front-proxy')}",
        f"--proxy-client-key-file={plane.key('front-proxy')}",
        # No kube-proxy here: Services are reached by their endpoints.
        "--enable-aggregator-routing=true",
    )


def controller_manager(plane: ControlPlane) -> tuple[str, ...]:
    """Give the controller manager's command line."""
    return (
        f"{plane.programs}/kube-controller-manager",
        f"--kubeconfig={plane.access('controller-manager')}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--cert-dir={plane.home}/serving",
        f"--root-ca-file={plane.certificate('authority')}",
        f"--service-account-private-key-file={plane.key('service-accounts')}",
        "--use-service-account-credentials=true",
        f"--cluster-signing-cert-file={plane.certificate('authority')}",
        f"--cluster-signing-key-file={plane.key('authority')}",
        f"--service-cluster-ip-range={','.join(plane.services)}",
        "--allocate-node-cidrs=false",
    )


def scheduler(plane: ControlPlane) -> tuple[str, ...]:
    """Give the scheduler's command line."""
    return (
        f"{plane.programs}/kube-scheduler",
        f"--kubeconfig={plane.access('scheduler')}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--cert-dir={plane.home}/serving",
    )


def coredns(plane: ControlPlane) -> tuple[str, ...]:
    """Give CoreDNS's command line."""
    return (f"{plane.programs}/coredns", "-conf", f"{plane.home}/Corefile", "-quiet")


COREFILE = """\
.:53 {
    bind @addresses@
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    kubernetes @domain@ in-addr.arpa ip6.arpa {
        kubeconfig @kubeconfig@
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    forward . /etc/resolv.conf
    cache 30
}
"""


def corefile(plane: ControlPlane) -> str:
    """Write CoreDNS's configuration: the cluster's names here, all others from the VCN."""
    text = COREFILE.replace("@domain@", plane.domain)
    text = text.replace("@addresses@", " ".join(plane.addresses))
    return text.replace("@kubeconfig@", plane.access("coredns"))


def dns_objects(plane: ControlPlane, dns: Sequence[str]) -> str:
    """Write the objects by which the cluster finds CoreDNS outside of it, as YAML reads them.

    `dns` are the addresses of the Service, in the order of the families.
    """
    items: list[dict[str, Any]] = [
        _object("rbac.authorization.k8s.io/v1", "ClusterRole", COREDNS)
        | {"rules": list(DNS_RULES)},
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", COREDNS)
        | {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": COREDNS,
            },
            "subjects": [
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "User",
                    "name": COREDNS,
                }
            ],
        },
        _dns_service(dns),
        *(_dns_slice(address) for address in plane.addresses),
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    return json.dumps(listed, indent=2) + "\n"


DNS_RULES = (
    {
        "apiGroups": [""],
        "resources": ["endpoints", "services", "pods", "namespaces"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    },
)
DNS_PORTS = (("dns", "UDP"), ("dns-tcp", "TCP"))
KUBE_DNS = "kube-dns"


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _dns_service(dns: Sequence[str]) -> dict[str, Any]:
    meta = {
        "name": KUBE_DNS,
        "namespace": "kube-system",
        "labels": {"k8s-app": KUBE_DNS, "kubernetes.io/name": "CoreDNS"},
    }
    families = ["IPv6" if ":" in each else "IPv4" for each in dns]
    spec = {
        "clusterIP": dns[0],
        "clusterIPs": list(dns),
        "ipFamilies": families,
        "ipFamilyPolicy": "SingleStack" if len(dns) == 1 else "RequireDualStack",
        "ports": [
            {"name": name, "port": DNS_PORT, "protocol": protocol}
            for name, protocol in DNS_PORTS
        ],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def _dns_slice(address: str) -> dict[str, Any]:
    family = "IPv6" if ":" in address else "IPv4"
    meta = {
        "name": f"{KUBE_DNS}-{family.lower()}",
        "namespace": "kube-system",
        "labels": {
            "kubernetes.io/service-name": KUBE_DNS,
            "endpointslice.kubernetes.io/managed-by": "mooring-lab",
        },
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": family,
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [
            {"name": name, "port": DNS_PORT, "protocol": protocol}
            for name, protocol in DNS_PORTS
        ],
    }


def _has6(addresses: Sequence[str]) -> bool:
    return any(":" in each for each in addresses)
