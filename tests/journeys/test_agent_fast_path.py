"""The fast path on a real kernel: what it carries, what it leaves alone, what outlives the agent.

The witness counts TCP and UDP packets that pass the node's stack on their way to others; what the
fast path carries it does not see. The router plays other nodes' pods at 10.0.8.200.
"""

import json
import re
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from errno import EHOSTUNREACH, EMSGSIZE
from pathlib import Path

import pytest
from journeys.agent_world import Pod, World, a_world, ip, run
from patience import until

from mooring.adapters import netns

BEYOND, BEYOND6 = "10.0.8.200", "fd00:8::200"
WITNESS = """
table inet witness {
    chain forward {
        type filter hook forward priority filter;
        meta l4proto { tcp, udp } counter
    }
    chain closing {
        type filter hook forward priority filter;
        tcp flags & (fin | rst) != 0 counter
    }
}
"""
MARKS = """
table inet marks {
    chain forward {
        type filter hook forward priority mangle;
        udp dport 9 ct mark set 1
    }
}
"""
SERVICE = """
table ip service {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        ip daddr 10.96.0.1 tcp dport 80 dnat to 10.0.8.200:8080
        ip daddr 10.0.8.2 tcp dport 30080 dnat to 10.0.8.10:8080
    }
}
"""
FAST = ("--fast-path", "on", "--fast-path-after", "0", "--cooldown", "0")
MTU_DISCOVER, DO, RECEIVE_ERRORS, RECEIVE_TTL = 10, 2, 11, 12
MANY = 40


@contextmanager
def a_fast_world(place: Path, tracking: str, name: str = "") -> Iterator[World]:
    options = (*FAST, "--conntrack", tracking)
    with a_world(place, *options, six=True, name=name) as world:
        for address in (f"{BEYOND}/32", f"{BEYOND6}/128"):
            ip(world.router, "addr", "add", address, "dev", "lo")
        nft(world, WITNESS)
        world.start()
        yield world


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that tests leave as it was, but for pods of names of their own."""
    with a_fast_world(tmp_path_factory.mktemp("shared"), "off", "s") as world:
        yield world


@pytest.fixture
def free(tmp_path: Path) -> Iterator[World]:
    with a_fast_world(tmp_path, "off") as world:
        yield world


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[World]:
    with a_fast_world(tmp_path, "on") as world:
        yield world


def nft(world: World, script: str) -> None:
    with inside(world.node):
        run("nft", script)


def seen(world: World, chain: str = "forward") -> int:
    """How many packets the witness has counted."""
    with inside(world.node):
        text = run("nft", "list", "chain", "inet", "witness", chain).stdout
    found = re.search(r"packets (\d+)", text)
    assert found, text
    return int(found[1])


@contextmanager
def inside(space: str) -> Iterator[None]:
    fd = netns.open_fd(space)
    try:
        with netns.inside(fd):
            yield
    finally:
        netns.close(fd)


def a_socket(
    space: str, address: str, kind: socket.SocketKind, port: int = 0
) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(space):
        made = socket.socket(family, kind)
    made.settimeout(120)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


def udp(space: str, address: str, port: int = 0) -> socket.socket:
    return a_socket(space, address, socket.SOCK_DGRAM, port)


class Call:
    """A TCP connection: both ends."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server

    def exchange(self, times: int = MANY) -> None:
        for _ in range(times):
            for one, two in ((self.client, self.server), (self.server, self.client)):
                one.sendall(b"?" * 64)
                assert two.recv(64, socket.MSG_WAITALL) == b"?" * 64

    def close(self) -> None:
        self.client.close()
        self.server.close()


class Door:
    """Somebody who answers at an address; what is connected is closed with the world."""

    def __init__(
        self, stack: ExitStack, space: str, address: str, port: int = 8080
    ) -> None:
        self._stack = stack
        self._socket = stack.enter_context(
            closing(a_socket(space, address, socket.SOCK_STREAM, port))
        )
        self._socket.listen()

    def call(
        self, pod: Pod | str, source: str, to: tuple[str, int], port: int = 0
    ) -> Call:
        space = pod if isinstance(pod, str) else pod.space
        client = a_socket(space, source, socket.SOCK_STREAM, port)
        self._stack.callback(client.close)
        client.connect(to)
        server, _ = self._socket.accept()
        self._stack.callback(server.close)
        server.settimeout(120)
        return Call(client, server)


def six(pod: Pod) -> str:
    return f"fd00:8::{pod.address.rpartition('.')[2]}"


def datagrams(one: socket.socket, two: socket.socket, times: int = MANY) -> None:
    for _ in range(times):
        one.sendto(b"?", two.getsockname()[:2])
        _, back = two.recvfrom(9)
        assert back[:2] == one.getsockname()[:2]
        two.sendto(b"!", back)
        assert one.recv(9) == b"!"


VERSIONS = {4: (lambda pod: pod.address, BEYOND), 6: (six, BEYOND6)}


def test_pods_packets_pass_the_stack_by(shared: World) -> None:
    one, two = shared.run_pod("here"), shared.run_pod("beside")
    for address_of, beyond in VERSIONS.values():
        mine, theirs = address_of(one), address_of(two)
        for space, address in ((two.space, theirs), (shared.router, beyond)):
            before = seen(shared)
            with ExitStack() as stack:
                call = Door(stack, space, address).call(one, mine, (address, 8080))
                call.exchange()
                call.close()
                here, there = udp(one.space, mine), udp(space, address, 9)
                with closing(here), closing(there):
                    datagrams(here, there)

            assert seen(shared) == before
    assert shared.status["fastPath"] == "on"


def test_tracked_connections_begin_and_end_in_sight(tracked: World) -> None:
    one, two = tracked.run_pod("one"), tracked.run_pod("two")
    for address_of, beyond in VERSIONS.values():
        mine, theirs = address_of(one), address_of(two)
        for space, address in ((two.space, theirs), (tracked.router, beyond)):
            begins_and_ends_in_sight(tracked, (one.space, mine), (space, address))


def begins_and_ends_in_sight(
    world: World, client: tuple[str, str], server: tuple[str, str]
) -> None:
    (near, mine), (far, address) = client, server
    with ExitStack() as stack:
        before, ended = seen(world), seen(world, "closing")
        call = Door(stack, far, address).call(near, mine, (address, 8080))
        call.exchange(2)
        begun = seen(world)
        call.exchange()
        assert seen(world) == begun > before

        call.close()
        until(lambda: seen(world, "closing") >= ended + 2, "the end in sight")
        here, there = udp(near, mine), udp(far, address, 9)
        with closing(here), closing(there):
            datagrams(here, there, 2)
            begun = seen(world)
            datagrams(here, there)
            assert seen(world) == begun


def test_nobody_sends_as_another(shared: World) -> None:
    one, two = shared.run_pod("sends1"), shared.run_pod("sends2")
    ip(one.space, "addr", "add", f"{two.address}/32", "dev", "eth0")
    ip(one.space, "addr", "add", f"{six(two)}/128", "dev", "eth0", "nodad")
    for beyond, false, true in (
        (BEYOND, two.address, one.address),
        (BEYOND6, six(two), six(one)),
    ):
        with closing(udp(shared.router, beyond, 9)) as there:
            for source in (false, true):
                with closing(udp(one.space, source)) as here:
                    here.sendto(source.encode(), (beyond, 9))

            # The true one was sent last: had the false one passed, it would be first.
            said, back = there.recvfrom(99)
            assert (said.decode(), back[0]) == (true, true)


def test_del_cuts_at_once_both_ways(free: World) -> None:
    one, two = free.run_pod("one"), free.run_pod("two")
    with (
        closing(udp(one.space, one.address, 9)) as here,
        closing(udp(two.space, two.address, 9)) as there,
        closing(udp(free.router, BEYOND, 9)) as beyond,
    ):
        datagrams(here, there)
        datagrams(here, beyond)
        free.delete(one)
        for far in (there, beyond):
            for near, address in ((here, far.getsockname()), (far, here.getsockname())):
                for _ in range(MANY):
                    try:
                        near.sendto(b"late", address[:2])
                    except OSError:  # the link is gone already
                        break
        until(lambda: len(free.host_ends()) == 1, "the link's end")
        datagrams(there, beyond)
        for each in (here, there, beyond):
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(9)


def test_a_restart_under_a_flood_loses_nothing(free: World) -> None:
    one = free.run_pod("one")
    stop = threading.Event()
    trips = 0
    with (
        closing(udp(one.space, one.address, 9)) as here,
        closing(udp(free.router, BEYOND, 9)) as there,
    ):
        before = seen(free)

        def flood() -> None:
            nonlocal trips
            while not stop.is_set():
                datagrams(here, there, 1)
                trips += 1

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for how in (signal.SIGKILL, signal.SIGTERM):
                free.kill(how)
                free.start()
        finally:
            stop.set()
            thread.join()
        # A lost packet would have kept the flood waiting, and ended its thread.
        datagrams(here, there)
        assert trips > 0
        assert seen(free) == before
        found = "fast-path programs=found"
        until(lambda: free.log.count(found) >= 2, "the word of both")
        assert free.log.count(found) == 2


def test_who_marks_a_connection_sees_all_of_it(tracked: World) -> None:
    nft(tracked, MARKS)
    one = tracked.run_pod("one")
    with (
        closing(udp(one.space, one.address)) as here,
        closing(udp(tracked.router, BEYOND, 9)) as there,
    ):
        before = seen(tracked)
        datagrams(here, there)
        assert seen(tracked) == before + 2 * MANY


def test_services_and_clashing_ports_are_left_to_the_node(tracked: World) -> None:
    nft(tracked, SERVICE)
    one = tracked.run_pod("one")
    service, backend = ("10.96.0.1", 80), (BEYOND, 8080)
    with ExitStack() as stack:
        door = Door(stack, tracked.router, BEYOND)
        for port, order in ((40000, (service, backend)), (40001, (backend, service))):
            calls = [door.call(one, one.address, to, port) for to in order]
            for _ in range(3):
                for call in calls:
                    call.exchange()
        outside = Door(stack, one.space, one.address)
        outside.call(tracked.router, "10.0.8.1", ("10.0.8.2", 30080)).exchange()
        beside = tracked.run_pod("beside")
        outside.call(beside, beside.address, ("10.0.8.2", 30080)).exchange()


def test_a_service_that_comes_later_is_tracked_from_then_on(tmp_path: Path) -> None:
    with a_world(tmp_path, *FAST) as world, ExitStack() as stack:
        ip(world.router, "addr", "add", f"{BEYOND}/32", "dev", "lo")
        world.start()
        one = world.run_pod("one")
        door = Door(stack, world.router, BEYOND)
        old = door.call(one, one.address, (BEYOND, 8080))
        old.exchange()
        nft(world, SERVICE)
        until(lambda: "tracking because" in world.log, "the tracking")
        door.call(one, one.address, ("10.96.0.1", 80)).exchange()
        old.exchange()


def test_hops_are_counted_and_end(shared: World) -> None:
    one = shared.run_pod("are1")
    with (
        closing(udp(one.space, one.address)) as here,
        closing(udp(shared.router, BEYOND, 9)) as there,
    ):
        there.setsockopt(socket.IPPROTO_IP, RECEIVE_TTL, 1)
        here.sendto(b"?", (BEYOND, 9))
        _, about, _, _ = there.recvmsg(9, 99)
        assert struct.unpack("=i", about[0][2][:4]) == (63,)

        here.setsockopt(socket.IPPROTO_IP, RECEIVE_ERRORS, 1)
        here.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        here.sendto(b"?", (BEYOND, 9))
        with pytest.raises(OSError, match=r".") as refused:
            here.recv(9)
        assert refused.value.errno == EHOSTUNREACH


def test_a_narrow_place_behind_is_told(shared: World) -> None:
    one = shared.run_pod("narrow1")
    narrow = shared.make_space(f"{shared.prefix}-narrow")
    run(
        *("ip", "link", "add", "r-far", "mtu", "1500", "netns", shared.router),
        *("type", "veth", "peer", "name", "far", "mtu", "1500", "netns", narrow),
    )
    with inside(shared.router):
        run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    ip(shared.router, "link", "set", "r-far", "up")
    ip(shared.router, "route", "add", "10.0.8.210/32", "dev", "r-far")
    with closing(udp(one.space, one.address)) as here:
        here.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, DO)
        here.setsockopt(socket.IPPROTO_IP, RECEIVE_ERRORS, 1)
        here.sendto(bytes(5000), ("10.0.8.210", 9))
        with pytest.raises(OSError, match=r".") as refused:
            here.recv(9)
        assert refused.value.errno == EMSGSIZE


def test_what_others_take_away_comes_back(free: World) -> None:
    one = free.run_pod("one")
    (link,) = free.host_ends()
    with inside(free.node):
        for each in (link, "ens5"):
            run("tc", "qdisc", "del", "dev", each, "clsact")
    until(lambda: free.log.count("fast-path restored=") == 2, "the programs")
    with (
        closing(udp(one.space, one.address)) as here,
        closing(udp(free.router, BEYOND, 9)) as there,
    ):
        before = seen(free)
        datagrams(here, there)
        assert seen(free) == before


def test_a_pod_that_was_shaped_after_its_add_is_left_alone(tmp_path: Path) -> None:
    options = ("--fast-path", "on", "--fast-path-after", "2", "--conntrack", "off")
    with a_world(tmp_path, *options) as world:
        nft(world, WITNESS)
        world.start()
        shaped = world.run_pod("shaped")
        (link,) = world.host_ends()
        limit = ("tbf", "rate", "1gbit", "burst", "1mb", "latency", "50ms")
        with inside(world.node):
            run("tc", "qdisc", "add", "dev", link, "root", *limit)
            run("tc", "qdisc", "add", "dev", link, "ingress")
        plain = world.run_pod("plain")
        (other,) = world.host_ends() - {link}
        until(lambda: stands(world, other), "the plain pod's turn")
        assert not stands(world, link)
        with ExitStack() as stack:
            one, two, there = (
                stack.enter_context(closing(udp(space, address, 9)))
                for space, address in (
                    (shaped.space, shaped.address),
                    (plain.space, plain.address),
                    (world.router, "10.0.8.1"),
                )
            )
            before = seen(world)
            datagrams(two, there)
            assert seen(world) == before
            datagrams(one, there)
            assert seen(world) == before + 2 * MANY
            # The carried one's packets to it stay here as well: the router would not bring them.
            datagrams(two, one)
            assert seen(world) == before + 4 * MANY


@pytest.mark.parametrize("tracking", ["on", "off"])
def test_a_pod_that_is_not_carried_yet_is_reached_inside(
    tmp_path: Path, tracking: str
) -> None:
    options = ("--fast-path", "on", "--conntrack", tracking, "--fast-path-after", "2")
    with a_world(tmp_path, *options, six=True) as world, ExitStack() as stack:
        world.start()
        old = world.run_pod("old")
        (link,) = world.host_ends()
        until(lambda: stands(world, link), "the old pod's turn")
        young = world.run_pod("young")
        for address_of, _ in VERSIONS.values():
            mine, theirs = address_of(old), address_of(young)
            call = Door(stack, young.space, theirs).call(old, mine, (theirs, 8080))
            call.exchange()
            here, there = udp(old.space, mine), udp(young.space, theirs, 9)
            with closing(here), closing(there):
                datagrams(here, there)


@pytest.mark.parametrize("tracking", ["on", "off"])
def test_nothing_is_carried_past_ipsec(tmp_path: Path, tracking: str) -> None:
    with a_fast_world(tmp_path, tracking) as world:
        one = world.run_pod("one")
        with (
            closing(udp(one.space, one.address)) as here,
            closing(udp(world.router, BEYOND, 9)) as there,
        ):
            datagrams(here, there)
            with inside(world.node):
                what = ("src", f"{one.address}/32", "dst", f"{BEYOND}/32")
                run(
                    "ip",
                    "xfrm",
                    "policy",
                    "add",
                    "dir",
                    "out",
                    *what,
                    "action",
                    "block",
                )
            until(lambda: "IPsec" in world.status["fastPath"], "the status")
            here.sendto(b"blocked", (BEYOND, 9))
            with inside(world.node):
                run("ip", "xfrm", "policy", "flush")
            # The blocked one was sent first: had it passed, it would be read first.
            here.sendto(b"passes", (BEYOND, 9))
            assert there.recv(9) == b"passes"
            until(lambda: world.status["fastPath"] == "on", "the status")
            datagrams(here, there, 2)
            before = seen(world)
            datagrams(here, there)
            assert seen(world) == before


def stands(world: World, link: str) -> bool:
    """Tell whether a program of the fast path is at the link's ingress."""
    with inside(world.node):
        shown = run("tc", "filter", "show", "dev", link, "ingress").stdout
    return "mooring/from_pod" in shown


def test_switched_off_it_leaves_nothing(free: World) -> None:
    one = free.run_pod("one")
    free.kill()
    free.options = ("--fast-path", "off", "--conntrack", "off", "--cooldown", "0")
    free.start()
    until(lambda: "fast-path-removed links=2" in free.log, "the word of it")
    with inside(free.node):
        assert "clsact" not in run("tc", "qdisc").stdout
    with (
        closing(udp(one.space, one.address)) as here,
        closing(udp(free.router, BEYOND, 9)) as there,
    ):
        before = seen(free)
        datagrams(here, there)
        assert seen(free) == before + 2 * MANY
    until(lambda: free.status["fastPath"] == "off", "the status")


FORBIDDEN = """
import ctypes, os, platform, struct, sys
number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
packed = b"".join(struct.pack("=HBBI", *each) for each in code)
memory = ctypes.create_string_buffer(packed)
program = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(code), ctypes.addressof(memory)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Starts a program to which bpf(2) answers EPERM (seccomp)."""


@pytest.mark.parametrize("wish", ["auto", "on"])
def test_where_bpf_is_not_permitted(tmp_path: Path, wish: str) -> None:
    launcher = (sys.executable, "-c", FORBIDDEN)
    with a_world(tmp_path, "--fast-path", wish) as world:
        world.launcher = launcher
        if wish == "on":
            world.start(wait=False)
            assert world.process is not None
            assert world.process.wait() == 1
            world.process = None
            assert "Operation not permitted" in world.log
            return
        world.start()
        until(lambda: "fast-path-absent" in world.log, "the word of it")
        assert json.dumps(world.status["fastPath"]).startswith('"off: ')
        assert world.reaches(world.run_pod("one").space, "10.0.8.1")
