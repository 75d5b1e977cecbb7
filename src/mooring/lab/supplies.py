"""What a cluster is made of: the programs of others, and images for its nodes."""

import os
from dataclasses import dataclass
from pathlib import Path

from mooring.core.linux.upstream import CLUSTER
from mooring.lab import programs_built
from mooring.lab.errors import LabError
from mooring.lab.record import Standing
from mooring.lab.tools import Tools

HIDDEN = Path("/run")


@dataclass(frozen=True, slots=True)
class Supplies:
    """A directory of programs, and archives of images."""

    programs: Path
    images: tuple[Path, ...]


def found(tools: Tools, before: Standing | None, named: Path | None) -> Supplies:
    """Give the programs that the user names, those of the standing lab, or build them."""
    if named is not None:
        programs = _given(tools, named)
    elif before is not None and before.programs and Path(before.programs).is_dir():
        programs = Path(before.programs)
    else:
        programs = programs_built.Builder.usual(os.environ, tools.say).build(CLUSTER)
    from mooring.lab.images_built import Images  # noqa: PLC0415 - its certificates are slow to load; most commands build none

    images = Images.usual(tools.processes, tools.host, os.environ, tools.say)
    return Supplies(programs, tuple(images.cluster(programs)))


def _given(tools: Tools, directory: Path) -> Path:
    if directory.resolve().is_relative_to(HIDDEN):
        raise LabError(
            f"--programs {directory}: nodes have a {HIDDEN} of their own",
            "put the programs elsewhere",
        )
    return programs_built.given(tools.processes, directory, CLUSTER, tools.say)
