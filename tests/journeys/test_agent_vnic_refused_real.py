"""A VNIC of whose cables the real kernel refuses a part: shut while it is so, and opened by itself.

The refusal is a driver's: an end of a veth pair whose twin has an XDP program takes no MTU that
does not fit into a page (veth_xdp_set, Linux 4.19).
"""

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from journeys.agent_world import VNIC, World, a_world, ip
from journeys.audited import audit, keys
from patience import until

from mooring.adapters.bpf import syscall
from mooring.adapters.netlink.conversation import Conversations
from mooring.core.linux import wire

XDP, PASS = 6, bytes.fromhex("b700000002000000 9500000000000000")
SET_LINK, LINK_XDP, XDP_FD = 19, 43, 1
NOTHING = -1


def hook(space: str, link: str, program: int) -> None:
    """Put an XDP program on a link; NOTHING takes it away."""
    (shown,) = json.loads(ip(space, "-j", "link", "show", link))
    what = wire.attribute(XDP_FD, struct.pack("=i", program))
    body = struct.pack("=BxHiII", 0, 0, shown["ifindex"], 0, 0)
    body += wire.attribute(LINK_XDP | wire.NESTED, what)
    conversations = Conversations()
    inside = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        talk = conversations.open(inside)
        assert talk.tell([wire.Message(SET_LINK, 0, body)]) == {}
        conversations.end(talk, keep=False)
    finally:
        os.close(inside)
        conversations.close()


@contextmanager
def small_frames_only(world: World) -> Iterator[None]:
    """Let the VNIC's link take no large MTU for the block."""
    ip(world.node, "link", "set", "ens5", "mtu", "1500")
    program = syscall.load(XDP, "pass", PASS, [])
    try:
        hook(world.router, "r-ens5", program)
    finally:
        os.close(program)
    yield
    hook(world.router, "r-ens5", NOTHING)


def test_the_kernel_refuses_an_mtu(tmp_path: Path) -> None:
    with a_world(tmp_path, "--mtu", "9000") as world:
        with small_frames_only(world):
            world.start(wait=False)
            until(lambda: " trouble " in world.log, "a refusal")
            assert f"{VNIC} gives no addresses: the kernel refused" in world.log

            pod = world.a_space_for("c1")
            done = world.cni("ADD", pod)
            said = json.loads(done.stdout)
            assert (done.returncode, said["code"]) == (1, 11), said
            assert f"{VNIC} gives no addresses" in said["details"]
            until(lambda: world.status["refused"] == [VNIC], "the status file")

            amiss = {
                ("agent-not-ready", "agent"),
                ("node-link-changed", "link ens5 up mtu 9000"),
            }
            code, node = audit(world)
            assert (code, keys(node) >= amiss) == (1, True), node
            for each in node["differences"]:
                of_the_vnic = each["code"] != "agent-not-ready"
                assert ("kernel refuses" in each["cause"]) == of_the_vnic, each
                assert each["by"] == "you", each
            code, node = audit(world, "--repair")
            assert (code, keys(node, "left") >= amiss) == (1, True), node
        until(world.ready, "an agent that serves again")
        world.add(pod)
        assert world.reaches(pod.space, "10.0.8.1")
        until(lambda: world.status["refused"] == [], "the status file")
        assert audit(world)[0] == 0
