"""The controller on a cluster, with nobody else there: an API server of the caller's, a cloud in memory.

The nodes, their agents and what these tell are made here as kubelets and agents would.
"""

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fakes.cloud import FakeCloud
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.controller.inside import Inside, Setting
from mooring.controller.nodes import Clock
from mooring.controller.term import Term
from mooring.core.kube.errors import Missing
from mooring.core.kube.informer import Pace
from mooring.core.kube.lease import Terms
from mooring.core.kube.resource import EVENTS, LEASES, NODES, NPNS, PODS
from mooring.core.npn.codec import parse
from mooring.core.npn.record import Npn

SYSTEM = "kube-system"
SUBNET = "ocid1.subnet.oc1..pods"
NATIVE = {
    "oke-native-pod-networking": "true",
    "oke-max-pods": "31",
    "pod-subnets": SUBNET,
}
STARTING = {"key": "mooring/agent-not-ready", "effect": "NoSchedule"}
TERMS = Terms(duration=90.0, deadline=60.0, retry=0.5)
"""Nobody loses the lease because the machine is busy."""
FASTER = 20.0
"""The controller's clock goes so much faster than the wall's: what it waits for comes sooner."""


class Locked:
    """One caller at a time: the fake knows no threads. `asked` are the calls and about what."""

    def __init__(self, inner: object) -> None:
        self._inner, self._lock = inner, threading.RLock()
        self.asked: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*arguments: object, **named: object) -> object:
            with self._lock:
                self.asked.append((name, *arguments))
                return method(*arguments, **named)

        return call


def now() -> float:
    return time.monotonic() * FASTER


@dataclass
class Replica:
    """One controller at work."""

    term: Term
    stop: threading.Event
    thread: threading.Thread
    inside: Inside

    def end(self) -> None:
        self.stop.set()
        self.thread.join(300)
        assert not self.thread.is_alive()

    @property
    def ended(self) -> bool:
        return not self.thread.is_alive()


@dataclass
class Desk:
    """A cluster and its cloud; `api` is an administrator's."""

    api: Api
    cloud: FakeCloud = field(default_factory=lambda: FakeCloud(now=now))
    replicas: list[Replica] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloud.add_subnet("workers", "10.9.0.0/16")
        self.cloud.add_subnet(SUBNET, "10.0.0.0/16")
        self.locked = Locked(self.cloud)

    # What others do.

    def instance(self, name: str, **metadata: str) -> str:
        id_ = f"ocid1.instance.oc1.test.{name}"
        self.cloud.add_instance(id_, "workers")
        self.describe(name, NATIVE | metadata)
        return id_

    def describe(self, name: str, metadata: Mapping[str, str]) -> None:
        id_ = f"ocid1.instance.oc1.test.{name}"
        seen = self.cloud.instances[id_]
        named = replace(seen, metadata=dict(metadata), display_name=name)
        self.cloud.instances[id_] = named

    def node(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": spec.pop("labels", {})},
            "spec": {"providerID": f"ocid1.instance.oc1.test.{name}"}
            | {"taints": [STARTING]}
            | spec,
        }
        self.api.create(NODES.path(), body)
        self.kubelet(name)

    def kubelet(self, name: str, pods: int = 31, address: str = "") -> None:
        listed = [{"type": "InternalIP", "address": address}] if address else []
        status = {"capacity": {"pods": str(pods)}, "addresses": listed}
        self.api.patch(NODES.path(name=name, part="status"), {"status": status})

    def agent(self, node: str, *, ready: bool = True) -> None:
        name = f"agent-{node}"
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "vcn-native-ip-cni"}},
            "spec": {
                "nodeName": node,
                "hostNetwork": True,
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "agent", "image": "agent"}],
            },
        }
        with contextlib.suppress(Missing):
            self.api.delete(PODS.path(SYSTEM, name))
        self.api.create(PODS.path(SYSTEM), body)
        status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
        path = PODS.path(SYSTEM, name, "status")
        self.api.patch(path, {"status": {"phase": "Running"} | status})

    def tell(self, npn: str, used: int, free: int, cooling: int = 0) -> None:
        usage = {"serial": 0, "used": used, "free": free, "cooling": cooling}
        path = NPNS.path(name=npn, part="status")
        self.api.patch(path, {"status": {"usage": usage}})

    def joined(self, *names: str, **metadata: str) -> None:
        """A node comes, with its instance and its agent."""
        for name in names:
            self.instance(name, **metadata)
            self.node(name)
            self.agent(name)

    # What came of it.

    def taints(self, node: str) -> set[str]:
        spec = self.api.get(NODES.path(name=node)).get("spec", {})
        return {taint["key"] for taint in spec.get("taints") or ()}

    def taint(self, node: str, key: str) -> str | None:
        """Give a taint's value, None when there is no such taint."""
        spec = self.api.get(NODES.path(name=node)).get("spec", {})
        found = [
            t.get("value", "") for t in spec.get("taints") or () if t["key"] == key
        ]
        return found[0] if found else None

    def condition(self, node: str) -> tuple[str, str, str]:
        """Give status, reason and message of the node's condition that is ours."""
        status = self.api.get(NODES.path(name=node)).get("status", {})
        for each in status.get("conditions") or ():
            if each["type"] == "VcnNativePodNetworking":
                return each["status"], each["reason"], each["message"]
        return "", "", ""

    def labels(self, node: str) -> dict[str, str]:
        found: dict[str, str] = self.api.get(NODES.path(name=node))["metadata"].get(
            "labels", {}
        )
        return found

    def document(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.api.get(NPNS.path(name=name))
        except Missing:
            return None
        return found

    def npn(self, name: str) -> Npn | None:
        document = self.document(name)
        return parse(document) if document else None

    def state(self, name: str) -> str:
        npn = self.npn(name)
        return npn.status.state if npn else ""

    def conditions(self, name: str) -> dict[str, str]:
        npn = self.npn(name)
        return {c.type: c.reason for c in npn.status.conditions} if npn else {}

    def owner(self, name: str) -> str:
        document = self.document(name) or {"metadata": {}}
        owners = document["metadata"].get("ownerReferences") or [{"uid": ""}]
        return str(owners[0]["uid"])

    def uid(self, node: str) -> str:
        return str(self.api.get(NODES.path(name=node))["metadata"]["uid"])

    def told(self, name: str) -> list[tuple[str, str]]:
        """Reasons and texts of an object's or node's events."""
        return [
            (each["reason"], each.get("note", ""))
            for space in ("default", SYSTEM)
            for each in self.api.get(EVENTS.path(space))["items"]
            if each["regarding"]["name"] == name
        ]

    def reasons(self, name: str) -> set[str]:
        return {reason for reason, _ in self.told(name)}

    def holder(self) -> str:
        try:
            lease = self.api.get(LEASES.path(SYSTEM, "npn.oci.oraclecloud.com"))
        except Missing:
            return ""
        return str(lease["spec"].get("holderIdentity") or "")

    def looks(self, name: str) -> int:
        """How often the controller looked at a node's instance."""
        return self.locked.asked.count(("instance", f"ocid1.instance.oc1.test.{name}"))

    def node_turn(self, name: str) -> None:
        """Let a whole turn of a node without an object be taken: another has begun after it."""
        for ready in (False, True):
            before = self.looks(name)
            self.agent(name, ready=ready)
            until(lambda before=before: self.looks(name) > before)

    def settled(self, *names: str) -> bool:
        return all(self.state(name) == "SUCCESS" for name in names)

    # The controller.

    def start(self, me: str = "one", *, api: Api | None = None, **more: Any) -> Replica:
        stop = threading.Event()
        term = Term(stop, now)
        cloud = more.pop("cloud", self.locked)
        if isinstance(said := more.get("pools"), str):
            more["pools"] = lambda: said
        setting = Setting(
            me=me,
            interval=more.pop("interval", 60.0),
            terms=more.pop("terms", TERMS),
            pace=Pace(first=0.01, most=0.05),
            **more,
        )
        clock = Clock(now=now, wait=term.wait, chance=random.Random(7).random)
        inside = Inside(api or self.api, cloud, clock, setting)
        thread = threading.Thread(target=inside.run, args=(term,), name=me)
        thread.start()
        replica = Replica(term, stop, thread, inside)
        self.replicas.append(replica)
        return replica

    def end(self) -> None:
        for replica in self.replicas:
            replica.end()

    def clear(self) -> None:
        """Leave nothing at a server that goes on."""
        with contextlib.suppress(Missing):
            self.api.delete(LEASES.path(SYSTEM, "npn.oci.oraclecloud.com"))
        for kind, namespace in (
            (PODS, SYSTEM),
            (NODES, ""),
            (NPNS, ""),
            (EVENTS, "default"),
            (EVENTS, SYSTEM),
        ):
            for each in self.api.get(kind.path(namespace))["items"]:
                with contextlib.suppress(Missing):
                    self.api.delete(kind.path(namespace, each["metadata"]["name"]))


@contextlib.contextmanager
def a_desk(api: Api) -> Iterator[Desk]:
    desk = Desk(api)
    try:
        yield desk
    finally:
        desk.end()


def shown(documents: object) -> str:
    return json.dumps(documents, indent=1)
