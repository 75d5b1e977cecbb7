"""Pods as containers: containerd on the node runs them, and calls CNI itself.

The container is busybox, with the node's /usr mounted read-only, so that its tools are at
hand in every pod and no image has to be built of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mooring.adapters.cri import Cri, CriError, Output, PodSeen, PodWish
from mooring.core.linux import node
from mooring.lab.errors import LabError
from mooring.lab.nodes import IMAGE, LabNode
from mooring.lab.podrecord import PodRecord, PodSight

MOUNTS = {"/usr": "/usr"}


def run(at: LabNode, pod: PodRecord) -> PodRecord:
    """Make a pod; give its record with its address."""
    wish = PodWish(
        name=pod.name,
        uid=pod.uid,
        image=IMAGE,
        log_directory="",
        cgroup_parent=f"/{node.PODS}",
        mounts=MOUNTS,
    )
    with _opened(at) as cri:
        sandbox = cri.run(wish)
        address = cri.address(sandbox)
        others = _others(at, cri, sandbox)
    if not address:
        raise LabError(f"pod {pod.name} has no address")
    return replace(pod, address=address, others=others)


def _others(at: LabNode, cri: Cri, sandbox: str) -> tuple[str, ...]:
    """Ask for a pod's further addresses, where there may be any."""
    if len(at.standing.topology.families) == 1:
        return ()
    found = [each for each in cri.sandboxes() if each.id == sandbox]
    return found[0].addresses[1:] if found else ()


def remove(at: LabNode, pod: PodRecord) -> None:
    """Take a pod away, whatever there is of it."""
    with _opened(at) as cri:
        for seen in _seen(cri, pod):
            cri.remove(seen.sandbox)


def sights(at: LabNode, pods: Sequence[PodRecord]) -> list[PodSight]:
    """Tell how the pods of a node are."""
    if at.holder() is None or at.programs.find(at.containerd) is None:
        ready: dict[str, str] = {}
    else:
        with _opened(at) as cri:
            alive = [seen for seen in cri.pods() if seen.ready]
            ready = {seen.uid: cri.address(seen.sandbox) for seen in alive}
    return [
        PodSight(
            name=pod.name,
            node=pod.node,
            address=ready.get(pod.uid, "") or pod.address,
            running=pod.uid in ready,
            others=pod.others,
        )
        for pod in pods
    ]


def execute(
    at: LabNode, pod: PodRecord, command: Sequence[str], seconds: int
) -> Output:
    """Run a command in the pod's container."""
    with _opened(at) as cri:
        found = [seen for seen in _seen(cri, pod) if seen.ready]
        if not found:
            raise LabError(f"pod {pod.name} does not run", "mooring lab up mends it")
        return cri.execute(found[0].sandbox, command, seconds)


def _seen(cri: Cri, pod: PodRecord) -> list[PodSeen]:
    return [seen for seen in cri.pods() if seen.uid == pod.uid]


@contextmanager
def _opened(at: LabNode) -> Iterator[Cri]:
    cri = at.cri()
    try:
        yield cri
    except CriError as error:
        log = at.files.tail(at.place.log("containerd"), 6)
        raise LabError(f"{at.name}: containerd: {error}", log=log) from None
    finally:
        cri.close()
