"""The local VCN's packets: a round trip at 1,000 rules and 5,000 addresses, and what a changed rule takes.

Two fabrics stand side by side, a small and a large one; the same two VNICs talk in each, in turns.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from builders_vcn import Cloud, allow
from latency import trip

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.core.vcn import limits
from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.fabric import wanted
from mooring.localvcn.weaver import Tools, Weaver

GROUPS, PER_GROUP = 5, 120  # of them every VNIC is under, and what a group may hold
LISTED = 400  # rules of the security list
TALKERS = ("10.0.0.10", "10.0.0.11")
ROUNDS, TIMES, CHANGES = 20_000, 7, 15


@dataclass(frozen=True)
class Size:
    """How much there is in a cloud."""

    name: str
    rules: int
    addresses: int


FEW = Size("few", 10, 10)
MANY = Size("many", GROUPS * PER_GROUP + LISTED, 5_000)


def rule(number: int) -> SecurityRule:
    """Rules that differ in peer, protocol and ports; none lets the talkers talk."""
    kind = ("tcp", "udp")[number % 2]
    peer = f"172.{16 + number % 16}.{number // 16 % 256}.0/24"
    direction = ("ingress", "egress")[number // 2 % 2]
    return allow(direction, kind, peer, to=f"{1000 + number}-{1010 + number}")


@dataclass
class Estate:
    """A cloud in which two VNICs talk among many others."""

    cloud: Cloud
    groups: tuple[str, ...]

    def change(self, number: int) -> None:
        """Put another rule in the place of one."""
        rules = [rule(n) for n in range(PER_GROUP - 1)]
        self.cloud.group("g0", *rules, rule(50_000 + number))


def an_estate(size: Size) -> Estate:
    """Spread the rules over a list and groups, the addresses over VNICs."""
    cloud = Cloud()
    listed = min(size.rules, LISTED)
    first = cloud.security_list(
        "list",
        allow("ingress", peer="10.0.0.0/24"),
        allow("egress", peer="10.0.0.0/24"),
        *(rule(n) for n in range(listed)),
    )
    groups = tuple(
        cloud.group(f"g{n}", *(rule(listed + n * PER_GROUP + m) for m in range(PER_GROUP)))
        for n in range((size.rules - listed) // PER_GROUP)
    )  # fmt: skip
    table = cloud.table("table")
    subnet = cloud.subnet("talk", "10.0.0.0/24", (first,), table)
    rest = cloud.subnet("rest", "10.0.64.0/18", (first,), table)
    for n, address in enumerate(TALKERS):
        cloud.vnic(f"t{n}", subnet, address, groups=groups)
    base, left = int(IPv4Address("10.0.64.10")), size.addresses - len(TALKERS)
    while left > 0:
        vnic = cloud.vnic(f"v{left}", rest, str(IPv4Address(base)), groups=groups)
        own = min(left, limits.SECONDARY_IPS_PER_VNIC + 1)
        for n in range(1, own):
            cloud.ip(vnic, str(IPv4Address(base + n)))
        base, left = base + own, left - own
    return Estate(cloud, groups)


@contextmanager
def woven(size: Size) -> Iterator[tuple[Estate, Weaver, str]]:
    """Make an estate's fabric; take it away at the end."""
    estate, name = an_estate(size), f"b{os.getpid() % 10**6}{size.name}"[:12]
    with Kernel() as kernel, Nft() as nft:
        weaver = Weaver(name, Tools(kernel, nft, netns))
        try:
            weaver.weave(wanted(estate.cloud.world, name), look=True)
            yield estate, weaver, name
        finally:
            weaver.remove()


def spaces(estate: Estate, name: str) -> tuple[str, str]:
    """Give the talkers' namespaces."""
    world = estate.cloud.world
    found = {}
    for space in wanted(world, name).births.values():
        for plan in space.values():
            for fact in plan:
                address = str(getattr(fact, "address", "")).partition("/")[0]
                if address in TALKERS:
                    found[address] = fact.space
    return found[TALKERS[0]], found[TALKERS[1]]


@dataclass(frozen=True)
class Scaling:
    """Microseconds a round trip at many and at few, the worse of TCP and UDP; milliseconds a changed rule."""

    many: float
    few: float
    change_ms: float


def scaling() -> Scaling:
    """Measure both fabrics in turns."""
    with ExitStack() as stack:
        fabrics = {s.name: stack.enter_context(woven(s)) for s in (FEW, MANY)}
        p50: dict[tuple[str, str], list[float]] = {}
        ends = {n: spaces(estate, name) for n, (estate, _, name) in fabrics.items()}
        for number in range(TIMES):
            order = list(ends.items())
            for name, (client, server) in order if number % 2 else order[::-1]:
                for kind in ("tcp", "udp"):
                    took = trip(kind, client, server, TALKERS[1], ROUNDS)[0]
                    p50.setdefault((kind, name), []).append(took)
        change = changed(*fabrics[MANY.name])
    middle = {key: statistics.median(took) for key, took in p50.items()}
    pairs = [(middle[k, MANY.name], middle[k, FEW.name]) for k in ("tcp", "udp")]
    return Scaling(*max(pairs, key=lambda p: p[0] / p[1]), change)


def changed(estate: Estate, weaver: Weaver, name: str) -> float:
    """Milliseconds from a changed world to a kernel that does it: the median of some."""
    took = []
    for number in range(CHANGES):
        estate.change(number)
        world = estate.cloud.world
        began = time.perf_counter()
        weaver.weave(wanted(world, name), look=False)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    """Run on its own: print what there is."""
    found = scaling()
    print(
        f"{found.many:.2f} us at {MANY.rules} rules and {MANY.addresses} addresses, {found.few:.2f} us at "
        f"{FEW.rules}, {found.many / found.few:.3f}; a changed rule {found.change_ms:.1f} ms",
        file=sys.stdout,
    )


if __name__ == "__main__":
    main()
