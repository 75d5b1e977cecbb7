"""What of the agent takes minutes: fifty reboots, a full node without one, tokens that end."""

import base64
import json
import time
from collections.abc import Callable, Mapping

from kubernetes.agents import (
    KILL,
    MOST_KIB,
    READ,
    agents,
    asked_in,
    changed,
    complaints,
    daemons,
    is_exact,
    memory,
    on,
    patched,
    restarts,
    sandboxes,
    survive_reboots,
    uids,
    without_agent,
)
from kubernetes.cluster import Cluster, Json, Space, a_deployment, a_pod
from patience import until

REBOOTS = 50
PATIENCE = 600.0
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SECONDS = 600
"""The shortest life of a token that an API server gives."""
SETTING, VALUE = "net.core.somaxconn", "500"


def test_rt_22_fifty_reboots_start_no_pod_before_the_agent_serves(space: Space) -> None:
    """RT-25 and RT-04 as well."""
    survive_reboots(space, REBOOTS)


def test_rt_24_every_pod_of_a_full_node_goes_without_an_agent(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    count = room(cluster, node)
    space.apply(a_deployment("web", count, nodeName=node, topologySpreadConstraints=[]))
    space.await_pods(count, patience=PATIENCE)
    assert memory(cluster)[node] < MOST_KIB
    with without_agent(cluster, node):
        space.cluster.kubectl("delete", "deployment", "web", "-n", space.name)
        until(lambda: not space.pods(), "all pods to go", PATIENCE)

        held = set(on(cluster, node))
        until(lambda: sandboxes(cluster, node) == held, "every sandbox stopped")
        assert complaints(space, KILL) == []
    until(lambda: is_exact(cluster, node), "an exact pool", PATIENCE)


def room(cluster: Cluster, node: str) -> int:
    """Count the pods that still fit on a node."""
    most = int(cluster.get("node", node)["status"]["allocatable"]["pods"])
    chosen = ("-A", f"--field-selector=spec.nodeName={node}")
    return most - len(cluster.items("pods", *chosen))


def test_every_pod_gets_the_settings_that_the_agent_was_told(space: Space) -> None:
    cluster = space.cluster
    (container,) = daemons(cluster)["spec"]["template"]["spec"]["containers"]
    changed(cluster, args=[*container["args"], f"--tuning={SETTING}={VALUE}"])
    try:
        space.apply(*(a_pod(f"set-{node}", node) for node in cluster.workers()))
        pods = space.await_pods(len(cluster.workers()))
        file = f"/proc/sys/{SETTING.replace('.', '/')}"
        for pod in pods:
            assert space.execute(pod["metadata"]["name"], "cat", file).strip() == VALUE
    finally:
        changed(cluster, args=container["args"])


def test_rt_28_agents_go_on_when_their_tokens_have_ended(
    space: Space, kill_api_server: Callable[[], None]
) -> None:
    """The API server is killed when the first tokens have ended, so that everybody has to show a token."""
    cluster = space.cluster
    patched(cluster, with_short_tokens())
    try:
        first = {uid: expiry(cluster, agent) for uid, agent in by_uid(cluster).items()}
        assert max(first.values()) <= time.time() + SECONDS
        until(lambda: time.time() > max(first.values()), "their end", 2 * SECONDS)
        until(lambda: all(renewed(cluster, first)), "other tokens")
        kill_api_server()
        nodes = cluster.workers()
        space.apply(*(a_pod(f"later-{node}", node) for node in nodes))
        space.await_pods(len(nodes))
        for node in nodes:
            until(lambda node=node: is_exact(cluster, node), "what is used, told")

        assert uids(agents(cluster)) == set(first)
        assert sum(map(restarts, agents(cluster))) == 0
        for agent in agents(cluster):
            until(lambda agent=agent: hears(cluster, agent), "the store, heard")
    finally:
        patched(cluster, {"volumes": [{"name": "token", "$patch": "delete"}], **back()})


def by_uid(cluster: Cluster) -> dict[str, Json]:
    return {agent["metadata"]["uid"]: agent for agent in agents(cluster)}


def renewed(cluster: Cluster, first: Mapping[str, float]) -> list[bool]:
    """Tell of each agent whether it finds another token by now."""
    found = by_uid(cluster)
    return [uid in found and expiry(cluster, found[uid]) > first[uid] for uid in first]


def expiry(cluster: Cluster, agent: Json) -> float:
    """When the token that an agent finds now ends."""
    token = asked_in(cluster, agent, *READ, f"{ACCOUNT}/token").strip()
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return float(claims["exp"])


def hears(cluster: Cluster, agent: Json) -> bool:
    """Tell whether an agent says that the API server answers it."""
    page = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9465/metrics').read().decode())"
    text = asked_in(cluster, agent, "python3", "-c", page)
    return "mooring_agent_store_heard 1.0" in text


def with_short_tokens() -> Json:
    """The agents' account as kubelet gives it to every pod, but for the life of its token."""
    field = {"fieldPath": "metadata.namespace"}
    token = {"path": "token", "expirationSeconds": SECONDS}
    authority = {"key": "ca.crt", "path": "ca.crt"}
    sources = [
        {"serviceAccountToken": token},
        {"configMap": {"name": "kube-root-ca.crt", "items": [authority]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {
        "volumes": [{"name": "token", "projected": {"sources": sources}}],
        "containers": [
            {
                "name": "agent",
                "volumeMounts": [
                    {"name": "token", "mountPath": ACCOUNT, "readOnly": True}
                ],
            }
        ],
    }


def back() -> Json:
    gone = {"mountPath": ACCOUNT, "$patch": "delete"}
    return {"containers": [{"name": "agent", "volumeMounts": [gone]}]}
