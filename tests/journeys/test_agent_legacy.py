"""Rules of the old iptables on a node, beside ours."""

import subprocess
from pathlib import Path

from journeys.agent_world import World, a_world, run
from patience import until

LEGACY = ("iptables-legacy", "-w")
RULES = (
    ("-t", "filter", "-P", "FORWARD", "ACCEPT"),
    ("-t", "filter", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW"),
    ("-t", "nat", "-A", "POSTROUTING", "-s", "172.17.0.0/16", "-j", "MASQUERADE"),
    ("-t", "mangle", "-A", "PREROUTING", "-s", "172.17.0.0/16", "-j", "DROP"),
)


def legacy(world: World, *words: str) -> str:
    return run("ip", "netns", "exec", world.node, *LEGACY, *words).stdout


def test_rt_32_rules_of_the_old_iptables_change_nothing_of_ours(tmp_path: Path) -> None:
    """Ours hold beside them: pods talk, nobody sends as another; theirs stay."""
    with a_world(tmp_path, "--cooldown", "0") as world:
        for rule in RULES:
            legacy(world, *rule)
        before = legacy(world, "-t", "nat", "-S")
        world.start()
        one, two = world.run_pod("one"), world.run_pod("two")

        assert world.reaches(one.space, two.address)
        assert world.reaches(world.router, one.address)
        forged = (
            "ip",
            "-n",
            one.space,
            "addr",
            "add",
            f"{two.address}/32",
            "dev",
            "lo",
        )
        subprocess.run(forged, check=True)
        assert not world.forges(one.space, "10.0.8.1", two.address, one.address)
        world.remove_pod(one)
        until(lambda: world.status["pool"]["held"] == 1, "its end")
        assert legacy(world, "-t", "nat", "-S") == before
