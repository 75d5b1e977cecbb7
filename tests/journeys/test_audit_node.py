"""`mooring audit` on a node: differences that stand alone, and what is not repaired (RT-08).

The agent looks after its node once an hour here, so what is repaired was asked for.
"""

import json
import os
import signal
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from journeys.agent_world import VNIC, VNIC_MAC, Pod, World, a_world, ip
from journeys.audited import OPTIONS, audit, keys, link, nft, start
from patience import until

from mooring.adapters.agentcall import ask
from mooring.core.cni.frames import ASK, Call
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.ledger import Held, Netns, Phase
from mooring.core.npn.record import Pair


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, *OPTIONS) as made:
        start(made)
        yield made


@contextmanager
def frozen(world: World) -> Iterator[None]:
    """Let the agent stand still for the block."""
    assert world.process is not None
    world.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        world.process.send_signal(signal.SIGCONT)


def repaired(world: World) -> None:
    """A repair leaves nothing."""
    code, node = audit(world, "--repair")
    assert (code, node["left"]) == (0, []), node


def test_a_flushed_ruleset_is_one_difference(world: World) -> None:
    pod = world.run_pod("c1")
    nft(world, "flush ruleset")

    assert keys(audit(world)[1]) == {("table-missing", "inet mooring")}
    repaired(world)
    assert world.reaches(pod.space, "10.0.8.1")


def test_a_vnics_link_that_is_down_is_one_difference(world: World) -> None:
    ip(world.node, "link", "set", "ens5", "down")

    assert keys(audit(world)[1]) == {("node-link-changed", "link ens5 up mtu 9000")}
    repaired(world)


def test_two_links_that_claim_one_address_are_told_apart(world: World) -> None:
    pod = world.run_pod("c1")
    (shown,) = json.loads(ip(world.node, "-j", "link", "show", link(pod)))
    ip(
        world.node,
        *["link", "add", "moorstray", "type", "veth", "peer", "name", "stray"],
    )
    ip(world.node, "link", "set", "moorstray", "alias", shown["ifalias"])

    assert keys(audit(world)[1]) == {
        ("link-without-lease", "moorstray"),
        ("address-twice", pod.address),
    }
    repaired(world)
    assert world.reaches(pod.space, "10.0.8.1")


def test_a_link_of_somebody_elses_is_told_of_and_left_alone(world: World) -> None:
    ip(world.node, "link", "add", "moorbridge", "type", "bridge")

    code, node = audit(world, "--repair")
    assert (code, keys(node, "left")) == (1, {("foreign-link", "moorbridge")})
    assert ip(world.node, "link", "show", "moorbridge")


def test_an_interface_that_was_renamed_is_for_people(world: World) -> None:
    pod = world.run_pod("c1")
    for words in ("down", "name other", "up"):
        ip(
            pod.space,
            "link",
            "set",
            "other" if words == "up" else "eth0",
            *words.split(),
        )

    code, node = audit(world, "--repair")
    assert (code, keys(node, "left")) == (1, {("interface-gone", "mooring/c1/eth0")})


def test_a_damaged_ledger_is_written_afresh_from_memory(world: World) -> None:
    pod = world.run_pod("c1")
    file = world.place / "state/ledger.journal"
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)

    assert keys(audit(world)[1]) == {("ledger-damaged", "journal")}
    repaired(world)
    assert journal.read(file.read_bytes())
    assert pod.address.encode() in file.read_bytes()


def test_a_withdrawn_address_stays_with_its_pod(world: World) -> None:
    pod = world.run_pod("c1")
    rest = tuple(a for a in world.pod_addresses if a != pod.address)
    world.write_npn(rest)

    code, node = audit(world, "--repair")
    assert (code, keys(node, "left")) == (1, {("withdrawn-address", pod.address)})
    assert world.reaches(pod.space, "10.0.8.1")
    world.remove_pod(pod)
    until(lambda: world.host_ends() == set(), "its end")
    assert audit(world)[0] == 0


def test_an_object_that_is_not_settled_is_told_of(world: World) -> None:
    world.write_npn(world.pod_addresses, "BACKOFF")

    code, node = audit(world, "--repair", "--wait", "0")
    assert (code, keys(node, "left")) == (1, {("npn-not-settled", "agenttest")})
    world.write_npn(world.pod_addresses)
    assert audit(world)[0] == 0


def test_a_vnic_whose_link_is_another_has_no_link(world: World) -> None:
    ip(world.node, "link", "set", "ens5", "address", "02:00:17:00:00:99")
    _, node = audit(world)
    assert ("vnic-without-link", VNIC) in keys(node)

    ip(world.node, "link", "set", "ens5", "address", VNIC_MAC)
    repaired(world)


def test_without_a_default_route_the_primary_is_not_known(world: World) -> None:
    ip(world.node, "route", "del", "default")
    assert keys(audit(world)[1]) == {("no-primary", "default route")}

    ip(world.node, "route", "add", "default", "via", "10.0.2.1")
    repaired(world)


def test_the_agent_that_hangs_is_told_of_and_what_it_missed(world: World) -> None:
    status = world.place / "npn/agenttest.status.json"
    with frozen(world):
        changed = status.read_text().replace(VNIC, f"{VNIC}2")
        (world.place / "npn/.aside").write_text(changed)
        (world.place / "npn/.aside").rename(status)
        (world.place / "spool").mkdir(exist_ok=True)
        call = b"".join(
            f"{key}={value}".encode() + b"\0"
            for key, value in world.environment("DEL", Pod("c9", "none")).items()
            if key.startswith("CNI_")
        )
        conf = world.conf()
        frame = b"MOR1" + b"".join(len(x).to_bytes(4, "little") for x in (call, conf))
        name = "01700000000000000000-1-c9.del"
        (world.place / "spool" / name).write_bytes(frame + call + conf)
        os.utime(world.place / "spool" / name, (1_700_000_000, 1_700_000_000))
        code, node = audit(world, "--repair", "--wait", "0")

    assert code == 1
    assert {
        ("agent-away", "agent"),
        ("spool-waiting", name),
        ("vnic-not-taken", f"{VNIC}2"),
        ("vnic-left-over", VNIC),
    } <= keys(node, "left")
    assert all("no answer within" in r["refused"] for r in node["repairs"])
    repaired(world)


def a_ghost(world: World, name: str, address: str, phase: Phase) -> bytes:
    """A lease of a pod that is not there, as a line of the ledger."""
    read = journal.read((world.place / "state/ledger.journal").read_bytes())
    assert read
    (held,) = (entry for entry in read.entries if isinstance(entry, Held))
    lease = replace(
        held.lease,
        attachment=AttachmentId("mooring", name, "eth0"),
        addresses=Pair(IPv4Address(address)),
        netns=Netns("/run/netns/none", 1),
        phase=phase,
    )
    return journal.line(Held(lease))


def test_what_a_killed_agent_left_halfway_is_told_of(world: World) -> None:
    pod = world.run_pod("c1")
    world.kill()
    file = world.place / "state/ledger.journal"
    begun = a_ghost(world, "begun", "10.0.8.39", Phase.CLAIMED)
    ended = a_ghost(world, "ended", "10.0.8.38", Phase.LEAVING)
    file.write_bytes(file.read_bytes() + begun + ended)

    code, node = audit(world, "--repair")
    assert code == 1
    assert keys(node, "left") == {
        ("agent-away", "agent"),
        ("lease-claimed", "10.0.8.39"),
        ("lease-leaving", "10.0.8.38"),
    }
    start(world)
    until(lambda: world.status["pool"]["held"] == 1, "their end")
    assert audit(world)[0] == 0
    assert world.reaches(pod.space, "10.0.8.1")


def test_a_ledger_of_another_boot_is_of_no_use(world: World) -> None:
    world.kill(signal.SIGTERM)
    file = world.place / "state/ledger.journal"
    body = b'{"mooring": "ledger", "format": 1, "boot": "another"}'
    _, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(b"%08x %b\n%b" % (zlib.crc32(body), body, rest))

    assert keys(audit(world)[1]) == {
        ("agent-away", "agent"),
        ("ledger-of-another-boot", "journal"),
    }
    start(world)
    repaired(world)


def test_an_agent_without_its_object_is_not_ready(tmp_path: Path) -> None:
    with a_world(tmp_path, *OPTIONS) as world:
        for file in (world.place / "npn").iterdir():
            file.unlink()
        world.start(wait=False)
        until((world.place / "agent.sock").exists, "the agent")

        assert keys(audit(world)[1]) == {
            ("agent-not-ready", "agent"),
            ("npn-absent", "agenttest"),
        }
        world.write_npn(world.pod_addresses)
        until(world.ready, "a ready agent")
        assert audit(world)[0] == 0


def test_a_side_that_cannot_be_seen_is_told_and_hides_no_other(
    world: World, tmp_path: Path
) -> None:
    ip(world.node, "rule", "del", "pref", "500")
    config = ("--cloud", "--config", str(tmp_path / "none"))
    code, node = audit(world, "--state", str(tmp_path / "nowhere"), *config)

    assert (code, set(node["blind"])) == (2, {"ledger", "cloud"})
    assert "--state" in node["blind"]["ledger"]
    assert "--config" in node["blind"]["cloud"]
    code, node = audit(world, "--cri", str(tmp_path / "none.sock"))
    assert (code, set(node["blind"])) == (2, {"pods"})
    assert keys(node) == {("rule-missing", "rule 500 to table 254")}


def test_a_newer_ledger_is_not_read(world: World) -> None:
    world.kill(signal.SIGTERM)
    body = b'{"mooring": "ledger", "format": 99, "boot": "x"}'
    line = b"%08x %b\n" % (zlib.crc32(body), body)
    (world.place / "state/ledger.journal").write_bytes(line)

    code, node = audit(world)
    assert (code, set(node["blind"])) == (2, {"ledger"})
    assert "99" in node["blind"]["ledger"]


def test_the_agent_answers_no_other_wish(world: World) -> None:
    answer = ask(world.place / "agent.sock", Call({ASK: "dance"}, b""), 20)

    assert answer.exit_code == 1
    assert b"must be repair" in answer.stdout


def test_of_two_families_each_is_judged_by_itself(tmp_path: Path) -> None:
    with a_world(tmp_path, *OPTIONS, six=True) as world:
        start(world)
        one, two = world.run_pod("c1"), world.run_pod("c2")
        assert audit(world)[0] == 0
        six = {pod.name: f"fd00:8::{pod.address.split('.')[-1]}" for pod in (one, two)}
        ip(world.node, "-6", "route", "del", f"{six['c1']}/128")
        ip(world.node, "-6", "neigh", "del", six["c1"], "dev", link(one))
        ip(world.node, "-6", "rule", "del", "pref", "500")
        ip(one.space, "-6", "route", "del", "default")
        gone = f'{{ "{link(two)}" . {six["c2"]} }}'
        nft(world, f"delete element inet mooring pods6 {gone}")

        named = keys(audit(world)[1])
        assert {
            ("route-missing", f"{six['c1']}/128"),
            ("inside-missing", "mooring/c1/eth0"),
            ("source-missing", f"{link(two)} {six['c2']}"),
            ("rule-missing", "rule 500 to table 254"),
        } <= named
        assert len(named) == 5
        repaired(world)
        assert world.reaches(one.space, "fd00:8::1")
        assert world.reaches(two.space, "fd00:8::1")


def test_pods_that_come_and_go_are_no_differences(tmp_path: Path) -> None:
    with a_world(tmp_path, "--cooldown", "0") as world, ThreadPoolExecutor(1) as pool:
        start(world)
        done = threading.Event()
        number = 0

        def churn() -> None:
            nonlocal number
            while not done.is_set():
                world.remove_pod(world.run_pod(f"c{number}"))
                number += 1

        pods, found = pool.submit(churn), []
        try:
            while len(found) < 4 or number <= 20:
                assert not pods.done(), pods.result()
                found.append(audit(world))
        finally:
            done.set()

        pods.result()
        assert {(code, *keys(node)) for code, node in found} == {(0,)}
