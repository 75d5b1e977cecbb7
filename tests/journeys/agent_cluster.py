"""A node of a cluster for one agent: its world, an API server inside of it, its runtime's directories.

The API server is the fake one, which passes the claims of the real one, spoken to by TLS; the kernel is real.
"""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from fakes.apiserver import ApiServer
from journeys.agent_world import INSTANCE, Pod, World
from patience import until

from mooring.adapters import clusterkeys, netns
from mooring.core.kube.resource import NPNS
from mooring.core.linux.kubeconfig import Identity

NAME, NODE, PORT = "agenttest", "node-1", 9465
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


def inside(world: World, make: Callable[[], Any]) -> Any:
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
    trust: ssl.SSLContext

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
        authority = str(self.place / "ca.crt")
        cluster = {"server": self.server.url, "certificate-authority": authority}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "agent"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
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
        until(self.conflist.exists, "the list")

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


def trusted(place: Path) -> ssl.SSLContext:
    """Make an authority, whose certificate is `ca.crt` of the place, and what a server needs of it."""
    who = Identity(name="apiserver", user="apiserver", hosts=("127.0.0.1",))
    now = datetime.now(UTC)
    giver = clusterkeys.authority("tests", now)
    (place / "ca.crt").write_text(giver.certificate)
    given, both = clusterkeys.give(giver, who, now), place / "apiserver.pem"
    both.write_text(given.certificate + given.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(both)
    return made


@contextmanager
def a_node(world: World, *, said: str = INSTANCE) -> Iterator[Node]:
    """Put an API server and metadata into a world, and tell its agent of them."""
    trust = trusted(world.place)
    server = inside(world, lambda: ApiServer(trust))
    try:
        with served(world, said=said) as metadata:
            made = Node(world, server, metadata, trust)
            made.prepare()
            yield made
    finally:
        server.close()


def a_pod(name: str, address: str) -> Json:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": NODE},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }
