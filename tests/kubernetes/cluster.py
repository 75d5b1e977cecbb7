"""A cluster of the lab, driven with kubectl as its users do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from patience import until

from mooring.cli.lab import opened

Json = dict[str, Any]
MOORING = (sys.executable, "-m", "mooring")
PATIENCE = 300.0
"""Seconds that whatever should come has; nothing is judged by how soon it comes."""
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
PYTHON = "docker.io/mooring/agent:0.1.0"
"""An image that has Python, for what pods are to do that agnhost does not."""


class Refused(AssertionError):
    """A command did not succeed."""


@dataclass(frozen=True)
class Cluster:
    """A lab's cluster; `lab` is its name."""

    lab: str
    kubeconfig: Path
    programs: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """Run kubectl; it must succeed."""
        done = self.run(*words, given=given)
        if done.returncode:
            raise Refused(f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def run(
        self, *words: str, given: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl, whatever comes of it."""
        return subprocess.run(
            self.command(*words),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def command(self, *words: str) -> list[str]:
        """Give kubectl's command line."""
        at = f"--kubeconfig={self.kubeconfig}"
        return [str(self.programs / "kubectl"), at, *words]

    def get(self, *words: str) -> Json:
        """Get something as JSON."""
        found: Json = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def items(self, *words: str) -> list[Json]:
        """Get several things."""
        found: list[Json] = self.get(*words)["items"]
        return found

    def apply(self, *documents: Json) -> None:
        """Have objects be as they are given."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "-f", "-", given=json.dumps(whole))

    def mooring(self, *words: str) -> str:
        """Run mooring with this cluster's kubeconfig; it must succeed."""
        done = self.ask_mooring(*words)
        if done.returncode:
            raise Refused(f"mooring {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def ask_mooring(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run mooring with this cluster's kubeconfig, whatever comes of it."""
        return subprocess.run(
            [*MOORING, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
            env=self.surroundings,
        )

    def at_node(self, node: str, *words: str) -> str:
        """Run a program of this machine in a node's network; "" when it does not succeed."""
        lab = opened(self.lab)
        space = lab.nodes(lab.needed())[node].space
        done = subprocess.run(
            ["nsenter", f"--net={space}", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        return done.stdout if done.returncode == 0 else ""

    @property
    def surroundings(self) -> dict[str, str]:
        """Give the environment in which programs find this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def workers(self) -> list[str]:
        """Name the nodes."""
        return sorted(node["metadata"]["name"] for node in self.items("nodes"))

    @cached_property
    def api(self) -> str:
        """Give the API server's address as the host reaches it."""
        return self.kubectl(
            "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"
        )

    def npn_of(self, node: str) -> Json:
        """Give a node's object."""
        provider = self.get("node", node)["spec"]["providerID"]
        name = provider.rpartition(".")[2]
        return self.get("npn", name)


@dataclass(frozen=True)
class Inside:
    """The control plane's network: a command line's beginning, and a kubeconfig for there."""

    words: list[str]
    kubeconfig: Path


@dataclass(frozen=True)
class Space:
    """A namespace of the cluster for one test."""

    cluster: Cluster
    name: str

    def apply(self, *documents: Json) -> None:
        """Make objects in this namespace."""
        for each in documents:
            each["metadata"].setdefault("namespace", self.name)
        self.cluster.apply(*documents)

    def pods(self, selector: str = "") -> list[Json]:
        """List the pods."""
        words = ["pods", "-n", self.name]
        return self.cluster.items(*words, *(["-l", selector] if selector else []))

    def pod(self, name: str) -> Json:
        """Get a pod."""
        return self.cluster.get("pod", name, "-n", self.name)

    def await_pods(
        self, count: int, selector: str = "", patience: float = PATIENCE
    ) -> list[Json]:
        """Wait until so many pods are ready, and give them."""

        def claim() -> list[Json] | None:
            found = [pod for pod in self.pods(selector) if ready(pod)]
            return found if len(found) >= count else None

        return until(claim, f"{count} ready pods {selector} in {self.name}", patience)

    def execute(self, pod: str, *words: str) -> str:
        """Run a command in a pod; it must succeed."""
        return self.cluster.kubectl("exec", "-n", self.name, pod, "--", *words)

    def fetched(self, pod: str, url: str) -> str:
        """Fetch a page from inside of a pod; "" when it does not answer yet."""
        words = ["curl", "-gs", "--max-time", "5", url]
        done = self.cluster.run("exec", "-n", self.name, pod, "--", *words)
        return done.stdout if done.returncode == 0 else ""

    def fetched_all(self, pod: str, urls: Sequence[str]) -> dict[str, str]:
        """Fetch many pages from inside of a pod; those that do not answer yet are left out."""
        form = "\\t%{url}\\t%{http_code}\\n"
        words = ["curl", "-gs", "--max-time", "5", "--write-out", form, "-K", "-"]
        done = self.cluster.run(
            *("exec", "-i", "-n", self.name, pod, "--", *words),
            given="".join(f'url = "{each}"\n' for each in urls),
        )
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        return {
            each[1]: each[0] for each in rows if len(each) == 3 and each[2] == "200"
        }


def ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod is ready and stays."""
    conditions = pod["status"].get("conditions", ())
    stays = "deletionTimestamp" not in pod["metadata"]
    return stays and any(
        c["type"] == "Ready" and c["status"] == "True" for c in conditions
    )


def addresses(pod: Mapping[str, Any]) -> list[str]:
    """Give a pod's addresses in the order of its status."""
    return [each["ip"] for each in pod["status"].get("podIPs", ())]


def family(address: str) -> str:
    """Name the IP family of an address."""
    return "IPv6" if ":" in address else "IPv4"


def url(host: str, path: str = "clientip", port: int = 8080) -> str:
    """Give the URL of a page at an address or a name."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/{path}"


def offered(npn: Mapping[str, Any]) -> set[str]:
    """Give the addresses that an object offers to pods."""
    return {
        str(ip_address(value))
        for vnic in npn["status"]["vnics"]
        for pair in vnic["podAddresses"]
        for value in pair.values()
    }


def within(address: str, blocks: Sequence[str]) -> bool:
    """Tell whether an address is in one of some blocks."""
    return any(ip_address(address) in ip_network(block) for block in blocks)


def a_pod(name: str, node: str = "", **spec: Any) -> Json:
    """A pod of agnhost that answers to HTTP at 8080 and UDP at 8081."""
    container = {
        "name": "main",
        "image": AGNHOST,
        "imagePullPolicy": "IfNotPresent",
        "args": ["netexec", "--http-port=8080", "--udp-port=8081"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {
            "httpGet": {"path": "/healthz", "port": 8080},
            "periodSeconds": 1,
        },
    }
    own: Json = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        **({"nodeName": node} if node else {}),
        **spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": own,
    }


def a_deployment(name: str, replicas: int, **spec: Any) -> Json:
    """A deployment of the same, spread over the nodes."""
    pod = a_pod(name, **spec)
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": name}},
    }
    pod["spec"]["topologySpreadConstraints"] = [spread]
    # Hundreds of pods, asked every second, would keep a small machine from starting the rest.
    pod["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = 5
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod["spec"]},
        },
    }


def a_service(name: str, **spec: Any) -> Json:
    """A service in front of the pods of that name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": 8080}],
            **spec,
        },
    }


def logs(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Give what helps to see why a test failed, each part by its name."""
    for words in (
        ("get", "nodes,npn", "-o", "wide"),
        ("get", "pods", "-A", "-o", "wide"),
        ("get", "events", "-A", "--sort-by=.lastTimestamp"),
        ("logs", "-n", "kube-system", "-l", "app=vcn-native-ip-cni", "--tail=60"),
        ("logs", "-n", "kube-system", "-l", "app=mooring-controller", "--tail=60"),
    ):
        done = cluster.run(*words)
        yield f"kubectl {' '.join(words)}", (done.stdout + done.stderr)[-8000:]
