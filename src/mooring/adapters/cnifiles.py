"""What a runtime finds on the node: the executables, and the configuration list.

All are moved into place, so that a runtime never runs or reads half a file, and never
meets "text file busy".
"""

import filecmp
import os
import platform
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mooring.core.cni.conflist import CHAINED, EXECUTABLE, FILE, ahead

_BUILT = Path(__file__).resolve().parents[1] / "_native"


class NotBuilt(Exception):
    """The package has no CNI executable for this machine."""


def built(machine: str | None = None) -> Path:
    """Find the executable that the package brings for a machine, this one by default."""
    path = _BUILT / f"mooring-{machine or platform.machine()}"
    if not path.exists():
        raise NotBuilt(f"{path} is missing; next step: pip install -e . (builds it)")
    return path


def install(executable: Path, directory: Path, name: str = EXECUTABLE) -> Path:
    """Copy an executable into the runtime's plugin directory; the same one is left there."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / name
    with suppress(OSError):
        if os.access(target, os.X_OK) and filecmp.cmp(
            executable, target, shallow=False
        ):
            return target
    with executable.open("rb") as source:
        return _put(target, source, 0o755)


def install_chained(source: Path, directory: Path) -> tuple[str, ...]:
    """Install those of the CNI project's plugins that `source` has; name them."""
    found = tuple(name for name in CHAINED if (source / name).is_file())
    for name in found:
        install(source / name, directory, name)
    return found


def publish(text: str, directory: Path, volatile: Path | None = None) -> Path:
    """Write the configuration list: from now on the runtime starts pods.

    With `volatile`, which a reboot empties, the list stands there and the runtime's directory
    has a link to it. After a reboot the link leads nowhere until this is called again: a
    runtime that meets it takes no other list either.
    """
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / FILE
    if volatile is None:
        return _put(target, BytesIO(text.encode()), 0o644)
    volatile.mkdir(parents=True, exist_ok=True)
    live = _put(volatile / FILE, BytesIO(text.encode()), 0o644)
    aside = _aside(target)
    aside.unlink(missing_ok=True)
    aside.symlink_to(live)
    # Moved into place even if it stood there: runtimes look when a name is moved.
    return aside.replace(target)


def withdraw(directory: Path) -> None:
    """Remove the configuration list; to have none is fine."""
    (directory / FILE).unlink(missing_ok=True)


def lost(published: Iterable[Path]) -> tuple[Path, ...]:
    """Name those of the files that a runtime does not find any more, or finds empty.

    What somebody else put in a file's place is left alone: a service mesh adds its plugin to the list.
    """
    return tuple(path for path in published if not _is_there(path))


def _is_there(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def before_ours(directory: Path) -> tuple[str, ...]:
    """Name the configurations that a runtime takes before ours."""
    with suppress(FileNotFoundError):
        return ahead([path.name for path in directory.iterdir()])
    return ()


def _put(target: Path, content: BinaryIO, mode: int) -> Path:
    aside = _aside(target)
    aside.unlink(missing_ok=True)
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(file, "wb") as stream:
        shutil.copyfileobj(content, stream)
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())
    return aside.replace(target)


def _aside(target: Path) -> Path:
    """Name a file that no runtime takes for a plugin or a configuration."""
    return target.with_name(f".{target.name}.new")
