"""What is removed behind Mooring's back comes back by itself: on nodes, in the VCN, in the cloud."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import oci
import pytest
from journeys.lab_cli import Lab, a_lab, unique
from patience import until


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("d")) as made:
        made.do("up")
        made.do("pod", "run", "one", "--node", "node-1")
        made.do("pod", "run", "two", "--node", "node-2")
        yield made


@pytest.fixture(scope="module")
def doors(lab: Lab) -> dict[str, list[str]]:
    """How one gets on node-1, into its pod, into the VCN's router."""
    pids = lab.pids()
    uid = json.loads((lab.path / "pods/one.json").read_text())["uid"]
    sleeper = (lab.path / f"nodes/node-1/run/pod-{uid[:12]}").read_text().split()[0]
    (router,) = Path("/run/netns").glob(f"moor-{lab.name}-vcn-*")
    return {
        "node": ["nsenter", "-t", str(pids["node-1/init"]), "--mount", "--net"],
        "pod": ["nsenter", "-t", sleeper, "--net"],
        "router": ["nsenter", f"--net={router}"],
    }


def at(door: list[str], script: str) -> str:
    """Run a shell script there."""
    done = subprocess.run(
        [*door, "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PICTURE = {
    "node": "ip -4 rule; ip -4 route show table all; ip -4 -br addr;"
    " ip neigh show nud permanent | sort; nft -s list table inet mooring || true",
    "pod": "ip -4 -br addr; ip -4 route; ip neigh show nud permanent",
    "router": "ip -4 rule; ip -4 route show table main; ip -br link | sed 's/@[^ ]*//';"
    " ip neigh show nud permanent | sort; nft -s list table inet mooring || true",
}
FIRST_VETH = "$(ip -br link | sed -n 's/^\\(moor[^@]*\\)@.*/\\1/p' | head -1)"
FIRST_PORT = "$(ip -br link | sed -n 's/^\\(v[0-9a-f]*\\)@.*/\\1/p' | head -1)"
DAMAGE = [
    ("node", "ip -4 rule del pref 510"),
    ("node", "ip -4 rule del pref 500"),
    ("node", "ip -4 route flush table 7001"),
    ("node", f"ip -4 route del $(ip -4 route show dev {FIRST_VETH} | head -1)"),
    ("node", f"ip neigh flush dev {FIRST_VETH} nud permanent"),
    ("node", "ip -4 addr flush dev ens5"),
    ("node", "ip link set ens5 down"),
    ("node", "nft delete table inet mooring"),
    ("node", "nft flush chain inet mooring from_pod"),
    ("node", "nft flush map inet mooring pods4"),
    ("node", f"ip link del {FIRST_VETH}"),
    ("pod", "ip -4 addr flush dev eth0"),
    ("pod", "ip -4 route del default"),
    ("router", f"ip -4 route flush dev {FIRST_PORT}"),
    ("router", f"ip neigh flush dev {FIRST_PORT} nud permanent"),
    ("router", f"ip link set {FIRST_PORT} down"),
    ("router", f"ip link del {FIRST_PORT}"),
    ("router", "nft flush ruleset"),
]


@pytest.mark.parametrize(("place", "damage"), DAMAGE, ids=lambda text: text[:60])
def test_whatever_is_removed_comes_back(
    lab: Lab, doors: dict[str, list[str]], place: str, damage: str
) -> None:
    def reached() -> bool:
        ping = ["ping", "-c1", "-W1", two]
        done = subprocess.run([*doors["pod"], *ping], capture_output=True, check=False)
        return done.returncode == 0

    def picture() -> list[str]:
        return sorted(at(doors[place], PICTURE[place]).splitlines())

    def rests() -> bool:
        seen.append(picture())
        return seen[-2] == seen[-1]

    two = lab.addresses()["two"]
    until(reached, "the pods to talk before")
    seen = [picture()]
    until(rests, "nothing to happen before")

    at(doors[place], damage)

    until(reached, f"the pods to talk after: {damage}")
    until(lambda: picture() == seen[-1], f"all to be as before: {damage}")


def test_an_address_deleted_in_the_cloud_is_replaced_and_reported(lab: Lab) -> None:
    status = lab.read("status")
    config = oci.config.from_file(status["config"], status["profile"])
    network = oci.core.VirtualNetworkClient(
        config,
        service_endpoint=status["endpoint"],
        circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
    )
    vnic = next(n for n in status["nodes"] if n["name"] == "node-2")["vnics"][0]["id"]
    blocks = network.list_private_ips(vnic_id=vnic).data
    block = next(b for b in blocks if not b.is_primary)

    network.delete_private_ip(block.id)

    def offered() -> set[str]:
        for file in (lab.path / "npn").glob("*.status.json"):
            for each in json.loads(file.read_text())["status"].get("vnics", []):
                if each["vnicId"] == vnic:
                    return {a["v4"] for a in each["podAddresses"]}
        return set()

    log = lab.path / "nodes/node-2/log/agent.log"
    held = lab.addresses()["two"]
    until(lambda: len(offered()) == 31 and held not in offered(), "31 other addresses")

    def told() -> bool:
        lines = log.read_text().splitlines()
        return any(" withdrawn " in each and f"={held}" in each for each in lines)

    until(told, "a word about it")
