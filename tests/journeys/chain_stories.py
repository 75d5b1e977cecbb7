"""What holds with portmap, bandwidth and tuning behind us, whoever the runtime is.

A story takes a world with a running agent and a runtime, and leaves the node as it was.
The router believes only packets that come by the link which leads to their source, as the
VCN does: an answer that leaves by the wrong VNIC is lost.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from journeys.agent_world import Pod, World, ip, run
from journeys.chained import Json, Runtime, in_node
from patience import until

from mooring.adapters import netns

NODE, NODE_BY_VNIC = "10.0.2.7", "10.0.8.2"
HOST_PORT, PORT = 8080, 80
RATE = 8_000_000
"""Bits a second: a million bytes take a second."""

BURST = 800_000
AMOUNT = 1_000_000

MINE: Json = {"type": "mooring"}
PORTMAP: Json = {"type": "portmap", "capabilities": {"portMappings": True}}
BANDWIDTH: Json = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
TUNING: Json = {
    "type": "tuning",
    "sysctl": {"net.core.somaxconn": "500"},
    "mtu": 1400,
}
WISHES: Json = {
    "portMappings": [
        {"hostPort": HOST_PORT, "containerPort": PORT, "protocol": "tcp"},
        {"hostPort": HOST_PORT, "containerPort": PORT, "protocol": "udp"},
    ],
    "bandwidth": {
        "ingressRate": RATE,
        "ingressBurst": BURST,
        "egressRate": RATE,
        "egressBurst": BURST,
    },
}


def believe_only_true_sources(world: World) -> None:
    for link in ("all", "r-ens3", "r-ens5"):
        key = f"net.ipv4.conf.{link}.rp_filter=1"
        run("ip", "netns", "exec", world.router, "sysctl", "-qw", key)


@contextmanager
def inside(space: str) -> Iterator[int]:
    fd = netns.open_fd(space)
    try:
        yield fd
    finally:
        netns.close(fd)


def peer(client: str, address: str, server: Pod, port: int = HOST_PORT) -> str:
    """Connect from a namespace to an address; give the client as the pod sees it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(server.space) as fd:
        door = netns.listen_tcp(fd, "::" if ":" in address else "0.0.0.0", PORT)
    with closing(door), inside(client) as fd:
        door.settimeout(120)
        with netns.inside(fd), closing(socket.socket(family)) as one:
            one.settimeout(120)
            one.connect((address, port))
            two, (seen, *_) = door.accept()
            with closing(two):
                two.sendall(b"!")
                assert one.recv(1) == b"!"
    return str(seen)


def peer_by_udp(client: str, address: str, server: Pod) -> str:
    """Ask by a datagram; give the client as the pod sees it."""
    with inside(server.space) as fd:
        there = netns.udp_socket(fd, "0.0.0.0", PORT)
    with inside(client) as fd:
        here = netns.udp_socket(fd, "0.0.0.0", 0)
    with closing(there), closing(here):
        here.settimeout(120)
        there.settimeout(120)
        here.connect((address, HOST_PORT))
        here.send(b"?")
        _, seen = there.recvfrom(1)
        there.sendto(b"!", seen)
        assert here.recv(1) == b"!"
    return str(seen[0])


def rules(world: World) -> str:
    return run(*in_node(world), "nft", "-s", "list", "ruleset").stdout


def links(world: World) -> list[tuple[str, str]]:
    """Name the node's links and the queues on them."""
    shown = json.loads(run(*in_node(world), "tc", "-j", "qdisc", "show").stdout)
    names = json.loads(ip(world.node, "-j", "link", "show"))
    queues = {(each["dev"], each["kind"]) for each in shown}
    return sorted(queues | {(each["ifname"], "") for each in names})


def the_result_names_both_ends(world: World, runtime: Runtime) -> None:
    pod = world.a_space_for("one")
    result = runtime.add(pod)
    (host_end,) = world.host_ends()

    mine, theirs = result["interfaces"][:2]
    assert (mine["name"], mine.get("sandbox", "")) == (host_end, "")
    assert (theirs["name"], theirs["sandbox"]) == ("eth0", pod.path)
    assert mine["mac"] != theirs["mac"] != ""
    assert [each["interface"] for each in result["ips"]] == [1] * len(result["ips"])
    runtime.check(pod)
    runtime.delete(pod)


def a_host_port_leads_to_the_pod(world: World, runtime: Runtime) -> None:
    believe_only_true_sources(world)
    pod, other = world.a_space_for("one"), world.run_pod("other")
    address = of(runtime.add(pod))

    # As the rules of portmap say, only what would answer itself is translated.
    assert peer(world.router, NODE, pod) == "10.0.2.1"
    assert peer(world.router, NODE_BY_VNIC, pod) == "10.0.8.1"
    assert peer_by_udp(world.router, NODE, pod) == "10.0.2.1"
    assert peer(other.space, NODE, pod) == other.address
    assert peer(world.node, NODE, pod) == NODE
    assert peer(pod.space, NODE, pod) in {NODE, NODE_BY_VNIC}
    assert peer(world.node, "127.0.0.1", pod) in {NODE, NODE_BY_VNIC}
    # Its own address leads to it as before, past the rules.
    assert peer(world.router, address, pod, PORT) == "10.0.8.1"
    runtime.check(pod)
    runtime.delete(pod)

    until(lambda: address not in rules(world), "the end of the rules")


def of(result: Json) -> str:
    """Give the pod's address."""
    return str(result["ips"][0]["address"]).removesuffix("/32")


def a_host_port_leads_to_the_pod_over_ipv6(world: World, runtime: Runtime) -> None:
    pod = world.a_space_for("one")
    result = runtime.add(pod)
    assert [each["address"] for each in result["ips"]] == [
        "10.0.8.10/32",
        "fd00:8::10/128",
    ]

    assert peer(world.router, "fd00:8::2", pod) == "fd00:8::1"
    runtime.check(pod)
    runtime.delete(pod)

    assert "fd00:8::10" not in rules(world)


def rates_are_limited(world: World, runtime: Runtime) -> None:
    pod = world.a_space_for("one")
    before = links(world)
    runtime.add(pod)

    assert seconds_for(AMOUNT, world.router, pod.space, "10.0.8.10") > 0.7
    assert seconds_for(AMOUNT, pod.space, world.router, "10.0.8.1") > 0.7
    slowed = [queue for queue in queues(world) if queue["kind"] == "tbf"]
    assert len(slowed) == 2
    assert all(queue["overlimits"] > 0 for queue in slowed)
    runtime.check(pod)
    runtime.delete(pod)

    until(lambda: links(world) == before, "the end of the links")


def queues(world: World) -> list[Json]:
    shown: list[Json] = json.loads(
        run(*in_node(world), "tc", "-j", "-s", "qdisc").stdout
    )
    return shown


def seconds_for(amount: int, sender: str, receiver: str, address: str) -> float:
    """Send so many bytes; give how long the receiver waited for the last of them."""
    with inside(receiver) as fd:
        door = netns.listen_tcp(fd, address, 9000)
    with inside(sender) as fd, netns.inside(fd):
        one = socket.socket()
    with closing(door), closing(one):
        one.settimeout(60)
        one.connect((address, 9000))
        two, _ = door.accept()
        with closing(two):
            two.settimeout(60)
            one.setblocking(False)
            began, left, got = time.monotonic(), amount, 0
            while got < amount:
                with suppress(BlockingIOError):
                    left -= one.send(bytes(min(left, 1 << 16))) if left else 0
                got += len(two.recv(1 << 16)) if left < amount else 0
            return time.monotonic() - began


def a_pod_is_tuned(world: World, runtime: Runtime) -> None:
    pod = world.a_space_for("one")
    runtime.add(pod)
    for _ in range(2):
        (shown,) = json.loads(ip(pod.space, "-j", "link", "show", "eth0"))
        assert shown["mtu"] == 1400
        assert somaxconn(pod) == "500"
        runtime.check(pod)
        # The node is looked at again and again, and none of it is repaired.
        assert not world.repaired()

    assert world.reaches(pod.space, "10.0.8.1")
    runtime.delete(pod)


def somaxconn(pod: Pod) -> str:
    words = ("sysctl", "-n", "net.core.somaxconn")
    return run("ip", "netns", "exec", pod.space, *words).stdout.strip()


def nothing_is_left(world: World, runtime: Runtime) -> None:
    """All three: twice added and removed, with the agent killed in between."""
    runtime.add(world.a_space_for("first"))
    runtime.delete(Pod("first", f"{world.prefix}-first"))
    until(lambda: world.status["pool"]["held"] == 0, "the free address")
    until(lambda: world.host_ends() == set(), "the end of the links")
    before, ruled = links(world), rules(world)

    pod = world.a_space_for("one")
    runtime.add(pod)
    added = links(world)
    world.kill()
    world.start()
    runtime.check(pod)
    assert links(world) == added
    assert peer(world.router, NODE, pod) == "10.0.2.1"
    # A runtime may call it again, and when the namespace is gone.
    runtime.delete(pod)
    world.drop_space(pod.space)
    runtime.delete(pod)

    until(lambda: links(world) == before, "the end of the links")
    until(lambda: rules(world) == ruled, "the end of the rules")
    until(lambda: world.status["pool"]["held"] == 0, "the free address")
