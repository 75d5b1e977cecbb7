"""The agent on a cluster, as a process: an API server in the node's namespace, the real executable.

The API server is the fake one, which passes the claims of the real one; the kernel is real.
"""

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fakes.apiserver import ApiServer
from journeys.agent_world import INSTANCE, Pod, World, a_world, until

from mooring.adapters import netns
from mooring.adapters.cnifiles import built, install
from mooring.core.kube.resource import NPNS, PODS

NAME, NODE, PORT = "agenttest", "node-1", 9465
OTHER = {"cniVersion": "1.0.0", "name": "other", "plugins": [{"type": "other"}]}
Json = dict[str, Any]


class Metadata(BaseHTTPRequestHandler):
    """The instance's metadata, as far as an agent asks for it."""

    said = INSTANCE

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer Oracle"
        good = known and self.path == "/opc/v2/instance/id"
        body = self.said.encode() if good else b"no"
        self.send_response(200 if good else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(world: World, *, said: str = INSTANCE) -> Iterator[str]:
    """Metadata inside the node; give its address."""
    handler = type("Said", (Metadata,), {"said": said})
    server = inside(world, lambda: HTTPServer(("127.0.0.1", 0), handler))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def inside(world: World, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is made
    """Make something whose sockets are the node's."""
    fd = netns.open_fd(world.node)
    try:
        with netns.inside(fd):
            return make()
    finally:
        netns.close(fd)


@dataclass
class Node:
    """A node of a cluster: its world, its API server, its runtime's directories."""

    world: World
    server: ApiServer
    metadata: str

    @property
    def place(self) -> Path:
        return self.world.place

    @property
    def binaries(self) -> Path:
        return self.place / "bin"

    @property
    def conflists(self) -> Path:
        return self.place / "net.d"

    @property
    def volatile(self) -> Path:
        return self.place / "run"

    @property
    def conflist(self) -> Path:
        return self.conflists / "10-mooring.conflist"

    def prepare(self) -> None:
        brought = self.place / "plugins"
        brought.mkdir()
        for name in ("portmap", "bandwidth"):
            (brought / name).write_text("#!/bin/sh\n")
        self.point()
        self.world.whose = (
            *("--kubernetes", "--kubeconfig", str(self.place / "kubeconfig")),
            *("--node", NODE, "--metadata", self.metadata),
            *("--conflist", str(self.conflists), "--volatile", str(self.volatile)),
            *("--install", str(self.binaries), "--plugins", str(brought)),
            *("--metrics-port", str(PORT)),
        )
        self.publish()

    def point(self) -> None:
        """Write the kubeconfig, with the token in a file of its own."""
        (self.place / "token").write_text("first")
        user = {"name": "agent", "user": {"tokenFile": str(self.place / "token")}}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "agent"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.server.url}}],
            "users": [user],
        }
        (self.place / "kubeconfig").write_text(json.dumps(document))

    def publish(self) -> None:
        """Put the object as the directory has it into the API server."""
        found: Json = {}
        for part in ("", ".status"):
            text = (self.place / f"npn/{NAME}{part}.json").read_text()
            found |= json.loads(text)
        usage = self.usage
        if usage is not None:
            found["status"]["usage"] = usage
        self.server.store.put(NPNS, found)

    def offer(self, *addresses: str) -> None:
        self.world.write_npn(addresses)
        self.publish()

    @property
    def usage(self) -> Json | None:
        known = self.server.store.objects[NPNS.plural].get(NAME)
        found: Json | None = (known or {}).get("status", {}).get("usage")
        return found

    @property
    def names(self) -> list[str]:
        return [each["pod"] for each in self.world.status["attachments"]]

    def ask(self, path: str) -> tuple[int, str]:
        def answer() -> tuple[int, str]:
            connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
            try:
                connection.request("GET", path)
                got = connection.getresponse()
                return got.status, got.read().decode()
            except ConnectionRefusedError:
                return 0, ""
            finally:
                connection.close()

        found: tuple[int, str] = inside(self.world, answer)
        return found

    def started(self) -> None:
        self.world.start()
        until("the list", self.conflist.exists)

    def rebooted(self) -> None:
        """Take away what a reboot takes: processes, and what is below /run."""
        self.world.kill()
        shutil.rmtree(self.volatile)
        (self.place / "agent.sock").unlink(missing_ok=True)

    def execute(self, command: str, pod: Pod) -> Json:
        """Run what is installed, as the runtime does."""
        done = subprocess.run(
            [self.binaries / "mooring"],
            env={**self.world.environment(command, pod), "MOORING_WAIT_MS": "60000"},
            input=self.world.conf(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode() + self.world.log
        found: Json = json.loads(done.stdout or b"{}")
        return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with a_world(tmp_path, "--cooldown", "0") as world:
        server = inside(world, ApiServer)
        try:
            with served(world) as metadata:
                made = Node(world, server, metadata)
                made.prepare()
                yield made
        finally:
            server.close()


def test_it_finds_who_it_is_and_asks_for_its_own_object_and_pods_alone(
    node: Node,
) -> None:
    node.started()
    pod = node.world.run_pod("one")
    node.server.store.put(PODS, a_pod("web", pod.address))
    asked = {
        (path, query.get("fieldSelector", "")) for _, path, query in node.server.asked
    }

    assert asked >= {
        (NPNS.path(), f"metadata.name={NAME}"),
        ("/api/v1/pods", f"spec.nodeName={NODE}"),
    }
    assert {
        path for path, chosen in asked if not chosen and not path.endswith("/status")
    } == set()
    until("the runtime's name", lambda: node.names == ["one"])
    node.world.kill()
    node.world.start()
    until("the API server's name", lambda: node.names == ["default/web"])
    document = json.loads(node.conflist.read_text())
    assert [p["type"] for p in document["plugins"]] == [
        "mooring",
        "portmap",
        "bandwidth",
    ]
    assert sorted(p.name for p in node.binaries.iterdir()) == [
        *("bandwidth", "mooring", "portmap")
    ]


def a_pod(name: str, address: str) -> Json:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": NODE},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }


def test_the_usage_is_told_and_nothing_when_nothing_changed(node: Node) -> None:
    node.started()
    until("the usage", lambda: node.usage is not None)
    assert node.usage == {"serial": 0, "used": 0, "free": 30, "cooling": 0}
    for name in ("one", "two"):
        node.world.run_pod(name)
    until("two used", lambda: (node.usage or {})["used"] == 2)
    writes = node.server.count("PATCH")
    node.world.repaired()

    assert node.server.count("PATCH") == writes
    assert {path for method, path, _ in node.server.asked if method == "PATCH"} == {
        NPNS.path(name=NAME, part="status")
    }


def test_a_restart_while_the_api_server_is_away_serves_at_once(node: Node) -> None:
    node.started()
    node.world.run_pod("one")
    until("the object on the disk", (node.place / "state/npn.json").exists)
    node.world.kill()
    port = node.server.port
    node.server.close()
    node.world.start()
    assert " remembered " in node.world.log
    node.world.run_pod("two")

    back = inside(node.world, lambda: ApiServer(port=port))
    try:
        node.server = back
        node.publish()
        until("the store", lambda: " store-heard " in node.world.log)
        node.offer("10.0.8.50")
        until("it is followed", lambda: node.world.status["pool"]["free"] == 1)
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
            "why not", lambda: "there is no NativePodNetwork" in node.ask("/readyz")[1]
        )
        assert not node.conflist.exists()
        node.publish()
        until("the list", node.conflist.exists)
        assert node.world.ready()
        until("readiness", lambda: node.ask("/readyz")[0] == 200)


def test_rt_25_a_stopped_agent_leaves_the_list_and_no_other_network_takes_over(
    node: Node,
) -> None:
    node.conflists.mkdir()
    for name in ("05-first.conflist", "20-other.conflist"):
        (node.conflists / name).write_text(json.dumps(OTHER))
    node.started()
    until(
        "a warning", lambda: "conflist-behind files=05-first.conflist" in node.world.log
    )
    (node.conflists / "05-first.conflist").unlink()
    assert node.world.kill(signal.SIGTERM) == 0

    first, *_ = sorted(p.name for p in node.conflists.iterdir())
    assert first == "10-mooring.conflist"
    assert json.loads(node.conflist.read_text())["name"] == "mooring"
    assert (node.binaries / "mooring").exists()
    until("readiness", lambda: not node.world.status["trouble"])


def test_rt_24_every_del_succeeds_on_a_full_node_without_an_agent(node: Node) -> None:
    node.offer(*(f"10.0.8.{n}" for n in range(10, 20)))
    node.started()
    pods = [node.world.run_pod(f"p{n}") for n in range(10)]
    assert node.world.cni("ADD", node.world.a_space_for("p10")).returncode == 1
    node.world.kill()
    for pod in pods:
        node.world.remove_pod(pod)
    node.world.start()
    until("an exact pool", lambda: node.world.status["pool"]["free"] == 10)

    assert node.world.status["attachments"] == []
    until("no link", lambda: node.world.host_ends() == set())
    for n in range(10):
        node.world.run_pod(f"q{n}")


def test_rt_26_pods_come_and_go_while_executables_and_list_are_replaced(
    node: Node,
) -> None:
    node.started()
    stop = threading.Event()
    brought = built().read_bytes()
    replaced = 0

    def upgrade() -> int:
        times = 0
        newer = node.place / "newer"
        while not stop.is_set() or times < 100:
            times += 1
            newer.write_bytes(brought + bytes(times % 7 + 1))
            install(newer, node.binaries)
            assert json.loads(node.conflist.read_text())["name"] == "mooring"
        return times

    def churn(number: int) -> None:
        pod = node.world.a_space_for(f"c{number}")
        for _ in range(10):
            assert node.execute("ADD", pod)["ips"]
            node.execute("DEL", pod)

    with ThreadPoolExecutor(5) as pool:
        upgrading = pool.submit(upgrade)
        try:
            list(pool.map(churn, range(4)))
        finally:
            stop.set()
        replaced = upgrading.result()

    assert replaced >= 100
    assert " refused " not in node.world.log


def test_rt_28_a_token_that_is_replaced_again_and_again(node: Node) -> None:
    node.started()
    for turn in range(5):
        token = f"token-{turn}"
        (node.place / "token").write_text(token)
        node.server.tokens = {token}
        node.server.tear()
        node.offer(*(f"10.0.8.{n}" for n in range(60, 61 + turn)))
        until(
            f"turn {turn}",
            lambda turn=turn: node.world.status["pool"]["offered"] == turn + 1,
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
    text = node.ask("/metrics")[1]
    assert 'mooring_agent_add_seconds_count{step="whole"} 24.0' in text
    assert 'mooring_agent_addresses{family="IPv4",state="held"} 24.0' in text


def test_who_is_no_instance_is_told_and_asks_again(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        server = inside(world, ApiServer)
        try:
            with served(world, said="web-1") as metadata:
                node = Node(world, server, metadata)
                node.prepare()
                world.start(wait=False)
                until("why", lambda: "metadata-refused" in world.log)
                assert "'web-1': no instance's OCID" in world.log
                assert world.kill(signal.SIGTERM) == 0
        finally:
            server.close()
