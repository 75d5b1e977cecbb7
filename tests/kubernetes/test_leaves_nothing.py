"""A machine after a cluster's `lab down` is as it was before `lab up`; meanwhile no route of it is there."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from journeys import stage
from journeys.lab_cli import Lab

from mooring.core.linux.upstream import CLUSTER
from mooring.lab.programs_built import Builder

WISH = {
    "runtime": "kubernetes",
    "ipFamilies": ["IPv4", "IPv6"],
    "nodes": 1,
}
PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns"),
    *("containerd", "containerd-shim", "kubelet", "kube-proxy", "/pause"),
    *("vcn serve", "lab passage", "agent --kubernetes", "controller --kubernetes"),
)
OUTSIDE = ("links", "addresses", "routes", "rules", "nft")
"""What a cluster changes nothing of, even while it stands."""


def walk(name: str, wish: str) -> dict[str, object]:
    """Bring a cluster up and down; tell what was seen, and whether its passage answered."""
    lab, urls, passage = Lab(name), list[str](), list[bool]()

    def stand() -> None:
        lab.do("up", "-f", wish)
        run_a_pod(lab)
        urls.append(lab.read("status")["kubernetes"])
        passage.extend(map(answers, urls))

    seen = stage.walk(lab, stand)
    passage.extend(map(answers, urls))
    return {**seen, "passage": passage}


def run_a_pod(lab: Lab) -> None:
    """Have a pod run, by kubectl as a user has it."""
    programs = json.loads((lab.path / "lab.json").read_text())["programs"]
    config = lab.path / "test.kubeconfig"
    config.write_text(lab.do("kubeconfig"))
    kubectl = (f"{programs}/kubectl", "--kubeconfig", str(config))
    kept = ("--cache-dir", str(lab.path / "test.cache"))
    for words in (
        ("run", "probe", "--image=registry.k8s.io/pause:3.10.2"),
        ("wait", "pod/probe", "--for=condition=Ready", "--timeout=280s"),
    ):
        subprocess.run([*kubectl, *kept, *words], check=True, stdout=subprocess.DEVNULL)


def answers(url: str) -> bool:
    """Tell whether somebody listens there."""
    place = urlsplit(url)
    with socket.socket() as asked:
        return asked.connect_ex((place.hostname or "", place.port or 0)) == 0


def test_the_machine_is_as_it_was(tmp_path: Path) -> None:
    Builder.usual(os.environ, print).build(CLUSTER)
    name = f"n{os.getpid()}"
    wish = tmp_path / "lab.yaml"
    wish.write_text(json.dumps({"name": name, **WISH}))
    seen = stage.told(__file__, name, str(wish))

    before, meanwhile = seen["before"], seen["meanwhile"]
    assert {n: meanwhile[n] for n in OUTSIDE} == {n: before[n] for n in OUTSIDE}
    assert meanwhile["namespaces"] != before["namespaces"]
    assert meanwhile["files"] != before["files"]
    ran = seen["processes"]
    assert [p for p in PROGRAMS if not any(p in each for each in ran)] == []
    assert seen["traces"]
    assert seen["after"] == before
    assert seen["left"] == []
    assert seen["alive"] == []
    assert seen["passage"] == [True, False]


if __name__ == "__main__":
    print(json.dumps(walk(*sys.argv[1:])))
