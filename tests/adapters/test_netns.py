"""Real namespaces: what `ip netns` and the mount table say, and what crashes leave behind."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from descriptors import open_descriptors

from mooring import setns
from mooring.adapters import netns

NAME = f"ns{os.getpid()}"
FILE = Path("/run/netns") / NAME


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = open_descriptors()
    yield
    netns.delete(NAME)
    assert open_descriptors() == before


@pytest.fixture
def fd() -> Iterator[int]:
    netns.create(NAME)
    opened = netns.open_fd(NAME)
    yield opened
    netns.close(opened)


def mounts(path: Path) -> int:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sum(line.split()[4] == str(path) for line in lines)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_ip_netns_sees_what_we_make(fd: int) -> None:
    assert NAME in run("ip", "netns", "list")
    assert "lo" in run("ip", "-n", NAME, "link")
    assert netns.inode(fd) == FILE.stat().st_ino


def test_we_see_what_ip_netns_makes_and_deletes() -> None:
    run("ip", "netns", "add", NAME)
    assert netns.exists(NAME)
    run("ip", "netns", "del", NAME)

    assert not netns.exists(NAME)


def test_ip_netns_deletes_what_we_made(fd: int) -> None:
    run("ip", "netns", "del", NAME)

    assert NAME not in netns.names()
    assert netns.is_network(fd)


def test_the_directory_is_mounted_once_however_often_we_create() -> None:
    for _ in range(3):
        netns.create(NAME)
        netns.delete(NAME)
    count = mounts(FILE.parent)
    netns.create(NAME)

    assert mounts(FILE.parent) == count
    assert mounts(FILE) == 1
    netns.delete(NAME)
    assert mounts(FILE) == 0


def test_the_directory_is_shared_so_that_others_see_names_come_and_go(fd: int) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    about = [line for line in lines if line.split()[4] == str(FILE.parent)]

    assert all(" shared:" in line for line in about)
    assert about


def test_a_file_that_a_crash_left_is_no_namespace_and_no_hindrance() -> None:
    netns.create(NAME)
    netns.delete(NAME)
    FILE.touch()
    assert not netns.exists(NAME)
    assert NAME not in netns.names()
    with pytest.raises(OSError, match="not a network namespace"):
        netns.open_fd(NAME)
    netns.create(NAME)

    assert netns.exists(NAME)


@pytest.mark.parametrize("path", ["/dev/null", "/proc/self/ns/mnt", "/"])
def test_what_is_no_network_namespace_is_not_opened(path: str) -> None:
    with pytest.raises(OSError, match="not a network namespace"):
        netns.open_fd(path)


def test_our_own_namespace_is_known_as_such() -> None:
    own = netns.open_fd("/proc/self/ns/net")

    assert netns.is_network(own)
    assert netns.inode(own) == netns.own_inode()
    netns.close(own)
    assert not netns.is_network(10_000)


def test_other_threads_stay_where_they_are(fd: int) -> None:
    home = netns.own_inode()
    seen: list[int] = []
    with netns.inside(fd):
        thread = threading.Thread(target=lambda: seen.append(netns.own_inode()))
        thread.start()
        thread.join()
        # A thread is born where its parent is; one that was there already is not moved.
        assert seen == [netns.inode(fd)]
        main = Path(f"/proc/self/task/{os.getpid()}/ns/net").stat().st_ino

    assert main == netns.inode(fd)
    assert netns.own_inode() == home


def test_a_thread_inside_does_not_take_the_others_along(fd: int) -> None:
    home = netns.own_inode()
    there, back = threading.Event(), threading.Event()

    def visit() -> None:
        with netns.inside(fd):
            there.set()
            back.wait()

    thread = threading.Thread(target=visit)
    thread.start()
    there.wait()
    assert netns.own_inode() == home
    back.set()
    thread.join()


def test_one_that_cannot_go_inside_stays_at_home() -> None:
    home = netns.own_inode()
    with (
        Path(os.devnull).open() as nothing,
        pytest.raises(OSError, match="setns"),
        netns.inside(nothing.fileno()),
    ):
        pytest.fail("was inside /dev/null")

    assert netns.own_inode() == home


def test_one_that_cannot_come_home_ends_there(fd: int) -> None:
    script = (
        "from mooring import setns\n"
        "import os, sys\n"
        f"fd = os.open({str(FILE)!r}, os.O_RDONLY)\n"
        "with setns.inside(fd):\n"
        "    os.closerange(fd + 1, fd + 9)\n"
        "print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode < 0
    assert "went on" not in done.stdout


def test_sockets_live_where_they_were_opened(fd: int) -> None:
    with (
        netns.listen_tcp(fd, "127.0.0.1", 0) as inner,
        netns.listen_tcp(None, "127.0.0.1", 0) as outer,
        netns.udp_socket(fd, "::", 0) as both,
    ):
        assert both.family == socket.AF_INET6
        assert inner.getsockname()[0] == outer.getsockname()[0] == "127.0.0.1"
        # The same port twice: they are in different namespaces.
        with netns.listen_tcp(fd, "127.0.0.1", outer.getsockname()[1]):
            pass


def test_a_socket_that_cannot_be_bound_is_closed(fd: int) -> None:
    with netns.listen_tcp(fd, "127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            netns.listen_tcp(fd, "127.0.0.1", port)


def test_a_namespace_ends_although_another_mount_namespace_knew_it(fd: int) -> None:
    child = subprocess.Popen(
        ["unshare", "-m", "--propagation", "slave", "sh", "-c", "echo; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    netns.delete(NAME)
    mountinfo = Path(f"/proc/{child.pid}/mountinfo").read_text()
    child.communicate(b"\n")

    assert str(FILE) not in mountinfo


def test_a_step_that_fails_says_why() -> None:
    with pytest.raises(OSError, match="setns: Bad file descriptor"):
        setns.setns(-1)


def test_a_plain_file_is_at_no_namespace(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    with pytest.raises(OSError, match="not a namespace"):
        netns.inode_at(str(plain))
