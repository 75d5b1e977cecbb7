"""The logs of the processes under test: what a failed test shows of them.

Who starts processes hands over where their logs are, for as long as they matter. A failure
inside keeps the ends of the logs at once, because what follows may take the files away.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LINES = 100
Logs = Callable[[], Iterable[Path]]

_known: list[Logs] = []
_kept: dict[str, str] = {}


@contextmanager
def logs(find: Logs) -> Iterator[None]:
    """Let a failure within the block, or a test's while it lasts, show these logs."""
    _known.append(find)
    try:
        yield
    except BaseException:
        _kept.update(_ends(find))
        raise
    finally:
        _known.remove(find)


def taken() -> dict[str, str]:
    """Give the ends of all logs, and forget those that were kept."""
    found = dict(_kept)
    _kept.clear()
    for find in _known:
        found |= _ends(find)
    return found


def _ends(find: Logs) -> dict[str, str]:
    found = {}
    for path in find():
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        found[str(path)] = "\n".join(lines[-LINES:])
    return found
