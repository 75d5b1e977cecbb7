"""What a shell offers behind `mooring get` and `describe`: names that are there at this moment.

It asks as the command itself would, for a moment only, and is silent on any trouble: a shell
that waits or complains at a press of a key helps nobody.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import click

from mooring.adapters.objects import ObjectDirectory
from mooring.core.kube.resource import NAMESPACES, NODES, NPNS, PODS, Resource
from mooring.core.npn.shown.entry import Kind
from mooring.core.npn.shown.view import Source

MOST = 500
TROUBLES = (OSError, ValueError, TypeError, KeyError, AttributeError)
RESOURCES = {Source.NPNS: NPNS, Source.NODES: NODES, Source.PODS: PODS}


@dataclass(frozen=True, slots=True)
class Moment:
    """How many seconds a shell waits; the context's object, where somebody waits longer."""

    seconds: float = 1.5


def names_of(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Offer what is there of the kind that is asked for."""
    kind = ctx.params.get("of")
    if not isinstance(kind, Kind):
        return []
    given = set(ctx.params.get("names") or ())
    found = _listed(ctx, RESOURCES[kind.needs])
    return [name for name in found if name.startswith(begun) and name not in given]


def nodes(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Offer the nodes; of a directory the objects, by whose names nodes are meant there."""
    resource = NPNS if ctx.params.get("npn_dir") else NODES
    return [name for name in _listed(ctx, resource) if name.startswith(begun)]


def namespaces(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Offer the namespaces."""
    return [name for name in _listed(ctx, NAMESPACES) if name.startswith(begun)]


def contexts(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Offer the contexts of the kubeconfig."""

    def read() -> list[str]:
        from mooring.cli.get.cluster import contexts_of  # noqa: PLC0415 - needs YAML

        return contexts_of(ctx.params.get("kubeconfig"))

    return [name for name in _soon(ctx, read) if name.startswith(begun)]


def _listed(ctx: click.Context, resource: Resource) -> list[str]:
    directory = ctx.params.get("npn_dir")

    def read() -> list[str]:
        if isinstance(directory, Path):
            return ObjectDirectory(directory).names() if resource == NPNS else []
        from mooring.cli.get.cluster import api_of  # noqa: PLC0415 - only for a cluster

        api = api_of(ctx.params.get("kubeconfig"), ctx.params.get("context") or "")
        with closing(api):
            where = ctx.params.get("namespace") or api.access.namespace
            everywhere = not resource.namespaced or ctx.params.get("all_namespaces")
            path = resource.path("" if everywhere else where)
            items = api.get(path, {"limit": str(MOST)})["items"]
        return sorted({str(item["metadata"]["name"]) for item in items})

    return _soon(ctx, read)


def _soon(ctx: click.Context, read: Callable[[], list[str]]) -> list[str]:
    """Give what is read within the time; nothing when it takes longer or fails."""
    found: list[str] = []

    def run() -> None:
        try:
            found.extend(read())
        except TROUBLES:
            return

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join((ctx.find_object(Moment) or Moment()).seconds)
    return list(found)
