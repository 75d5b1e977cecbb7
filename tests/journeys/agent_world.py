"""A small world for one agent: a node with two VNICs, and a router that plays the VCN.

    router --- 10.0.2.0/24 --- ens3 \
       \\                             node (10.0.2.7; host address of the VNIC 10.0.8.2)
        \\----- 10.0.8.0/24 --- ens5 /

The agent is a process of its own, the pods are namespaces, and what a runtime does is done
by running the CNI executable. All names carry this process's number.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import last_words
from patience import until

from mooring.adapters.agentcall import ask
from mooring.adapters.cnifiles import built
from mooring.core.cni.frames import ASK, DONE, Call

MOORING = str(Path(sys.executable).parent / "mooring")
INSTANCE = "ocid1.instance.oc1.local.agenttest"
VNIC = "ocid1.vnic.oc1.local.pods"
PRIMARY_MAC, VNIC_MAC = "02:00:17:00:00:03", "02:00:17:00:00:05"
PATIENCE = 180.0
METADATA = "169.254.169.254"


def ip(space: str, *words: str) -> str:
    """Run `ip` in a namespace."""
    return run("ip", "-n", space, *words).stdout


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}{done.stdout}"
    return done


def received(space: str, protocol: str, column: str) -> int:
    """Read what a namespace's kernel counted of what came in."""
    words = ("ip", "netns", "exec", space, "cat", "/proc/net/snmp")
    lines = [x.split() for x in run(*words).stdout.splitlines()]
    names, values = (x for x in lines if x[0] == f"{protocol}:")
    return int(values[names.index(column)])


def echos(space: str) -> tuple[int, int]:
    """Count the pings that a namespace's kernel sent, and those that came in, of both families."""
    words = ("ip", "netns", "exec", space, "cat", "/proc/net/snmp6")
    lines = (line.split() for line in run(*words).stdout.splitlines())
    six = {name: int(value) for name, value in lines}
    sent = received(space, "Icmp", "OutEchos") + six["Icmp6OutEchos"]
    return sent, received(space, "Icmp", "InEchos") + six["Icmp6InEchos"]


@dataclass
class Pod:
    """A container as a runtime knows it."""

    name: str
    space: str
    address: str = ""

    @property
    def path(self) -> str:
        return f"/run/netns/{self.space}"


@dataclass
class World:
    """The node, its router, its agent."""

    place: Path
    options: tuple[str, ...] = ()
    pod_addresses: tuple[str, ...] = tuple(f"10.0.8.{n}" for n in range(10, 40))
    six: bool = False
    launcher: tuple[str, ...] = ()
    name: str = ""
    whose: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    spaces: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return f"moorag{os.getpid()}{self.name}"

    @property
    def node(self) -> str:
        return f"{self.prefix}-node"

    @property
    def router(self) -> str:
        return f"{self.prefix}-router"

    # The machines.

    def make_space(self, name: str) -> str:
        run("ip", "netns", "add", name)
        self.spaces.append(name)
        return name

    def drop_space(self, name: str) -> None:
        run("ip", "netns", "del", name)
        self.spaces.remove(name)

    def build(self) -> None:
        self.make_space(self.node)
        self.make_space(self.router)
        for space in (self.node, self.router):
            ip(space, "link", "set", "lo", "up")
        self._link("ens3", PRIMARY_MAC, "10.0.2.1/24")
        self._link("ens5", VNIC_MAC, "10.0.8.1/24")
        ip(self.node, "addr", "add", "10.0.2.7/24", "dev", "ens3")
        ip(self.node, "link", "set", "ens3", "up")
        ip(self.node, "route", "add", "default", "via", "10.0.2.1")
        ip(self.router, "addr", "add", f"{METADATA}/32", "dev", "lo")
        for address in ("10.0.8.2", *self.pod_addresses):
            ip(
                self.router,
                *("neigh", "add", address, "lladdr", VNIC_MAC),
                *("dev", "r-ens5", "nud", "permanent"),
            )
        if self.six:
            self._reach_by_six()
        self.write_npn(self.pod_addresses)

    def _reach_by_six(self) -> None:
        # Like IPv4's: without any route the node would not even try to answer.
        ip(self.node, "-6", "route", "add", "default", "dev", "ens3")
        ip(self.router, "addr", "add", "fd00:8::1/64", "dev", "r-ens5", "nodad")
        for last in (
            2,
            *(address.rpartition(".")[2] for address in self.pod_addresses),
        ):
            ip(
                self.router,
                *("neigh", "add", f"fd00:8::{last}", "lladdr", VNIC_MAC),
                *("dev", "r-ens5", "nud", "permanent"),
            )

    def pair(self, address: str) -> dict[str, str]:
        six = {"v6": f"fd00:8::{address.rpartition('.')[2]}"} if self.six else {}
        return {"v4": address, **six}

    def _link(self, name: str, mac: str, router: str) -> None:
        run(
            *("ip", "link", "add", f"r-{name}", "mtu", "9000", "netns", self.router),
            *("type", "veth", "peer", "name", name, "mtu", "9000"),
            *("address", mac, "netns", self.node),
        )
        ip(self.router, "addr", "add", router, "dev", f"r-{name}")
        ip(self.router, "link", "set", f"r-{name}", "up")

    def write_npn(self, addresses: tuple[str, ...], state: str = "SUCCESS") -> None:
        head = {
            "apiVersion": "oci.oraclecloud.com/v1beta1",
            "kind": "NativePodNetwork",
            "metadata": {"name": "agenttest", "generation": 1},
        }
        spec = {"id": INSTANCE, "maxPodCount": 30, "podSubnetIds": ["s"]}
        six = {"v6": "fd00:8::/64"} if self.six else {}
        families = ["IPv4", "IPv6"] if self.six else ["IPv4"]
        vnic = {
            "vnicId": VNIC,
            "macAddress": VNIC_MAC,
            "subnetCidrs": [{"v4": "10.0.8.0/24", **six}],
            "routerIps": [self.pair("10.0.8.1")],
            "hostAddresses": [self.pair("10.0.8.2")],
            "podAddresses": [self.pair(address) for address in addresses],
            "nicConfiguration": {
                "ipCount": max(1, len(addresses)),
                "ipFamilies": families,
                "subnetId": "s",
                "networkSecurityGroupIds": [],
            },
        }
        status = {"state": state, "reason": "COMPLETED", "vnics": [vnic]}
        directory = self.place / "npn"
        directory.mkdir(exist_ok=True)
        for name, body in (("", {"spec": spec}), (".status", {"status": status})):
            aside = directory / f".new{name}"
            aside.write_text(json.dumps({**head, **body}))
            aside.rename(directory / f"agenttest{name}.json")

    # The agent.

    @property
    def directory(self) -> tuple[str, ...]:
        """Where its object is, unless `whose` says so."""
        return "--npn-dir", str(self.place / "npn"), "--instance", INSTANCE

    def start(self, *, wait: bool = True) -> None:
        with (self.place / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.node),
                    *(*self.launcher, MOORING, "agent"),
                    *(self.whose or self.directory),
                    *("--state", str(self.place / "state")),
                    *("--socket", str(self.place / "agent.sock")),
                    *("--spool", str(self.place / "spool")),
                    *("--repair-interval", "0.2", *self.options),
                ],
                stderr=log,
            )
        if wait:
            until(self.ready, "a ready agent")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        return self.cni("STATUS", None, version="1.1.0").returncode == 0

    @property
    def log(self) -> str:
        return (self.place / "agent.log").read_text()

    @property
    def status(self) -> dict[str, Any]:
        text = (self.place / "state/status.json").read_text()
        document: dict[str, Any] = json.loads(text)
        return document

    # The runtime.

    def conf(self, version: str = "1.0.0", **more: object) -> bytes:
        document = {"cniVersion": version, "name": "mooring", "type": "mooring", **more}
        return json.dumps(document).encode()

    def cni(
        self, command: str, pod: Pod | None, version: str = "1.0.0", **more: object
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the CNI executable; `more` goes into the configuration."""
        with subprocess.Popen(
            [str(built())],
            env=self.environment(command, pod),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            out, _ = process.communicate(self.conf(version, **more), PATIENCE)
        return subprocess.CompletedProcess([], process.returncode, out)

    def environment(self, command: str, pod: Pod | None) -> Mapping[str, str]:
        about = {
            "CNI_COMMAND": command,
            "CNI_PATH": "/opt/cni/bin",
            "MOORING_SOCKET": str(self.place / "agent.sock"),
            "MOORING_SPOOL": str(self.place / "spool"),
            "MOORING_WAIT_MS": "500",
        }
        if pod is not None:
            about |= {
                "CNI_CONTAINERID": pod.name,
                "CNI_NETNS": pod.path,
                "CNI_IFNAME": "eth0",
                "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={pod.name}",
            }
        return about

    def a_space_for(self, name: str) -> Pod:
        return Pod(name, self.make_space(f"{self.prefix}-{name}"))

    def run_pod(self, name: str) -> Pod:
        pod = self.a_space_for(name)
        self.add(pod)
        return pod

    def add(self, pod: Pod) -> dict[str, Any]:
        done = self.cni("ADD", pod)
        assert done.returncode == 0, done.stdout.decode() + self.log
        document: dict[str, Any] = json.loads(done.stdout)
        pod.address = document["ips"][0]["address"].removesuffix("/32")
        return document

    def delete(self, pod: Pod) -> None:
        done = self.cni("DEL", pod)
        assert (done.returncode, done.stdout) == (0, b"")

    def remove_pod(self, pod: Pod) -> None:
        self.delete(pod)
        self.drop_space(pod.space)

    def repaired(self) -> bool:
        """Let the agent look at all now; tell whether it ever found something amiss."""
        wish = Call({ASK: "repair"}, b"")
        assert ask(self.place / "agent.sock", wish, PATIENCE) == DONE
        return " repaired " in self.log

    def reaches(self, space: str, address: str, *more: str) -> bool:
        """Ping once; whoever is to answer is given all the time of the world."""
        return self.pings(space, address, *more, "-W", "30")

    def pings(self, space: str, address: str, *more: str) -> bool:
        words = ("ping", "-n", "-c", "1", "-W", "1", *more, address)
        done = subprocess.run(
            ["ip", "netns", "exec", space, *words], capture_output=True, check=False
        )
        return done.returncode == 0

    def forges(self, space: str, address: str, source: str, own: str) -> bool:
        """Tell whether a ping from that source comes to the router's address, answered or not.

        One from its own address, sent after it, must come; nobody else may ping meanwhile.
        """
        (sent, _), (_, came) = echos(space), echos(self.router)
        self.pings(space, address, "-I", source)
        assert self.reaches(space, address, "-I", own)
        assert echos(space)[0] == sent + 2, "it was not sent at all"
        return echos(self.router)[1] != came + 1

    def host_ends(self) -> set[str]:
        links = json.loads(ip(self.node, "-j", "link", "show", "type", "veth") or "[]")
        return {x["ifname"] for x in links if x["ifname"].startswith("moor")}

    def remove(self) -> None:
        if self.process is not None:
            self.kill()
        for space in reversed(self.spaces):
            subprocess.run(["ip", "netns", "del", space], check=False)


@contextmanager
def a_world(
    place: Path, *options: str, six: bool = False, name: str = ""
) -> Iterator[World]:
    """Make one; two at the same time need different names."""
    world = World(place, options, six=six, name=name)
    try:
        with last_words.logs(lambda: [place / "agent.log"]):
            world.build()
            yield world
    finally:
        world.remove()
