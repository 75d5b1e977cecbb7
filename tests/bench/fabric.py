"""The local VCN's packets: a round trip at 1,000 rules and 5,000 addresses, and what a changed rule takes.

Two fabrics stand side by side, a small and a large one; the same two VNICs talk in each, in turns. A
rule is changed twice: in this process, and through a server by the SDK, from the call to its answer.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import api
import oci
from builders_vcn import Cloud, allow, an_id
from latency import trip
from oci.core import models as m
from turns import middle

from mooring.adapters import netns
from mooring.adapters.journal import Entry, Journal
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.core.vcn import limits
from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.rows import to_row
from mooring.localvcn.weaver import Tools, Weaver

GROUPS, PER_GROUP = 5, 120  # of them every VNIC is under, and what a group may hold
LISTED = 400  # rules of the security list
TALKERS = ("10.0.0.10", "10.0.0.11")
ROUNDS, TIMES, CHANGES = 5_000, 29, 15


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
        cloud.group(
            f"g{n}", *(rule(listed + n * PER_GROUP + m) for m in range(PER_GROUP))
        )
        for n in range((size.rules - listed) // PER_GROUP)
    )
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
    """Microseconds a round trip at many and at few, the worse of TCP and UDP.

    Milliseconds of a changed rule, of one that the SDK changes, and of a call that only reads.
    Milliseconds of a processor that a look takes, and of the first pass.
    """

    many: float
    few: float
    change_ms: float
    call_ms: float
    read_ms: float
    look_ms: float
    first_ms: float


def scaling() -> Scaling:
    """Measure both fabrics in turns."""
    with ExitStack() as stack:
        fabrics = {FEW.name: stack.enter_context(woven(FEW))}
        began = time.perf_counter()
        fabrics[MANY.name] = stack.enter_context(woven(MANY))
        first = (time.perf_counter() - began) * 1000
        p50: dict[tuple[str, str], list[float]] = {}
        ends = {n: spaces(estate, name) for n, (estate, _, name) in fabrics.items()}
        for number in range(TIMES):
            order = list(ends.items())
            for name, (client, server) in order if number % 2 else order[::-1]:
                for kind in ("tcp", "udp"):
                    took = trip(kind, client, server, TALKERS[1], ROUNDS)[0]
                    p50.setdefault((kind, name), []).append(took)
        change = changed(*fabrics[MANY.name])
        look = looked(*fabrics[MANY.name])
    call, read = called()
    pairs = [middle(p50[k, MANY.name], p50[k, FEW.name]) for k in ("tcp", "udp")]
    worse = max(pairs, key=lambda p: p[0] / p[1])
    return Scaling(*worse, change, call, read, look, first)


def changed(estate: Estate, weaver: Weaver, name: str) -> float:
    """Milliseconds from a changed world to a kernel that does it: the median of some."""
    gc.freeze()  # as the server does
    took = []
    for number in range(CHANGES):
        estate.change(number)
        world = estate.cloud.world
        began = time.perf_counter()
        weaver.weave(wanted(world, name), look=False)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def looked(estate: Estate, weaver: Weaver, name: str) -> float:
    """Milliseconds of a processor for a look that finds nothing: the median of some."""
    fabric = wanted(estate.cloud.world, name)
    took = []
    for _ in range(CHANGES):
        began = time.thread_time()
        if weaver.finds(fabric):
            sys.exit("bench: a look finds something where nothing is")
        took.append((time.thread_time() - began) * 1000)
    return statistics.median(took)


def called() -> tuple[float, float]:
    """Milliseconds of a call by the SDK that changes a rule there, and of one that reads."""
    name = f"b{os.getpid() % 10**6}api"
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        place = Path(temporary)
        state, config = api.initialised(place, "call")
        kept(state, an_estate(MANY))
        port = api.free_port()
        serve = ["serve", "--state", str(state), "--listen", f"127.0.0.1:{port}"]
        stack.callback(down, name)
        words = [api.MOORING, "vcn", *serve, "--fabric", name]
        stack.enter_context(api.running(words, place / "call.log"))
        api.until_open(port)
        client = api.Client(config, port).sdk(oci.core.VirtualNetworkClient)
        return changing(client)


def kept(state: Path, estate: Estate) -> None:
    """Write a cloud's records down as the server would have."""
    journal = Journal(state)
    journal.commit(Entry(*to_row(r)) for r in estate.cloud.world.records.values())
    journal.close()


def down(name: str) -> None:
    """Take the server's fabric away."""
    words = [api.MOORING, "vcn", "down", "--fabric", name]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def changing(client: oci.core.VirtualNetworkClient) -> tuple[float, float]:
    """Change a rule's port again and again; read the group it is in in between."""
    group = an_id("networksecuritygroup", "g0")

    def change(number: int) -> None:
        port = m.PortRange(min=number, max=number)
        rule = m.UpdateSecurityRuleDetails(
            id="g0-7",
            direction="INGRESS",
            protocol="6",
            source="172.16.7.0/24",
            source_type="CIDR_BLOCK",
            tcp_options=m.TcpOptions(destination_port_range=port),
        )
        client.update_network_security_group_security_rules(
            group,
            m.UpdateNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule]),
        )

    change(1)  # waits for the first pass
    changes = [timed(lambda n=n: change(20_000 + n)) for n in range(CHANGES)]
    reads = [
        timed(lambda: client.get_network_security_group(group)) for _ in range(CHANGES)
    ]
    return statistics.median(changes), statistics.median(reads)


def timed(call: Callable[[], object]) -> float:
    """Give the milliseconds of a call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Run on its own: print what there is."""
    found = scaling()
    print(
        f"{found.many:.2f} us at {MANY.rules} rules and {MANY.addresses} addresses, {found.few:.2f} us at "
        f"{FEW.rules}, {found.many / found.few:.3f}\n"
        f"a changed rule {found.change_ms:.1f} ms; by a call {found.call_ms:.1f} ms, and a call that reads "
        f"{found.read_ms:.1f} ms\n"
        f"a look {found.look_ms:.1f} ms of a processor, the first pass {found.first_ms:.0f} ms",
        file=sys.stdout,
    )


if __name__ == "__main__":
    main()
