"""`mooring audit` where containerd runs the pods: from the lab's machine, and on the node itself."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journeys.lab_cli import COMMAND_PATIENCE, MOORING, Lab, a_lab, unique
from patience import until

from mooring.core.ipam import journal
from mooring.core.ipam.ledger import Held

Json = dict[str, Any]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("b")) as made:
        made.do("up", "--runtime", "containerd", "--nodes", "1")
        made.do("pod", "run", "stays")
        yield made


def audit(*words: str, door: tuple[str, ...] = ()) -> tuple[int, Json]:
    done = subprocess.run(
        [*door, *MOORING, "audit", "-o", "json", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_PATIENCE,
    )
    assert done.stdout, done.stderr
    (node,) = json.loads(done.stdout)["nodes"]
    return done.returncode, node


def on_the_node(lab: Lab, *words: str) -> tuple[int, Json]:
    """Run the audit as one would on a machine of the cloud."""
    pid = lab.pids()["node-1/init"]
    door = ("nsenter", "-t", str(pid), "-m", "-n", "-p")
    about = (
        *("--npn-dir", str(lab.path / "npn")),
        *("--instance", lab.read("status")["nodes"][0]["instance"]),
        *("--state", str(lab.path / "nodes/node-1/agent")),
    )
    return audit(*about, *words, door=door)


def named(node: Json, part: str = "differences") -> list[tuple[str, str]]:
    return [(each["code"], each["name"]) for each in node[part]]


def kill_all_in(lab: Lab, address: str) -> None:
    """End every process in the network namespace of the pod with that address."""
    read = journal.read((lab.path / "nodes/node-1/agent/ledger.journal").read_bytes())
    assert read
    inode = next(
        entry.lease.netns.inode
        for entry in read.entries
        if isinstance(entry, Held) and str(entry.lease.addresses.v4) == address
    )
    for place in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if place.stat().st_ino == inode:
                os.kill(int(place.parts[2]), signal.SIGKILL)
        except OSError:
            continue


def test_sandboxes_and_ledger_agree(lab: Lab) -> None:
    code, node = audit("--lab", lab.name)

    assert (code, named(node), "pods" in node["looked"]) == (0, [], True)


def test_on_the_node_the_runtime_is_found_by_itself(lab: Lab) -> None:
    code, node = on_the_node(lab)

    assert (code, node["blind"]) == (0, {})
    assert node["looked"] == ["pods", "ledger", "kernel", "npn", "agent", "spool"]


def test_the_address_of_a_sandbox_that_died_is_freed_on_the_node(lab: Lab) -> None:
    """RT-08: the ledger holds it, the runtime's pod is dead."""
    address = lab.read("pod", "run", "dies")["address"]
    kill_all_in(lab, address)

    def noticed() -> bool:
        code, node = on_the_node(lab, "--grace", "0")
        return (code, named(node)) == (1, [("stopped-pod", address)])

    until(noticed, "the runtime to notice")
    code, node = on_the_node(lab, "--grace", "0", "--repair")
    assert (code, named(node, "left")) == (0, [])
    lab.do("pod", "rm", "dies")
    until(lambda: audit("--lab", lab.name)[0] == 0, "peace")
    lab.do("ping", "stays", "stays")
