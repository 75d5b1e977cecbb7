"""What the kernel's fast path and its fake promise alike, and how the real one refuses."""

import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from fakes.fastpath import FakeFastPath

from mooring.adapters import netns
from mooring.adapters.bpf import FastPath, syscall
from mooring.adapters.bpf.links import Links, waken_tracking
from mooring.core.linux import port
from mooring.core.linux.bpf import call
from mooring.core.linux.bpf.program import INSTRUCTION
from mooring.core.linux.port import FastPathError
from mooring.core.wiring import carrying

KEY, OTHER = bytes([10, 0, 8, 5]), bytes([10, 0, 8, 6])
POD, MOVED = bytes([1] * 24), bytes([2] * 24)
SLOT, VNIC = bytes([7, 0, 0, 0]), bytes([3] * 32)
numbers = itertools.count()


@dataclass
class World:
    """One namespace with the links `one` and `two`; `open` makes another life's fast path.

    `police` makes an IPsec policy, or ends all.
    """

    open: Callable[[], port.FastPath]
    remove: Callable[[str], None]
    police: Callable[[bool], None]


@contextmanager
def a_real_world() -> Iterator[World]:
    name = f"moorfast{os.getpid()}-{next(numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    opened: list[FastPath] = []
    fd = netns.open_fd(name)

    def open_one() -> FastPath:
        opened.append(FastPath(carrying.TABLES))
        return opened[-1]

    def remove(link: str) -> None:
        subprocess.run(["ip", "link", "del", link], check=True)

    def police(wanted: bool) -> None:
        one = ("add", "dir", "out", "src", "10.0.8.5", "dst", "10.0.9.1")
        words = (*one, "action", "block") if wanted else ("flush",)
        subprocess.run(["ip", "xfrm", "policy", *words], check=True)

    try:
        with netns.inside(fd):
            for link in ("one", "two"):
                words = ("type", "veth", "peer", "name", f"{link}-peer")
                subprocess.run(["ip", "link", "add", link, *words], check=True)
            yield World(open_one, remove, police)
    finally:
        for each in opened:
            each.close()
        netns.close(fd)
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def a_fake_world() -> Iterator[World]:
    links = {"one": 2, "two": 3}
    fake = FakeFastPath(carrying.TABLES, links.get)

    def remove(link: str) -> None:
        fake.at.pop(links.pop(link), None)

    def police(wanted: bool) -> None:
        fake.policies = "IPsec policies are in force" if wanted else ""

    yield World(lambda: fake, remove, police)


@pytest.fixture(params=[a_real_world, a_fake_world], ids=["kernel", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with request.param() as made:
        yield made


def test_a_new_life_begins_with_empty_maps(world: World) -> None:
    fast = world.open()

    assert not fast.begin()
    assert {table.name: fast.entries(table.name) for table in carrying.TABLES} == {
        table.name: {} for table in carrying.TABLES
    }


def test_entries_come_change_and_go(world: World) -> None:
    fast = world.open()
    fast.begin()
    fast.put("pods4", {KEY: POD, OTHER: POD})
    fast.put("pods4", {OTHER: MOVED})
    assert fast.entries("pods4") == {KEY: POD, OTHER: MOVED}

    fast.drop("pods4", [KEY])
    fast.drop("pods4", [KEY])
    assert fast.entries("pods4") == {OTHER: MOVED}


def test_an_arrays_entries_are_those_that_say_something(world: World) -> None:
    fast = world.open()
    fast.begin()
    fast.put("vnics", {SLOT: VNIC})
    assert fast.entries("vnics") == {SLOT: VNIC}

    fast.drop("vnics", [SLOT])
    assert fast.entries("vnics") == {}


def test_prefixes_are_entries_too(world: World) -> None:
    fast = world.open()
    fast.begin()
    wide, narrow = b"\x18\0\0\0" + KEY, b"\x20\0\0\0" + KEY
    fast.put("ways4", {wide: b"\1\0\0\0", narrow: bytes(4)})
    assert len(fast.entries("ways4")) == 2

    fast.drop("ways4", [narrow])
    assert list(fast.entries("ways4").values()) == [b"\1\0\0\0"]


def test_a_program_stands_at_a_link_once(world: World) -> None:
    fast = world.open()
    fast.begin()
    index = fast.guard("one", carrying.FROM_POD)
    assert index is not None
    assert fast.guarded(index)
    assert fast.guard("one", carrying.FROM_POD) == index

    assert fast.end() == 1
    assert not fast.guarded(index)
    assert fast.end() == 0


def test_a_link_that_is_absent_has_no_program(world: World) -> None:
    fast = world.open()
    fast.begin()
    index = fast.guard("one", carrying.TO_POD)
    assert index is not None
    world.remove("one")

    assert fast.guard("one", carrying.TO_POD) is None
    assert not fast.guarded(index)


def test_who_is_not_asked_is_named(world: World) -> None:
    fast = world.open()
    fast.begin()
    assert fast.unasked() == ""
    world.police(True)
    assert fast.unasked().startswith("IPsec policies are in force")

    world.police(False)
    assert fast.unasked() == ""


def test_the_next_life_finds_what_stands_at_links(world: World) -> None:
    first = world.open()
    first.begin()
    one = first.guard("one", carrying.FROM_POD)
    first.guard("two", carrying.TO_POD)
    first.put("pods4", {KEY: POD})
    if isinstance(first, FastPath):
        first.close()
    second = world.open()

    assert second.begin()
    assert one is not None
    assert second.guarded(one)
    assert second.entries("pods4") == {KEY: POD}
    second.drop("pods4", [KEY])
    third = world.open()
    assert third.begin()
    assert third.entries("pods4") == {}


# The real one alone.


def test_what_does_not_fit_is_refused() -> None:
    with a_real_world() as world:
        fast = world.open()
        fast.begin()
        full = {bytes([10, 9, *divmod(n, 256)]): POD for n in range(carrying.MOST_PODS)}
        fast.put("pods4", full)

        with pytest.raises(FastPathError, match="map pods4"):
            fast.put("pods4", {KEY: POD})


def test_the_programs_of_an_older_version_go_first() -> None:
    with a_real_world() as world:
        fast = world.open()
        fast.begin()
        index = fast.guard("one", carrying.FROM_POD)
        assert index is not None
        # The same programs with another layout of maps are another version.
        tables = (*carrying.TABLES, call.Map("more", call.HASH, 4, 4, 1))
        with FastPath(tables) as newer:
            assert not newer.begin()
            assert not fast.guarded(index)
            assert newer.end() == 0


def test_a_default_that_blocks_is_a_policy_too() -> None:
    with a_real_world() as world:
        fast = world.open()
        for verdict, said in (("block", "IPsec blocks by default"), ("accept", "")):
            words = ("ip", "xfrm", "policy", "setdefault", "fwd", verdict)
            subprocess.run(words, check=True)
            assert fast.unasked().startswith(said)
        assert fast.unasked() == ""


def test_names_of_unknown_times_are_older_versions() -> None:
    with a_real_world() as world:
        world.open()
        code = INSTRUCTION.pack(0xB7, 0, 0, 0) + INSTRUCTION.pack(0x95, 0, 0, 0)
        fd = syscall.load(call.CLASSIFIER, "old", code, [])
        links = Links()
        index = socket.if_nametoindex("one")
        links.put(index, fd, "mooring/what/ever/that/was")
        os.close(fd)

        assert not world.open().begin()
        assert links.get(index) is None
        links.close()


def test_a_missing_object_is_named(tmp_path: Path) -> None:
    with a_real_world() as world:
        world.open()
        with (
            FastPath(carrying.TABLES, tmp_path / "absent.bpf") as fast,
            pytest.raises(FastPathError, match=r"absent\.bpf: No such file"),
        ):
            fast.begin()


def test_what_stands_at_links_goes_when_it_cannot_be_told_anything(
    tmp_path: Path,
) -> None:
    with a_real_world() as world:
        fast = world.open()
        fast.begin()
        index = fast.guard("one", carrying.FROM_POD)
        assert index is not None
        with (
            FastPath(carrying.TABLES, tmp_path / "absent.bpf") as broken,
            pytest.raises(FastPathError),
        ):
            broken.begin()

        assert not fast.guarded(index)


def test_other_peoples_filters_stay() -> None:
    with a_real_world() as world:
        fast = world.open()
        fast.begin()
        fast.guard("one", carrying.FROM_POD)
        words = ("dev", "one", "egress", "protocol", "ip", "prio", "9", "bpf")
        nothing = ("bytecode", "1,6 0 0 0,", "flowid", "1:1")
        subprocess.run(["tc", "filter", "add", *words, *nothing], check=True)
        fast.end()
        shown = subprocess.run(
            ["tc", "filter", "show", "dev", "one", "egress"],
            capture_output=True,
            text=True,
            check=True,
        )

        assert "flowid 1:1" in shown.stdout


def test_the_kernels_words_about_a_bad_program_are_told() -> None:
    code = INSTRUCTION.pack(0x95, 0, 0, 0)

    with pytest.raises(OSError, match=r"bad: .*R0 !read_ok"):
        syscall.load(call.CLASSIFIER, "bad", code, [])


def test_the_tracking_answers() -> None:
    waken_tracking()

    number, module = syscall.function("bpf_skb_ct_lookup")
    assert number > 0
    if module:
        os.close(module)


def test_a_function_that_the_kernel_lacks_is_named() -> None:
    number, module = syscall.function("bpf_ct_release")
    assert number > 0
    if module:
        os.close(module)

    with pytest.raises(OSError, match="the kernel has no function of_mine"):
        syscall.function("of_mine")


TIMES = 40
KNOWN = ("lladdr", "02:00:00:00:00:02", "nud", "permanent")
QUEUE = "/proc/sys/net/ipv4/neigh/one/unres_qlen_bytes"
RECEIVE_FORCED = 33  # SO_RCVBUFFORCE


class Flood:
    """Numbered packets by link `one` to a neighbour, sent on one processor with the test."""

    def __init__(self, sender: socket.socket, hearer: socket.socket) -> None:
        self.sent = 0
        self._sender, self._hearer = sender, hearer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._stop.is_set():
            self._sender.send(self.sent.to_bytes(4, "big"))
            self.sent += 1
            time.sleep(0.0002)

    def heard(self) -> list[int]:
        """Hear what came, to the last packet, which comes after all others."""
        self._sender.send(b"end")
        found: list[int] = []
        while (packet := self._hearer.recv(64)) != b"end":
            found.append(int.from_bytes(packet, "big"))
        return found


@contextmanager
def a_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Sockets in two namespaces: the inner one's is at the far end of `one`."""
    inner = f"moorfar{os.getpid()}-{next(numbers)}"
    run = ("ip", "-n", inner)
    subprocess.run(["ip", "netns", "add", inner], check=True)
    try:
        commands = (
            ("ip", "link", "set", "one-peer", "address", "02:00:00:00:00:02"),
            ("ip", "link", "set", "one-peer", "netns", inner),
            ("ip", "addr", "add", "10.9.0.1/32", "dev", "one"),
            (*run, "addr", "add", "10.9.0.2/32", "dev", "one-peer"),
            ("ip", "link", "set", "one", "up"),
            (*run, "link", "set", "one-peer", "up"),
            ("ip", "route", "add", "10.9.0.2/32", "dev", "one"),
            ("ip", "neigh", "add", "10.9.0.2", "dev", "one", *KNOWN),
        )
        for words in commands:
            subprocess.run(words, check=True)
        Path(QUEUE).write_text(str(1 << 26))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            fd = netns.open_fd(inner)
            with netns.inside(fd):
                hearer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            netns.close(fd)
            with hearer:
                hearer.setsockopt(socket.SOL_SOCKET, RECEIVE_FORCED, 1 << 26)
                hearer.settimeout(120)
                hearer.bind(("10.9.0.2", 9000))
                sender.connect(("10.9.0.2", 9000))
                yield sender, hearer
    finally:
        subprocess.run(["ip", "netns", "del", inner], check=True)


def test_coming_to_a_link_and_leaving_it_loses_no_packet() -> None:
    """The kernel throws away what a link should send while its disciplines change."""
    before = os.sched_getaffinity(0)
    with a_real_world() as world, a_pair() as (sender, hearer):
        fast = world.open()
        fast.begin()
        os.sched_setaffinity(0, {min(before)})
        try:
            with Flood(sender, hearer) as flood:
                times = 0
                while times < TIMES or flood.sent <= TIMES:
                    index = fast.guard("one", carrying.TO_POD)
                    assert index is not None
                    assert fast.guarded(index)
                    assert fast.end() == 1
                    times += 1
            heard = flood.heard()
        finally:
            os.sched_setaffinity(0, before)
        shown = subprocess.run(
            ["ip", "neigh", "show", "dev", "one"],
            capture_output=True,
            text=True,
            check=True,
        )

    assert heard == list(range(flood.sent))
    assert shown.stdout.split() == [
        *("10.9.0.2", "lladdr", "02:00:00:00:00:02", "PERMANENT"),
    ]
