"""ADD and DEL at full rate for a while, with faults in the cloud and programs that are killed.

    PYTHONPATH=tests:tests/bench python tests/soak/run.py --minutes 20 --seed 7

A lab of two nodes: the local VCN, the controller, two agents, real processes on the real kernel.
Runtimes on each node call the CNI executable as fast as it answers. The cloud
is throttled, refuses, is late, loses replies, attaches slowly and goes away; addresses are
taken away and wanted numbers of pods change, so that the controller has something to do. In
the first part agents, controller and local VCN are killed; in the second nobody is, and memory
must stay flat. In the end nothing may differ between pods, ledger, kernel, object and cloud.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import oci
from journeys.lab_cli import MOORING, Lab
from tools import c_program

from mooring.adapters.objects import ObjectDirectory

NODES = ("node-1", "node-2")
PODS, WORKERS = 12, 6
SETS = 8
"""Of namespaces, in turn: links that are leaving are still in those of the round before."""

CONF = "soak.conf"
FAULTS = (
    ("throttle", "--budget", "2/s:2", "--for", "6s"),
    ("error", "--status", "500", "--rate", "0.4", "--for", "6s"),
    ("error", "--status", "409", "--code", "IncorrectState", "--count", "4"),
    ("latency", "--delay", "700ms", "--for", "6s"),
    ("lost-reply", "--rate", "0.5", "--count", "4"),
    ("slow-attach", "--delay", "4s", "--for", "20s"),
    ("outage", "--for", "3s"),
    ("unreachable", "--for", "2s"),
)
WANTED = (31, 62, 93, 93)
MOST = max(WANTED)
"""What is wanted in the beginning and in the end: VNICs too many stay, as decided, and would differ."""

KILLING = 0.4
"""The part of the time in which programs are killed."""

GROWTH, SLACK = 1.10, 6.0
"""What a program's memory may grow after its warm-up: a tenth, which is what a heap that is used
in another order every second costs, and MiB for what is allocated in steps (threads, sqlite)."""

AGENT_WARM, AGENT_SLACK = 33.0, 3.0
"""MiB of an agent that has been used for minutes (one that was killed just before the calm part has
less, however slowly it comes back), and what it may grow: it keeps nothing of pods that are gone."""

LEAST = 10
"""ADDs in a minute of each node, whatever is broken: far less than the slowest machine does."""

REST_SECONDS = 180.0


@dataclass
class Churn(threading.Thread):
    """Runtimes of one node: pods come and go as fast as they can."""

    lab: Lab
    node: str
    holder: int
    over: threading.Event
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    trouble: str = ""

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name=f"churn {self.node}")

    def __hash__(self) -> int:
        return id(self)

    def inside(self, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command in the node, as its runtime does."""
        enter = ["nsenter", "-t", str(self.holder), "--mount", "--net", "--pid"]
        return subprocess.run(
            [*enter, *words], capture_output=True, text=True, check=False, **options
        )

    def run(self) -> None:
        spaces = [f"soak-{n}" for n in range(PODS * SETS)]
        try:
            self.make(spaces)
            number = 0
            while not self.over.is_set():
                number += 1
                first = number % SETS * PODS
                self.round(number, spaces[first : first + PODS])
            self.unmake(spaces)
        except Exception as why:  # noqa: BLE001 - told at the end of the run
            self.trouble = f"{type(why).__name__}: {why}"

    def make(self, spaces: list[str]) -> None:
        for space in spaces:
            done = self.inside("ip", "netns", "add", space)
            assert done.returncode == 0, done.stderr

    def unmake(self, spaces: list[str]) -> None:
        for space in spaces:
            self.inside("ip", "netns", "del", space)

    def round(self, number: int, spaces: list[str]) -> None:
        """All pods come, and go; sometimes their namespaces go and no DEL comes."""
        pods = [(f"s{number}-{space}", space) for space in spaces]
        if self.drive("ADD", pods):
            self.over.wait(0.2)  # as a runtime does, that was told to try again later
        if self.chance.random() < 0.003:
            self.counts["vanished"] += PODS
            self.unmake(spaces)
            self.make(spaces)
            return
        again = self.drive("DEL", pods)
        while again and not self.over.wait(0.2):  # as a runtime does, until it succeeds
            again = self.drive("DEL", again)

    def drive(self, verb: str, pods: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Call the executable for every pod; give those that were refused."""
        share = self.lab.path / "share/cni"
        words = (str(share / "mooring"), str(share), str(share / CONF))
        done = self.inside(
            *(str(c_program("cnidrive")), *words, verb, str(WORKERS)),
            input="".join(f"{ident} /run/netns/{space}\n" for ident, space in pods),
        )
        lines = [line.split() for line in done.stdout.splitlines()[:-1]]
        assert len(lines) == len(pods), done.stderr
        assert all(line[0] != "0" for line in lines), done.stderr
        refused = [p for p, line in zip(pods, lines, strict=True) if line[1] != "0"]
        self.counts[verb] += len(pods) - len(refused)
        self.counts[f"{verb} refused"] += len(refused)
        slowest = max(int(line[0]) for line in lines) / 1e9
        self.slowest = max(self.slowest, slowest)
        return refused


class Operator:
    """Breaks things: faults of the cloud, what is wanted, programs."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self.lab, self.chance = lab, chance
        self.counts: Counter[str] = Counter()
        self.steady = set(lab.addresses().values())
        self.objects = ObjectDirectory(lab.path / "npn")
        status = lab.read("status")
        self.network = oci.core.VirtualNetworkClient(
            oci.config.from_file(status["config"], status["profile"]),
            service_endpoint=status["endpoint"],
            retry_strategy=oci.retry.NoneRetryStrategy(),
            circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
            timeout=(5, 5),
        )

    def vcn(self, *words: str) -> str:
        state = str(self.lab.path / "vcn")
        argv = [*MOORING, "vcn", "fault", words[0], "--state", state, *words[1:]]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout

    def turn(self, *, killing: bool) -> None:
        """Do one thing."""
        what = self.chance.choice(("fault", "fault", "take", "want", "kill"))
        if what == "fault":
            fault = self.chance.choice(FAULTS)
            self.counts[fault[0]] += 1
            self.vcn("add", *fault)
        elif what == "take":
            self.take()
        elif what == "want":
            self.want(self.chance.choice(WANTED))
        elif killing:
            self.kill(
                self.chance.choice(
                    ("vcn", "controller", *(f"{n}/agent" for n in NODES))
                )
            )

    def take(self) -> None:
        """Delete a private IP of a pods' VNIC behind everybody's back, no pod's that stays."""
        names = self.objects.names()
        ids = [
            v.vnic_id for name in names for v in self.objects.read_status(name).vnics
        ]
        try:
            listed = [
                p for i in ids for p in self.network.list_private_ips(vnic_id=i).data
            ]
            ours = [p for p in listed if not p.is_primary and not self.is_used(p)]
            self.network.delete_private_ip(self.chance.choice(ours).id)
            self.counts["taken"] += 1
        except (
            oci.exceptions.ServiceError,
            oci.exceptions.RequestException,
            IndexError,
        ):
            self.counts["not taken"] += (
                1  # the cloud is away or refuses, as it was told to
            )

    def is_used(self, block: Any) -> bool:
        """Tell whether a pod that stays has an address of the block."""
        size = block.cidr_prefix_length or 32
        network = ip_network(f"{block.ip_address}/{size}", strict=False)
        return any(ip_address(a) in network for a in self.steady)

    def want(self, pods: int, *names: str) -> None:
        """Somebody changes how many pods a node is to have."""
        for name in names or (self.chance.choice(self.objects.names()),):
            npn = self.objects.read_spec(name)
            self.objects.write(replace(npn, spec=replace(npn.spec, max_pod_count=pods)))
            self.counts["wanted"] += 1

    def kill(self, program: str) -> None:
        pid = self.lab.pids().get(program)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.counts["killed"] += 1
        self.lab.run("up")

    def end(self) -> None:
        """Break nothing any more."""
        self.vcn("clear")
        self.lab.do("up")
        self.want(MOST, *self.objects.names())


def memory(lab: Lab) -> dict[str, float]:
    """The resident MiB of each program."""
    found = {}
    for program, pid in lab.pids().items():
        if program.endswith("init"):
            continue
        with suppress(OSError, ValueError):
            fields = Path(f"/proc/{pid}/statm").read_text().split()
            found[program] = int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return found


class Record:
    """Memory over time, and a line per minute."""

    def __init__(self, lab: Lab, churns: list[Churn], operator: Operator) -> None:
        self.lab, self.churns, self.operator = lab, churns, operator
        self.begin = self.last = time.monotonic()
        self.before: Counter[str] = Counter()
        self.samples: list[tuple[float, dict[str, float]]] = []

    def counts(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for churn in self.churns:
            total += churn.counts
        return total

    def line(self) -> None:
        now = time.monotonic()
        total = self.counts()
        new, took = total - self.before, now - self.last
        self.before, self.last = total, now
        used = memory(self.lab)
        words = " ".join(f"{name} {mib:.1f}" for name, mib in sorted(used.items()))
        broken = " ".join(f"{k} {n}" for k, n in sorted(self.operator.counts.items()))
        print(
            f"{(now - self.begin) / 60:5.1f} min  {new['ADD'] / took:.0f} ADD/s  {new['DEL'] / took:.0f} DEL/s  "
            f"refused {new['ADD refused']}/{new['DEL refused']}  | {broken} | MiB: {words}",
            flush=True,
        )

    def sample(self) -> None:
        self.samples.append((time.monotonic(), memory(self.lab)))

    def judge_memory(self, since: float) -> list[str]:
        """Compare the last quarter since then with the first one."""
        samples = [used for at, used in self.samples if at >= since]
        quarter = max(1, len(samples) // 4)
        faults = []
        for program in sorted(samples[-1] if samples else ()):
            early = max(used.get(program, 0.0) for used in samples[:quarter])
            late = max(used.get(program, 0.0) for used in samples[-quarter:])
            bound = most(program, early)
            print(
                f"memory of {program}: {early:.1f} MiB, then {late:.1f} (at most {bound:.1f})"
            )
            if late > bound:
                faults.append(f"{program} grew from {early:.1f} to {late:.1f} MiB")
        return faults


def most(program: str, early: float) -> float:
    """Give the MiB that a program which had so many may have later."""
    is_agent = program.endswith("/agent")
    if is_agent:
        return max(early, AGENT_WARM) + AGENT_SLACK
    return early * GROWTH + SLACK


def too_few(churns: list[Churn], minutes: float) -> list[str]:
    """Tell what each node did; name those on which next to nothing was attached."""
    for churn in churns:
        print(f"{churn.node}: {dict(churn.counts)}, slowest call {churn.slowest:.2f} s")
    least = LEAST * minutes
    return [
        f"{each.node}: {each.counts['ADD']} pods attached, at least {least:.0f} should be"
        for each in churns
        if each.counts["ADD"] < least
    ]


def audit(lab: Lab) -> list[str]:
    """What differs, or could not be looked at."""
    done = subprocess.run(
        [*MOORING, "audit", "--lab", lab.name, "--grace", "0", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        return [done.stderr.strip()]
    nodes = json.loads(done.stdout)["nodes"]
    found = [
        f"{node['node']}: {each['code']} {each['name']}: {each['says']}"
        for node in nodes
        for each in node["differences"]
    ]
    return found or ([] if done.returncode == 0 else [done.stdout])


def at_rest(lab: Lab) -> list[str]:
    """Wait until nothing differs any more, without an operator; give what still does."""
    deadline = time.monotonic() + REST_SECONDS
    while found := audit(lab):
        if time.monotonic() > deadline:
            return found
        time.sleep(5)
    return []


def soak(lab: Lab, minutes: float, chance: random.Random) -> list[str]:
    """Do it; give what is wrong."""
    lab.do("up")
    conf = {"cniVersion": "1.0.0", "name": "mooring", "type": "mooring"}
    (lab.path / "share/cni" / CONF).write_text(json.dumps(conf))
    for node in NODES:
        lab.do("pod", "run", f"steady-{node}", "--node", node)
    pids = lab.pids()
    over = threading.Event()
    churns = [
        Churn(lab, n, pids[f"{n}/init"], over, random.Random(chance.random()))
        for n in NODES
    ]
    operator = Operator(lab, chance)
    operator.want(MOST, *operator.objects.names())
    record = Record(lab, churns, operator)
    for churn in churns:
        churn.start()
    begin = time.monotonic()
    calm = begin + KILLING * minutes * 60
    end = begin + minutes * 60
    minute = begin + 60
    while (now := time.monotonic()) < end:
        operator.turn(killing=now < calm)
        record.sample()
        if now >= minute:
            record.line()
            minute += 60
        time.sleep(chance.uniform(1, 6))
    record.line()
    over.set()
    for churn in churns:
        churn.join()
    operator.end()
    faults = [f"{c.node}: {c.trouble}" for c in churns if c.trouble]
    faults += record.judge_memory(calm)
    faults += at_rest(lab)
    if lab.run("ping", "steady-node-1", "steady-node-2").returncode:
        faults.append("the pods that ran all the time do not reach each other")
    print(f"broken: {dict(operator.counts)}")
    faults += too_few(churns, minutes)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6)
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the lab goes all the same
    print(f"seed={given.seed} minutes={given.minutes:g}", flush=True)
    lab = Lab(f"soak{os.getpid()}"[:12])
    try:
        faults = soak(lab, given.minutes, random.Random(given.seed))
    finally:
        lab.run("down")
    for fault in faults:
        print(f"NOT EQUAL: {fault}")
    verdict = (
        "failed" if faults else "ledger, kernel and cloud are equal, memory is flat"
    )
    print(f"seed={given.seed} minutes={given.minutes:g}: {verdict}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
