"""How programs of a cluster know its API server and each other: certificates and kubeconfigs.

Kubernetes reads who a client is out of its certificate: the user is the common name, the groups are
the organizations (kubernetes.io, "X509 client certificates"). The Node authorizer knows a
kubelet by `system:node:NAME` in `system:nodes`.
"""

import base64
import json
from dataclasses import dataclass

PORT = 6443
MASTERS = "system:masters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a program is: `user` in `group`, and by which names and addresses it serves."""

    name: str
    user: str
    group: str = ""
    hosts: tuple[str, ...] = ()


def control_identities(hosts: tuple[str, ...]) -> tuple[Identity, ...]:
    """List who runs on the control plane; the API server is reached by `hosts`."""
    return (
        Identity(name="apiserver", user="kube-apiserver", hosts=hosts),
        ADMIN,
        Identity(name="apiserver-kubelet", user="kube-apiserver", group=MASTERS),
        Identity(name="controller-manager", user="system:kube-controller-manager"),
        Identity(name="scheduler", user="system:kube-scheduler"),
        Identity(name="coredns", user=COREDNS),
    )


COREDNS = "system:coredns"
ADMIN = Identity(name="admin", user="kubernetes-admin", group=MASTERS)
PROXY = Identity(name="kube-proxy", user="system:kube-proxy")
FRONT = Identity(name="front-proxy", user="front-proxy-client")
"""Who the API server is to extension servers; of an authority of its own."""


def node_identities(node: str, addresses: tuple[str, ...]) -> tuple[Identity, ...]:
    """List who runs on a node: its kubelet, as a client and as a server."""
    return (
        Identity(name="kubelet", user=f"system:node:{node}", group="system:nodes"),
        Identity(
            name="kubelet-server",
            user=f"system:node:{node}",
            hosts=(node, "localhost", "127.0.0.1", *addresses),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a kubeconfig says: where the server is, whom to believe, as whom to come."""

    server: str
    authority: str
    certificate: str
    key: str
    cluster: str = "mooring"


def server(address: str, port: int = PORT) -> str:
    """Give the URL of an API server."""
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}:{port}"


def kubeconfig(access: Access) -> str:
    """Write a kubeconfig with everything in it; JSON, which is YAML."""
    name = access.cluster
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": access.server,
                    "certificate-authority-data": _encoded(access.authority),
                },
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _encoded(access.certificate),
                    "client-key-data": _encoded(access.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
