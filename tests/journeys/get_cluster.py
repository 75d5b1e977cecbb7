"""A cluster (the fake API server) that `mooring get` looks at, and a watch of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from core.npn.shown_builders import a_node, a_pod, an_event, an_npn
from fakes.apiserver import ApiServer

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.cli.get.cluster import READ
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.port import Followed
from mooring.core.kube.resource import (
    EVENTS,
    NAMESPACES,
    NODES,
    NPNS,
    PODS,
    Resource,
    Scope,
)
from mooring.core.npn.shown.entry import Wish
from mooring.core.npn.shown.kinds import kind
from mooring.inspect.get import Form, Teller, Turn
from mooring.inspect.get_cluster import Asked, Cluster, Patience

ALWAYS = 1_000
AGENT_POD = "vcn-native-ip-cni-x"
TABLE = Form()


def filled(server: ApiServer) -> None:
    """Two nodes, one with an object; two pods of the network, and the agent's."""
    put = server.store.put
    put(NODES, a_node())
    put(NODES, a_node("node-2", providerID="oci://ocid1.instance.oc1..zzzz"))
    put(NPNS, an_npn(owner="node-1"))
    put(PODS, a_pod("web", "10.0.8.10"))
    crashing = a_pod("db", "10.0.8.11")
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    crashing["status"]["containerStatuses"] = [{"state": state}]
    crashing["metadata"]["namespace"] = "data"
    put(PODS, crashing)
    agent = a_pod(AGENT_POD, "10.0.1.2", hostNetwork=True)
    agent["metadata"] |= {
        "namespace": "kube-system",
        "labels": {"app": "vcn-native-ip-cni"},
    }
    put(PODS, agent)
    put(EVENTS, an_event())
    for each in ("default", "data", "kube-system"):
        put(NAMESPACES, {"metadata": {"name": each}})


def refuse(server: ApiServer, resource: Resource, status: int = 403) -> None:
    """Refuse a kind from now on."""
    server.fail("GET", resource.path(), status=status, reason="", times=ALWAYS)


@contextmanager
def watching(
    server: ApiServer, word: str, *names: str, form: Form = TABLE
) -> Iterator[Iterator[Turn]]:
    """A watch that finds after a moment already that it cannot go on."""
    with closing(Api(Access(server=server.url, insecure=True))) as api:

        def follow(asked: Asked) -> Followed[Any]:
            scope = Scope(fields=asked.fields)
            read = READ[asked.resource]
            return Informer(
                api, Following(resource=asked.resource, read=read, scope=scope)
            )

        patience = Patience(lasting=0.3)
        with closing(Cluster(follow, patience)) as cluster:
            teller = Teller(cluster, lambda: datetime.now(UTC), str)
            yield teller.watch(kind(word), Wish(names=names), form)


def warned(turns: Iterator[Turn], plural: str) -> str:
    """What is warned of this kind; others may be told of before it."""
    said = (each for turn in turns for each in turn.warnings)
    return next(each for each in said if each.startswith(f"{plural} cannot be read:"))


def lines_of(turns: Iterator[Turn]) -> list[list[str]]:
    """The next lines, whatever is warned of before them."""
    return [line.split() for line in next(turn.lines for turn in turns if turn.lines)]
