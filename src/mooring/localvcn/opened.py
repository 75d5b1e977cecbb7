"""Namespaces opened by name as they are needed, all closed at the end of a block."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from mooring.core.linux.port import Namespaces

Spaces = Mapping[str, int]


class _Opened(Mapping[str, int]):
    def __init__(self, namespaces: Namespaces, names: Iterable[str]) -> None:
        self._namespaces = namespaces
        self._fds: dict[str, int | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> int:
        fd = self._fds[name]
        if fd is None:
            self._fds[name] = fd = self._namespaces.open_fd(name)
        return fd

    def __contains__(self, name: object) -> bool:
        return name in self._fds

    def __iter__(self) -> Iterator[str]:
        return iter(self._fds)

    def __len__(self) -> int:
        return len(self._fds)

    def close(self) -> None:
        for fd in self._fds.values():
            if fd is not None:
                self._namespaces.close(fd)


@contextmanager
def opened(namespaces: Namespaces, names: Iterable[str]) -> Iterator[Spaces]:
    """Give descriptors by name; OSError, at the first use of a name, when there is none."""
    spaces = _Opened(namespaces, names)
    try:
        yield spaces
    finally:
        spaces.close()
