"""Named network namespaces, as `ip netns` keeps them: bind mounts below /run/netns."""

import ctypes
import fcntl
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL
from functools import cache
from pathlib import Path

from mooring import setns
from mooring.setns import inside

__all__ = [
    "close",
    "create",
    "delete",
    "exists",
    "inode",
    "inode_at",
    "inside",
    "is_network",
    "listen_tcp",
    "names",
    "open_fd",
    "own_inode",
    "prove",
    "router_socket",
    "udp_socket",
]

DIRECTORY = Path("/run/netns")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")

BIND, RECURSIVE, SHARED = 0x1000, 0x4000, 0x100000
DETACH = 2  # MNT_DETACH
ICMP6_FILTER, ROUTER_SOLICITATION = 1, 133  # RFC 3542, RFC 4861
GET_NAMESPACE_TYPE = 0xB703  # NS_GET_NSTYPE

_libc = ctypes.CDLL(None, use_errno=True)


def create(name: str) -> None:
    """Make the namespace exist; one that is there already stays as it is."""
    path = _path(name)
    with _registry():
        if exists(name):
            return
        # A file without a mount is what a crash between these two lines leaves behind.
        path.touch(mode=0o444)
        try:
            _mount_new(path)
        except BaseException:
            path.unlink()
            raise


def delete(name: str) -> None:
    """Make the name not exist; the namespace itself ends with its last user."""
    path = _path(name)
    while exists(name):
        _call("umount2", bytes(path), DETACH)
    with suppress(FileNotFoundError):
        path.unlink()


def exists(name: str) -> bool:
    """Tell whether the name stands for a namespace (a plain file left behind does not)."""
    return _stands(_path(name))


def names() -> list[str]:
    """List the names of all namespaces, sorted."""
    with suppress(FileNotFoundError):
        return sorted(each.name for each in DIRECTORY.iterdir() if _stands(each))
    return []


def open_fd(path_or_name: str) -> int:
    """Open a namespace; OSError when there is none or it is of another kind."""
    path = path_or_name if "/" in path_or_name else str(_path(path_or_name))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if is_network(fd):
        return fd
    os.close(fd)
    raise OSError(EINVAL, "not a network namespace", path)


def close(fd: int) -> None:
    """Give back a descriptor of open_fd."""
    os.close(fd)


def is_network(fd: int) -> bool:
    """Tell whether the descriptor is one of a network namespace."""
    try:
        return fcntl.ioctl(fd, GET_NAMESPACE_TYPE) == setns.NEW_NETWORK
    except OSError:
        return False


def inode(fd: int) -> int:
    """Tell what identifies the namespace while it lives."""
    return os.fstat(fd).st_ino


def inode_at(path: str) -> int:
    """Tell the same of what a path leads to; OSError when that is no namespace."""
    found = os.stat(path)  # noqa: PTH116 - on the way of an ADD
    if found.st_dev == _device():
        return found.st_ino
    raise OSError(EINVAL, "not a namespace", path)


def own_inode() -> int:
    """Tell the same of the namespace that this thread is in."""
    return Path(setns.OWN).stat().st_ino


def prove() -> None:
    """Raise OSError unless this process may enter network namespaces."""
    home = setns.open_own()
    try:
        setns.setns(home)
    except OSError as why:
        text = "entering a network namespace; next step: give the agent CAP_SYS_ADMIN"
        raise OSError(why.errno, f"{os.strerror(why.errno or 0)}: {text}") from why
    finally:
        os.close(home)


def listen_tcp(fd: int | None, host: str, port: int) -> socket.socket:
    """Open a listening TCP socket that lives in the namespace."""
    return _bound(fd, socket.SOCK_STREAM, host, port)


def udp_socket(fd: int | None, host: str, port: int) -> socket.socket:
    """Open a bound UDP socket that lives in the namespace."""
    return _bound(fd, socket.SOCK_DGRAM, host, port)


def router_socket(fd: int | None) -> socket.socket:
    """Open a socket that hears router solicitations in the namespace, and may answer them (RFC 4861).

    What it receives says on which link; what it sends has not passed a router.
    """
    with inside(fd):
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    made.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, _only(ROUTER_SOLICITATION))
    for option, value in (
        (socket.IPV6_RECVPKTINFO, 1),
        (socket.IPV6_MULTICAST_HOPS, 255),
    ):
        made.setsockopt(socket.IPPROTO_IPV6, option, value)
    made.settimeout(0)
    return made


def _only(kind: int) -> bytes:
    """Write a filter that lets one ICMPv6 type through: a bit for each that it stops."""
    stopped = (1 << 256) - 1 & ~(1 << kind)
    words = [(stopped >> 32 * n) & 0xFFFFFFFF for n in range(8)]
    return struct.pack("@8I", *words)


def _bound(fd: int | None, kind: int, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with inside(fd):
        made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        if kind == socket.SOCK_STREAM:
            made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def _registry() -> Iterator[None]:
    """Have /run/netns, shared with other mount namespaces, to ourselves for the block."""
    DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ip netns takes the same lock
        _share()
        yield
    finally:
        os.close(lock)


def _share() -> None:
    """Let other mount namespaces see names come and go: a copy would keep the deleted alive."""
    place = bytes(DIRECTORY)
    try:
        _call("mount", b"", place, b"none", SHARED | RECURSIVE, None)
    except OSError as err:
        if err.errno != EINVAL:
            raise
        # No mount point yet. (os.path.ismount cannot tell: it is blind to bind mounts.)
        _call("mount", place, place, b"none", BIND | RECURSIVE, None)
        _call("mount", b"", place, b"none", SHARED | RECURSIVE, None)


def _mount_new(path: Path) -> None:
    with setns.returning():
        setns.unshare()
        _call("mount", setns.OWN.encode(), bytes(path), b"none", BIND, None)


def _stands(path: Path) -> bool:
    try:
        return path.stat().st_dev == _device()
    except FileNotFoundError:
        return False


@cache
def _device() -> int:
    """Give the device on which all namespaces are (nsfs)."""
    return Path(setns.OWN).stat().st_dev


def _path(name: str) -> Path:
    if NAME.fullmatch(name) is None or name in {".", ".."}:
        raise ValueError(f"{name!r} is no name of a namespace")
    return DIRECTORY / name


def _call(function: str, *arguments: object) -> None:
    """Call a function of libc that Python does not have."""
    # mount's flags are an unsigned long; the others fit it as well.
    given = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(_libc, function)(*given) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{function}: {os.strerror(errno)}")
