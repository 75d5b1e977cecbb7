"""Pods that come and go while what their runtime finds on the node is replaced (RT-26)."""

import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from journeys.agent_cluster import Node, a_node
from journeys.agent_world import Pod, a_world

from mooring.adapters.cnifiles import built, install, publish

UPGRADES = READS = 100
PODS = 4


@dataclass
class Storm:
    """Upgrades, and a storm of ADDs that ends when enough of them fell into an ADD's time."""

    node: Node
    over: threading.Event = field(default_factory=threading.Event)
    upgrades: int = 0
    met: set[int] = field(default_factory=set)
    reads: int = 0

    def upgrade(self) -> None:
        """Replace executable and list, each time the executable by another one."""
        brought, text = built().read_bytes(), self.node.conflist.read_text()
        newer, installed = self.node.place / "newer", self.node.binaries / "mooring"
        while not self.over.is_set():
            newer.write_bytes(brought + bytes(self.upgrades % 7 + 1))
            before = installed.stat().st_ino
            install(newer, self.node.binaries)
            assert installed.stat().st_ino != before
            publish(text, self.node.conflists, self.node.volatile)
            self.upgrades += 1

    def read(self) -> None:
        """Read the list as a runtime does."""
        while not self.over.is_set():
            assert json.loads(self.node.conflist.read_text())["name"] == "mooring"
            self.reads += 1

    def churn(self, pod: Pod) -> None:
        """Add and delete a pod until enough was met."""
        while not self.over.is_set():
            before = self.upgrades
            assert self.node.execute("ADD", pod)["ips"]
            self.met.update(range(before, self.upgrades))
            self.node.execute("DEL", pod)
            if len(self.met) >= UPGRADES and self.reads >= READS:
                self.over.set()

    def ends(self, part: Callable[[], None]) -> None:
        """Do a part; with it, end the others."""
        try:
            part()
        finally:
            self.over.set()


def test_rt_26_pods_come_and_go_while_executables_and_list_are_replaced(
    tmp_path: Path,
) -> None:
    with a_world(tmp_path, "--cooldown", "0") as world, a_node(world) as node:
        node.started()
        storm = Storm(node)
        pods = [world.a_space_for(f"c{n}") for n in range(PODS)]
        churns = [lambda pod=pod: storm.churn(pod) for pod in pods]
        with ThreadPoolExecutor(2 + PODS) as pool:
            list(pool.map(storm.ends, [storm.upgrade, storm.read, *churns]))

        assert len(storm.met) >= UPGRADES
        assert storm.reads >= READS
        assert world.kill(signal.SIGTERM) == 0
        assert " refused " not in world.log
