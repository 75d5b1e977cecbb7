"""What hurts other plugins' users, on the real kernel: deaths at any step, bursts, a reboot, path MTU.

The rest of the cases is held on fakes, faster and in more ways: `test_survival`.
"""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from journeys.agent_world import PATIENCE, VNIC_MAC, Pod, World, a_world, ip, run
from patience import until
from survival.moves import draw

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.core.cni.request import AttachmentId
from mooring.core.linux.plan import HOST
from mooring.core.wiring.names import host_link

MORTAL = str(Path(__file__).parents[1] / "survival/mortal_agent.py")
BOOT = "/proc/sys/kernel/random/boot_id"
TORN_AT_LEAST, TORN_AT_MOST = 20, 200
OTHER_BOOT = "5ca1ab1e-0000-4000-8000-000000000000"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, "--cooldown", "0") as made:
        made.pod_addresses = tuple(f"10.0.8.{n}" for n in range(10, 74))
        made.write_npn(made.pod_addresses)
        yield made


MOVES = frozenset({"add", "again", "stop", "delete", "drop", "kill", "start"})
"""What of a schedule can be played on the real kernel."""

MOST_MOVES, MOST_CHANGES = 30, 12


class Played:
    """A schedule's moves, one after another, by a runtime and a supervisor of the real node."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.pods: dict[str, Pod] = {}
        self.runs: set[str] = set()
        self.deaths = 0

    def play(self) -> None:
        """Play it, then let everything come to rest and judge it."""
        print(f"seed={self.seed}")
        moves = [move for turn in draw(self.seed).turns for move in turn]
        known = [move for move in moves if move[0] in MOVES]
        for what, *rest in known[:MOST_MOVES]:
            getattr(self, str(what))(*rest)
        self.kill(0)  # at its first change
        until(lambda: ended(self.world), "its end")
        self.start()
        for name in list(self.pods):
            self.stop(name)
        all_is_free(self.world)

    def pod(self, name: str) -> Pod:
        if name not in self.pods:
            self.pods[name] = self.world.a_space_for(f"s{self.seed}-{name}")
        return self.pods[name]

    def add(self, name: str) -> None:
        pod = self.pod(name)
        if pod.space not in self.world.spaces:
            return  # it was dropped, and waits for its DEL
        wait_for_door_or_end(self.world)
        if ended(self.world):
            return  # nobody answers
        if self.world.cni("ADD", pod).returncode == 0:
            assert address_of(self.world, pod)
            self.runs.add(name)

    def again(self, name: str) -> None:
        self.add(name)
        self.add(name)

    def delete(self, name: str) -> None:
        if name in self.pods:
            self.runs.discard(name)
            self.world.delete(self.pods[name])

    def drop(self, name: str) -> None:
        if name in self.pods and self.pods[name].space in self.world.spaces:
            self.runs.discard(name)
            self.world.drop_space(self.pods[name].space)

    def stop(self, name: str) -> None:
        self.delete(name)
        self.drop(name)
        self.delete(name)
        self.pods.pop(name, None)

    def kill(self, points: int) -> None:
        """The agent is killed; the next one ends itself some changes later."""
        if ended(self.world):
            self.bury()
        else:
            self.world.kill()
        start_mortal(self.world, 1 + points % MOST_CHANGES)

    def start(self) -> None:
        """The supervisor starts another one if the agent has ended itself."""
        wait_for_door_or_end(self.world)
        if ended(self.world):
            self.bury()
            self.world.start()
            self.all_run()

    def bury(self) -> None:
        if self.world.process is not None:
            self.deaths += 1
            assert how_it_ended(self.world) == -signal.SIGKILL, self.world.log

    def all_run(self) -> None:
        """Whoever was answered, and is not gone, has an address of its own and is reached."""
        pods = [self.pods[name] for name in sorted(self.runs)]
        assert len({pod.address for pod in pods}) == len(pods)
        assert all(self.world.reaches(self.world.node, pod.address) for pod in pods)


def test_random_schedules_on_the_real_kernel(world: World, seed: int) -> None:
    """Some of the moves that `make schedules` plays on fakes, on the real kernel."""
    played = [Played(world, seed + n) for n in range(2)]
    for each in played:
        each.play()
        assert each.deaths
    print(f"{sum(each.deaths for each in played)} agents ended themselves")


def all_is_free(world: World) -> None:
    """Ledger and kernel have nothing of pods any more; where somebody spoke an address rests."""

    def free() -> bool:
        pool = world.status["pool"]
        rest = pool["free"] + pool["cooling"]
        return (pool["held"], rest, world.host_ends()) == (0, 64, set())

    until(free, lambda: (world.status["pool"], world.host_ends()))


def test_a_death_at_any_step_on_the_real_kernel(
    world: World, chance: random.Random
) -> None:
    """Killed before, after or in the middle of a change; the next agent goes on by itself."""
    world.start()
    steady = world.run_pod("steady")
    for number in sorted(chance.sample(range(2, 26), 5)):
        world.kill()
        start_mortal(world, number)
        pods: list[Pod] = []
        answered: list[Pod] = []
        while not ended(world):  # it is nobody else who ends it
            pods.append(world.a_space_for(f"p{number}-{len(pods)}"))
            answered += [pods[-1]] if added_by_the_dying(world, pods[-1]) else []
        assert how_it_ended(world) == -signal.SIGKILL, world.log
        assert world.reaches(steady.space, "10.0.8.1"), f"after {number} changes"
        world.start()
        for pod in pods:
            if pod in answered:
                assert world.reaches(world.node, pod.address)
            world.remove_pod(pod)
        until(lambda: world.status["pool"]["held"] == 1, "the end")
        until(lambda: len(world.host_ends()) == 1, "the links' end")
    until(
        lambda: [a["container"] for a in world.status["attachments"]] == ["steady"],
        lambda: world.status["attachments"],
    )


def start_mortal(world: World, number: int) -> None:
    """Start an agent that ends itself at its n-th change."""
    world.launcher = (sys.executable, MORTAL, str(number))
    world.start(wait=False)
    world.launcher = ()


def how_it_ended(world: World) -> int:
    assert world.process is not None
    process, world.process = world.process, None
    return process.wait(PATIENCE)


def added_by_the_dying(world: World, pod: Pod) -> bool:
    """Let a runtime try once the agent listens or has died."""
    wait_for_door_or_end(world)
    if ended(world) or world.cni("ADD", pod).returncode:
        return False
    return bool(address_of(world, pod))


def wait_for_door_or_end(world: World) -> None:
    until(lambda: ended(world) or answers(world), "its door or its end")


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
    """Until some ADDs came too late and some did not, and at least twenty times."""
    world.start()
    answers: list[int] = []

    def torn(number: int) -> None:
        pod = world.a_space_for(f"t{number}")
        adding = threading.Thread(
            target=lambda: answers.append(world.cni("ADD", pod).returncode)
        )
        adding.start()
        time.sleep(chance.uniform(0, latest))
        world.drop_space(pod.space)
        adding.join()

    latest = 0.004
    while len(answers) < TORN_AT_LEAST or len(set(map(bool, answers))) < 2:
        torn(len(answers))
        assert len(answers) < TORN_AT_MOST, answers
        # Too early so far: later. Too late so far: earlier.
        latest *= 1.2 if answers[-1] else 0.9
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
    until(lambda: "7009" not in ip(world.node, "rule"), "no such rule")
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


def narrow(world: World, far: str, addresses: tuple[str, str]) -> None:
    """Put a network of 1500 bytes behind the router; the way back goes by it."""
    here, there = addresses
    pair = ("type", "veth", "peer", "name", "f", "netns", far)
    run("ip", "link", "add", "r-far", "mtu", "1500", "netns", world.router, *pair)
    for space, link, address in ((world.router, "r-far", here), (far, "f", there)):
        more = ("nodad",) if ":" in address else ()
        ip(space, "addr", "add", address, "dev", link, *more)
        ip(space, "link", "set", link, "up")
    ip(far, "route", "add", "default", "via", here.partition("/")[0])
    family = "ipv6.conf.all.forwarding" if ":" in here else "ipv4.ip_forward"
    forward = ("sysctl", "-qw", f"net.{family}=1")
    run("ip", "netns", "exec", world.router, *forward)


@pytest.mark.parametrize(
    ("here", "there", "most"),
    [("10.9.9.1/24", "10.9.9.2/24", 1472), ("fd00:9::1/64", "fd00:9::2/64", 1452)],
    ids=["IPv4", "IPv6"],
)
def test_rt_41_a_path_with_a_smaller_mtu_is_found(
    tmp_path: Path, here: str, there: str, most: int
) -> None:
    """9000 at the pod, 1500 behind the router: what is too long is told back to the pod."""
    target = there.partition("/")[0]
    with a_world(tmp_path, "--cooldown", "0", six=True) as world:
        narrow(world, world.make_space(f"{world.prefix}-far"), (here, there))
        world.start()
        pod = world.run_pod("one")

        assert world.reaches(pod.space, target, "-M", "do", "-s", str(most))
        assert not world.pings(pod.space, target, "-M", "do", "-s", "4000")
        until(lambda: "1500" in path(pod, target), "the path's MTU")
        assert world.reaches(pod.space, target, "-s", "4000")


def path(pod: Pod, target: str) -> str:
    return ip(pod.space, "route", "get", target)


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
