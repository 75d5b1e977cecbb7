"""Processes: commands that are waited for, programs that outlive us, and how they end.

A program is known by the record that it left at its start (core.linux.node): pid, start
time and boot. Signals go through a pidfd that is checked against the record after it was
opened, so that a pid that was given out again is never hit.
"""

import os
import select
import signal
import subprocess  # noqa: TID251 - the one place
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mooring.core.linux import process
from mooring.core.linux.node import BOOT_ID
from mooring.core.linux.process import Identity

PROC = Path("/proc")
SETTLE = 0.1  # seconds between a record's making and its writing, generously


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended; `code` is negative when a signal ended it (as in subprocess)."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Give what it printed, for people."""
        return self.out.decode(errors="replace")

    @property
    def complaint(self) -> str:
        """Give its last words, for people."""
        said = (self.err or self.out).decode(errors="replace").strip()
        return said[-2000:] or f"exit status {self.code}"


class CommandError(Exception):
    """A command that could not be run, or did not end in time."""


class Processes:
    """The machine's processes, as seen by one user with one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._boot = Path(BOOT_ID).read_text().strip()

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        patience: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command and wait for its end; `env` comes on top of the usual one."""
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                capture_output=True,
                timeout=patience,
                check=False,
                env={**self._environment, **(env or {})},
            )
        except subprocess.TimeoutExpired:
            raise CommandError(f"{argv[0]}: no end after {patience:g} s") from None
        except OSError as error:
            raise CommandError(f"{argv[0]}: {error.strerror}") from None
        return Done(done.returncode, done.stdout, done.stderr)

    def show(self, argv: Sequence[str]) -> int:
        """Run a command on the caller's own terminal; give its exit status."""
        try:
            return subprocess.run(
                list(argv), check=False, env=self._environment
            ).returncode
        except OSError as error:
            raise CommandError(f"{argv[0]}: {error.strerror}") from None

    def launch(self, argv: Sequence[str]) -> None:
        """Run a starter (core.linux.node): it returns when its program has begun."""
        # Its standard input is this machine's /proc, by which it learns its own pid.
        proc = os.open(PROC, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            done = subprocess.run(
                list(argv),
                stdin=proc,
                capture_output=True,
                check=False,
                timeout=60,
                env=self._environment,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise CommandError(f"{argv[0]}: did not start within a minute") from None
        finally:
            os.close(proc)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise CommandError(f"{argv[0]}: {said or f'exit {done.returncode}'}")

    def find(self, record: Path) -> Identity | None:
        """Give the living process that left this record; None when there is none."""
        try:
            written = process.identity(record.read_text())
        except FileNotFoundError:
            return None
        if written is None or not self._lives(written):
            return None
        return written

    def retire(self, record: Path) -> Identity | None:
        """Make room for a new record; give the process that had left one after all.

        The record is moved before it is judged: a starter that its caller's death left
        behind may write it at any moment.
        """
        past = record.with_name(f".{record.name}.past")
        try:
            record.replace(past)
        except FileNotFoundError:
            return None
        if not past.stat().st_size:
            time.sleep(SETTLE)
        living = self.find(past)
        if living is not None:
            with suppress(FileExistsError):
                os.link(past, record)
        past.unlink()
        return living

    def signal(self, target: Identity, number: signal.Signals) -> bool:
        """Send a signal; False when the process has ended before."""
        fd = self._open(target)
        if fd is None:
            return False
        try:
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(fd)
        return True

    def stop(self, target: Identity, patience: float) -> bool:
        """Ask a process to end and wait, then end it; False when it asked for force."""
        fd = self._open(target)
        if fd is None:
            return True
        try:
            for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 30.0)):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(fd, number)
                # A pidfd becomes readable when its process has ended.
                if select.select([fd], [], [], wait)[0]:
                    return number is signal.SIGTERM
        finally:
            os.close(fd)
        raise CommandError(f"process {target.pid} does not end, not even killed")

    def kill(self, target: Identity) -> None:
        """End a process and wait until it has."""
        self.stop(target, 0)

    def _open(self, target: Identity) -> int | None:
        try:
            fd = os.pidfd_open(target.pid)
        except ProcessLookupError:
            return None
        if self._lives(target):
            return fd
        os.close(fd)
        return None

    def _lives(self, target: Identity) -> bool:
        try:
            seen = process.stat((PROC / str(target.pid) / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            seen = None
        return process.is_alive(target, self._boot, seen)
