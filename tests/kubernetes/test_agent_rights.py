"""What the agent's manifest lets it do on a real API server, and nothing beyond.

Its token is made as for its pod: bound to the pod, so that it names the node. Beside its rights the
manifest has those of who makes objects, under the name that Karpenter's chart binds to.
"""

import contextlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.apiserver import ApiServer, an_api_server
from npn_shapes import CAPOCI, KARPENTER, KARPENTER_FIRST
from patience import PATIENCE, until

from mooring.core.linux.upstream import CLUSTER
from mooring.lab.programs_built import Builder

MANIFEST = Path(__file__).parents[2] / "deploy/manifests/agent.yaml"
ACCOUNT, SPACE = "vcn-native-ip-cni", "kube-system"
NPNS = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"
PLACES = {
    "ServiceAccount": f"/api/v1/namespaces/{SPACE}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ValidatingAdmissionPolicy": (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    ),
    "ValidatingAdmissionPolicyBinding": (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    ),
}
MAKERS = "vcn-native-ip-cni"
"""The role that Karpenter's chart binds its account to (oci-facts 1.4)."""
LINK = {"vnicId": "ocid1.vnic.oc1..a", "link": "ens5", "table": 7001}
USAGE = {"serial": 1, "used": 2, "free": 3, "cooling": 0, "vnics": [LINK]}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    wanted = [each for each in CLUSTER if each.name in ("etcd", "kube-apiserver")]
    programs = Builder.usual(os.environ, print).build(wanted)
    with an_api_server(programs, tmp_path_factory.mktemp("apiserver")) as made:
        for document in yaml.safe_load_all(MANIFEST.read_text()):
            if place := PLACES.get(document["kind"]):
                made.ask("POST", place, document)
        for number in (1, 2):
            populate(made, number)
        until(lambda: write(Agent(made, "node-1"), "two", {"usage": USAGE})[0] == 422)
        yield made


def populate(server: ApiServer, number: int) -> None:
    """Make a node, its object that it owns, and its agent's pod."""
    name = f"node-{number}"
    node = as_admin(server, "/api/v1/nodes", {"metadata": {"name": name}})
    owner = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": name,
        "uid": node["metadata"]["uid"],
    }
    called = ("one", "two")[number - 1]
    object_ = {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": called, "ownerReferences": [owner]},
        "spec": {"id": f"ocid1.instance.oc1..{called}", "podSubnetIds": ["s"]},
    }
    as_admin(server, NPNS, object_)
    pod = {
        "metadata": {"name": f"agent-{name}"},
        "spec": {
            "nodeName": name,
            "serviceAccountName": ACCOUNT,
            "containers": [{"name": "agent", "image": "agent"}],
        },
    }
    as_admin(server, f"/api/v1/namespaces/{SPACE}/pods", pod)


def as_admin(server: ApiServer, path: str, body: Json) -> Json:
    found: Json = json.loads(server.ask("POST", path, body))
    return found


@dataclass
class Agent:
    """Somebody with the token of a node's agent; `bound` False: of no pod at all.

    With another `account` it is that one's.
    """

    server: ApiServer
    node: str
    bound: bool = True
    account: str = ACCOUNT

    def token(self) -> str:
        spec: Json = {"expirationSeconds": 3600}
        if self.bound:
            path = f"/api/v1/namespaces/{SPACE}/pods/agent-{self.node}"
            pod = json.loads(self.server.ask("GET", path))
            spec["boundObjectRef"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            }
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        }
        place = f"{PLACES['ServiceAccount']}/{self.account}/token"
        token: str = as_admin(self.server, place, request)["status"]["token"]
        return token

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Ask; give the code and the document."""
        trust = ssl.create_default_context(
            cafile=str(self.server.home / "certificates/apiserver.crt")
        )
        kind = "merge-patch+json" if method == "PATCH" else "json"
        request = urllib.request.Request(
            f"{self.server.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token()}",
                "Content-Type": f"application/{kind}",
            },
        )
        with contextlib.ExitStack() as stack:
            try:
                answer = urllib.request.urlopen(
                    request, context=trust, timeout=PATIENCE
                )
            except urllib.error.HTTPError as error:
                answer = error
            stack.enter_context(answer)
            return answer.status, json.loads(answer.read())


def write(agent: Agent, name: str, status: Json) -> tuple[int, Json]:
    return agent.ask("PATCH", f"{NPNS}/{name}/status", {"status": status})


@pytest.fixture
def agent(server: ApiServer) -> Agent:
    return Agent(server, "node-1")


def test_an_agent_tells_the_usage_of_its_own_object(agent: Agent) -> None:
    for used in (2, 3):
        code, document = write(agent, "one", {"usage": {**USAGE, "used": used}})

        assert (code, document["status"]["usage"]["used"]) == (200, used)
        assert document["status"]["usage"]["vnics"] == [LINK]


@pytest.mark.parametrize(
    "wrong",
    [{"vnicId": ""}, {"link": "a/b"}, {"link": "x" * 16}, {"table": 7000}],
)
def test_a_link_that_cannot_be_is_refused(agent: Agent, wrong: Json) -> None:
    usage = {**USAGE, "vnics": [{**LINK, **wrong}]}
    code, said = write(agent, "one", {"usage": usage})

    assert code == 422
    assert f"status.usage.vnics[0].{next(iter(wrong))}" in said["message"]


def test_no_agent_writes_another_nodes_object(agent: Agent) -> None:
    code, said = write(agent, "two", {"usage": USAGE})

    assert code == 422
    assert "is not owned by the agent's node node-1" in said["message"]
    assert write(Agent(agent.server, "node-2"), "two", {"usage": USAGE})[0] == 200


@pytest.mark.parametrize(
    "status",
    [
        {"state": "BACKOFF"},
        {"usage": USAGE, "vnics": []},
        {"reason": None, "usage": USAGE},
        {"conditions": [], "usage": USAGE},
    ],
)
def test_an_agent_writes_nothing_else_of_the_status(agent: Agent, status: Json) -> None:
    whole = {"state": "SUCCESS", "reason": "COMPLETED"}
    patch = {"status": whole}
    as_controller(agent.server, patch)
    code, said = write(agent, "one", status)

    assert code == 422
    assert "an agent writes .status.usage alone" in said["message"]


def as_controller(server: ApiServer, patch: Json) -> None:
    """Write the status as somebody else may."""
    trust = ssl.create_default_context(
        cafile=str(server.home / "certificates/apiserver.crt")
    )
    request = urllib.request.Request(
        f"{server.url}{NPNS}/one/status",
        method="PATCH",
        data=json.dumps(patch).encode(),
        headers={
            "Authorization": f"Bearer {server.token}",
            "Content-Type": "application/merge-patch+json",
        },
    )
    urllib.request.urlopen(request, context=trust, timeout=PATIENCE).close()


def test_a_token_of_no_pod_writes_nothing(server: ApiServer) -> None:
    code, said = write(Agent(server, "node-1", bound=False), "one", {"usage": USAGE})

    assert code == 422
    assert "names no node" in said["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", NPNS, KARPENTER),
        ("PATCH", f"{NPNS}/one", {"spec": {"maxPodCount": 1}}),
        ("DELETE", f"{NPNS}/one", None),
        ("GET", "/api/v1/nodes", None),
        ("PATCH", "/api/v1/nodes/node-1", {"metadata": {"labels": {"a": "b"}}}),
        ("GET", f"/api/v1/namespaces/{SPACE}/secrets", None),
        ("GET", f"/api/v1/namespaces/{SPACE}/pods/agent-node-1", None),
        ("DELETE", f"/api/v1/namespaces/{SPACE}/pods/agent-node-1", None),
    ],
)
def test_an_agent_may_do_nothing_else(
    agent: Agent, method: str, path: str, body: object
) -> None:
    assert agent.ask(method, path, body)[0] == 403


def test_what_the_agent_follows_it_may_read(agent: Agent) -> None:
    for path in (f"{NPNS}?fieldSelector=metadata.name%3Done", "/api/v1/pods"):
        code, document = agent.ask("GET", path)
        assert code == 200
        assert document["items"]


# Those who make objects.


@contextlib.contextmanager
def bound_to_the_makers_role(server: ApiServer, account: str) -> Iterator[None]:
    """Bind an account as Karpenter's chart does."""
    name = f"{account}-npn"
    binding = {
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": MAKERS,
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": SPACE}],
    }
    as_admin(server, PLACES["ClusterRoleBinding"], binding)
    try:
        yield
    finally:
        server.ask("DELETE", f"{PLACES['ClusterRoleBinding']}/{name}")


def of_instance(shape: Json, name: str) -> Json:
    """Give the object of another instance."""
    spec = {**shape["spec"], "id": f"ocid1.instance.oc1..{name}"}
    return {**shape, "metadata": {**shape["metadata"], "name": name}, "spec": spec}


def test_who_launches_nodes_makes_their_objects_by_the_role_of_that_name(
    server: ApiServer,
) -> None:
    """Karpenter's provider creates; it changes and removes nothing, and writes no status."""
    metadata = {"metadata": {"name": "karpenter"}}
    as_admin(server, PLACES["ServiceAccount"], metadata)
    maker = Agent(server, "", bound=False, account="karpenter")
    before, _ = maker.ask("POST", NPNS, of_instance(KARPENTER, "three"))
    with bound_to_the_makers_role(server, "karpenter"):
        until(lambda: maker.ask("GET", NPNS)[0] == 200)
        made = [
            maker.ask("POST", NPNS, of_instance(shape, name))
            for name, shape in (("three", KARPENTER), ("four", KARPENTER_FIRST))
        ]
        others = [
            maker.ask("PATCH", f"{NPNS}/three", {"spec": {"maxPodCount": 1}}),
            maker.ask("PATCH", f"{NPNS}/three/status", {"status": {"usage": USAGE}}),
            maker.ask("DELETE", f"{NPNS}/three"),
            maker.ask("GET", "/api/v1/pods"),
        ]
        read, document = maker.ask("GET", f"{NPNS}/three")

    assert before == 403
    assert [code for code, _ in made] == [201, 201]
    assert [code for code, _ in others] == [403] * 4
    assert (read, document["spec"]["maxPodCount"]) == (200, 48)


def test_an_agent_makes_no_object_though_a_binding_of_others_lets_it(
    server: ApiServer, agent: Agent
) -> None:
    """An add-on, or a manifest of before, may have bound the agent's account to the role."""
    body = of_instance(CAPOCI, "five")
    with bound_to_the_makers_role(server, ACCOUNT):
        until(lambda: agent.ask("POST", NPNS, body)[0] != 403)
        code, said = agent.ask("POST", NPNS, body)

    assert code == 422
    assert "an agent writes nothing of a NativePodNetwork but" in said["message"]
