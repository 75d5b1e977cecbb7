"""Who is who in a cluster, and how a client finds the API server."""

import base64
import json

import pytest

from mooring.core.linux import kubeconfig
from mooring.core.linux.kubeconfig import Access, control_identities, node_identities

ACCESS = Access(
    server="https://10.0.0.3:6443",
    authority="A",
    certificate="C",
    key="K",
    cluster="lab",
)


def test_a_kubeconfig_has_all_in_it_under_one_name() -> None:
    read = json.loads(kubeconfig.kubeconfig(ACCESS))
    (cluster,), (user,) = read["clusters"], read["users"]

    assert cluster["cluster"]["server"] == ACCESS.server
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"A"
    assert base64.b64decode(user["user"]["client-certificate-data"]) == b"C"
    assert base64.b64decode(user["user"]["client-key-data"]) == b"K"
    assert read["current-context"] == "lab"
    assert read["contexts"][0]["context"] == {"cluster": "lab", "user": "lab"}


@pytest.mark.parametrize(
    ("address", "url"),
    [("10.0.0.3", "https://10.0.0.3:6443"), ("fd00::3", "https://[fd00::3]:6443")],
)
def test_an_address_of_either_family_makes_a_url(address: str, url: str) -> None:
    assert kubeconfig.server(address) == url


def test_only_the_administrator_and_the_api_server_are_masters() -> None:
    found = control_identities(("localhost",))

    masters = {each.name for each in found if each.group == kubeconfig.MASTERS}
    assert masters == {"admin", "apiserver-kubelet"}
    assert [each.name for each in found if each.hosts] == ["apiserver"]


def test_a_kubelet_is_the_node_that_it_says_it_is() -> None:
    client, server = node_identities("node-1", ("10.0.1.5",))

    assert (client.user, client.group) == ("system:node:node-1", "system:nodes")
    assert not client.hosts
    assert {"node-1", "127.0.0.1", "10.0.1.5"} <= set(server.hosts)
