"""A worker node of a cluster as text: kubelet's and kube-proxy's configuration, its own directories.

What a kubelet writes outside of its own directory is caught: its logs and the CNI executables are
the node's own, and the six kernel settings of the whole machine that it changes are files
of the node's that stand in their place.
"""

import json
from dataclasses import dataclass
from typing import Any

from mooring.core.linux.containerd import CONF_DIR, SOCKET

ROOT = "/var/lib/kubelet"
PLUGINS = "/opt/cni/bin"
TAINT = ("mooring/agent-not-ready", "NoSchedule")
"""What keeps pods away until their addresses are there; Mooring's controller lifts it."""
HEALTH, PROXY_HEALTH = 10248, 10256


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What differs between nodes. `home` holds keys and configurations."""

    name: str
    programs: str
    home: str
    instance: str
    addresses: tuple[str, ...]
    max_pods: int
    dns: tuple[str, ...]
    proxy: str = "nftables"
    domain: str = "cluster.local"
    links: str = "moor"


def kubelet(worker: Worker) -> tuple[str, ...]:
    """Give kubelet's command line."""
    return (
        f"{worker.programs}/kubelet",
        f"--config={worker.home}/kubelet.json",
        f"--kubeconfig={worker.home}/kubelet.kubeconfig",
        f"--hostname-override={worker.name}",
        f"--node-ip={','.join(worker.addresses)}",
        f"--root-dir={ROOT}",
        f"--cert-dir={ROOT}/pki",
    )


def kube_proxy(worker: Worker) -> tuple[str, ...]:
    """Give kube-proxy's command line."""
    return (f"{worker.programs}/kube-proxy", f"--config={worker.home}/kube-proxy.json")


def kubelet_config(worker: Worker) -> str:
    """Write kubelet's configuration; JSON, which is YAML."""
    key, effect = TAINT
    pki = f"{worker.home}/pki"
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "providerID": worker.instance,
            "registerWithTaints": [{"key": key, "effect": effect}],
            "maxPods": worker.max_pods,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/authority.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{pki}/kubelet-server.crt",
            "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": list(worker.dns),
            "clusterDomain": worker.domain,
            "resolvConf": "/etc/resolv.conf",
            "volumePluginDir": f"{ROOT}/volume-plugins",
            "healthzPort": HEALTH,
            "readOnlyPort": 0,
            "evictionHard": EVICTION,
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "nodeStatusUpdateFrequency": "2s",
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "eventRecordQPS": 0,
        }
    )


EVICTION = {
    "memory.available": "1Mi",
    "nodefs.available": "0%",
    "nodefs.inodesFree": "0%",
    "imagefs.available": "0%",
}
"""Several nodes share one machine: that its disk or memory is full is no node's fault."""


def proxy_config(worker: Worker) -> str:
    """Write kube-proxy's configuration.

    A pod is known as the node's own by its link: VCN-native pods have no network per node.
    """
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": worker.proxy,
            "hostnameOverride": worker.name,
            "clientConnection": {"kubeconfig": f"{worker.home}/kube-proxy.kubeconfig"},
            "detectLocalMode": "InterfaceNamePrefix",
            "detectLocal": {"interfaceNamePrefix": worker.links},
            "bindAddress": "::" if ":" in worker.addresses[0] else "0.0.0.0",  # noqa: S104 - inside its own namespace
            "healthzBindAddress": f"{_any(worker)}:{PROXY_HEALTH}",
            "metricsBindAddress": "127.0.0.1:10249",
            # The maximum cannot be written in a network namespace.
            "conntrack": {"maxPerCore": 0, "min": 0},
        }
    )


def _any(worker: Worker) -> str:
    return "[::]" if any(":" in each for each in worker.addresses) else "0.0.0.0"  # noqa: S104 - inside its own namespace


KEPT = ("kubelet", "var-log", "cni", "net.d")
"""What of a worker outlives its processes, as directories of its own."""
SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
SHIELD = (
    'mkdir -p "${2%/*}"; cat "/proc/sys/$1" >"$2"; mount --bind "$2" "/proc/sys/$1"'
)


def mounts(own: str) -> tuple[tuple[str, ...], ...]:
    """Give the commands that make a node a worker's; `own` is its directory."""
    opt = "lowerdir=/opt,upperdir=/run/node/opt.up,workdir=/run/node/opt.work"
    return (
        ("mkdir", "-p", "/run/node/opt.up", "/run/node/opt.work"),
        ("mount", "-t", "overlay", "overlay", "-o", opt, "/opt"),
        ("mkdir", "-p", PLUGINS, ROOT),
        ("mount", "--bind", f"{own}/cni", PLUGINS),
        # The machine may have networks of its own there; a node begins without.
        ("mount", "--bind", f"{own}/net.d", CONF_DIR),
        ("mount", "--bind", f"{own}/kubelet", ROOT),
        ("mount", "--bind", f"{own}/var-log", "/var/log"),
        *(
            ("sh", "-c", SHIELD, "shield", name, f"/run/node/settings/{name}")
            for name in SETTINGS
        ),
    )


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
