"""A container runtime, by the Container Runtime Interface (CRI v1) over its Unix socket.

`wire` carries the messages; it is loaded with the first connection, as gRPC is slow to load and
most of who knows this module never connects.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mooring.adapters.cri.errors import AbsentError, CriError
from mooring.core.linux.cri import PACKAGE

__all__ = ["AbsentError", "Cri", "CriError", "Output", "PodSeen", "PodWish", "Sandbox"]

RUNTIME, IMAGES = f"{PACKAGE}.RuntimeService", f"{PACKAGE}.ImageService"
LABEL = "mooring.pod"
READY = 0  # SANDBOX_READY
NODE = 2  # NamespaceMode NODE: the pod uses the node's network
RUNNING = 1  # CONTAINER_RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class PodWish:
    """A pod to run: a sandbox and one container of the same image."""

    name: str
    uid: str
    image: str
    log_directory: str
    cgroup_parent: str
    mounts: Mapping[str, str]  # place in the container -> directory of the node


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """A pod as the runtime shows it; `address` "" while it has none."""

    name: str
    sandbox: str
    uid: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A sandbox with a network of its own, whoever made it."""

    id: str
    name: str
    ready: bool
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """What a command in a container printed, and how it ended."""

    code: int
    out: bytes
    err: bytes


class Cri:
    """A connection to a runtime; `socket` is a path. To be closed."""

    def __init__(self, socket: str, patience: float = 60) -> None:
        from mooring.adapters.cri.wire import Wire  # noqa: PLC0415 - gRPC is slow to load

        self._wire = Wire(socket)
        self._patience = patience

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    def conditions(self) -> dict[str, str]:
        """Ask how the runtime is: condition -> "" when it holds, else why not."""
        reply = self._ask(RUNTIME, "Status")
        return {
            c.type: "" if c.status else (c.message or c.reason or "not ready")
            for c in reply.status.conditions
        }

    def has_image(self, name: str) -> bool:
        """Tell whether the runtime has an image of this name."""
        reply = self._ask(IMAGES, "ImageStatus", image={"image": name})
        return bool(reply.image.id)

    def run(self, wish: PodWish) -> str:
        """Run a pod; give its sandbox's id. What a failure leaves is removed."""
        config = _sandbox(wish)
        sandbox: str = self._ask(RUNTIME, "RunPodSandbox", config=config).pod_sandbox_id
        try:
            container = self._ask(
                RUNTIME,
                "CreateContainer",
                pod_sandbox_id=sandbox,
                config=_container(wish),
                sandbox_config=config,
            ).container_id
            self._ask(RUNTIME, "StartContainer", container_id=container)
        except CriError:
            self.remove(sandbox)
            raise
        return sandbox

    def remove(self, sandbox: str) -> None:
        """Stop a pod and remove it; fine when it is gone."""
        # The API calls both idempotent; containerd 1.6 says NOT_FOUND to the first.
        with suppress(AbsentError):
            self._ask(RUNTIME, "StopPodSandbox", pod_sandbox_id=sandbox)
        with suppress(AbsentError):
            self._ask(RUNTIME, "RemovePodSandbox", pod_sandbox_id=sandbox)

    def pods(self) -> tuple[PodSeen, ...]:
        """List the pods that were made here, ready or not."""
        wanted = {"label_selector": {LABEL: "true"}}
        reply = self._ask(RUNTIME, "ListPodSandbox", filter=wanted)
        return tuple(
            PodSeen(
                name=item.metadata.name,
                sandbox=item.id,
                uid=item.metadata.uid,
                ready=item.state == READY,
            )
            for item in reply.items
        )

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """List all sandboxes, whoever made them, but those in the node's own network."""
        reply = self._ask(RUNTIME, "ListPodSandbox", filter={})
        found = (self._sandbox(item) for item in reply.items)
        return tuple(each for each in found if each is not None)

    def _sandbox(self, item: Any) -> Sandbox | None:
        try:
            status = self._ask(
                RUNTIME, "PodSandboxStatus", pod_sandbox_id=item.id
            ).status
        except AbsentError:
            return None
        if status.linux.namespaces.options.network == NODE:
            return None
        network = status.network
        addresses = (network.ip, *(other.ip for other in network.additional_ips))
        return Sandbox(
            id=item.id,
            name=item.metadata.name,
            ready=item.state == READY,
            addresses=tuple(each for each in addresses if each),
        )

    def address(self, sandbox: str) -> str:
        """Give a pod's address; "" when it has none."""
        reply = self._ask(RUNTIME, "PodSandboxStatus", pod_sandbox_id=sandbox)
        return str(reply.status.network.ip)

    def execute(self, sandbox: str, command: Sequence[str], seconds: int) -> Output:
        """Run a command in a pod's container and wait for its end."""
        container = self._container_of(sandbox)
        reply = self._ask(
            RUNTIME,
            "ExecSync",
            self._patience + seconds,
            container_id=container,
            cmd=list(command),
            timeout=seconds,
        )
        return Output(reply.exit_code, reply.stdout, reply.stderr)

    def _container_of(self, sandbox: str) -> str:
        wanted = {"pod_sandbox_id": sandbox}
        reply = self._ask(RUNTIME, "ListContainers", filter=wanted)
        running = [c.id for c in reply.containers if c.state == RUNNING]
        if not running:
            raise CriError(f"sandbox {sandbox[:12]} has no running container")
        return str(running[0])

    def _ask(
        self, service: str, method: str, patience: float | None = None, **fields: object
    ) -> Any:
        return self._wire.ask(service, method, patience or self._patience, fields)


def _sandbox(wish: PodWish) -> dict[str, Any]:
    return {
        "metadata": {"name": wish.name, "uid": wish.uid, "namespace": "default"},
        "hostname": wish.name,
        "log_directory": wish.log_directory,
        "labels": {LABEL: "true"},
        "linux": {
            "cgroup_parent": wish.cgroup_parent,
            "security_context": {"namespace_options": {"pid": OWN_PIDS}},
        },
    }


OWN_PIDS = 1  # NamespaceMode CONTAINER, what kubelet asks for


def _container(wish: PodWish) -> dict[str, Any]:
    mounts = [
        {"container_path": place, "host_path": directory, "readonly": True}
        for place, directory in wish.mounts.items()
    ]
    return {
        "metadata": {"name": "main"},
        "image": {"image": wish.image},
        "mounts": mounts,
        "labels": {LABEL: "true"},
        "linux": {"security_context": {"namespace_options": {"pid": OWN_PIDS}}},
    }
