"""The nodes of a lab, looked at from the machine that it runs on."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from ipaddress import ip_address

from mooring.adapters.labfiles import FilesError
from mooring.adapters.objects import ObjectDirectory
from mooring.cli.audit.nodes import Given, Unlookable, sandboxes, the_cloud
from mooring.cli.lab import opened
from mooring.core.cni.runtime import addresses
from mooring.core.linux.containerd import SOCKET
from mooring.core.npn.port import Objects
from mooring.core.vcn.labwish import Unreadable
from mooring.core.wiring.audit.sides import PodTold
from mooring.inspect.look import Looker
from mooring.inspect.place import Eyes, Place, Unseen, Witnesses
from mooring.lab import plain, podrecord
from mooring.lab.errors import LabError
from mooring.lab.kubectl import Kubectl
from mooring.lab.nodes import AGENT, LabNode
from mooring.lab.record import PROFILE, config_file, npn_directory

DAEMONSET_STATE = "/var/lib/mooring/agent"
"""Where the agent's state is on a node of a cluster, by its manifest."""
API_SECONDS = 15.0


def nodes(given: Given, eyes: Eyes, stack: ExitStack) -> list[Looker]:
    """Give a looker for each node that is meant; raise Unlookable."""
    try:
        lab = opened(given["lab"] or "")
        standing = lab.needed()
        found = lab.nodes(standing)
    except (LabError, Unreadable) as why:
        text = "; ".join(why.lines()) if isinstance(why, LabError) else str(why)
        raise Unlookable(text) from why
    wanted = given["node"]
    if wanted is not None and wanted not in found:
        raise Unlookable(f"there is no node {wanted!r}; nodes: {', '.join(found)}")
    chosen = [at for name, at in found.items() if wanted in {None, name}]
    return _lookers(given, eyes, stack, chosen)


def _lookers(
    given: Given, eyes: Eyes, stack: ExitStack, chosen: Sequence[LabNode]
) -> list[Looker]:
    if not chosen:
        return []
    cloud = None
    if given["cloud"] is not False:
        lab = chosen[0].files.path
        endpoint = chosen[0].standing.endpoint
        cloud = the_cloud(stack, config_file(lab), PROFILE, endpoint)
    objects = _objects(chosen[0], stack)
    return [
        Looker(
            _place(at),
            eyes,
            Witnesses(
                objects=objects,
                pods=partial(_pods, at),
                cloud=cloud,
            ),
            given["grace"],
        )
        for at in chosen
    ]


def _objects(at: LabNode, stack: ExitStack) -> Objects:
    """Give the objects of a lab: of a cluster's API server, else of a directory."""
    if not at.standing.topology.is_cluster:
        return ObjectDirectory(npn_directory(at.files.path))
    from mooring.adapters.kubernetes.connect import (  # noqa: PLC0415 - its client is slow to load
        Misconfigured,
        connect,
    )
    from mooring.adapters.kubernetes.objects import KubeObjects  # noqa: PLC0415 - its client is slow to load

    try:
        api = connect(Kubectl(at.tools, at.files, at.standing).kubeconfig)
    except Misconfigured as why:
        raise Unlookable(f"{why}; mooring lab up mends it") from why
    stack.enter_context(closing(api))
    objects = stack.enter_context(closing(KubeObjects(api)))
    objects.wait(API_SECONDS)
    return objects


def _place(at: LabNode) -> Place:
    own = at.place.own / AGENT
    cluster = at.standing.topology.is_cluster
    return Place(
        name=at.name,
        instance=at.instance,
        root=at.inside("/"),
        space=at.space,
        state=at.inside(DAEMONSET_STATE) if cluster else own,
        socket=at.inside("/run/mooring/agent.sock"),
        spool=at.inside("/run/mooring/spool"),
    )


def _pods(at: LabNode) -> tuple[PodTold, ...]:
    """Tell of a node's pods, by its runtime or as the lab's records have them."""
    if at.standing.topology.runtime != "netns":
        return sandboxes(str(at.inside(SOCKET)))
    try:
        records = [r for r in podrecord.all_of(at.files) if r.node == at.name]
        running = {sight.name: sight.running for sight in plain.sights(at, records)}
    except (FilesError, LabError) as why:
        raise Unseen(f"{why}; mooring lab up mends it") from why
    return tuple(
        PodTold(
            name=record.name,
            container=record.uid,
            addresses=tuple(map(ip_address, addresses(record.result))),
            running=running[record.name],
        )
        for record in records
    )
