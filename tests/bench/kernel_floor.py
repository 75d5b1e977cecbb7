"""Print what the kernel takes for one pod, through our netlink: median and p99 in microseconds.

python tests/bench/kernel_floor.py [rounds]

Each round is a fresh namespace, wired as ADD wires a pod and taken apart as DEL does.
"""

import os
import statistics
import sys
import time
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Veth,
)

ROUTER = IPv4Address("169.254.1.1")
MAC = "0a:00:00:00:{}:{:02x}"


def pod(number: int) -> tuple[Plan, Plan]:
    """What is true of a pod's cables, and the part of it that DEL takes back at once."""
    near, far = MAC.format("01", number % 256), MAC.format("02", number % 256)
    address = IPv4Address("10.0.0.0") + number
    cable = Veth(
        End(HOST, f"moor{number}", near, 9000, 1000 + number, f"bench:{number}"),
        End(POD, "eth0", far, 9000, 2),
    )
    way_in = Route(HOST, IPv4Network(address), f"moor{number}")
    plan: Plan = (
        cable,
        LinkUp(POD, "lo"),
        Address(POD, "eth0", IPv4Interface(address)),
        Neighbour(POD, "eth0", ROUTER, near),
        Route(POD, IPv4Network("0.0.0.0/0"), "eth0", ROUTER, onlink=True),
        way_in,
    )
    return plan, (way_in,)


def measure(rounds: int) -> dict[str, list[float]]:
    """The times of each step, in microseconds."""
    times: dict[str, list[float]] = {"make": [], "cut": [], "look": []}
    host_name = f"kf{os.getpid()}"
    netns.create(host_name)
    host = netns.open_fd(host_name)
    try:
        # As in the agent: the host's namespace is the one it lives in.
        with netns.inside(host), Kernel() as kernel:
            for number in range(rounds):
                one_pod(kernel, number, times)
    finally:
        netns.close(host)
        # Only now: a namespace being taken apart holds the lock that the next pod waits for.
        for name in netns.names():
            if name.startswith(host_name):
                netns.delete(name)
    return times


def one_pod(kernel: Kernel, number: int, times: dict[str, list[float]]) -> None:
    """One fresh namespace, wired and unwired."""
    name = f"kf{os.getpid()}-{number}"
    netns.create(name)
    fd = netns.open_fd(name)
    plan, way_in = pod(number)
    spaces = {HOST: None, POD: fd}
    steps = {
        "make": lambda: kernel.carry_out(plan, spaces),
        "look": lambda: kernel.look(POD, fd),
        "cut": lambda: kernel.take_back(way_in, spaces),
    }
    for step, do in steps.items():
        begin = time.perf_counter()
        do()
        times[step].append((time.perf_counter() - begin) * 1e6)
    netns.close(fd)


if __name__ == "__main__":
    for step, taken in measure(int(sys.argv[1]) if sys.argv[1:] else 300).items():
        worst = sorted(taken)[int(len(taken) * 0.99)]
        print(f"{step}: median {statistics.median(taken):.0f} us, p99 {worst:.0f} us")
