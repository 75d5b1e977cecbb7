"""Three pairs of nodes, each joined by one plain veth pair, so that no cloud's cost is in the numbers.

`host`: two bare namespaces, the limit. `mooring`: two nodes with a real agent each, pods wired by
the real executable. `flannel`: two nodes with a bridge and a VXLAN device as flannel sets them up
(VNI 1, port 8472, no learning, static entries, MTU less 50).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools import ROOT, run

MTU = 9000
NAME = f"mb{os.getpid()}"
MOORING = ROOT / ".venv/bin/mooring"
PLAIN = ("--conntrack", "off")
TRACKED = ("--conntrack", "on")
FAST = ("--conntrack", "off", "--fast-path", "on", "--fast-path-after", "0")
FAST_TRACKED = ("--conntrack", "on", "--fast-path", "on", "--fast-path-after", "0")
EXECUTABLE = ROOT / f"src/mooring/_native/mooring-{os.uname().machine}"


TRACKING = """
table inet tracking {
    chain input { type filter hook input priority filter; ct state invalid drop; }
    chain output { type filter hook output priority filter; ct state invalid drop; }
}
"""


def ip(space: str, *words: str) -> None:
    """Run `ip` inside a namespace."""
    run("ip", "-n", space, *words)


@dataclass(frozen=True)
class Side:
    """One of two nodes: its namespace and the last byte of its addresses."""

    space: str
    number: int

    @property
    def mac(self) -> str:
        return f"02:00:17:00:00:{self.number:02x}"

    @property
    def other(self) -> "Side":
        return Side(self.space[:-1] + str(3 - self.number), 3 - self.number)


def pair(kind: str, stack: ExitStack) -> tuple[Side, Side]:
    """Two namespaces joined by a veth pair called ens5 on both sides."""
    sides = Side(f"{NAME}{kind}1", 1), Side(f"{NAME}{kind}2", 2)
    for side in sides:
        run("ip", "netns", "add", side.space)
        stack.callback(subprocess.run, ["ip", "netns", "del", side.space], check=False)
        ip(side.space, "link", "set", "lo", "up")
        run("ip", "netns", "exec", side.space, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    a, b = sides
    ends = [
        "ens5",
        "address",
        a.mac,
        "mtu",
        str(MTU),
        "type",
        "veth",
        "peer",
        "name",
        "ens5",
    ]
    ip(
        a.space,
        "link",
        "add",
        *ends,
        "address",
        b.mac,
        "mtu",
        str(MTU),
        "netns",
        b.space,
    )
    return sides


def hosts(stack: ExitStack, kind: str = "h") -> tuple[Side, Side]:
    """Give a bare pair addresses 10.9.9.1 and .2."""
    sides = pair(kind, stack)
    for side in sides:
        ip(side.space, "addr", "add", f"10.9.9.{side.number}/24", "dev", "ens5")
        ip(side.space, "link", "set", "ens5", "up")
        neighbour = ["10.9.9." + str(side.other.number), "lladdr", side.other.mac]
    for side in sides:
        neighbour = [f"10.9.9.{side.other.number}", "lladdr", side.other.mac]
        ip(
            side.space,
            "neigh",
            "replace",
            *neighbour,
            "dev",
            "ens5",
            "nud",
            "permanent",
        )
    return sides


def tracked_hosts(stack: ExitStack) -> tuple[Side, Side]:
    """Give another bare pair the same addresses, and rules that make it track connections."""
    sides = hosts(stack, "t")
    for side in sides:
        run("ip", "netns", "exec", side.space, "nft", "-f", "-", input=TRACKING)
    return sides


def flannel(stack: ExitStack) -> tuple[Side, Side]:
    """Give two nodes flannel's bridge and VXLAN device, and one pod each."""
    sides = pair("f", stack)
    for s in sides:
        ip(s.space, "addr", "add", f"10.9.8.{s.number}/24", "dev", "ens5")
        ip(s.space, "link", "set", "ens5", "up")
        tunnel = [
            "type",
            "vxlan",
            "id",
            "1",
            "dstport",
            "8472",
            "nolearning",
            "dev",
            "ens5",
        ]
        mac, other = f"02:00:18:00:00:0{s.number}", f"02:00:18:00:00:0{s.other.number}"
        ip(
            s.space,
            "link",
            "add",
            "flannel.1",
            "address",
            mac,
            *tunnel,
            "local",
            f"10.9.8.{s.number}",
        )
        ip(s.space, "addr", "add", f"10.244.{s.number}.0/32", "dev", "flannel.1")
        ip(s.space, "link", "set", "flannel.1", "up", "mtu", str(MTU - 50))
        remote = f"10.244.{s.other.number}.0"
        ip(
            s.space,
            "neigh",
            "add",
            remote,
            "lladdr",
            other,
            "dev",
            "flannel.1",
            "nud",
            "permanent",
        )
        entry = [
            "fdb",
            "add",
            other,
            "dev",
            "flannel.1",
            "dst",
            f"10.9.8.{s.other.number}",
        ]
        run("bridge", "-n", s.space, *entry, "self", "permanent")
        ip(
            s.space,
            "route",
            "add",
            f"{remote}/24",
            "via",
            remote,
            "dev",
            "flannel.1",
            "onlink",
        )
        ip(s.space, "link", "add", "cni0", "type", "bridge")
        ip(s.space, "addr", "add", f"10.244.{s.number}.1/24", "dev", "cni0")
        ip(s.space, "link", "set", "cni0", "up", "mtu", str(MTU - 50))
        pod_on_bridge(s, stack)
    return sides


def pod_on_bridge(s: Side, stack: ExitStack) -> None:
    """Attach one pod to a node's bridge."""
    pod = f"{s.space}p"
    run("ip", "netns", "add", pod)
    stack.callback(subprocess.run, ["ip", "netns", "del", pod], check=False)
    mtu = str(MTU - 50)
    ends = [
        "pod",
        "mtu",
        mtu,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "mtu",
        mtu,
        "netns",
        pod,
    ]
    ip(s.space, "link", "add", *ends)
    ip(s.space, "link", "set", "pod", "master", "cni0", "up")
    ip(pod, "addr", "add", f"10.244.{s.number}.2/24", "dev", "eth0")
    ip(pod, "link", "set", "eth0", "up")
    ip(pod, "link", "set", "lo", "up")
    ip(pod, "route", "add", "default", "via", f"10.244.{s.number}.1")


def wait_for(what: str, ready: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what} did not come within {seconds:.0f} s")
        time.sleep(0.01)


class Agent:
    """A real agent on one node, fed by NativePodNetwork files written here."""

    def __init__(
        self, side: Side, place: Path, options: tuple[str, ...] = PLAIN
    ) -> None:
        self.side, self.place, self.options = side, place, options
        self.socket = place / "agent.sock"
        self.process: subprocess.Popen[bytes] | None = None
        (place / "npn").mkdir(parents=True)
        self.write_objects()

    def write_objects(self) -> None:
        """Write one VNIC with the 256 pod addresses of 10.9.<32+n>.0/24, state SUCCESS."""
        block = f"10.9.{32 + self.side.number}"
        identity = f"ocid1.instance.oc1..bench{self.side.number}"
        vnic = {
            "vnicId": f"ocid1.vnic.oc1..bench{self.side.number}",
            "macAddress": self.side.mac,
            "subnetCidrs": [{"v4": "10.9.32.0/19"}],
            "routerIps": [{"v4": "10.9.32.1"}],
            "hostAddresses": [{"v4": f"10.9.{40 + self.side.number}.1"}],
            "podAddresses": [{"v4": f"{block}.{i}"} for i in range(256)],
            "nicConfiguration": {
                "ipCount": 256,
                "ipFamilies": ["IPv4"],
                "subnetId": "ocid1.subnet.oc1..bench",
                "networkSecurityGroupIds": [],
            },
        }
        head = {
            "apiVersion": "oci.oraclecloud.com/v1beta1",
            "kind": "NativePodNetwork",
            "metadata": {"name": f"bench{self.side.number}", "generation": 1},
        }
        spec = {
            "id": identity,
            "maxPodCount": 256,
            "podSubnetIds": ["ocid1.subnet.oc1..bench"],
        }
        status = {"state": "SUCCESS", "reason": "COMPLETED", "vnics": [vnic]}
        name = f"bench{self.side.number}"
        npn = self.place / "npn"
        (npn / f"{name}.json").write_text(json.dumps({**head, "spec": spec}))
        (npn / f"{name}.status.json").write_text(json.dumps({**head, "status": status}))

    def start(self) -> float:
        """Start it and wait until it serves; seconds it took."""
        words = [
            "agent",
            "--npn-dir",
            str(self.place / "npn"),
            "--state",
            str(self.place / "state"),
        ]
        words += ["--instance", f"ocid1.instance.oc1..bench{self.side.number}"]
        words += [
            "--socket",
            str(self.socket),
            "--spool",
            str(self.place / "spool"),
            "--cooldown",
            "0",
            *self.options,
        ]
        begun = time.monotonic()
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.side.space}", str(MOORING), *words],
            stdout=subprocess.DEVNULL,
            stderr=(self.place / "agent.log").open("ab"),
        )
        try:
            wait_for("the agent", self.ready)
        except SystemExit:
            sys.stderr.write((self.place / "agent.log").read_text()[-2000:])
            raise
        return time.monotonic() - begun

    def ready(self) -> bool:
        """Ask STATUS as a runtime does."""
        environment = {
            "CNI_COMMAND": "STATUS",
            "CNI_PATH": "/opt/cni/bin",
            "MOORING_SOCKET": str(self.socket),
        }
        done = subprocess.run(
            [str(EXECUTABLE)],
            input=b'{"cniVersion":"1.1.0","name":"bench","type":"mooring"}',
            env=environment,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def resident_mib(self) -> float:
        """Resident memory of the agent in MiB."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait()


def mooring(
    stack: ExitStack, place: Path, kind: str = "m", options: tuple[str, ...] = PLAIN
) -> tuple[Agent, Agent]:
    """Start two nodes with agents; each node's router is the other node's VNIC."""
    agents = []
    sides = pair(kind, stack)
    ends = ["ens3", "mtu", str(MTU), "type", "veth", "peer", "name", "ens3"]
    ip(sides[0].space, "link", "add", *ends, "mtu", str(MTU), "netns", sides[1].space)
    for side in sides:
        ip(side.space, "addr", "add", f"10.9.1.{side.number}/24", "dev", "ens3")
        ip(side.space, "link", "set", "ens3", "up")
        ip(side.space, "route", "add", "default", "via", "10.9.1.254", "dev", "ens3")
    for side in sides:
        agent = Agent(side, place / f"{kind}{side.number}", options)
        stack.callback(agent.stop)
        agent.start()
        agents.append(agent)
        router = [
            "10.9.32.1",
            "lladdr",
            side.other.mac,
            "dev",
            "ens5",
            "nud",
            "permanent",
        ]
        ip(side.space, "neigh", "replace", *router)
    return agents[0], agents[1]
