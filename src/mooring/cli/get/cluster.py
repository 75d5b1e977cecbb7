"""From a kubeconfig, or a pod's own account, to a cluster that is looked at."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.connect import (
    HOST,
    Misconfigured,
    connect,
    connect_inside,
    document,
)
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.cli.get.places import Found, Refusal
from mooring.core.kube.cache import Read
from mooring.core.kube.kubeconfig import contexts
from mooring.core.kube.port import Followed
from mooring.core.kube.resource import EVENTS, NODES, NPNS, PODS, Resource, Scope
from mooring.core.npn.shown import things
from mooring.inspect.get_cluster import Asked, Cluster, meant

USUAL = Path("~/.kube/config")
READ: Mapping[Resource, Read[Any]] = {
    NPNS: things.npn,
    NODES: things.node,
    PODS: things.pod,
    EVENTS: things.event,
}


@contextmanager
def cluster(kubeconfig: Path | None, context: str | None) -> Iterator[Found]:
    """Follow what is asked for, until the block ends."""
    try:
        api = api_of(kubeconfig, context or "")
    except Misconfigured as why:
        raise Refusal(str(why)) from why

    def follow(asked: Asked) -> Followed[Any]:
        read = meant(asked.of) if asked.of else READ[asked.resource]
        scope = Scope(fields=asked.fields)
        return Informer(api, Following(resource=asked.resource, read=read, scope=scope))

    with ExitStack() as stack:
        stack.enter_context(closing(api))
        found = stack.enter_context(closing(Cluster(follow)))
        yield found, api.access.namespace


def api_of(kubeconfig: Path | None, context: str) -> Api:
    """Find access where kubectl does: as it is told, in the environment, at home, in the pod."""
    if files := _files(kubeconfig):
        return connect(*files, context=context)
    if os.environ.get(HOST):
        return connect_inside()
    raise Misconfigured(
        f"no cluster is known: there is no {USUAL.expanduser()}, KUBECONFIG is not set,"
        " and this is no pod; give --kubeconfig FILE, or --npn-dir DIR for a directory of"
        " objects"
    )


def contexts_of(kubeconfig: Path | None) -> list[str]:
    """Name the contexts of the kubeconfig that would be used, for a shell."""
    files = _files(kubeconfig)
    return sorted({*contexts(document(*files))}) if files else []


def _files(kubeconfig: Path | None) -> list[Path]:
    """Find the kubeconfigs, the first before the others; none when there is none."""
    if kubeconfig is not None:
        return [kubeconfig]
    named = [
        name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name
    ]
    if not named and (usual := USUAL.expanduser()).exists():
        return [usual]
    return [Path(name) for name in named]
