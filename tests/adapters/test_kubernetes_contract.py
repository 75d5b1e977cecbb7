"""The fake API server does what the real one does, as far as our adapter asks it to."""

import contextlib
from collections.abc import Iterator

import kube_contract
import objects_contract
import pytest
from fakes.apiserver import ApiServer, an_api_server
from kube_contract import Cluster

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.kubeconfig import Access
from mooring.core.npn.port import Objects

patches = kube_contract.patches
for module in (kube_contract, objects_contract):
    globals().update(
        {name: claim for name, claim in vars(module).items() if name[:5] == "test_"}
    )


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        yield made


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with contextlib.closing(Api(Access(server=server.url))) as api:
        yield Cluster(api)


@pytest.fixture
def objects(cluster: Cluster) -> Iterator[Objects]:
    with cluster.store() as store:
        yield store
