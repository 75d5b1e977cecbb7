"""Real programs' packets through the fabric: ARP, MTU, the internet, cut and restored flows."""

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import pytest
from builders_vcn import OPEN, Cloud, allow, an_id
from fabric_field import Field, a_field

from mooring.adapters import netns
from mooring.core.vcn.packets.fabric import SERVER
from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.follow import Following
from mooring.localvcn.internet import ECHO, HTTP, HTTPS, Echoes, outside
from mooring.localvcn.weaver import Weaver

A, B, C = (an_id("vnic", name) for name in "abc")
NAT, PUBLIC = "198.18.0.1", "198.18.0.10"
PATIENCE = 120.0


def a_cloud() -> Cloud:
    """`a` and `b` behind a NAT gateway, `c` with a public address; everything is allowed."""
    cloud = Cloud()
    book = cloud.security_list("open", *OPEN)
    private = cloud.table("private", ("0.0.0.0/0", cloud.nat("nat", NAT)))
    public = cloud.table("public", ("0.0.0.0/0", cloud.internet()))
    one = cloud.subnet("one", "10.0.1.0/24", (book,), private)
    two = cloud.subnet("two", "10.0.2.0/24", (book,), public)
    cloud.vnic("a", one, "10.0.1.5")
    cloud.vnic("b", one, "10.0.1.6")
    cloud.vnic("c", two, "10.0.2.7", public=PUBLIC)
    return cloud


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    with a_field(a_cloud()) as made, served(made):
        yield made


@contextmanager
def served(field: Field) -> Iterator[None]:
    """The internet's server, on a loop of its own."""
    ready: Future[None] = Future()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        servers = Following(NoFabric(), netns, Echoes(outside(field.name)))
        await servers.apply(field.cloud.world)
        task = asyncio.create_task(servers.run())
        ready.set_result(None)
        with suppress(asyncio.CancelledError):
            await task

    main = loop.create_task(serve())
    thread = threading.Thread(target=loop.run_until_complete, args=(main,))
    thread.start()
    try:
        ready.result(PATIENCE)
        yield
    finally:
        loop.call_soon_threadsafe(stop, loop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def stop(loop: asyncio.AbstractEventLoop) -> None:
    # The task that serves waits for the one that runs: it ends with it.
    for task in asyncio.all_tasks(loop):
        task.cancel()


@pytest.fixture(autouse=True)
def as_it_was(field: Field) -> Iterator[None]:
    """Each test finds the cloud as the first one did."""
    world = field.cloud.world
    yield
    field.cloud.world = world
    field.weave()
    at(field.router, "conntrack -F")


def at(space: str, script: str, *, check: bool = True) -> str:
    done = subprocess.run(
        ["ip", "netns", "exec", space, "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


def a_socket(
    field: Field, vnic_id: str, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    with field.inside(field.node(vnic_id)):
        made = socket.socket(socket.AF_INET, kind)
    made.settimeout(PATIENCE)
    return made


@contextmanager
def a_connection(
    field: Field, client: str, server: str, port: int = 80
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection between two VNICs."""
    with a_socket(field, server) as door, a_socket(field, client) as one:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("0.0.0.0", port))
        door.listen()
        one.connect((str(field.port(server).primary), port))
        other, _ = door.accept()
        other.settimeout(PATIENCE)
        with other:
            yield one, other


def says(one: socket.socket, other: socket.socket, word: bytes) -> bool:
    one.sendall(word)
    return other.recv(len(word), socket.MSG_WAITALL) == word


def who(field: Field, vnic_id: str, port: int = HTTP) -> str:
    """What the internet's server says about a caller."""
    with a_socket(field, vnic_id) as ours:
        ours.connect((str(SERVER), port))
        ours.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := ours.recv(4096):
            answer += part
    return answer.decode().splitlines()[-1].split()[0]


def echoes(field: Field, vnic_id: str, kind: int) -> bytes:
    with a_socket(field, vnic_id, kind) as ours:
        ours.connect((str(SERVER), ECHO))
        ours.sendall(b"anybody there?")
        return ours.recv(100)


# -- the internet


def test_behind_a_nat_gateway_the_internet_sees_its_address(field: Field) -> None:
    assert (who(field, A), who(field, B)) == (NAT, NAT)


def test_where_only_443_is_let_out_the_internet_answers_too(field: Field) -> None:
    assert who(field, A, HTTPS) == NAT


def test_with_a_public_address_the_internet_sees_that(field: Field) -> None:
    assert who(field, C) == PUBLIC


def test_the_internet_echoes(field: Field) -> None:
    assert echoes(field, A, socket.SOCK_STREAM) == b"anybody there?"
    assert echoes(field, C, socket.SOCK_DGRAM) == b"anybody there?"


def test_many_connections_share_one_address(field: Field) -> None:
    ours = [a_socket(field, vnic) for vnic in (A, B) for _ in range(20)]
    for number, each in enumerate(ours):
        # Both VNICs use the same ports: the gateway has to tell them apart.
        each.bind(("", 40000 + number % 20))
        each.connect((str(SERVER), ECHO))
    for number, each in enumerate(ours):
        each.sendall(str(number).encode())
    heard = [each.recv(100) for each in ours]
    for each in ours:
        each.close()

    assert heard == [str(number).encode() for number in range(40)]


def test_the_internet_reaches_a_public_address(field: Field) -> None:
    assert "1 received" in at(field.internet, f"ping -nc1 -W20 -I {SERVER} {PUBLIC}")


def test_a_nat_gateway_lets_nobody_in(field: Field) -> None:
    before = received(field, A), received(field, B)
    at(field.internet, f"ping -nc3 -i0.01 -W0.3 -I {SERVER} {NAT}", check=False)

    assert (received(field, A), received(field, B)) == before


def received(field: Field, vnic_id: str) -> int:
    """Pings that came to a guest."""
    names, values = (
        line.split()
        for line in at(field.node(vnic_id), "grep ^Icmp: /proc/net/snmp").splitlines()
    )
    return int(dict(zip(names, values, strict=True))["InEchos"])


def test_a_namespace_made_anew_has_a_server_again(field: Field) -> None:
    netns.delete(field.internet)
    field.weave(look=True)
    # The server looks for itself, and opens one door after the other; until then they refuse.
    deadline = time.monotonic() + PATIENCE
    seen: dict[int, str] = {}
    while len(seen) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        with suppress(OSError, IndexError):
            seen |= {port: who(field, A, port) for port in (HTTP, HTTPS)}
    while (heard := a_word(field)) != b"anybody there?":
        assert time.monotonic() < deadline, heard

    assert set(seen.values()) == {NAT}


def a_word(field: Field) -> bytes:
    with suppress(OSError):
        return echoes(field, A, socket.SOCK_STREAM)
    return b""


# -- what a guest sees of its network


def test_a_guest_resolves_its_neighbours_to_the_router(field: Field) -> None:
    at(field.node(A), "ip neigh flush all; ping -nc1 -W20 10.0.1.6")
    mac = field.port(A).subnet.virtual_router_mac

    assert mac in at(field.node(A), "ip neigh show 10.0.1.6")


def test_nobody_answers_for_an_address_that_is_not_in_use(field: Field) -> None:
    at(field.node(A), "ping -nc1 -W0.3 10.0.1.99", check=False)

    shown = at(field.node(A), "ip neigh show 10.0.1.99")
    assert "lladdr" not in shown


def test_a_guest_hears_nobody_claim_its_own_address(field: Field) -> None:
    """Duplicate address detection, as some images do it before they take an address."""
    heard = at(field.node(A), "busybox arping -D -c1 -w1 -I ens3 10.0.1.5", check=False)

    assert "Received 0" in heard


def test_the_router_answers_pings_at_its_address(field: Field) -> None:
    assert "1 received" in at(field.node(A), "ping -nc1 -W20 10.0.1.1")


def test_a_traceroute_shows_the_virtual_router(field: Field) -> None:
    shown = at(field.node(A), "ping -nc1 -t1 -W20 10.0.2.7", check=False)

    assert "From 10.0.1.1 " in shown


def test_inside_packets_may_be_9000_bytes_long_and_to_the_internet_1500(
    field: Field,
) -> None:
    whole = at(field.node(A), "ping -nc1 -W20 -Mdo -s8972 10.0.2.7")
    refused = at(field.node(A), f"ping -nc1 -W20 -Mdo -s1473 {SERVER}", check=False)
    fitting = at(field.node(A), f"ping -nc1 -W20 -Mdo -s1472 {SERVER}")

    assert "1 received" in whole
    assert "mtu = 1500" in refused
    assert "1 received" in fitting


def test_a_long_stream_to_the_internet_finds_the_path_mtu(field: Field) -> None:
    data = bytes(200_000)
    with a_socket(field, A) as ours:
        ours.connect((str(SERVER), ECHO))
        sender = threading.Thread(target=ours.sendall, args=(data,))
        sender.start()
        heard = 0
        while heard < len(data):
            heard += len(ours.recv(1 << 16))
        sender.join()

    assert heard == len(data)


def test_a_secondary_nic_appears_bare(field: Field) -> None:
    field.cloud.vnic(
        "a2", an_id("subnet", "two"), "10.0.2.40", on=an_id("instance", "a"), slot=1
    )
    field.weave()

    assert "ens5" in at(field.node(A), "ip -o link show ens5")
    assert at(field.node(A), "ip -4 addr show dev ens5") == ""


def test_a_stopped_instance_boots_anew(field: Field) -> None:
    field.cloud.change(an_id("instance", "a"), lifecycle_state="STOPPED")
    field.weave()
    links = at(field.node_named("a"), "ip -o link")
    field.cloud.change(an_id("instance", "a"), lifecycle_state="RUNNING")
    field.weave()

    assert "ens3" not in links
    assert "1 received" in at(field.node(A), "ping -nc1 -W20 10.0.1.6")


# -- flows


def test_a_removed_rule_cuts_a_connection_and_a_new_one_restores_it(
    field: Field,
) -> None:
    with a_connection(field, A, B) as (one, other):
        assert says(one, other, b"before")
        field.cloud.security_list("open", allow("egress"))
        field.weave()
        one.sendall(b"during")
        other.settimeout(0.3)
        with pytest.raises(TimeoutError):
            other.recv(1)
        field.cloud.security_list("open", *OPEN)
        field.weave()
        other.settimeout(PATIENCE)

        assert other.recv(6, socket.MSG_WAITALL) == b"during"
        assert says(other, one, b"back")


def test_replies_need_no_rule(field: Field) -> None:
    field.cloud.security_list(
        "open",
        allow("egress", "tcp", "10.0.1.6/32", to="80"),
        allow("ingress", "tcp", "10.0.1.5/32", to="80"),
    )
    field.weave()

    with a_connection(field, A, B) as (one, other):
        assert says(one, other, b"question")
        assert says(other, one, b"answer")


def test_another_start_keeps_connections(field: Field) -> None:
    with a_connection(field, A, C) as (one, other):
        assert says(one, other, b"before")
        field.weaver = Weaver(field.name, field.tools)
        field.weave(look=True)

        assert says(one, other, b"after")
        assert says(other, one, b"back")


def test_a_connection_outlives_a_gateway_that_blocks_for_a_while(field: Field) -> None:
    with a_socket(field, A) as ours:
        ours.connect((str(SERVER), ECHO))
        field.cloud.nat("nat", NAT, blocked=True)
        field.weave()
        ours.sendall(b"kept back")
        ours.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ours.recv(1)
        field.cloud.nat("nat", NAT)
        field.weave()
        ours.settimeout(PATIENCE)

        assert ours.recv(9, socket.MSG_WAITALL) == b"kept back"


def test_no_guest_can_send_as_another(field: Field) -> None:
    at(field.node(A), "ip addr add 10.0.1.77/32 dev lo")
    before = received(field, B)
    at(field.node(A), "ping -nc2 -i0.01 -W0.3 -I 10.0.1.77 10.0.1.6", check=False)
    spoofed = received(field, B) - before
    field.cloud.change(A, skip_source_dest_check=True)
    field.weave()
    at(field.node(A), "ping -nc2 -i0.01 -W0.3 -I 10.0.1.77 10.0.1.6", check=False)
    unchecked = received(field, B) - before
    at(field.node(A), "ip addr del 10.0.1.77/32 dev lo")

    assert (spoofed, unchecked) == (0, 2)


def test_metadata_is_for_primary_addresses(field: Field) -> None:
    field.cloud.ip(A, "10.0.1.50")
    field.weave()
    at(field.node(A), "ip addr add 10.0.1.50/24 dev ens3")
    fd = netns.open_fd(field.router)
    with netns.listen_tcp(fd, "169.254.169.254", 80) as door:
        netns.close(fd)
        door.settimeout(PATIENCE)
        with a_socket(field, A) as ours:
            ours.bind(("10.0.1.5", 0))
            ours.connect(("169.254.169.254", 80))
            door.accept()[0].close()
        with a_socket(field, A) as ours:
            ours.bind(("10.0.1.50", 0))
            ours.settimeout(0.3)
            with pytest.raises(TimeoutError):
                ours.connect(("169.254.169.254", 80))
    at(field.node(A), "ip addr del 10.0.1.50/24 dev ens3")


def test_an_address_that_moves_is_reached_at_its_new_vnic(field: Field) -> None:
    moving = field.cloud.ip(A, "10.0.1.60")
    field.weave()
    for vnic in (A, B):
        at(field.node(vnic), "ip addr add 10.0.1.60/32 dev lo")
    before = received(field, B)
    at(field.node(C), "ping -nc1 -W20 10.0.1.60")
    first = received(field, B) - before
    field.cloud.change(moving, vnic_id=B)
    field.weave()
    at(field.node(C), "ping -nc1 -W20 10.0.1.60")
    second = received(field, B) - before
    for vnic in (A, B):
        at(field.node(vnic), "ip addr del 10.0.1.60/32 dev lo")

    assert (first, second) == (0, 1)


def test_a_vnic_forwards_for_others(field: Field) -> None:
    cloud = field.cloud
    cloud.table("private", ("203.0.113.0/24", an_id("privateip", "10.0.2.7")))
    cloud.change(C, skip_source_dest_check=True)
    field.weave()
    at(field.node(C), "ip addr add 203.0.113.5/32 dev lo")
    reached = at(field.node(A), "ping -nc1 -W20 203.0.113.5")
    at(field.node(C), "ip addr del 203.0.113.5/32 dev lo")

    assert "1 received" in reached
