"""The agent as a DaemonSet: reboots, little processor time, what stands behind it in the list."""

import errno
from dataclasses import dataclass

from kubernetes.agents import (
    MOST_KIB,
    READ,
    SANDBOX,
    agents,
    another_network,
    asked_in,
    at,
    changed,
    complaints,
    memory,
    restarts,
    status,
    survive_reboots,
    uids,
    without_agent,
)
from kubernetes.cluster import (
    Cluster,
    Json,
    Space,
    a_deployment,
    a_pod,
    addresses,
    offered,
)
from patience import until

BURST = 100
BURST_PATIENCE = 1800.0
SPACES = "/run/netns"
WRITE = """
try:
    open("/written", "w").close()
    print(0)
except OSError as why:
    print(why.errno)
"""


@dataclass(frozen=True)
class Mount:
    """A mount's own options, and the groups that it is of: `master:` one that it hears."""

    options: frozenset[str]
    groups: tuple[str, ...]


def mounts(cluster: Cluster, agent: Json) -> dict[str, Mount]:
    """What is mounted in an agent's container, by its place."""
    lines = asked_in(cluster, agent, *READ, "/proc/1/mountinfo").splitlines()
    found = {}
    for words in (line.partition(" - ")[0].split() for line in lines if line):
        options = frozenset(words[5].split(","))
        found[words[4]] = Mount(options, tuple(words[6:]))
    return found


def test_rt_22_a_node_that_reboots_starts_no_pod_before_its_agent_serves(
    space: Space,
) -> None:
    """RT-25 too: the list of another network is there. `make e2e-full` does it fifty times (RT-04)."""
    survive_reboots(space, 1)


def test_rt_25_no_other_network_takes_the_pods_of_a_node_without_an_agent(
    space: Space,
) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    with another_network(cluster, node):
        with without_agent(cluster, node):
            space.apply(a_pod("meanwhile", node))
            refusals = (SANDBOX, "NetworkNotReady")
            until(lambda: complaints(space, *refusals), "a refusal")

            assert addresses(space.pod("meanwhile")) == []
        (pod,) = space.await_pods(1)
        assert set(addresses(pod)) <= offered(cluster.npn_of(node))


def test_rt_27_a_burst_with_little_processor_time_restarts_no_agent(
    space: Space,
) -> None:
    cluster = space.cluster
    changed(cluster, resources={"limits": {"cpu": "50m"}})
    try:
        before = uids(agents(cluster))
        space.apply(a_deployment("burst", BURST))
        space.await_pods(BURST, patience=BURST_PATIENCE)

        assert uids(agents(cluster)) == before
        assert sum(map(restarts, agents(cluster))) == 0
        assert max(memory(cluster).values()) < MOST_KIB
    finally:
        changed(cluster, resources={"limits": {"cpu": None}})


def test_host_ports_and_bandwidth_are_the_chained_plugins(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    pod = a_pod("shaped", node)
    pod["metadata"]["annotations"] = {
        "kubernetes.io/ingress-bandwidth": "17M",
        "kubernetes.io/egress-bandwidth": "19M",
    }
    (container,) = pod["spec"]["containers"]
    container["ports"] = [{"containerPort": 8080, "hostPort": 18080}]
    space.apply(pod, a_pod("asking", cluster.workers()[-1]))
    space.await_pods(2)
    host = space.pod("shaped")["status"]["hostIP"]
    where = f"[{host}]" if ":" in host else host

    until(
        lambda: space.fetched("asking", f"http://{where}:18080/hostname") == "shaped",
        "an answer at the host's port",
    )
    shaped = at(cluster, node, "tc", "qdisc", "show")
    assert "rate 17Mbit" in shaped
    assert "rate 19Mbit" in shaped


def test_the_agents_container_has_what_it_needs_and_no_more(space: Space) -> None:
    cluster = space.cluster
    for agent in agents(cluster):
        found = status(cluster, agent)

        # CAP_NET_ADMIN and CAP_SYS_ADMIN; a seccomp profile; no way to more.
        assert int(found["CapBnd"], 16) == 1 << 12 | 1 << 21
        assert found["Seccomp"].strip() == "2"
        assert found["NoNewPrivs"].strip() == "1"
        # Its own files are nobody's to change.
        assert "ro" in mounts(cluster, agent)["/"].options
        refused = asked_in(cluster, agent, "python3", "-c", WRITE)
        assert int(refused) == errno.EROFS
    assert max(memory(cluster).values()) < MOST_KIB


def test_a_pods_namespace_comes_into_its_agents_container_and_none_leaves_it(
    space: Space,
) -> None:
    cluster = space.cluster
    agent = agents(cluster)[0]
    before = mounts(cluster, agent)
    # HostToContainer: it hears of the node's mounts, and tells of none.
    assert [group.partition(":")[0] for group in before[SPACES].groups] == ["master"]

    space.apply(a_pod("later", agent["spec"]["nodeName"]))
    space.await_pods(1)
    came = mounts(cluster, agent).keys() - before.keys()
    assert any(place.startswith(f"{SPACES}/") for place in came)
