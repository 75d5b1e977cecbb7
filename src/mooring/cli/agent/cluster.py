"""The agent on a Kubernetes cluster: who this node is, its object and its pods in the API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import click

from mooring.adapters.disk import StateDirectory
from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.connect import Misconfigured, connect, connect_inside
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.adapters.kubernetes.objects import KubeObjects, following
from mooring.agent.host import Say
from mooring.agent.run import Cluster
from mooring.cli.agent.identity import Identity
from mooring.cli.agent.work import Found
from mooring.core.kube import pod
from mooring.core.kube.resource import PODS, Scope
from mooring.core.npn.metadata import name_of

WRITE_SECONDS = 5.0
"""For an answer to what is told of the pool: it is told again anyway."""


def connected(kubeconfig: Path | None) -> Api:
    """Read how it is reached, None means: as a pod of the cluster. Nothing is sent or open yet."""
    try:
        return connect_inside() if kubeconfig is None else connect(kubeconfig)
    except Misconfigured as why:
        raise click.ClickException(str(why)) from why


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """An API server, and who this node may be to it."""

    api: Api
    node: str
    instance: str
    metadata: str

    @asynccontextmanager
    async def opened(
        self, disk: StateDirectory, say: Say, stop: asyncio.Event
    ) -> AsyncIterator[Found]:
        """Ask who we are, then follow our object and our pods."""
        with ExitStack() as stack:
            api = stack.enter_context(closing(self.api))
            identity = Identity(self.metadata, disk, say)
            npn = name_of(self.instance or await identity.ask(stop))
            ours = Scope(fields=f"metadata.name={npn}")
            here = Scope(fields=f"spec.nodeName={self.node}")
            objects = KubeObjects(api, following(ours), WRITE_SECONDS)
            stack.enter_context(closing(objects))
            guests = Following(resource=PODS, read=pod.read, scope=here)
            pods = stack.enter_context(closing(Informer(api, guests)))
            yield Found(npn, objects, Cluster(disk, pods, objects.trouble))
