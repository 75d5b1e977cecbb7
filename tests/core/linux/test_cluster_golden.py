"""A cluster's command lines and configurations as text, for a human to review.

`make golden` rewrites the files below tests/golden/cluster; the difference is the review.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from mooring.core.linux import containerd, controlplane, kubelet
from mooring.core.linux.containerd import Containerd
from mooring.core.linux.controlplane import ControlPlane
from mooring.core.linux.kubelet import Worker

GOLDEN = Path(__file__).parents[2] / "golden/cluster"

PLANE = ControlPlane(
    programs="/programs",
    home="/lab/nodes/control",
    addresses=("10.0.0.3",),
    services=("10.96.0.0/16",),
)
DUAL = ControlPlane(
    programs="/programs",
    home="/lab/nodes/control",
    addresses=("fd00:6d6f:6f72::3", "10.0.0.3"),
    services=("fd00:96::/112", "10.96.0.0/16"),
)
WORKER = Worker(
    name="node-1",
    programs="/programs",
    home="/lab/nodes/node-1",
    instance="ocid1.instance.oc1.local-1.aaaa",
    addresses=("10.0.1.5",),
    max_pods=31,
    dns=("10.96.0.10",),
)
DUAL_WORKER = Worker(
    name="node-1",
    programs="/programs",
    home="/lab/nodes/node-1",
    instance="ocid1.instance.oc1.local-1.aaaa",
    addresses=("fd00:6d6f:6f72:1::5", "10.0.1.5"),
    max_pods=62,
    dns=("fd00:96::a", "10.96.0.10"),
    proxy="iptables",
)


def lines(*commands: Sequence[str]) -> str:
    """Command lines, a word per line."""
    return "\n\n".join("\n  ".join(command) for command in commands) + "\n"


def control_plane(plane: ControlPlane, dns: tuple[str, ...]) -> dict[str, str]:
    return {
        "programs.txt": lines(
            controlplane.etcd(plane),
            controlplane.apiserver(plane),
            controlplane.controller_manager(plane),
            controlplane.scheduler(plane),
            controlplane.coredns(plane),
        ),
        "Corefile": controlplane.corefile(plane),
        "dns.json": controlplane.dns_objects(plane, dns),
    }


def worker(node: Worker) -> dict[str, str]:
    return {
        "programs.txt": lines(kubelet.kubelet(node), kubelet.kube_proxy(node)),
        "kubelet.json": kubelet.kubelet_config(node),
        "kube-proxy.json": kubelet.proxy_config(node),
        "mounts.txt": lines(*kubelet.mounts(node.home)),
    }


TEXTS = {
    **{f"control-{k}": t for k, t in control_plane(PLANE, ("10.96.0.10",)).items()},
    **{
        f"control-dual-{k}": t
        for k, t in control_plane(DUAL, ("fd00:96::a", "10.96.0.10")).items()
    },
    **{f"worker-{k}": t for k, t in worker(WORKER).items()},
    **{f"worker-dual-{k}": t for k, t in worker(DUAL_WORKER).items()},
    "containerd.toml": containerd.config3(
        Containerd(root="/lab/containerd", bin_dir="/opt/cni/bin", image="pause:1")
    ),
}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_text_is_as_it_was_reviewed_golden(name: str) -> None:
    file = GOLDEN / name
    if os.environ.get("MOORING_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(TEXTS[name])

    assert TEXTS[name] == file.read_text()


def test_every_golden_file_has_its_text() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == TEXTS.keys()


def test_a_node_takes_no_pods_before_its_addresses_are_there() -> None:
    read = json.loads(kubelet.kubelet_config(WORKER))

    assert read["registerWithTaints"] == [
        {"key": "mooring/agent-not-ready", "effect": "NoSchedule"}
    ]
    assert (read["maxPods"], read["providerID"]) == (31, WORKER.instance)


def test_a_node_begins_without_networks_and_keeps_what_kubelet_changes() -> None:
    targets = {step[-1] for step in kubelet.mounts("/own") if step[0] == "mount"}
    shielded = {step[-2] for step in kubelet.mounts("/own") if step[0] == "sh"}

    assert {"/etc/cni/net.d", "/opt/cni/bin", "/var/log"} <= targets
    assert shielded == set(kubelet.SETTINGS)
