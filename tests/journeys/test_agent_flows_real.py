"""Flow-safe reuse on the real kernel: who knocks at a pod that is gone reaches no other pod."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journeys.agent_world import World, a_world, received, run
from patience import until

KNOCK = """
import socket, time
while True:
    with socket.socket() as s:
        s.setblocking(False)
        s.connect_ex(("10.0.8.10", 80))
    time.sleep(0.02)
"""
STREAM = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.2.1", 4000))
while True:
    s.sendto(b"x", ("10.0.2.7", 5353))
    time.sleep(0.02)
"""
HOSTPORT = """
add table ip hostport
delete table ip hostport
table ip hostport {{
  chain to {{
    type nat hook prerouting priority dstnat
    udp dport 5353 dnat to {address}:7
  }}
}}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    options = ("--cooldown", "1", "--conntrack", "on")
    with a_world(tmp_path, *options) as made:
        made.pod_addresses = tuple(f"10.0.8.{n}" for n in range(10, 18))
        made.write_npn(made.pod_addresses)
        # An unanswered SYN is remembered for two minutes; a test cannot wait for that.
        timeout = "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=2"
        run("ip", "netns", "exec", made.node, "sysctl", "-q", "-w", timeout)
        made.start()
        yield made


@contextmanager
def running(space: str, program: str) -> Iterator[None]:
    words = ("ip", "netns", "exec", space, sys.executable, "-c", program)
    with subprocess.Popen(words) as process:
        try:
            yield
        finally:
            process.kill()


def test_rt_38_no_packet_for_a_gone_pod_reaches_another(world: World) -> None:
    pod = world.run_pod("one")
    assert pod.address == "10.0.8.10"
    with running(world.router, KNOCK):
        until(lambda: received(pod.space, "Tcp", "InSegs") > 5, "a SYN")
        world.remove_pod(pod)
        until(lambda: "resting address=10.0.8.10" in world.log, "the word of it")
        for n in range(3):
            other = world.run_pod(f"other-{n}")
            assert other.address != "10.0.8.10"
            assert received(other.space, "Tcp", "InSegs") == 0
            world.remove_pod(other)
        until(lambda: world.status["pool"]["kept"] == 1, "the count of it")
    until(lambda: world.status["pool"]["free"] == 8, "all free")
    again = [world.run_pod(f"again-{n}") for n in range(8)]
    assert "10.0.8.10" in {pod.address for pod in again}
    assert {received(pod.space, "Tcp", "InSegs") for pod in again} == {0}
    assert "reused-early" not in world.log


def test_rt_39_a_datagram_stream_is_led_to_the_next_pod(world: World) -> None:
    """A hostPort's tracked flow would lead the stream to the gone pod as long as it lasts."""
    one, two = world.run_pod("one"), world.run_pod("two")

    def lead_to(address: str) -> None:
        words = ("ip", "netns", "exec", world.node, "nft", "-f", "-")
        script = HOSTPORT.format(address=address)
        subprocess.run(words, input=script, text=True, check=True)

    lead_to(one.address)
    with running(world.router, STREAM):
        until(lambda: received(one.space, "Udp", "NoPorts") > 5, "the stream")
        lead_to(two.address)
        before = received(one.space, "Udp", "NoPorts")
        until(lambda: received(one.space, "Udp", "NoPorts") > before + 5, "the old way")
        assert received(two.space, "Udp", "NoPorts") == 0
        world.remove_pod(one)
        until(lambda: received(two.space, "Udp", "NoPorts") > 5, "the new way")
        # Its successor is a pod of the host's network: no translation any more.
        run("ip", "netns", "exec", world.node, "nft", "delete table ip hostport")
        world.remove_pod(two)
        heard = received(world.node, "Udp", "NoPorts")
        until(lambda: received(world.node, "Udp", "NoPorts") > heard + 5, "the node")
