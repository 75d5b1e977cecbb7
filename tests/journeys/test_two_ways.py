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
OUTGOING, EVERY_PROTOCOL, IPV4, IPV6, HEADER_INCLUDED6 = 4, 3, 0x0800, 0x86DD, 36
PACKETS = 400
ROUTER, ROUTER6 = "10.0.8.1", "fd00:8::1"
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
ME6, OTHER6, BEYOND6 = "fd00:8::10", "fd00:8::11", "fd00:8::200"
SOURCES6 = (ME6, ME6, ME6, OTHER6, "fd00:9::9", "fd00:8::2")
DESTINATIONS6 = (OTHER6, BEYOND6, OTHER6, BEYOND6, ROUTER6, "fd00:9::1", "fd00:8::2")
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


def packet6(
    ends: tuple[str, str], protocol: int, payload: bytes, hops: int = 64, flow: int = 0
) -> bytes:
    addresses = (socket.inet_pton(socket.AF_INET6, each) for each in ends)
    head = struct.pack(">IHBB", 0x60000000 | flow, len(payload), protocol, hops)
    return head + b"".join(addresses) + payload


def a_packet6(chance: random.Random, number: int) -> bytes:
    protocol = chance.choice([17, 17, 6, 6, 99, 0, 44])
    rest = struct.pack(">H", number) + chance.randbytes(30)
    payload = {
        17: udp(chance, rest),
        6: tcp(chance) + rest,
        # Padding by hop-by-hop options, and the first of two fragments.
        0: bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(chance, rest),
        44: struct.pack(">BBHI", 17, 0, 1, number) + udp(chance, rest + bytes(6)),
    }.get(protocol, rest)
    return packet6(
        (chance.choice(SOURCES6), chance.choice(DESTINATIONS6)),
        protocol,
        payload[: chance.choice([1500, 1500, 1500, 6])],
        hops=chance.choice([64, 64, 255, 2, 1]),
        flow=chance.choice([0, 0x12345, 0x2E << 22]),
    )


class Ear:
    """Hears what packets from pods come in at a link."""

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
            if about[2] != OUTGOING and is_a_pods(about[1], data):
                found.append(data)
                missing.discard(data[-len(LAST) - 1 :])
        return sorted(each for each in found if LAST not in each)


def is_a_pods(kind: int, data: bytes) -> bool:
    """Tell a pod's packet from neighbours' talk, which comes when it likes."""
    if kind == IPV4:
        return data[12:16] != socket.inet_aton(ROUTER)
    talk = data[6] == 58 or data[8:10] == b"\xfe\x80" or not any(data[8:24])
    return kind == IPV6 and not talk


def outcome(world: World, packets: list[bytes]) -> list[list[bytes]]:
    """Send from one pod; give what another and the router have heard."""
    one, two = world.run_pod("one"), world.run_pod("two")
    assert (one.address, two.address) == (ME, OTHER)
    assert world.reaches(one.space, ROUTER)
    assert world.reaches(one.space, ROUTER6)
    cpus = os.sched_getaffinity(0)
    with ExitStack() as stack:
        ears = Ear(stack, two.space, "eth0"), Ear(stack, world.router, "r-ens5")
        with inside(one.space):
            raw = {
                4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
            }
        for each in raw.values():
            stack.enter_context(closing(each))
        raw[6].setsockopt(socket.IPPROTO_IPV6, HEADER_INCLUDED6, 1)
        os.sched_setaffinity(0, {min(cpus)})  # one queue, so the last are the last
        stack.callback(os.sched_setaffinity, 0, cpus)
        for data in (*packets, *the_last()):
            raw[data[0] >> 4].sendto(data, (to(data), 0))
        return [ear.heard({LAST + b"1", LAST + b"2"}) for ear in ears]


def to(data: bytes) -> str:
    if data[0] >> 4 == 4:
        return socket.inet_ntoa(data[16:20])
    return socket.inet_ntop(socket.AF_INET6, data[24:40])


def the_last() -> Iterator[bytes]:
    """One for each way and end: the stack's queue may be behind."""
    for end in (OTHER, BEYOND):
        carried = udp(random.Random(1), LAST + b"1")
        yield packet(ME, end, 17, carried, number=1)
        yield packet(ME, end, 99, LAST + b"2", number=1)


def test_the_same_packets_arrive(tmp_path: Path, chance: random.Random) -> None:
    packets = [
        make(chance, number)
        for number in range(2, PACKETS + 2)
        for make in (a_packet, a_packet6)
    ]
    ends: list[list[list[bytes]]] = []
    for name, options in (("stack", ()), ("fast", FAST)):
        place = tmp_path / name
        place.mkdir()
        with a_world(place, "--conntrack", "off", *options, six=True) as world:
            for address in (f"{BEYOND}/32", f"{BEYOND6}/128"):
                ip(world.router, "addr", "add", address, "dev", "lo")
            world.start()
            ends.append(outcome(world, packets))
    stack, fast = ends

    assert [len(each) for each in stack] == [len(each) for each in fast]
    assert stack == fast
    for each in stack:
        assert {data[0] >> 4 for data in each} == {4, 6}
