"""Two judges of packets: the node's stack, and the fast path beside it. They say the same.

Packets of all kinds leave one pod in two worlds, one with the fast path and one without. At
another pod and at the router the same packets arrive, byte for byte.
"""

import os
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from journeys.agent_world import World, a_world, ip

from mooring.adapters import netns

FAST = ("--fast-path", "on", "--fast-path-after", "0")
OUTGOING, EVERY_PROTOCOL, IPV4 = 4, 3, 0x0800
PACKETS = 600
ME, OTHER, BEYOND = "10.0.8.10", "10.0.8.11", "10.0.8.200"
SOURCES = (ME, ME, ME, OTHER, "10.0.2.99", "10.0.8.2")
DESTINATIONS = (
    OTHER,
    BEYOND,
    OTHER,
    BEYOND,
    "10.0.8.1",
    "10.0.9.9",
    "10.0.8.2",
    "10.0.2.1",
)
LAST = b"the last of all"


@contextmanager
def inside(space: str) -> Iterator[None]:
    fd = netns.open_fd(space)
    try:
        with netns.inside(fd):
            yield
    finally:
        netns.close(fd)


def checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    *,
    number: int,
    ttl: int = 64,
    fragment: int = 0,
    options: bytes = b"",
    tos: int = 0,
) -> bytes:
    size = 20 + len(options)

    def head(check: int) -> bytes:
        return struct.pack(
            *(">BBHHHBBH4s4s", 0x40 | size // 4, tos, size + len(payload)),
            *(number, fragment, ttl, protocol, check),
            *(socket.inet_aton(source), socket.inet_aton(destination)),
        )

    return head(checksum(head(0) + options)) + options + payload


def udp(chance: random.Random, more: bytes = b"") -> bytes:
    data = more or chance.randbytes(chance.choice([0, 1, 18, 64, 700, 1400]))
    return struct.pack(">HHHH", chance.randrange(1, 65536), 9, 8 + len(data), 0) + data


def tcp(chance: random.Random) -> bytes:
    flags = chance.choice([0x02, 0x10, 0x12, 0x18, 0x11, 0x04, 0x00, 0xFF])
    ports = chance.randrange(1, 65536), chance.randrange(1, 65536)
    words = chance.randrange(2**32), chance.randrange(2**32)
    rest = chance.randbytes(chance.choice([0, 1, 64, 1200]))
    return struct.pack(">HHIIBBHHH", *ports, *words, 0x50, flags, 512, 0, 0) + rest


def a_packet(chance: random.Random, number: int) -> bytes:
    protocol = chance.choice([17, 17, 17, 6, 6, 6, 99])
    payload = {17: udp, 6: tcp}.get(protocol, lambda c: c.randbytes(40))(chance)
    return packet(
        *(chance.choice(SOURCES), chance.choice(DESTINATIONS), protocol),
        payload[: chance.choice([1500, 1500, 1500, 4, 12])],
        number=number,
        ttl=chance.choice([64, 64, 255, 2, 1]),
        fragment=chance.choice([0, 0, 0, 0x4000, 0x4000, 0x2000, 0x0010]),
        options=chance.choice([b"", b"", b"", b"\1\1\1\1"]),
        tos=chance.choice([0, 0x2E << 2, 3]),
    )


class Ear:
    """Hears what IPv4 packets come in at a link."""

    def __init__(self, stack: ExitStack, space: str, link: str) -> None:
        with inside(space):
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket = stack.enter_context(closing(raw))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self._socket.settimeout(120)
        self._socket.bind((link, EVERY_PROTOCOL))

    def heard(self, lasts: set[bytes]) -> list[bytes]:
        """Give what came, sorted, once all the last ones did."""
        missing, found = set(lasts), []
        while missing:
            data, about = self._socket.recvfrom(1 << 16)
            if (
                about[1] == IPV4
                and about[2] != OUTGOING
                and data[12:16] != b"\x0a\0\x08\1"
            ):
                found.append(data)
                missing.discard(data[-len(LAST) - 1 :])
        return sorted(each for each in found if LAST not in each)


def outcome(
    world: World, packets: list[bytes], chance: random.Random
) -> list[list[bytes]]:
    """Send from one pod; give what another and the router have heard."""
    one, two = world.run_pod("one"), world.run_pod("two")
    assert (one.address, two.address) == (ME, OTHER)
    # Nobody answers: answers of two kernels have numbers of their own.
    cpus = os.sched_getaffinity(0)
    with ExitStack() as stack:
        ears = Ear(stack, two.space, "eth0"), Ear(stack, world.router, "r-ens5")
        with inside(one.space):
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        stack.enter_context(closing(raw))
        os.sched_setaffinity(0, {min(cpus)})  # one queue, so the last are the last
        stack.callback(os.sched_setaffinity, 0, cpus)
        for each in packets:
            raw.sendto(each, (socket.inet_ntoa(each[16:20]), 0))
        # One for each way: the stack's queue may be behind.
        for to in (OTHER, BEYOND):
            carried = packet(ME, to, 17, udp(chance, LAST + b"1"), number=1)
            stacked = packet(ME, to, 99, LAST + b"2", number=1)
            for each in (carried, stacked):
                raw.sendto(each, (to, 0))
        lasts = {LAST + b"1", LAST + b"2"}
        return [ear.heard(lasts) for ear in ears]


def test_the_same_packets_arrive(tmp_path: Path, chance: random.Random) -> None:
    packets = [a_packet(chance, number) for number in range(2, PACKETS + 2)]
    ends: list[list[list[bytes]]] = []
    for name, options in (("stack", ()), ("fast", FAST)):
        place = tmp_path / name
        place.mkdir()
        with a_world(place, "--conntrack", "off", *options) as world:
            ip(world.router, "addr", "add", f"{BEYOND}/32", "dev", "lo")
            world.start()
            ends.append(outcome(world, packets, random.Random(1)))
    stack, fast = ends

    assert [len(each) for each in stack] == [len(each) for each in fast]
    assert stack == fast
    assert all(stack)
