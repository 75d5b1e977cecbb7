"""The agent as a process on a real kernel, called through the real CNI executable."""

import itertools
import json
import random
import re
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest
from journeys.agent_world import (
    METADATA,
    PATIENCE,
    PRIMARY_MAC,
    Pod,
    World,
    a_world,
    ip,
    run,
)
from patience import until

from mooring.adapters import netns
from mooring.core.cni.errors import Code
from mooring.core.cni.request import AttachmentId
from mooring.core.wiring.names import host_link


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, "--cooldown", "0") as made:
        made.start()
        yield made


@contextmanager
def inside(space: str) -> Iterator[int]:
    fd = netns.open_fd(space)
    try:
        yield fd
    finally:
        netns.close(fd)


def connect(space: str, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(space) as fd, netns.inside(fd):
        made = socket.socket(family)
    made.settimeout(120)
    made.connect((address, port))
    return made


def listen(space: str, address: str, port: int = 8080) -> socket.socket:
    with inside(space) as fd:
        made = netns.listen_tcp(fd, address, port)
    made.settimeout(120)
    return made


def udp(space: str, address: str, port: int = 0) -> socket.socket:
    with inside(space) as fd:
        made = netns.udp_socket(fd, address, port)
    made.settimeout(120)
    return made


def peer_of_tcp(client: str, server: str, address: str) -> str:
    """Exchange a byte each way; give the client's address as the server sees it."""
    with (
        closing(listen(server, address)) as door,
        closing(connect(client, address, 8080)) as one,
    ):
        two, (seen, *_) = door.accept()
        with closing(two):
            one.sendall(b"?")
            assert two.recv(1) == b"?"
            two.sendall(b"!")
            assert one.recv(1) == b"!"
    return str(seen)


def counters(space: str, link: str) -> tuple[int, int]:
    (shown,) = json.loads(ip(space, "-j", "-s", "link", "show", link))
    return shown["stats64"]["rx"]["packets"], shown["stats64"]["tx"]["packets"]


def test_pods_of_one_node_talk_and_the_vcn_hears_nothing(world: World) -> None:
    one, two = world.run_pod("one"), world.run_pod("two")
    for space in (world.node, world.router):
        # Neighbour discovery of IPv6 would count as well.
        run(
            *("ip", "netns", "exec", space, "sysctl", "-qw"),
            "net.ipv6.conf.all.disable_ipv6=1",
        )
    before = counters(world.router, "r-ens5")

    assert world.reaches(one.space, two.address)
    assert peer_of_tcp(one.space, two.space, two.address) == one.address
    with (
        closing(udp(two.space, two.address, 9)) as there,
        closing(udp(one.space, one.address)) as here,
    ):
        here.sendto(b"?", (two.address, 9))
        assert there.recvfrom(1)[1][0] == one.address
    assert counters(world.router, "r-ens5") == before


def test_the_vcn_sees_a_pods_own_address_both_ways(world: World) -> None:
    pod = world.run_pod("one")

    assert peer_of_tcp(pod.space, world.router, "10.0.8.1") == pod.address
    assert peer_of_tcp(pod.space, world.router, "10.0.2.1") == pod.address
    assert peer_of_tcp(world.router, pod.space, pod.address) == "10.0.8.1"
    assert counters(world.router, "r-ens3")[0] < 20


def test_node_and_pod_talk_directly(world: World) -> None:
    """RT-44: a probe of the kubelet reaches a pod whose addresses are on a VNIC of their own."""

    pod = world.run_pod("one")

    assert peer_of_tcp(world.node, pod.space, pod.address) == "10.0.2.7"
    assert peer_of_tcp(pod.space, world.node, "10.0.2.7") == pod.address


def test_a_vnics_host_address_answers_by_its_own_vnic(world: World) -> None:
    assert world.reaches(world.router, "10.0.8.2")
    assert peer_of_tcp(world.router, world.node, "10.0.8.2") == "10.0.8.1"


def test_a_link_answers_only_for_its_own_address(world: World) -> None:
    def asked(link: str, address: str) -> str:
        ip(world.router, "neigh", "replace", address, "dev", link, "nud", "none")
        words = ("ping", "-c", "1", "-W", "1", "-I", link, address)
        subprocess.run(
            ["ip", "netns", "exec", world.router, *words],
            capture_output=True,
            check=False,
        )
        return ip(world.router, "neigh", "show", address, "dev", link)

    assert PRIMARY_MAC in asked("r-ens3", "10.0.2.7")
    assert "lladdr" not in asked("r-ens3", "10.0.8.2")


def test_metadata_is_asked_with_the_primary_address(world: World) -> None:
    pod = world.run_pod("one")

    assert peer_of_tcp(pod.space, world.router, METADATA) == "10.0.2.7"
    assert peer_of_tcp(world.node, world.router, METADATA) == "10.0.2.7"


@pytest.mark.parametrize("tracking", ["on", "off"])
def test_all_ways_lead_with_and_without_tracking(tmp_path: Path, tracking: str) -> None:
    with a_world(tmp_path, "--conntrack", tracking) as world:
        world.start()
        pod, other = world.run_pod("one"), world.run_pod("two")

        assert peer_of_tcp(pod.space, world.router, METADATA) == "10.0.2.7"
        assert peer_of_tcp(pod.space, other.space, other.address) == pod.address
        assert peer_of_tcp(pod.space, world.router, "10.0.8.1") == pod.address
        assert peer_of_tcp(world.router, pod.space, pod.address) == "10.0.8.1"


@pytest.mark.parametrize("tracking", ["on", "off"])
def test_both_families_lead_everywhere(tmp_path: Path, tracking: str) -> None:
    with a_world(tmp_path, "--conntrack", tracking, six=True) as world:
        world.start()
        one = world.a_space_for("one")
        result = world.add(one)
        two = world.run_pod("two")
        mine, theirs = "fd00:8::10", "fd00:8::11"
        assert [x["address"] for x in result["ips"]] == ["10.0.8.10/32", f"{mine}/128"]

        assert world.reaches(one.space, two.address)
        assert peer_of_tcp(one.space, two.space, theirs) == mine
        assert peer_of_tcp(one.space, world.router, "fd00:8::1") == mine
        assert peer_of_tcp(world.router, one.space, mine) == "fd00:8::1"
        assert peer_of_tcp(world.router, world.node, "fd00:8::2") == "fd00:8::1"
        assert world.cni("CHECK", one, prevResult=result).returncode == 0
        ip(one.space, "addr", "add", f"{theirs}/128", "dev", "eth0", "nodad")
        ip(two.space, "link", "set", "eth0", "down")
        assert not world.forges(one.space, "fd00:8::1", theirs, mine)
        assert not world.repaired()
        world.remove_pod(one)


def test_pods_are_tracked_once_somebody_else_filters(world: World) -> None:
    pod = world.run_pod("one")
    assert not tracked(world, pod)
    run("ip", "netns", "exec", world.node, "nft", "add table ip kube-proxy")
    until(lambda: tracked(world, pod), "the tracking")

    until(lambda: 'tracking because="ip kube-proxy"' in world.log, "the word of it")
    world.kill()
    world.start()
    assert tracked(world, pod)


def tracked(world: World, pod: Pod) -> bool:
    """Tell whether a connection of the pod is in the node's table of connections."""
    assert peer_of_tcp(pod.space, world.router, "10.0.8.1") == pod.address
    with inside(world.node) as fd, netns.inside(fd):
        return (
            f"src={pod.address}"
            in Path("/proc/thread-self/net/nf_conntrack").read_text()
        )


def test_a_pod_cannot_send_as_another(world: World) -> None:
    one, two = world.run_pod("one"), world.run_pod("two")
    ip(one.space, "addr", "add", f"{two.address}/32", "dev", "eth0")
    ip(one.space, "addr", "add", "10.0.2.99/32", "dev", "eth0")
    with closing(udp(world.router, "10.0.8.1", 9)) as there:
        for source in (two.address, "10.0.2.99", one.address):
            with closing(udp(one.space, source)) as here:
                here.sendto(source.encode(), ("10.0.8.1", 9))

        # The true one was sent last: had a false one passed, it would be first.
        said, (source, _) = there.recvfrom(99)
        assert (said.decode(), source) == (one.address, one.address)


def test_the_first_packet_gets_through(world: World) -> None:
    server = world.run_pod("server")
    with closing(listen(server.space, server.address)) as door:
        for n in range(20):
            pod = world.run_pod(f"c{n}")
            with closing(connect(pod.space, server.address, 8080)):
                door.accept()[0].close()
            with inside(pod.space) as fd, netns.inside(fd):
                lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
            names, values = (x.split() for x in lines if x.startswith("Tcp:"))
            assert dict(zip(names, values, strict=True))["RetransSegs"] == "0"


def test_two_hundred_pods_leave_nothing_behind(world: World) -> None:
    fds = Path(f"/proc/{world.process.pid}/fd") if world.process else Path()
    world.remove_pod(world.run_pod("warm"))
    until(lambda: world.host_ends() == set(), "the first pod's end")
    before = len(list(fds.iterdir()))
    for n in range(200):
        world.remove_pod(world.run_pod(f"c{n}"))

    until(lambda: world.status["pool"]["free"] == 30, "the pods' end")
    until(lambda: world.host_ends() == set(), "the links' end")
    until(lambda: len(list(fds.iterdir())) <= before + 1, "few descriptors")
    table = run(
        "ip", "netns", "exec", world.node, "nft", "list", "table", "inet", "mooring"
    )
    assert '"moor' not in table.stdout.replace('"moor*"', "")
    assert ip(world.node, "rule").count("\n") == 5
    assert "moor" not in ip(world.node, "route", "show", "table", "all")


def test_many_adds_at_once_get_addresses_of_their_own(world: World) -> None:
    pods = [world.a_space_for(f"c{n}") for n in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(world.add, pods))

    assert len({pod.address for pod in pods}) == 24
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(world.delete, pods))
    until(lambda: world.status["pool"]["free"] == 30, "the pods' end")


def test_an_exhausted_pool_refuses_pods_and_not_the_node(world: World) -> None:
    """RT-29: STATUS stays good, or the node would become NotReady."""

    for n in range(30):
        world.run_pod(f"c{n}")
    done = world.cni("ADD", world.a_space_for("more"))

    assert json.loads(done.stdout)["code"] == Code.TRY_AGAIN_LATER
    assert world.ready()


def test_what_former_times_left_gives_way(world: World) -> None:
    first = world.pod_addresses[0]
    ip(world.node, "route", "add", f"{first}/32", "via", "10.0.2.1")
    ip(world.node, "neigh", "add", first, "lladdr", PRIMARY_MAC, "dev", "ens5")
    pod = world.run_pod("one")

    assert pod.address == first
    assert world.reaches(world.node, first)
    assert world.reaches(world.router, first)


def test_an_interface_that_exists_is_refused(world: World) -> None:
    pod = world.a_space_for("one")
    ip(pod.space, "link", "add", "eth0", "type", "bridge")
    done = world.cni("ADD", pod)

    assert json.loads(done.stdout)["code"] == Code.INTERFACE_EXISTS
    ip(pod.space, "link", "del", "eth0")
    world.add(pod)


def test_the_nodes_own_namespace_is_refused(world: World) -> None:
    done = world.cni("ADD", Pod("one", world.node))
    error = json.loads(done.stdout)

    assert error["code"] == Code.INVALID_NETNS
    assert world.node in error["msg"]


def test_a_file_that_is_no_namespace_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    pod = Pod("one", f"../..{tmp_path}/file")
    done = world.cni("ADD", pod)

    assert json.loads(done.stdout)["code"] == Code.INVALID_NETNS


def test_a_pod_is_checked_against_what_was_answered(tmp_path: Path) -> None:
    with a_world(tmp_path, "--repair-interval", "3600") as world:
        world.start()
        pod = world.a_space_for("one")
        result = world.add(pod)
        assert world.cni("CHECK", pod, prevResult=result).returncode == 0

        ip(pod.space, "route", "del", "default")
        error = json.loads(world.cni("CHECK", pod, prevResult=result).stdout)
        assert error["code"] == Code.NOT_AS_ADDED
        assert "route 0.0.0.0/0 via 169.254.1.1 on eth0 in the pod" in error["msg"]


DRIFTS = {
    "a VNIC's address": "addr del 10.0.8.2/32 dev ens5",
    "a VNIC's table": "route flush table 7001",
    "the VNIC's rule": "rule del priority 510",
    "main's rule": "rule del priority 500",
    "all rules": "rule flush",
    "metadata's route": "route del 169.254.169.254/32",
    "a VNIC's link": "link set ens5 down",
    "a VNIC's MTU": "link set ens5 mtu 1500",
    "a pod's route": "route del {address}/32",
    "a pod's neighbour": "neigh del {address} dev {link}",
    "a pod's link, down": "link set {link} down",
    "a pod's link, gone": "link del {link}",
    "a pod's link, its MAC": "link set {link} address 02:00:00:00:00:99",
}


def picture(world: World, pod: Pod) -> list[str]:
    """All that the agent made, in the words of `ip`."""
    node = ("-4 rule", "-4 route show table all", "-4 neigh show nud permanent")
    inside = ("-4 route", "-4 neigh show nud permanent", "-4 -br address")
    lines = [
        line for words in node for line in ip(world.node, *words.split()).split("\n")
    ]
    lines += [
        line for words in inside for line in ip(pod.space, *words.split()).split("\n")
    ]
    lines += ip(world.node, "-4", "-br", "address", "show", "dev", "ens5").split("\n")
    shown = json.loads(ip(world.node, "-j", "link", "show"))
    about = ("ifname", "mtu", "operstate", "address")
    lines += [" ".join(str(x[key]) for key in about) for x in shown]
    # The default table is nobody's.
    lines = [re.sub(r"@if\d+", "", line.strip()) for line in lines]
    return sorted(line for line in lines if "lookup default" not in line)


def test_whatever_drifts_comes_back(world: World) -> None:
    """RT-33: what udev or a network manager undoes."""

    pod = world.run_pod("one")
    (link,) = world.host_ends()
    before = picture(world, pod)
    for what, words in DRIFTS.items():
        repairs = world.log.count(" repaired ")
        ip(world.node, *words.format(address=pod.address, link=link).split())
        until(lambda: picture(world, pod) == before, f"{what}'s repair")
        until(
            lambda before=repairs: world.log.count(" repaired ") > before,
            "the word of it",
        )
        until(lambda: world.pings(pod.space, "10.0.8.1"), "pings")
        assert world.reaches(world.router, pod.address)


@pytest.mark.parametrize("what", ["all rules", "a pod's link, its MAC"])
def test_what_drifts_comes_back_at_the_default_pace(tmp_path: Path, what: str) -> None:
    """RT-33: nobody asks for it, and nobody chose how often the agent looks."""
    with a_world(tmp_path, "--repair-interval", "2") as world:
        world.start()
        pod = world.run_pod("one")
        (link,) = world.host_ends()
        before = picture(world, pod)
        ip(world.node, *DRIFTS[what].format(address=pod.address, link=link).split())

        until(lambda: picture(world, pod) == before, f"{what}'s repair")
        assert world.reaches(world.router, pod.address)


@contextmanager
def udev(world: World) -> Iterator[list[str]]:
    """Give every new host end of a pod another MAC as soon as the kernel tells of it, once."""
    words = ("ip", "-n", world.node, "-o", "monitor", "link")
    flipped: list[str] = []
    heard = threading.Event()
    names = itertools.count()

    def listen(lines: IO[str]) -> None:
        for line in lines:
            heard.set()
            found = re.search(r"(moor\w+)@", line)
            if found is None or found[1] in flipped or line.startswith("Deleted"):
                continue
            other = ("link", "set", found[1], "address", "02:00:00:00:00:99")
            done = subprocess.run(["ip", "-n", world.node, *other], check=False)
            if done.returncode == 0:
                flipped.append(found[1])

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        thread = threading.Thread(target=listen, args=(process.stdout,))
        thread.start()

        def hears() -> bool:
            ip(world.node, "link", "set", "lo", "alias", f"n{next(names)}")
            return heard.is_set()

        try:
            until(hears, "the monitor")
            yield flipped
        finally:
            process.kill()
            thread.join()


def test_a_mac_that_is_changed_while_the_pod_starts_is_mended(world: World) -> None:
    """RT-33: udev comes in the milliseconds in which the link is made."""
    with udev(world) as flipped:
        pods = [world.run_pod(f"c{n}") for n in range(5)]
        ends = {host_link(AttachmentId("mooring", pod.name, "eth0")) for pod in pods}
        until(lambda: ends <= {*flipped}, "udev's turns")
        for pod in pods:
            until(
                lambda to=pod.address: world.pings(world.node, to),
                f"{pod.name}'s repair",
            )
            assert world.reaches(world.router, pod.address)
    until(lambda: "02:00:00:00:00:99" not in ip(world.node, "link"), "all repairs")


@pytest.mark.parametrize(
    "script",
    ["flush ruleset", "delete table inet mooring", "flush map inet mooring pods4"],
)
def test_the_nft_table_comes_back(world: World, script: str) -> None:
    pod = world.run_pod("one")
    run("ip", "netns", "exec", world.node, "nft", script)

    until(lambda: " repaired " in world.log, "the table's repair")
    until(lambda: world.pings(pod.space, "10.0.8.1"), "pings")
    other = world.run_pod("two")
    assert world.reaches(other.space, pod.address)


def test_a_withdrawn_address_is_reported_and_not_given_again(world: World) -> None:
    """RT-07: whoever has it is told of, and keeps it; nobody gets it after that."""

    pod = world.run_pod("one")
    world.write_npn(tuple(a for a in world.pod_addresses if a != pod.address))

    word = f"withdrawn attachment=mooring/one/eth0 address={pod.address}"
    until(lambda: word in world.log, "the report")
    until(lambda: world.status["pool"]["draining"] == 1, "its count")
    assert world.reaches(pod.space, "10.0.8.1")
    world.remove_pod(pod)
    gone = {"held": 0, "free": 29, "draining": 0}
    until(lambda: gone.items() <= world.status["pool"].items(), "the end")


@contextmanager
def pinging(world: World, pod: Pod) -> Iterator[None]:
    """A ping every 10 ms from the VCN, before, meanwhile and after; none may be lost."""
    heard = world.place / "pings"

    def answers() -> int:
        return heard.read_text().count(" bytes from ")

    words = ("ping", "-n", "-i", "0.01", pod.address)
    with heard.open("w") as out:
        process = subprocess.Popen(
            ["ip", "netns", "exec", world.router, *words], stdout=out
        )
    try:
        until(lambda: answers() > 10, "the first answers")
        yield
        enough = answers() + 10
        until(lambda: answers() > enough, "more answers")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    told = heard.read_text()
    numbers = [int(found) for found in re.findall(r" from .* icmp_seq=(\d+)", told)]
    # The last ones may still be on their way when ping is stopped.
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), told


def test_a_killed_agent_is_not_missed_by_running_pods(world: World) -> None:
    pod, other = world.run_pod("one"), world.run_pod("two")
    with pinging(world, pod):
        for _ in range(3):
            world.kill()
            world.start()
        new = world.run_pod("three")

    assert {pod.address, other.address, new.address} <= set(world.pod_addresses)
    assert len({pod.address, other.address, new.address}) == 3
    assert not world.repaired()
    assert world.reaches(other.space, new.address)


def test_a_stopped_agent_leaves_all_as_it_is(world: World) -> None:
    pod = world.run_pod("one")
    before = picture(world, pod)
    with pinging(world, pod):
        assert world.kill(signal.SIGTERM) == 0

    assert picture(world, pod) == before
    assert not (world.place / "agent.sock").exists()


def test_without_the_agent_pods_go_and_do_not_come(world: World) -> None:
    pod = world.run_pod("one")
    staying = world.run_pod("two")
    world.kill()
    done = world.cni("ADD", world.a_space_for("three"))
    assert json.loads(done.stdout)["code"] == Code.TRY_AGAIN_LATER
    world.remove_pod(pod)
    assert len(list((world.place / "spool").glob("*.del"))) == 1

    world.start()
    until(lambda: world.status["pool"]["held"] == 1, "the replay")
    until(lambda: not list((world.place / "spool").glob("*.del")), "its end")
    assert world.reaches(staying.space, "10.0.8.1")
    until(lambda: world.status["pool"]["free"] == 29, "all free")


def test_a_spooled_del_does_not_end_a_later_pod(world: World) -> None:
    pod = world.run_pod("one")
    world.kill()
    world.delete(pod)
    (spooled,) = (world.place / "spool").glob("*.del")
    aside = spooled.rename(world.place / "aside")
    world.start()
    world.delete(pod)
    until(lambda: world.host_ends() == set(), "the end")
    world.add(pod)
    aside.rename(spooled)

    until(lambda: "spooled-del-too-old" in world.log, "the verdict")
    until(lambda: not spooled.exists(), "the file's end")
    assert world.host_ends() == {host_link(AttachmentId("mooring", "one", "eth0"))}
    until(lambda: world.status["pool"]["held"] == 1, "the report")
    assert world.reaches(pod.space, "10.0.8.1")


def test_cooling_goes_on_over_a_kill(tmp_path: Path) -> None:
    with a_world(tmp_path, "--cooldown", "3600") as world:
        world.pod_addresses = ("10.0.8.10", "10.0.8.11")
        world.write_npn(world.pod_addresses)
        world.start()
        first = world.run_pod("one")
        world.remove_pod(first)
        until(lambda: world.status["pool"]["cooling"] == 1, "the end")
        world.kill()
        world.start()

        assert world.run_pod("two").address != first.address
        # A full node falls back to what it has, and says so.
        assert world.run_pod("three").address == first.address
        until(lambda: "reused-early" in world.log, "the word of it")


def test_a_damaged_journal_is_rebuilt_from_the_kernel(world: World) -> None:
    pods = [world.run_pod(f"c{n}") for n in range(3)]
    world.kill()
    journal = world.place / "state/ledger.journal"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    (world.place / "state/status.json").unlink()
    with pinging(world, pods[0]):
        world.start()
    until(lambda: world.status["pool"]["held"] == 3, "the report")

    until(lambda: "journal-damaged" in world.log, "the word of it")
    held = {a["addresses"][0]: a["container"] for a in world.status["attachments"]}
    assert held == {pod.address: pod.name for pod in pods}
    for pod in pods:
        world.remove_pod(pod)
    until(lambda: world.status["pool"]["free"] == 30, "all free")


def test_a_newer_journal_is_refused_in_words(tmp_path: Path) -> None:
    """RT-36: DEL succeeds beside another version's state, and is carried out later."""
    with a_world(tmp_path) as world:
        (tmp_path / "state").mkdir()
        text = b'{"mooring":"ledger","format":2,"boot":"b"}'
        (tmp_path / "state/ledger.journal").write_bytes(
            b"%08x %b\n" % (zlib.crc32(text), text)
        )
        world.start(wait=False)
        assert world.process is not None
        assert world.process.wait(PATIENCE) == 1
        world.process = None

        assert "format 2, this Mooring reads 1" in world.log
        world.delete(Pod("theirs", world.node))
        assert len(list((tmp_path / "spool").glob("*.del"))) == 1
        (tmp_path / "state/ledger.journal").unlink()
        world.start()
        until(lambda: not list((tmp_path / "spool").glob("*.del")), "the replay")
        world.delete(Pod("theirs", world.node))


def test_a_second_agent_is_refused(world: World, tmp_path: Path) -> None:
    first, world.process = world.process, None
    world.start(wait=False)
    assert world.process is not None
    assert world.process.wait(PATIENCE) == 1
    world.process = first

    assert "another agent holds this state" in world.log
    assert world.ready()


def test_the_conflist_comes_last_and_stays(tmp_path: Path) -> None:
    """RT-22, RT-25: the runtime is told last, and nothing takes it back."""

    conf = tmp_path / "net.d"
    with a_world(tmp_path, "--conflist", str(conf)) as world:
        world.write_npn(world.pod_addresses, "IN_PROGRESS")
        world.start(wait=False)
        until((tmp_path / "agent.sock").exists, "the socket")
        done = world.cni("STATUS", None, version="1.1.0")
        assert json.loads(done.stdout)["code"] == Code.NOT_AVAILABLE
        assert not conf.exists()

        world.write_npn(world.pod_addresses)
        until(world.ready, "a ready agent")
        until((conf / "10-mooring.conflist").exists, "the list")
        world.kill(signal.SIGTERM)
        listed = json.loads((conf / "10-mooring.conflist").read_text())
        assert [each["type"] for each in listed["plugins"]] == ["mooring"]


def test_an_agent_with_many_pods_stays_small(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.pod_addresses = tuple(f"10.0.9.{n}" for n in range(256))
        world.write_npn(world.pod_addresses)
        world.start()
        for n in range(256):
            world.run_pod(f"c{n}")
        assert world.process is not None
        text = Path(f"/proc/{world.process.pid}/status").read_text()
        resident = int(text.split("VmRSS:")[1].split()[0]) / 1024
        print(f"agent with 256 pods: {resident:.1f} MiB resident")

        assert resident < 45
        assert ip(world.node, "rule").count("\n") == 5


def test_kills_at_random_moments_lose_nothing(
    tmp_path: Path, chance: random.Random
) -> None:
    with a_world(tmp_path, "--cooldown", "0") as world:
        world.start()
        steady = world.run_pod("steady")
        with pinging(world, steady), ThreadPoolExecutor(4) as threads:
            lives = [threads.submit(live, world, f"w{n}", 50) for n in range(4)]
            while not all(life.done() for life in lives):
                time.sleep(chance.uniform(0.05, 0.6))
                world.kill()
                world.start()
            for life in lives:
                life.result()
        until(lambda: world.status["pool"]["free"] == 29, "the pods' end")

        assert [a["container"] for a in world.status["attachments"]] == ["steady"]
        until(lambda: len(world.host_ends()) == 1, "the links' end")
        assert world.reaches(steady.space, "10.0.8.1")


def live(world: World, name: str, times: int) -> None:
    """A runtime's worker: pods one after another, each until it is answered."""
    for n in range(times):
        pod = world.a_space_for(f"{name}-{n}")
        while world.cni("ADD", pod).returncode != 0:
            world.delete(pod)
        world.delete(pod)
        world.drop_space(pod.space)
