"""The door between network namespaces: what Python 3.12 calls os.setns, for 3.11 too.

It stands beside the adapters because three of them (netlink, netns, nft) go through it and
adapters do not know each other. A thread that steps inside comes back, whatever happens there.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
OWN = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def setns(fd: int) -> None:
    """Move this thread into the network namespace; OSError when it cannot."""
    if _libc.setns(fd, NEW_NETWORK) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"setns: {os.strerror(errno)}")


def unshare() -> None:
    """Move this thread into a new network namespace."""
    if _libc.unshare(NEW_NETWORK) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"unshare: {os.strerror(errno)}")


def open_own() -> int:
    """Open the namespace that this thread is in."""
    return os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def returning() -> Iterator[None]:
    """Bring the thread back to where it was, whatever the block did."""
    home = open_own()
    try:
        yield
    finally:
        _return(home)


@contextmanager
def inside(fd: int | None) -> Iterator[None]:
    """Put this thread inside the namespace for the block (None: it stays)."""
    if fd is None:
        yield
        return
    with returning():
        setns(fd)
        yield


def do_inside(fd: int, home: int, act: Callable[[], T]) -> T:
    """Do one thing inside the namespace, at a fifth of the price of `inside`.

    `home` is the namespace that the thread is in.
    """
    if fd == home:
        return act()
    try:
        setns(fd)
        return act()
    finally:
        _go_home(home)


def _return(home: int) -> None:
    try:
        _go_home(home)
    finally:
        os.close(home)


def _go_home(home: int) -> None:
    try:
        setns(home)
    except OSError:
        # A thread that went on in a pod's namespace would do a stranger's work there.
        os.abort()
