"""What a runtime finds on the node: the executable, and the configuration list.

Both are moved into place, so that a runtime never runs or reads half a file, and never
meets "text file busy".
"""

import platform
import shutil
from pathlib import Path

from mooring.core.cni.conflist import EXECUTABLE, FILE

_BUILT = Path(__file__).resolve().parents[1] / "_native"


class NotBuilt(Exception):  # noqa: N818 - a word for what is missing
    """The package has no CNI executable for this machine."""


def built(machine: str | None = None) -> Path:
    """Find the executable that the package brings for a machine, this one by default."""
    path = _BUILT / f"mooring-{machine or platform.machine()}"
    if not path.exists():
        raise NotBuilt(f"{path} is missing; next step: pip install -e . (builds it)")
    return path


def install(executable: Path, directory: Path) -> Path:
    """Copy the executable into the runtime's plugin directory."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / EXECUTABLE
    aside = _aside(target)
    shutil.copyfile(executable, aside)
    aside.chmod(0o755)
    return aside.replace(target)


def publish(text: str, directory: Path) -> Path:
    """Write the configuration list: from now on the runtime starts pods."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / FILE
    aside = _aside(target)
    aside.write_text(text)
    return aside.replace(target)


def withdraw(directory: Path) -> None:
    """Remove the configuration list; to have none is fine."""
    (directory / FILE).unlink(missing_ok=True)


def _aside(target: Path) -> Path:
    """Name a file that no runtime takes for a plugin or a configuration."""
    return target.with_name(f".{target.name}.new")
