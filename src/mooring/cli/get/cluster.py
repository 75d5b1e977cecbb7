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
)
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.cli.get.places import Found, Refusal
from mooring.core.kube.cache import Read
from mooring.core.kube.port import Followed
from mooring.core.kube.resource import EVENTS, NODES, NPNS, PODS, Resource, Scope
from mooring.core.npn.shown import things
from mooring.inspect.get_cluster import Cluster

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
        api = _api(kubeconfig, context or "")
    except Misconfigured as why:
        raise Refusal(str(why)) from why

    def follow(resource: Resource, fields: str) -> Followed[Any]:
        scope = Scope(fields=fields)
        return Informer(
            api, Following(resource=resource, read=READ[resource], scope=scope)
        )

    with ExitStack() as stack:
        stack.enter_context(closing(api))
        found = stack.enter_context(closing(Cluster(follow)))
        yield found, api.access.namespace


def _api(kubeconfig: Path | None, context: str) -> Api:
    """Find access where kubectl does: as it is told, in the environment, at home, in the pod."""
    if kubeconfig is not None:
        return connect(kubeconfig, context)
    named = [
        name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name
    ]
    if len(named) > 1:
        raise Misconfigured(
            f"KUBECONFIG: {os.pathsep.join(named)!r}: several files are not merged here:"
            " give one by --kubeconfig"
        )
    usual = USUAL.expanduser()
    if named or usual.exists():
        return connect(Path(named[0]) if named else usual, context)
    if os.environ.get(HOST):
        return connect_inside()
    raise Misconfigured(
        f"no cluster is known: there is no {usual}, KUBECONFIG is not set, and this is no"
        " pod; give --kubeconfig FILE, or --npn-dir DIR for a directory of objects"
    )
