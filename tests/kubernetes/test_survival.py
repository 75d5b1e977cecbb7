"""Restarts of agent, controller and API server are invisible to running traffic: no packet is lost."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.agents import KILL, SANDBOX, complaints, is_exact
from kubernetes.cluster import PYTHON, Space, a_pod, addresses, ready
from patience import until

HEAR = """
import socket, struct, threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
seen, lock = set(), threading.Lock()
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
with suppress(PermissionError):
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
s.bind(("::", 9000))
def hear():
    while True:
        number = int(s.recv(64))
        with lock: seen.add(number)
class Told(BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_GET(self):
        with lock: most, count = max(seen, default=-1), len(seen)
        dropped = struct.unpack("9I", s.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[8]
        self.send_response(200); self.end_headers()
        told = f'{{"last": {most}, "count": {count}, "dropped": {dropped}}}'
        self.wfile.write(told.encode())
threading.Thread(target=hear, daemon=True).start()
HTTPServer(("0.0.0.0", 8080), Told).serve_forever()
"""
"""With CAP_NET_ADMIN its buffer holds minutes of the stream, however late it is."""
SAY = """
import os, socket, time
from ipaddress import ip_address
target = os.environ["TARGET"]
family = socket.AF_INET6 if ":" in target else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
number, stop = 0, "/tmp/stop"
while not os.path.exists(stop):
    s.sendto(str(number).encode(), (target, 9000))
    number += 1
    time.sleep(0.005)
open("/tmp/sent", "w").write(str(number))
time.sleep(3600)
"""


def python(name: str, node: str, code: str, **environment: str) -> dict[str, Any]:
    """A pod that runs some Python."""
    container = {
        "name": "main",
        "image": PYTHON,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", code],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
    }
    made = a_pod(name, node)
    made["spec"]["containers"] = [container]
    return made


class Stream:
    """Numbered packets from a pod to another, 200 a second."""

    def __init__(self, space: Space, target: str) -> None:
        self.space, self.target = space, target

    def asked(self, pod: str, code: str) -> str:
        """What some Python prints in a pod; "" when it does not answer yet."""
        words = ["exec", "-n", self.space.name, pod, "--", "python3", "-c", code]
        done = self.space.cluster.run(*words)
        return done.stdout.strip() if done.returncode == 0 else ""

    def heard(self) -> dict[str, int]:
        """What the hearer tells as soon as it answers."""
        code = (
            "import urllib.request as r;"
            "print(r.urlopen('http://127.0.0.1:8080', timeout=5).read().decode())"
        )
        told = until(lambda: self.asked("hear", code), "the hearer's answer")
        found: dict[str, int] = json.loads(told)
        return found

    def goes_on(self, more: int = 200) -> None:
        """Wait until so many more packets have come."""
        begin = self.heard()["last"]
        until(lambda: self.heard()["last"] >= begin + more, f"{more} more packets")

    def lost(self) -> tuple[int, int]:
        """End it and count what was sent and never came, and what came to a full buffer."""
        stop = "open('/tmp/stop','w').close();print('told')"
        until(lambda: self.asked("say", stop), "the end to be told")
        read = (
            "import os;p='/tmp/sent';print(open(p).read() if os.path.exists(p) else '')"
        )
        sent = int(until(lambda: self.asked("say", read), "the number of packets sent"))

        def missing() -> tuple[int, int]:
            now = self.heard()
            return sent - now["count"] - now["dropped"], now["dropped"]

        # What is under way arrives, or the last numbers are what was lost.
        with contextlib.suppress(AssertionError):
            until(lambda: missing()[0] <= 0, "all packets")
        return missing()


@contextmanager
def streaming(space: Space) -> Iterator[Stream]:
    """A stream between the nodes that runs while the block does; it must lose nothing."""
    one, other = space.cluster.workers()[:2]
    hearer = python("hear", other, HEAR)
    (container,) = hearer["spec"]["containers"]
    container["securityContext"] = {"capabilities": {"add": ["NET_ADMIN"]}}
    space.apply(hearer)
    (hear,) = space.await_pods(1)
    target = addresses(hear)[0]
    stream = Stream(space, target)
    assert stream.heard()["last"] == -1
    space.apply(python("say", one, SAY, TARGET=target))
    until(lambda: stream.heard()["last"] >= 0, "the first packet")
    yield stream
    stream.goes_on()
    lost, dropped = stream.lost()
    assert lost == 0, f"{lost} packets lost; {dropped} more came to a full buffer"
    assert dropped == 0, f"none lost, but {dropped} packets came to a full buffer"


@contextmanager
def replacing(space: Space, selector: str) -> Iterator[None]:
    """Delete pods of kube-system; after the block wait for those that come instead."""
    words = ["-n", "kube-system", "-l", selector]

    def running() -> dict[str, bool]:
        pods = space.cluster.items("pods", *words)
        return {pod["metadata"]["uid"]: ready(pod) for pod in pods}

    before = running()
    assert before, f"no pod {selector}"
    space.cluster.kubectl("delete", "pods", *words, "--wait=false")
    yield

    def replaced() -> bool:
        now = running()
        fresh = now.keys().isdisjoint(before)
        return fresh and len(now) == len(before) and all(now.values())

    until(replaced, f"new pods {selector}")


@pytest.mark.parametrize(
    "selector", ["app=vcn-native-ip-cni", "app=mooring-controller"]
)
def test_a_restart_of_ours_loses_no_packet(space: Space, selector: str) -> None:
    with streaming(space) as stream:
        with replacing(space, selector):
            pass
        stream.goes_on()


def test_pods_come_and_go_while_the_agent_is_replaced(space: Space) -> None:
    """An ADD waits for the next agent; only one that came in vain for ten seconds may have failed."""
    cluster = space.cluster
    nodes = cluster.workers()
    old = [f"old-{node}" for node in nodes]
    with streaming(space) as stream:
        space.apply(*(a_pod(name, node) for name, node in zip(old, nodes, strict=True)))
        for name in old:
            space.await_pods(1, f"app={name}")
        with replacing(space, "app=vcn-native-ip-cni"):
            space.apply(*(a_pod(f"new-{node}", node) for node in nodes))
            cluster.kubectl("delete", "pods", *old, "-n", space.name, "--wait=false")
        for node in nodes:
            space.await_pods(1, f"app=new-{node}")
        until(lambda: gone(space, old), "the old pods' end")
        for node in nodes:
            until(lambda node=node: is_exact(cluster, node), "an exact pool")
        stream.goes_on()

    said = complaints(space, SANDBOX, KILL)
    assert [each for each in said if "ADD: nobody answers at" not in each] == []


def gone(space: Space, names: list[str]) -> bool:
    return {pod["metadata"]["name"] for pod in space.pods()}.isdisjoint(names)


def test_a_restart_of_the_api_server_loses_no_packet(
    space: Space, kill_api_server: Callable[[], None]
) -> None:
    with streaming(space) as stream:
        kill_api_server()
        until(
            lambda: space.cluster.run("get", "--raw", "/readyz").returncode == 0,
            "the API server again",
        )
        stream.goes_on()
        space.apply(a_pod("after"))
        space.await_pods(1, "app=after")
