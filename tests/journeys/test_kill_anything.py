"""kill -9 of agents, controller and local VCN at random moments of 200 ADDs and DELs.

After restart: no leak, no duplicate address, and pods that ran all the time lost nothing.
The lab restarts what died (`lab up`), as a supervisor would; an ADD that is told to try
again later is tried again after a DEL, as a kubelet does.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from journeys.lab_cli import MOORING, Lab, a_lab, unique
from patience import until

OPERATIONS, KILLS = 200, 10
NODES = ("node-1", "node-2")
VICTIMS = ("node-1/agent", "node-2/agent", "controller", "vcn")
CONF = json.dumps({"cniVersion": "1.0.0", "name": "mooring", "type": "mooring"})
TRY_AGAIN = 11

ECHO = """
import selectors, socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("", 7000))
tcp = socket.create_server(("", 7000)); wait = selectors.DefaultSelector()
wait.register(udp, 1); wait.register(tcp, 1); print("ready", flush=True)
while True:
    for key, _ in wait.select():
        if key.fileobj is udp: udp.sendto(*udp.recvfrom(2048))
        elif key.fileobj is tcp: wait.register(tcp.accept()[0], 1)
        elif data := key.fileobj.recv(2048): key.fileobj.sendall(data)
        else: wait.unregister(key.fileobj)
"""
STREAM = """
import select, socket, sys
peer = (sys.argv[1], 7000)
tcp = socket.create_connection(peer)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.connect(peer)
sent = back = 0; print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    sent += 1; udp.send(b"%d" % sent); tcp.sendall(b"x" * 64)
    got = b""
    while len(got) < 64: got += tcp.recv(64) or sys.exit("the TCP connection broke")
    while select.select([udp], [], [], 0)[0]: udp.recv(64); back += 1
while back < sent and select.select([udp], [], [], 60)[0]: udp.recv(64); back += 1
print(sent, back)
"""
PING_ALL = (
    'for a; do ping -q -c1 -W60 "$a" >/dev/null || echo "$a is not reached"; done'
)


@dataclass
class Cluster:
    """The lab, its nodes as a runtime sees them, and what runs by our own record."""

    lab: Lab
    holders: dict[str, int]
    live: dict[str, tuple[str, str]] = field(default_factory=dict)
    made: int = 0

    def inside(
        self, node: str, *words: str, **options: str | dict[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in a node, as containerd does."""
        enter = ["nsenter", "-t", str(self.holders[node]), "--mount", "--net", "--pid"]
        return subprocess.run(
            [*enter, *words], capture_output=True, text=True, check=False, **options
        )

    def cni(
        self, node: str, verb: str, container: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the CNI executable."""
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{container}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.lab.path / "share/cni"),
        }
        return self.inside(
            node, str(self.lab.path / "share/cni/mooring"), input=CONF, env=environment
        )

    def add(self, node: str) -> None:
        """Start a pod; a try that must be made again is taken back first."""
        self.made += 1
        container = f"storm-{self.made}"
        assert self.inside(node, "ip", "netns", "add", container).returncode == 0
        tries: list[dict[str, Any]] = []
        until(lambda: self.added(node, container, tries), f"{container} on {node}")
        address = tries[-1]["ips"][0]["address"]
        held = [a for _, a in self.live.values()]
        assert address not in held, f"{address} was given twice"
        self.live[container] = (node, address)

    def added(self, node: str, container: str, tries: list[dict[str, Any]]) -> bool:
        """Try once; what failed is taken back."""
        done = self.cni(node, "ADD", container)
        tries.append(json.loads(done.stdout))
        if done.returncode == 0:
            return True
        assert tries[-1]["code"] == TRY_AGAIN, done.stdout
        assert self.cni(node, "DEL", container).returncode == 0
        return False

    def delete(self, container: str) -> None:
        """End a pod the way containerd does: DEL, the namespace goes, DEL again."""
        node, _ = self.live[container]
        assert self.cni(node, "DEL", container).returncode == 0
        assert self.inside(node, "ip", "netns", "del", container).returncode == 0
        assert self.cni(node, "DEL", container).returncode == 0
        del self.live[container]

    def state(self, node: str) -> dict[str, list[str]]:
        """What a node's kernel has of pods."""
        links = json.loads(self.inside(node, "ip", "-j", "link").stdout)
        routes = json.loads(self.inside(node, "ip", "-j", "route").stdout)
        table = self.inside(
            node, "nft", "list", "map", "inet", "mooring", "pods4"
        ).stdout
        return {
            "links": [x["ifname"] for x in links if x["ifname"].startswith("moor")],
            "routes": [x["dst"] for x in routes if x["dev"].startswith("moor")],
            "sources": [w.strip('"') for w in table.split() if w.startswith('"moor')],
        }

    def leases(self, node: str) -> list[str]:
        """The addresses that the node's agent says are held."""
        found = [n for n in self.lab.read("status")["nodes"] if n["name"] == node]
        return [str(v["used"]) for v in found[0]["vnics"]]


class Killer(threading.Thread):
    """Brings the lab up again whenever something was killed."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self._lab, self._hurt, self._over = lab, threading.Event(), threading.Event()

    def kill(self, program: str) -> None:
        """Kill one program, unless it is dead already."""
        record = self._lab.pids().get(program)
        if record is not None:
            with suppress(ProcessLookupError):
                os.kill(record, signal.SIGKILL)
        self._hurt.set()

    def run(self) -> None:
        """Repair until told to end."""
        while not self._over.is_set():
            if self._hurt.wait(0.2):
                self._hurt.clear()
                if self._lab.run("up").returncode:
                    self._hurt.set()  # killed again meanwhile

    def end(self) -> None:
        """Let a repair under way finish."""
        self._over.set()
        self.join()


@contextmanager
def stream(
    cluster: Cluster, names: tuple[str, str]
) -> "Iterator[subprocess.Popen[str]]":
    """Traffic between two pods that run all the time."""
    peer = cluster.lab.addresses()[names[1]]
    ends: list[subprocess.Popen[str]] = []
    try:
        for name, code in ((names[1], ECHO), (names[0], STREAM)):
            into = [*MOORING, "lab", "exec", name, "--name", cluster.lab.name, "--"]
            end = subprocess.Popen(
                [*into, sys.executable, "-c", code, peer],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            ends.append(end)
            assert end.stdout is not None
            assert end.stdout.readline() == "ready\n"
        yield ends[1]
    finally:
        for end in ends:
            with suppress(ProcessLookupError):
                os.killpg(end.pid, signal.SIGKILL)
            end.communicate()


def storm(cluster: Cluster, killer: Killer, chance: random.Random) -> None:
    """200 operations, ten of them after a kill."""
    moments = set(chance.sample(range(OPERATIONS), KILLS))
    for number in range(OPERATIONS):
        if number in moments:
            killer.kill(chance.choice(VICTIMS))
        crowded = len(cluster.live) > 30
        if cluster.live and (crowded or chance.random() < 0.45):
            cluster.delete(chance.choice(sorted(cluster.live)))
        else:
            cluster.add(chance.choice(NODES))


def cloud_objects(lab: Lab) -> dict[str, int]:
    """What stands in the cloud, by the controller's own words in the objects' status."""
    found: dict[str, int] = {}
    for path in sorted((lab.path / "npn").glob("*.status.json")):
        vnics = json.loads(Path(path).read_text())["status"]["vnics"]
        found[path.name] = len(vnics)
    return found


def test_nothing_is_lost_or_left_when_anything_is_killed(chance: random.Random) -> None:
    with a_lab(unique("k")) as lab:
        lab.do("up")
        for name, node in (("steady-1", "node-1"), ("steady-2", "node-2")):
            lab.do("pod", "run", name, "--node", node)
        before = cloud_objects(lab)
        pids = lab.pids()
        cluster = Cluster(lab, {node: pids[f"{node}/init"] for node in NODES})
        steady = {node: cluster.state(node) for node in NODES}
        killer = Killer(lab)
        killer.start()
        with stream(cluster, ("steady-1", "steady-2")) as traffic:
            storm(cluster, killer, chance)
            killer.end()
            lab.do("up")
            held = [address.split("/")[0] for _, address in cluster.live.values()]
            shell = ("sh", "-c", PING_ALL, "ping", *held)
            assert lab.do("exec", "steady-1", "--", *shell) == ""
            for container in sorted(cluster.live):
                cluster.delete(container)
            for node in NODES:
                until(
                    lambda n=node: cluster.state(n) == steady[n], f"{node} to be clean"
                )
                until(lambda n=node: cluster.leases(n) == ["1"], f"{node}'s ledger")
            out, _ = traffic.communicate("stop\n")
        sent, back = map(int, out.split())
        print(
            f"{OPERATIONS} operations, {KILLS} kills, {sent} datagrams, {sent - back} lost"
        )

        until(lambda: cloud_objects(lab) == before, "the cloud to be as before")
        assert sent > 0
        assert back == sent
