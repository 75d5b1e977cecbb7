"""What hurts other plugins' users, on the real kernel: deaths at any step, bursts, a reboot, path MTU.

The rest of the cases is held on fakes, faster and in more ways: `test_survival`.
"""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from journeys.agent_world import VNIC_MAC, Pod, World, a_world, ip, run, until

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.core.cni.request import AttachmentId
from mooring.core.linux.plan import HOST
from mooring.core.wiring.names import host_link

MORTAL = str(Path(__file__).parents[1] / "survival/mortal_agent.py")
BOOT = "/proc/sys/kernel/random/boot_id"
OTHER_BOOT = "5ca1ab1e-0000-4000-8000-000000000000"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, "--cooldown", "0") as made:
        made.pod_addresses = tuple(f"10.0.8.{n}" for n in range(10, 74))
        made.write_npn(made.pod_addresses)
        yield made


def all_is_free(world: World) -> None:
    """Ledger and kernel have nothing of pods any more; where somebody spoke an address rests."""
    until("no lease", lambda: world.status["pool"]["held"] == 0)
    until("no links", lambda: world.host_ends() == set())
    pool = world.status["pool"]
    assert pool["free"] + pool["cooling"] == 64


def test_a_death_at_any_step_on_the_real_kernel(
    world: World, chance: random.Random
) -> None:
    """Killed before, after or in the middle of a change; the next agent goes on by itself."""
    world.start()
    steady = world.run_pod("steady")
    for number in sorted(chance.sample(range(2, 26), 5)):
        world.kill()
        world.launcher = (sys.executable, MORTAL, str(number))
        world.start(wait=False)
        pods = [world.a_space_for(f"p{number}-{n}") for n in range(3)]
        answered = [pod for pod in pods if added_by_the_dying(world, pod)]
        assert world.process is not None
        if world.process.poll() is None:
            world.kill()
        world.process, world.launcher = None, ()
        assert world.reaches(steady.space, "10.0.8.1"), f"after {number} changes"
        world.start()
        for pod in pods:
            if pod in answered:
                assert world.reaches(world.node, pod.address)
            world.remove_pod(pod)
        until("the end", lambda: world.status["pool"]["held"] == 1)
        until("the links' end", lambda: len(world.host_ends()) == 1)
    assert [a["container"] for a in world.status["attachments"]] == ["steady"]


def added_by_the_dying(world: World, pod: Pod) -> bool:
    """Let a runtime try once the agent listens or has died."""
    until("its door or its end", lambda: ended(world) or answers(world))
    if ended(world) or world.cni("ADD", pod).returncode:
        return False
    return bool(address_of(world, pod))


def ended(world: World) -> bool:
    return world.process is None or world.process.poll() is not None


def answers(world: World) -> bool:
    return world.cni("STATUS", None, version="1.1.0").returncode == 0


def address_of(world: World, pod: Pod) -> str:
    """What the pod has, by its own kernel."""
    shown = ip(pod.space, "-4", "-o", "addr", "show", "dev", "eth0").split()
    pod.address = shown[shown.index("inet") + 1].removesuffix("/32") if shown else ""
    return pod.address


def test_rt_45_sixty_four_adds_and_a_storm_of_dels(world: World) -> None:
    """64 pods at once; then each is deleted three times at once, and strangers too."""
    world.start()
    pods = [world.a_space_for(f"c{n}") for n in range(64)]
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(world.add, pods))
        assert len({pod.address for pod in pods}) == 64
        assert len(world.host_ends()) == 64
        strangers = [Pod(f"never-{n}", pods[n].space) for n in range(20)]
        list(threads.map(world.delete, [*pods, *pods, *strangers, *pods]))
    all_is_free(world)


def test_a_namespace_deleted_in_the_middle_of_add_leaks_nothing(
    world: World, chance: random.Random
) -> None:
    world.start()

    def torn(number: int) -> None:
        pod = world.a_space_for(f"t{number}")
        adding = threading.Thread(target=world.cni, args=("ADD", pod))
        adding.start()
        time.sleep(chance.uniform(0, 0.004))
        world.drop_space(pod.space)
        adding.join()

    for number in range(20):
        torn(number)
    all_is_free(world)


def test_rt_34_leftovers_of_all_kinds_give_way(world: World) -> None:
    """A rule and a route with our numbers, a link with the pod's name, neighbours, a table."""
    first = world.pod_addresses[0]
    link = host_link(AttachmentId("mooring", "one", "eth0"))
    rule = ("fwmark", "0x90000/0x7f0000", "lookup", "7009", "pref", "510")
    ip(world.node, "rule", "add", *rule)
    ip(world.node, "route", "add", "default", "via", "10.0.2.1", "table", "7009")
    ip(world.node, "route", "add", f"{first}/32", "via", "10.0.2.1")
    ip(world.node, "neigh", "add", first, "lladdr", VNIC_MAC, "dev", "ens5")
    ip(world.node, "link", "add", link, "type", "veth", "peer", "name", "former")
    run("ip", "netns", "exec", world.node, "nft", "add table inet mooring")
    world.start()
    pod = world.run_pod("one")

    assert world.reaches(world.router, pod.address)
    until("no such rule", lambda: "7009" not in ip(world.node, "rule"))
    world.remove_pod(pod)
    all_is_free(world)


def test_rt_04_a_node_that_rebooted_on_the_real_kernel(world: World) -> None:
    """Another boot id, no pods, no rules, no table, a stale ledger, the runtime's directory gone."""
    world.start()
    pods = [world.run_pod(f"c{n}") for n in range(3)]
    world.kill()
    for pod in pods:
        world.drop_space(pod.space)
    run("ip", "netns", "exec", world.node, "nft", "flush ruleset")
    for line in ip(world.node, "rule").splitlines():
        if not line.endswith(("local", "main", "default")):
            ip(world.node, "rule", "del", "pref", line.partition(":")[0])
    for name in ("agent.sock", "state/status.json"):
        (world.place / name).unlink(missing_ok=True)
    boot = world.place / "boot_id"
    boot.write_text(OTHER_BOOT + "\n")
    bound = f'mount --bind {boot} {BOOT} && exec "$@"'
    world.launcher = ("sh", "-c", bound, "sh")
    world.start()

    all_is_free(world)
    again = [world.run_pod(f"n{n}") for n in range(3)]
    assert len({pod.address for pod in again}) == 3
    for pod in pods:  # DEL for what the boot before ran
        world.delete(pod)
    assert all(world.reaches(world.node, pod.address) for pod in again)


def test_rt_41_a_path_with_a_smaller_mtu_is_found(world: World) -> None:
    """9000 at the pod, 1500 behind the router: what is too long is told back to the pod."""
    far = world.make_space(f"{world.prefix}-far")
    pair = ("type", "veth", "peer", "name", "f", "netns", far)
    run("ip", "link", "add", "r-far", "mtu", "1500", "netns", world.router, *pair)
    for space, link, address in (
        (world.router, "r-far", "10.9.9.1/24"),
        (far, "f", "10.9.9.2/24"),
    ):
        ip(space, "addr", "add", address, "dev", link)
        ip(space, "link", "set", link, "up")
    ip(far, "route", "add", "default", "via", "10.9.9.1")
    forward = ("sysctl", "-qw", "net.ipv4.ip_forward=1")
    run("ip", "netns", "exec", world.router, *forward)
    world.start()
    pod = world.run_pod("one")

    assert world.reaches(pod.space, "10.9.9.2", "-M", "do", "-s", "1472")
    assert not world.pings(pod.space, "10.9.9.2", "-M", "do", "-s", "4000")
    until("the path's MTU", lambda: "1500" in path(pod))
    assert world.reaches(pod.space, "10.9.9.2", "-s", "4000")


def path(pod: Pod) -> str:
    return ip(pod.space, "route", "get", "10.9.9.2")


def test_rt_35_a_look_is_whole_while_links_come_and_go(world: World) -> None:
    """A dump that was interrupted is taken again: what stands all the time is in every look."""
    over = threading.Event()
    pairs = [f"c{n} type veth peer name d{n}" for n in range(20)]
    lines = "".join(f"link add {pair}\n" for pair in pairs)
    lines += "".join(f"link del c{n}\n" for n in range(20))

    def churn() -> None:
        while not over.is_set():
            batch = ["ip", "-n", world.node, "-batch", "-"]
            subprocess.run(batch, input=lines, text=True, check=True)

    fd = netns.open_fd(world.node)
    churning = threading.Thread(target=churn)
    churning.start()
    try:
        with Kernel() as kernel:
            for _ in range(60):
                seen = kernel.look(HOST, fd)
                assert {"ens3", "ens5"} <= seen.links.keys()
                assert any(r.destination.prefixlen == 0 for r in seen.routes)
    finally:
        over.set()
        churning.join()
        netns.close(fd)
