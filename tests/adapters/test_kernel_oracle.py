"""Chance asks the kernel and its fake the same: what one refuses the other does, and both show the same.

Single facts are made and taken back at random; after each step errno and everything that the facts
speak of are compared.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import Self

import pytest
from fakes.kernel import FakeKernel
from fakes.netns import FakeNamespaces
from patience import until

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.core.linux import port
from mooring.core.linux.drift import missing
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Veth,
)

NEAR = End(HOST, "moor0", "02:00:00:00:00:01", 9000, alias="a")
FAR = End(POD, "eth0", "02:00:00:00:00:02", 9000)
ROUTER = ip_address("169.254.1.1")
UNIVERSE: tuple[Fact, ...] = (
    Veth(NEAR, FAR),
    Veth(replace(NEAR, mtu=1500), FAR),
    Veth(replace(NEAR, alias="b"), FAR),
    Veth(replace(NEAR, name="moor1"), FAR),
    Veth(
        replace(NEAR, name="moor1", mac="02:00:00:00:00:03"), replace(FAR, name="eth1")
    ),
    LinkUp(POD, "lo"),
    LinkUp(HOST, "lo"),
    LinkUp(POD, "eth0", 1400),
    LinkUp(HOST, "moor1"),
    Address(POD, "eth0", ip_interface("10.0.0.5/32")),
    Address(POD, "eth0", ip_interface("10.0.1.5/24")),
    Address(POD, "eth0", ip_interface("fd00::5/128")),
    Address(HOST, "moor1", ip_interface("10.0.2.1/24")),
    Neighbour(POD, "eth0", ROUTER, NEAR.mac),
    Neighbour(POD, "eth0", ROUTER, FAR.mac),
    Neighbour(HOST, "moor0", ip_address("fd00::5"), FAR.mac),
    Route(POD, ip_network("0.0.0.0/0"), "eth0", ROUTER, onlink=True),
    Route(POD, ip_network("0.0.0.0/0"), "eth0", ip_address("10.0.1.1")),
    Route(POD, ip_network("0.0.0.0/0"), gateway=ip_address("10.0.1.1")),
    Route(HOST, ip_network("10.0.0.5/32"), "moor0"),
    Route(HOST, ip_network("10.0.0.5/32"), "moor1"),
    Route(HOST, ip_network("10.0.0.5/32"), "moor1", table=1000),
    Route(HOST, ip_network("fd00::5/128"), "moor0"),
    Route(HOST, ip_network("10.9.0.0/16"), kind="blackhole"),
    Route(HOST, ip_network("10.9.0.0/16"), kind="unreachable"),
    Route(HOST, ip_network("10.9.0.0/16"), "moor0", ip_address("10.0.2.9"), table=7),
    Address(POD, "eth0", ip_interface("fd01::5/64")),
    Address(HOST, "lo", ip_interface("10.0.3.1/32")),
    Route(HOST, ip_network("10.0.3.0/24"), "lo", kind="local", table=255),
    Route(HOST, ip_network("10.4.0.0/16"), "moor1", source=ip_address("10.0.2.1")),
    Route(POD, ip_network("::/0"), "eth0", ip_address("fe80::1"), onlink=True),
    Route(POD, ip_network("::/0"), "eth0", ip_address("fd01::1")),
    Route(POD, ip_network("fd02::/16"), "eth0", ip_address("fe80::1")),
    Route(HOST, ip_network("fd09::/16"), kind="unreachable", table=7),
    Route(HOST, ip_network("fd09::/16"), "moor0", table=7),
    Veth(
        replace(NEAR, name="in0", mac="02:00:00:00:00:05"),
        replace(FAR, name="in1", space=HOST, mac="02:00:00:00:00:06"),
    ),
    Veth(replace(NEAR, name="in1", mac="02:00:00:00:00:05"), FAR),
    LinkUp(HOST, "moor0", 70_000),
    Neighbour(HOST, "in0", ip_address("10.0.2.9"), FAR.mac),
    Rule(HOST, 100, 4, 254, suppress_prefixlength=31),
    Rule(HOST, 101, 4, 1000, mark=0x10000, mask=0x7F0000),
    Rule(HOST, 101, 4, 1000, mark=0x20000, mask=0x7F0000),
    Rule(HOST, 101, 4, 1000),
    Rule(HOST, 101, 6, 7, mark=5),
)


class World:
    """One kernel with two namespaces."""

    def __init__(self, kernel: port.Kernel, namespaces: port.Namespaces) -> None:
        self.kernel = kernel
        self.namespaces = namespaces
        self.names = {word: f"ko{os.getpid()}-{word}" for word in (HOST, POD)}
        self.spaces: dict[str, int] = {}

    def __enter__(self) -> Self:
        for word, name in self.names.items():
            self.namespaces.create(name)
            self.spaces[word] = self.namespaces.open_fd(name)
        return self

    def __exit__(self, *_: object) -> None:
        for word, name in self.names.items():
            self.namespaces.close(self.spaces[word])
            self.namespaces.delete(name)

    def make(self, fact: Fact) -> int:
        try:
            self.kernel.carry_out((fact,), self.spaces)
        except port.KernelError as error:
            return error.errno if error.fact == fact else -1
        return 0

    def remove(self, fact: Fact) -> int:
        errors = self.kernel.take_back((fact,), self.spaces)
        return errors[0].errno if errors else 0

    def shows(self) -> set[Fact]:
        seen = {word: self.kernel.look(word, fd) for word, fd in self.spaces.items()}
        lost = missing(UNIVERSE, seen)
        return {fact for fact in UNIVERSE if fact not in lost}

    def links(self) -> list[object]:
        return [
            (word, name, link.mac, link.mtu, link.up, link.operational, link.alias)
            for word, fd in self.spaces.items()
            for name, link in sorted(self.kernel.links(fd).items())
            if name != "lo"
        ]


@pytest.fixture
def worlds() -> Iterator[tuple[World, World]]:
    with ExitStack() as stack:
        kernel = stack.enter_context(Kernel())
        namespaces = FakeNamespaces()
        yield (
            stack.enter_context(World(kernel, netns)),
            stack.enter_context(World(FakeKernel(namespaces), namespaces)),
        )


@pytest.mark.parametrize("walk", range(12))
def test_kernel_and_fake_agree_along_a_random_walk(
    worlds: tuple[World, World], chance: random.Random, walk: int
) -> None:
    chance.seed(f"{chance.random()}/{walk}")
    real, fake = worlds
    story = ""
    for _ in range(60):
        fact = chance.choice(UNIVERSE)
        making = chance.random() < 0.75
        story += f"{'make' if making else 'remove'} {fact}\n"
        answers = [w.make(fact) if making else w.remove(fact) for w in (real, fake)]

        assert answers[0] == answers[1], story
        # A link's carrier is the kernel's own work, which comes a moment later.
        until(lambda: real.links() == fake.links(), story)
        assert real.shows() - fake.shows() == set(), story
        assert fake.shows() - real.shows() == set(), story
