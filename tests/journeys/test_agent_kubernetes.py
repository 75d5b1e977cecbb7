"""The agent on a cluster, as a process: an API server in the node's namespace, the real executable."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes.apiserver import ApiServer
from journeys.agent_cluster import NAME, NODE, Node, a_node, a_pod, inside
from journeys.agent_world import Pod, a_world
from patience import until

from mooring.core.kube.resource import NPNS, PODS

OTHER = {"cniVersion": "1.0.0", "name": "other", "plugins": [{"type": "other"}]}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with a_world(tmp_path, "--cooldown", "0") as world, a_node(world) as made:
        yield made


def test_it_finds_who_it_is_and_asks_for_its_own_object_and_pods_alone(
    node: Node,
) -> None:
    node.started()
    pod = node.world.run_pod("one")
    node.server.store.put(PODS, a_pod("web", pod.address))

    def asked() -> set[tuple[str, str]]:
        return {
            (path, query.get("fieldSelector", ""))
            for _, path, query in list(node.server.asked)
        }

    its_own = {
        (NPNS.path(), f"metadata.name={NAME}"),
        ("/api/v1/pods", f"spec.nodeName={NODE}"),
    }
    until(lambda: asked() >= its_own, "both questions")
    until(lambda: node.names == ["one"], "the runtime's name")
    assert {
        path for path, chosen in asked() if not chosen and not path.endswith("/status")
    } == set()
    node.world.kill()
    node.world.start()
    until(lambda: node.names == ["default/web"], "the API server's name")
    document = json.loads(node.conflist.read_text())
    assert [p["type"] for p in document["plugins"]] == [
        "mooring",
        "portmap",
        "bandwidth",
    ]
    assert sorted(p.name for p in node.binaries.iterdir()) == [
        *("bandwidth", "mooring", "portmap")
    ]


def test_settings_for_every_pod_stand_in_the_list_as_the_plugin_tuning(
    node: Node,
) -> None:
    node.world.options += ("--tuning", "net.core.somaxconn=500")
    (node.place / "plugins/tuning").write_text("#!/bin/sh\n")
    node.started()

    plugins = json.loads(node.conflist.read_text())["plugins"]
    assert [p["type"] for p in plugins] == ["mooring", "tuning", "portmap", "bandwidth"]
    assert plugins[1]["sysctl"] == {"net.core.somaxconn": "500"}
    assert (node.binaries / "tuning").exists()


def test_the_usage_is_told_in_the_status_of_its_own_object_and_nothing_else(
    node: Node,
) -> None:
    node.started()
    until(lambda: node.usage is not None, "the usage")
    (vnic,) = node.world.status["vnics"]
    assert node.usage == {
        "serial": 0,
        "used": 0,
        "free": 30,
        "cooling": 0,
        "vnics": [{"vnicId": vnic["id"], "link": vnic["link"], "table": 7001}],
    }
    for name in ("one", "two"):
        node.world.run_pod(name)
    until(lambda: (node.usage or {})["used"] == 2, "two used")

    assert {path for method, path, _ in node.server.asked if method == "PATCH"} == {
        NPNS.path(name=NAME, part="status")
    }


def test_a_restart_while_the_api_server_is_away_serves_at_once(node: Node) -> None:
    node.started()
    node.world.run_pod("one")
    until((node.place / "state/npn.json").exists, "the object on the disk")
    node.world.kill()
    port = node.server.port
    node.server.close()
    node.world.start()
    until(lambda: " remembered " in node.world.log, "the last known object")
    node.world.run_pod("two")

    back = inside(node.world, lambda: ApiServer(node.trust, port))
    try:
        node.server = back
        node.publish()
        until(lambda: " store-heard " in node.world.log, "the store")
        node.offer("10.0.8.50")
        until(lambda: node.world.status["pool"]["free"] == 1, "it is followed")
        assert node.world.run_pod("three").address == "10.0.8.50"
    finally:
        node.world.kill()
        back.close()


def test_rt_22_after_a_reboot_the_runtime_finds_no_list_until_the_agent_serves(
    node: Node,
) -> None:
    node.started()
    assert node.conflist.is_symlink()
    for _ in range(3):
        node.rebooted()
        assert node.conflist.is_symlink()
        assert not node.conflist.exists()
        # Without an object nothing is served, and the runtime is told nothing.
        del node.server.store.objects[NPNS.plural][NAME]
        (node.place / "state/npn.json").unlink(missing_ok=True)
        node.world.start(wait=False)
        until(
            lambda: "there is no NativePodNetwork" in node.ask("/readyz")[1], "why not"
        )
        assert not node.conflist.exists()
        node.publish()
        until(node.conflist.exists, "the list")
        assert node.world.ready()
        until(lambda: node.ask("/readyz")[0] == 200, "readiness")


def test_rt_25_a_stopped_agent_leaves_the_list_and_no_other_network_takes_over(
    node: Node,
) -> None:
    node.conflists.mkdir()
    for name in ("05-first.conflist", "20-other.conflist"):
        (node.conflists / name).write_text(json.dumps(OTHER))
    node.started()
    until(
        lambda: "conflist-behind files=05-first.conflist" in node.world.log, "a warning"
    )
    (node.conflists / "05-first.conflist").unlink()
    until(lambda: " conflist-first" in node.world.log, "ours to be first")
    # One that comes while the agent runs is named as well.
    (node.conflists / "07-late.conf").write_text(json.dumps(OTHER))
    until(lambda: "conflist-behind files=07-late.conf" in node.world.log, "a warning")
    (node.conflists / "07-late.conf").unlink()
    assert node.world.kill(signal.SIGTERM) == 0

    first, *_ = sorted(p.name for p in node.conflists.iterdir())
    assert first == "10-mooring.conflist"
    assert json.loads(node.conflist.read_text())["name"] == "mooring"
    assert (node.binaries / "mooring").exists()


def test_what_somebody_removes_is_put_back_as_long_as_the_agent_runs(
    node: Node,
) -> None:
    node.started()
    found = (
        node.conflist,
        node.volatile / node.conflist.name,
        *(node.binaries / name for name in ("mooring", "portmap")),
    )
    for path in found:
        path.unlink()
        until(path.exists, f"{path.name} again")
    for directory in (node.conflists, node.binaries):
        directory.rename(directory.with_suffix(".gone"))
    until(lambda: all(path.exists() for path in found), "everything again")

    assert node.execute("ADD", node.world.a_space_for("one"))["ips"]
    until(lambda: node.ask("/readyz")[0] == 200, "readiness")
    told = {f'repaired what="{path} was gone"' for path in found if path != found[1]}
    until(lambda: all(line in node.world.log for line in told), "all told")


def test_a_list_that_a_service_mesh_has_changed_is_left_alone(node: Node) -> None:
    node.started()
    document = json.loads(node.conflist.read_text())
    document["plugins"].append({"type": "istio-cni"})
    aside = node.conflists / "istio-cni.tmp"
    aside.write_text(json.dumps(document))
    aside.replace(node.conflist)
    for name in ("mooring", "portmap"):
        # Whoever puts this back has looked at the list as well.
        (node.binaries / name).unlink()
        until((node.binaries / name).exists, f"{name} again")

    assert json.loads(node.conflist.read_text()) == document


def test_the_list_comes_last_and_not_while_an_executable_is_refused(
    node: Node,
) -> None:
    lists, programs = node.place / "lists", node.place / "programs"
    for directory in (lists, programs):
        directory.mkdir()
    node.conflists.symlink_to(lists)
    node.binaries.symlink_to(node.place / "nowhere")
    node.world.start(wait=False)
    until(lambda: " conflist-refused " in node.world.log, "why")
    until(lambda: "File exists" in node.ask("/readyz")[1], "readiness refused")
    assert node.ask("/readyz")[0] == 503
    assert list(lists.iterdir()) == []
    lead(node.binaries, programs)
    until(node.conflist.exists, "the list")
    assert {p.name for p in node.binaries.iterdir()} >= {"mooring", "portmap"}
    until(lambda: node.ask("/readyz")[0] == 200, "readiness")

    # One that refuses later is told no less.
    lead(node.conflists, node.place / "nowhere")
    until(lambda: node.ask("/readyz")[0] == 503, "no readiness")
    until(lambda: node.world.log.count(" conflist-refused ") == 2, "why")
    lead(node.conflists, lists)
    until(lambda: node.ask("/readyz")[0] == 200, "readiness again")


def lead(link: Path, target: Path) -> None:
    """Have a link lead to something else from one moment to the next."""
    aside = link.with_suffix(".aside")
    aside.symlink_to(target)
    aside.replace(link)


def seconds_of_a_del(node: Node, pod: Pod) -> float:
    """Delete as the runtime does, with nothing said of patience, and tell how long it took."""
    usual = {**node.world.environment("DEL", pod), "MOORING_WAIT_MS": ""}
    begun = time.monotonic()
    done = subprocess.run(
        [node.binaries / "mooring"],
        env=usual,
        input=node.world.conf(),
        capture_output=True,
        check=False,
    )
    took = time.monotonic() - begun
    assert (done.returncode, done.stdout) == (0, b"")
    return took


def test_rt_24_every_del_succeeds_on_a_full_node_without_an_agent(node: Node) -> None:
    node.offer(*(f"10.0.8.{n}" for n in range(10, 20)))
    node.started()
    pods = [node.world.run_pod(f"p{n}") for n in range(10)]
    assert node.world.cni("ADD", node.world.a_space_for("p10")).returncode == 1
    node.world.kill()
    for pod in pods:
        # The best of three, so that a busy machine is not taken for one that waits.
        assert any(seconds_of_a_del(node, pod) < 1.0 for _ in range(3))
        node.world.drop_space(pod.space)
    node.world.start()
    until(lambda: node.world.status["pool"]["free"] == 10, "an exact pool")

    assert node.world.status["attachments"] == []
    until(lambda: node.world.host_ends() == set(), "no link")
    for n in range(10):
        node.world.run_pod(f"q{n}")


def test_rt_28_a_token_that_is_replaced_again_and_again(node: Node) -> None:
    node.started()
    for turn in range(5):
        token = f"token-{turn}"
        (node.place / "token").write_text(token)
        node.server.tokens = {token}
        node.server.tear()
        node.offer(*(f"10.0.8.{n}" for n in range(60, 61 + turn)))
        until(
            lambda turn=turn: node.world.status["pool"]["offered"] == turn + 1,
            f"turn {turn}",
        )


def test_rt_27_a_probe_is_answered_while_pods_come_in_a_burst(node: Node) -> None:
    node.started()
    stop = threading.Event()

    def probe() -> list[int]:
        codes = []
        while not stop.is_set() or not codes:
            codes.append(node.ask("/healthz")[0])
        return codes

    pods = [node.world.a_space_for(f"b{n}") for n in range(24)]
    with ThreadPoolExecutor(9) as pool:
        probing = pool.submit(probe)
        try:
            list(pool.map(node.world.add, pods))
        finally:
            stop.set()

        assert set(probing.result()) == {200}
    counted = 'mooring_agent_add_seconds_count{step="whole"} 24.0'
    until(lambda: counted in node.ask("/metrics")[1], "all counted")
    text = node.ask("/metrics")[1]
    assert 'mooring_agent_addresses{family="IPv4",state="held"} 24.0' in text


def test_who_is_no_instance_is_told_and_asks_again(tmp_path: Path) -> None:
    with a_world(tmp_path) as world, a_node(world, said="web-1"):
        world.start(wait=False)
        until(lambda: "metadata-refused" in world.log, "why")
        assert "'web-1': no instance's OCID" in world.log
        assert world.kill(signal.SIGTERM) == 0
