"""The adapter against a real kube-apiserver and etcd: what the fake is held to as well.

And what the fake cannot show: a server that is killed and comes back, a history that is compacted.
"""

import base64
import contextlib
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kube_contract
import objects_contract
import pytest
from kube_contract import Cluster, tried
from kubernetes.apiserver import ApiServer, an_api_server
from objects_contract import a_status, an_npn
from patience import PATIENCE, until

from mooring.adapters.kubernetes.connect import connect
from mooring.core.kube.errors import Away, Invalid
from mooring.core.kube.resource import NODES, NPNS
from mooring.core.linux.upstream import CLUSTER
from mooring.core.npn.port import Objects
from mooring.lab.programs_built import Builder

patches = kube_contract.patches
for module in (kube_contract, objects_contract):
    globals().update(
        {name: claim for name, claim in vars(module).items() if name[:5] == "test_"}
    )


@pytest.fixture(scope="module")
def programs() -> Path:
    wanted = [each for each in CLUSTER if each.name in ("etcd", "kube-apiserver")]
    return Builder.usual(os.environ, print).build(wanted)


@pytest.fixture(scope="module")
def server(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiServer]:
    with an_api_server(programs, tmp_path_factory.mktemp("apiserver")) as made:
        yield made


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with contextlib.closing(connect(server.kubeconfig)) as api:
        made = Cluster(api, real=True)
        made.clear()
        yield made
        made.clear()


@pytest.fixture
def objects(cluster: Cluster) -> Iterator[Objects]:
    with cluster.store() as store:
        yield store


def test_what_the_schema_refuses_is_invalid_and_names_the_field(
    cluster: Cluster, objects: Objects
) -> None:
    with pytest.raises(Invalid, match=r"spec\.maxPodCount"):
        objects.write(an_npn("a", pods=1000))
    with pytest.raises(Invalid):
        cluster.api.create(NODES.path(), {"metadata": {"name": "Not A Name"}})


def test_a_server_that_is_killed_and_comes_back_is_followed_on(
    cluster: Cluster, server: ApiServer, objects: Objects
) -> None:
    cluster.node("a")
    objects.write(an_npn("a"))
    with cluster.follow() as informer, cluster.store() as other:
        server.stop()
        until(informer.trouble)
        kept = (informer.keys(), other.names())
        with pytest.raises(Away):
            other.write_status("a", a_status())
        server.start()
        until(lambda: tried(lambda: cluster.node("b")))
        until(lambda: tried(lambda: objects.write_status("a", a_status())))
        until(lambda: informer.keys() == ["a", "b"])
        until(lambda: other.read("a").status == a_status())
        until(lambda: informer.trouble() is None)

        assert kept == (["a"], ["a"])


def test_a_history_that_was_compacted_while_nobody_watched_is_listed_anew(
    cluster: Cluster, server: ApiServer
) -> None:
    cluster.node("a")
    cluster.node("b")
    with cluster.follow() as informer:
        first, _ = informer.changes({})
        server.stop()
        until(informer.trouble)
        compact(server)
        server.start()
        until(lambda: tried(lambda: cluster.api.delete(NODES.path(name="a"))))
        until(lambda: informer.keys() == ["b"])

        assert informer.changes(first)[1] == {"a"}


def test_more_objects_than_a_page_come_in_pages(cluster: Cluster) -> None:
    for number in range(600):
        name = f"n{number:04}"
        body = {
            "apiVersion": NPNS.api_version,
            "kind": NPNS.kind,
            "metadata": {"name": name},
            "spec": {"id": f"ocid1.instance.{name}", "podSubnetIds": ["s"]},
        }
        cluster.api.create(NPNS.path(), body)
    with cluster.store() as store:
        assert len(store.names()) == 600
        assert len(store.changes({})[1]) == 600


def compact(server: ApiServer) -> None:
    """Forget etcd's history, as the API server does every five minutes."""
    key = base64.b64encode(b"\0").decode()
    head = etcd(server, "kv/range", {"key": key, "range_end": key, "limit": 1})
    revision = head["header"]["revision"]
    etcd(server, "kv/compaction", {"revision": revision, "physical": True})


def etcd(server: ApiServer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{server.store}/v3/{path}", data=json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
