"""`mooring audit` run in the node of a small world, and what it printed."""

import json
import subprocess
from typing import Any

from journeys.agent_world import (
    INSTANCE,
    MOORING,
    Pod,
    World,
    run,
)

from mooring.core.cni.request import AttachmentId
from mooring.core.wiring.names import host_link

Json = dict[str, Any]
OPTIONS = ("--cooldown", "600", "--repair-interval", "3600")


def audit(world: World, *words: str) -> tuple[int, Json]:
    """Run the audit in the node; give its exit code and what it printed."""
    done = subprocess.run(
        [
            *("ip", "netns", "exec", world.node, MOORING, "audit", "-o", "json"),
            *("--npn-dir", str(world.place / "npn"), "--instance", INSTANCE),
            *("--state", str(world.place / "state"), "--cri", "none"),
            *("--socket", str(world.place / "agent.sock")),
            *("--spool", str(world.place / "spool"), *words),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.stdout, done.stderr
    document: Json = json.loads(done.stdout)
    return done.returncode, document["nodes"][0]


def start(world: World) -> None:
    """Start the agent, and see its first look at the node to its end: the next is asked for.

    What is spoilt during that look, whose listing of nft takes its time, would be repaired.
    """
    world.start()
    world.repaired()


def keys(node: Json, part: str = "differences") -> set[tuple[str, str]]:
    return {(each["code"], each["name"]) for each in node[part]}


def codes(node: Json, part: str = "differences") -> set[str]:
    return {code for code, _ in keys(node, part)}


def link(pod: Pod) -> str:
    return host_link(AttachmentId("mooring", pod.name, "eth0"))


def nft(world: World, script: str) -> None:
    run("ip", "netns", "exec", world.node, "nft", script)


def element(name: str, address: str) -> str:
    return f'add element inet mooring pods4 {{ "{name}" . {address} : 0x10000 }}'
