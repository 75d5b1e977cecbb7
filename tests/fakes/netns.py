"""Named namespaces in memory: names, descriptors and who still holds what."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HOME = 4026531840
NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")


class FakeNamespaces:
    """`adapters.netns` without Linux. `open_fds` shows what nobody gave back.

    A namespace ends when its name is gone and no descriptor is open; whoever asked by
    `when_ended` is told its inode. `refusal` is what opening ends with, whatever is there.
    """

    def __init__(self) -> None:
        self.open_fds: dict[int, int] = {}
        self.refusal: OSError | None = None
        self._named: dict[str, int] = {}
        self._next_fd = 1000
        self._next_inode = HOME + 1
        self._here = [HOME]
        self._listeners: list[Callable[[int], None]] = []

    def when_ended(self, listener: Callable[[int], None]) -> None:
        self._listeners.append(listener)

    def create(self, name: str) -> None:
        _check(name)
        if name not in self._named:
            self._named[name] = self._next_inode
            self._next_inode += 1

    def delete(self, name: str) -> None:
        _check(name)
        inode = self._named.pop(name, None)
        if inode is not None:
            self._end_if_unused(inode)

    def exists(self, name: str) -> bool:
        _check(name)
        return name in self._named

    def names(self) -> list[str]:
        return sorted(self._named)

    def open_fd(self, path_or_name: str) -> int:
        inode = self.inode_at(path_or_name)
        self._next_fd += 1
        self.open_fds[self._next_fd] = inode
        return self._next_fd

    def inode_at(self, path: str) -> int:
        if self.refusal is not None:
            raise self.refusal
        name = path.rpartition("/")[2]
        if name not in self._named:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self._named[name]

    def close(self, fd: int) -> None:
        inode = self._of(fd)
        del self.open_fds[fd]
        self._end_if_unused(inode)

    def inode(self, fd: int) -> int:
        return self._of(fd)

    def own_inode(self) -> int:
        return self._here[-1]

    def is_network(self, fd: int) -> bool:
        return fd in self.open_fds

    @contextmanager
    def inside(self, fd: int | None) -> Iterator[None]:
        self._here.append(self._here[-1] if fd is None else self._of(fd))
        try:
            yield
        finally:
            self._here.pop()

    def _of(self, fd: int) -> int:
        if fd not in self.open_fds:
            raise OSError(9, "Bad file descriptor")
        return self.open_fds[fd]

    def _end_if_unused(self, inode: int) -> None:
        if inode in self.open_fds.values() or inode in self._named.values():
            return
        for listener in self._listeners:
            listener(inode)


def _check(name: str) -> None:
    if NAME.fullmatch(name) is None or name in {".", ".."}:
        raise ValueError(f"{name!r} is no name of a namespace")
