"""What nft and its fake promise alike."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from fakes.netns import FakeNamespaces
from fakes.nft import FakeNft

from mooring.adapters import netns
from mooring.adapters.nft import Nft
from mooring.core.linux import nft, port
from mooring.core.linux.nft import Chain, Hook, NamedSet, SetPath, Table
from mooring.core.linux.port import NftError

PODS4 = SetPath("inet", "mooring", "pods4")
PODS6 = SetPath("inet", "mooring", "pods6")
PEERS = SetPath("inet", "mooring", "peers")
NOWHERE = SetPath("inet", "mooring", "nowhere")
TABLE = Table(
    "inet",
    "mooring",
    sets=(
        NamedSet("pods4", "ifname . ipv4_addr", "mark"),
        NamedSet("pods6", "ifname . ipv6_addr", "mark"),
        NamedSet("peers", "ipv4_addr", elements=("10.0.0.1", "10.0.0.2")),
    ),
    chains=(
        Chain("judge", ("ip saddr @peers accept", "jump last")),
        Chain("last", ("drop",)),
        Chain(
            "prerouting",
            (
                "meta mark set iifname . ip saddr map @pods4 " + nft.comment("who"),
                "jump judge",
            ),
            Hook("filter", "prerouting", "raw"),
        ),
    ),
)
KEY = nft.key("moor0", IPv4Address("10.0.0.5"))
OTHER = nft.key("moor0", IPv4Address("10.0.0.6"))
KEY6 = nft.key("moor0", IPv6Address("fd00::5"))
ONE, TWO = nft.mark(0x10000), nft.mark(0x20000)


@dataclass
class World:
    nft: port.Nft
    fd: int | None
    space: int

    def run(self, script: str) -> None:
        self.nft.run(script, self.fd)

    def listing(self) -> str:
        return self.nft.listing("inet", "mooring", self.fd)


@pytest.fixture(params=["real", "real-at-home", "real-held", "fake", "fake-held"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    kind, _, how = request.param.partition("-")
    fakes = FakeNamespaces()
    namespaces: port.Namespaces = fakes if kind == "fake" else netns
    name = f"fc{os.getpid()}"
    namespaces.create(name)
    fd = namespaces.open_fd(name)
    try:
        with ExitStack() as stack:
            tool = a_tool(fd, fakes if kind == "fake" else None, how, stack)
            yield World(*tool, fd)
    finally:
        namespaces.close(fd)
        namespaces.delete(name)


def a_tool(
    fd: int, fakes: FakeNamespaces | None, how: str, stack: ExitStack
) -> tuple[port.Nft, int | None]:
    """Make the tool and say what leads it into the namespace."""
    if how == "at-home":
        return stack.enter_context(Nft(fd)), fd
    tool = stack.enter_context(Nft()) if fakes is None else FakeNft(fakes)
    if how == "held":
        return stack.enter_context(closing(tool.hold(fd))), None
    return tool, fd


def test_a_table_is_there_from_replace_to_remove(world: World) -> None:
    assert world.listing() == ""
    world.run(nft.replace(TABLE))
    assert "chain judge" in world.listing()
    assert "map pods4" in world.listing()
    world.run(nft.remove(TABLE))

    assert world.listing() == ""
    world.run(nft.remove(TABLE))


def test_every_table_is_named(world: World) -> None:
    assert world.nft.tables(world.fd) == frozenset()
    world.run(nft.replace(TABLE))
    world.run("add table ip other\n")

    assert world.nft.tables(world.fd) == {("inet", "mooring"), ("ip", "other")}


def test_a_table_replaced_has_nothing_of_the_old(world: World) -> None:
    world.run(nft.replace(TABLE))
    world.run(nft.replace(replace(TABLE, chains=(Chain("new", ("accept",)),))))

    assert "chain judge" not in world.listing()
    assert "chain new" in world.listing()


def test_a_refused_script_changes_nothing(world: World) -> None:
    world.run(nft.replace(TABLE))
    before = world.listing()
    script = "add chain inet mooring more\nadd rule inet nowhere more accept\n"

    with pytest.raises(NftError, match="No such file"):
        world.run(script)
    with pytest.raises(NftError, match="syntax error"):
        world.run("chain mooring {\n")
    assert world.listing() == before


def test_elements_come_and_go(world: World) -> None:
    world.run(nft.replace(TABLE))
    empty = world.listing()
    world.nft.set_elements(PODS4, add=[(KEY, ONE)], fd=world.fd)
    world.nft.set_elements(PODS6, add=[(KEY6, ONE)], fd=world.fd)
    world.nft.set_elements(PODS4, delete=[KEY], fd=world.fd)
    world.nft.set_elements(PODS6, delete=[KEY6], fd=world.fd)

    assert world.listing() == empty


def test_elements_may_be_added_and_deleted_twice(world: World) -> None:
    world.run(nft.replace(TABLE))
    for _ in range(2):
        world.nft.set_elements(PODS4, add=[(KEY, ONE)], fd=world.fd)
    for _ in range(2):
        world.nft.set_elements(PODS4, delete=[KEY, OTHER], fd=world.fd)


def test_nothing_to_do_is_nothing_done(world: World) -> None:
    world.nft.set_elements(NOWHERE, fd=world.fd)


def test_a_key_changes_its_data_by_being_deleted_in_the_same_call(
    world: World,
) -> None:
    world.run(nft.replace(TABLE))
    world.nft.set_elements(PODS4, add=[(KEY, ONE)], fd=world.fd)
    with pytest.raises(NftError) as refused:
        world.nft.set_elements(PODS4, add=[(KEY, TWO)], fd=world.fd)
    assert refused.value.errno != 0
    world.nft.set_elements(PODS4, add=[(KEY, TWO)], delete=[KEY], fd=world.fd)

    world.nft.set_elements(PODS4, add=[(KEY, TWO)], fd=world.fd)


def test_elements_of_no_set_are_refused(world: World) -> None:
    world.run(nft.replace(TABLE))
    with pytest.raises(NftError):
        world.nft.set_elements(NOWHERE, add=[(KEY, ONE)], fd=world.fd)


def test_elements_by_script(world: World) -> None:
    world.run(nft.replace(TABLE))
    world.run(nft.add_elements(PEERS, ("10.0.0.3", "10.0.0.4")))
    world.run(nft.delete_elements(PEERS, ("10.0.0.3",)))
    with pytest.raises(NftError):
        world.run(nft.delete_elements(PEERS, ("10.0.0.3",)))
    world.run(nft.refill(PEERS, ("10.0.0.3",)))

    world.run(nft.delete_elements(PEERS, ("10.0.0.3",)))
    world.run(nft.add_elements(PODS4, ('"moor0" . 10.0.0.5 : 0x10000',)))
    world.run(nft.refill(PODS4, ('"moor0" . 10.0.0.5 : 0x20000',), "map"))
    world.nft.set_elements(PODS4, add=[(KEY, TWO)], fd=world.fd)


def test_every_change_adds_one_generation(world: World) -> None:
    before = world.nft.generation(world.fd)
    world.run(nft.replace(TABLE))
    world.nft.set_elements(PODS4, add=[(KEY, ONE)], fd=world.fd)
    world.nft.set_elements(PODS4, add=[(OTHER, ONE)], delete=[KEY], fd=world.fd)
    world.run(nft.remove(TABLE))

    assert world.nft.generation(world.fd) == before + 4


def test_a_look_or_a_refusal_is_no_generation(world: World) -> None:
    world.run(nft.replace(TABLE))
    before = world.nft.generation(world.fd)
    world.listing()
    with pytest.raises(NftError):
        world.run("delete table inet other\n")

    assert world.nft.generation(world.fd) == before


def test_what_is_held_sees_what_others_do(world: World) -> None:
    world.run(nft.replace(TABLE))
    held = world.nft.hold(world.space)
    world.run(nft.add_elements(PEERS, ("10.0.0.3",)))
    held.run(nft.delete_elements(PEERS, ("10.0.0.3",)))
    with pytest.raises(NftError):
        held.run(nft.delete_elements(PEERS, ("10.0.0.3",)))
    numbers = held.generation(), world.nft.generation(world.fd)
    held.close()

    assert numbers[0] == numbers[1]
    assert "10.0.0.3" not in world.listing()
