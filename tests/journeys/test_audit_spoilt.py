"""`mooring audit` on a node of which much is spoilt at once: all of it is named, and gone after --repair.

The agent looks after its node once an hour here, so what is repaired was asked for.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from journeys.agent_world import Pod, World, a_world, run
from journeys.audited import (
    OPTIONS,
    Json,
    audit,
    codes,
    element,
    keys,
    link,
    nft,
    start,
)
from patience import until


@dataclass(frozen=True)
class Scene:
    """A node and the pods that something is done to."""

    world: World
    pods: Mapping[str, Pod]

    def words(self, code: str) -> dict[str, str]:
        pod = self.pods[code]
        here = {"link": link(pod), "address": pod.address, "pod": pod.name}
        return {**here, "space": pod.space}

    def spoil(self, code: str) -> None:
        if code in SPECIAL:
            SPECIAL[code](self.world, self.pods[code])
            return
        script = SPOILT[code][0].format(**self.words(code))
        run("ip", "netns", "exec", self.world.node, "sh", "-ec", script)

    def name(self, code: str) -> str:
        return SPOILT[code][1].format(**self.words(code))


def a_file(world: World, name: str) -> None:
    directory = world.place / "spool"
    directory.mkdir(exist_ok=True)
    (directory / name).write_text("?")
    os.utime(directory / name, (1_700_000_000, 1_700_000_000))


def a_warm_address_in_use(world: World, pod: Pod) -> None:
    world.remove_pod(pod)
    until(lambda: world.status["pool"]["cooling"] == 1, "its end")
    nft(world, element("moorold", pod.address))


BAD = "01700000000000000000-1-gone.del.bad"
HALF = "01700000000000000000-1-gone.tmp"
SPECIAL: dict[str, Callable[[World, Pod], None]] = {
    "namespace-gone": lambda world, pod: world.drop_space(pod.space),
    "cooling-in-use": a_warm_address_in_use,
    "spool-unreadable": lambda world, _: a_file(world, BAD),
    "spool-unfinished": lambda world, _: a_file(world, HALF),
}
NO_ELEMENT = "nft 'delete element inet mooring pods4 {{ \"{link}\" . {address} }}'"
OTHER_MARK = (
    "; nft 'add element inet mooring pods4 {{ \"{link}\" . {address} : 0x20000 }}'"
)
THIEF = "nft 'add element inet mooring pods4 {{ \"moorthief\" . 10.0.8.98 : 0x10000 }}'"
SPOILT: dict[str, tuple[str, str]] = {
    "link-missing": ("ip link del {link}", "{link}"),
    "link-changed": ("ip link set {link} mtu 1400", "{link}"),
    "route-missing": ("ip route del {address}/32", "{address}/32"),
    "route-elsewhere": ("ip route replace {address}/32 dev ens3", "{address}/32"),
    "route-stray": (
        "ip route add 10.0.8.99/32 dev {link}",
        "route 10.0.8.99/32 on {link}",
    ),
    "neighbour-missing": (
        "ip neigh del {address} dev {link}",
        "neighbour {address} at ",
    ),
    "source-missing": (NO_ELEMENT, "{link} {address}"),
    "source-wrong": (NO_ELEMENT + OTHER_MARK, "{link} {address}"),
    "source-stray": (THIEF, "moorthief 10.0.8.98"),
    "inside-missing": ("ip -n {space} route del default", "mooring/{pod}/eth0"),
    "namespace-gone": ("", "{address}"),
    "cooling-in-use": ("", "{address}"),
    "link-without-lease": (
        "ip link add moorstray type veth peer name stray",
        "moorstray",
    ),
    "rule-missing": ("ip rule del pref 500", "rule 500 to table 254"),
    "rule-stray": (
        "ip rule add pref 510 fwmark 0x90000/0x7f0000 lookup 7009",
        "rule 510 for mark 0x90000 to table 7009",
    ),
    "node-route-missing": (
        "ip route flush table 7001",
        "route 0.0.0.0/0 via 10.0.8.1 on ens5 in table 7001",
    ),
    "node-address-missing": (
        "ip addr del 10.0.8.2/32 dev ens5",
        "address 10.0.8.2/32 on ens5",
    ),
    "node-link-changed": ("ip link set ens5 mtu 1500", "link ens5 up mtu 9000"),
    "setting-changed": (
        "sysctl -qw net.ipv4.conf.all.rp_filter=1",
        "net/ipv4/conf/all/rp_filter",
    ),
    "table-changed": ("nft add rule inet mooring output accept", "inet mooring"),
    "spool-unreadable": ("", BAD),
    "spool-unfinished": ("", HALF),
}
"""Each on a pod of its own, all at once: how it is caused, and the name that is told."""


@dataclass(frozen=True)
class Told:
    """What three audits said: of the spoilt node, of its repair, and afterwards."""

    scene: Scene
    before: tuple[int, Json]
    dry: tuple[int, Json]
    repair: tuple[int, Json]
    after: tuple[int, Json]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with a_world(tmp_path_factory.mktemp("audit"), *OPTIONS) as world:
        start(world)
        names = {code: f"c{number}" for number, code in enumerate(SPOILT)}
        scene = Scene(world, {code: world.run_pod(n) for code, n in names.items()})
        assert audit(world) == (0, clean())
        for code in SPOILT:
            scene.spoil(code)
        before = audit(world)
        dry = audit(world, "--repair", "--dry-run")
        assert keys(dry[1]) == keys(before[1])
        repair = audit(world, "--repair")
        yield Told(scene, before, dry, repair, audit(world))


def clean() -> Json:
    return {
        "node": "agenttest",
        "looked": ["ledger", "kernel", "npn", "agent", "spool"],
        "blind": {},
        "differences": [],
        "repairs": [],
        "left": [],
    }


@pytest.mark.parametrize("code", SPOILT)
def test_what_is_spoilt_is_named_with_what_each_side_says(
    told: Told, code: str
) -> None:
    """RT-08: every difference of one side, as far as it shows on the node; the cloud: `test_audit`."""
    name = told.scene.name(code)
    found = [d for d in told.before[1]["differences"] if d["code"] == code]

    assert [d for d in found if d["name"].startswith(name)]
    assert all(d["says"] and d["cause"] and d["remedy"] and d["by"] for d in found)


def test_nothing_else_is_named(told: Told) -> None:
    code, node = told.before

    assert (code, codes(node)) == (1, set(SPOILT))
    # What uses the resting address is a source of nobody's as well.
    assert len(node["differences"]) == len(SPOILT) + 1


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(told: Told) -> None:
    code, node = told.dry

    assert (code, keys(node, "left")) == (1, keys(node))
    assert [r["act"] for r in node["repairs"]] == [
        "ask the agent to look after its node now",
        f"delete {BAD} from the spool",
        f"delete {HALF} from the spool",
    ]
    assert not any(r["done"] for r in node["repairs"])


def test_after_the_repair_nothing_is_left(told: Told) -> None:
    """RT-08: and nobody restarted anything."""
    code, node = told.repair

    assert (code, codes(node), node["left"]) == (0, set(SPOILT), [])
    assert all(r["done"] and not r["refused"] for r in node["repairs"])
    assert told.after == (0, clean())


def test_the_repaired_pods_talk(told: Told) -> None:
    world, pods = told.scene.world, told.scene.pods
    gone = {"namespace-gone", "cooling-in-use"}

    assert {
        code
        for code, pod in pods.items()
        if code not in gone and not world.reaches(pod.space, "10.0.8.1")
    } == set()
