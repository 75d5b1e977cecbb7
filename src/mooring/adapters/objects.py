"""A directory of files as the store of NativePodNetwork objects.

`<name>.json` holds an object (users and the lab write it), `<name>.status.json` its
status (the controller alone writes it), `usage/<name>.json` what the node's agent tells of
its pool (it alone writes it, and needs no right to write more), so that no two writers race. Every write
goes to a temporary file that is renamed: a reader sees the old content or the new, and
a crash leaves one of them.
"""

import contextlib
import json
import os
import time
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path

from mooring.core.npn import usage as usages
from mooring.core.npn.codec import (
    API_VERSION,
    KIND,
    Unreadable,
    named,
    parse,
    parse_status,
    render,
    render_status,
)
from mooring.core.npn.port import Absent, Token
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.usage import Usage

SPEC, STATUS, USAGE = ".json", ".status.json", "usage"
FORGOTTEN_SECONDS = 60.0
LIMIT = 1 << 20
"""Bytes of one file; 256 addresses under both names are some 40 KiB."""


class ObjectDirectory:
    """The objects below one directory."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._swept = False

    def names(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""
        return sorted(
            entry.name.removesuffix(SPEC)
            for entry in self._files(self.path)
            if not entry.name.endswith(STATUS)
        )

    def read(self, name: str) -> Npn:
        """Read spec and status; raise Absent or Unreadable."""
        return replace(self.read_spec(name), status=self.read_status(name))

    def read_spec(self, name: str) -> Npn:
        """Read without the status, which stays empty; raise Absent or Unreadable."""
        document = _load(self._place(name, SPEC))
        if document is None:
            raise Absent(name)
        if isinstance(document, dict):
            document.pop("status", None)
        npn = parse(document)
        if npn.name != name:
            raise Unreadable("metadata.name", npn.name, f"must be {name}, as the file")
        return npn

    def read_status(self, name: str) -> NpnStatus:
        """Read only the status, empty when there is none; raise Unreadable."""
        document = _load(self._place(name, STATUS))
        if document is None:
            return NpnStatus()
        if not isinstance(document, dict):
            raise Unreadable("status", document, "must be a JSON object")
        return parse_status(document.get("status"))

    def document(self, name: str) -> dict[str, object]:
        """Give an object as an API server would: spec, status and usage in one; raise Absent or Unreadable."""
        document = _load(self._place(name, SPEC))
        if document is None:
            raise Absent(name)
        if not isinstance(document, dict):
            raise Unreadable(f"{name}{SPEC}", document, "must be a JSON object")
        told = {**_part(self._place(name, STATUS), "status")}
        with contextlib.suppress(Unreadable):  # read_usage says why
            told |= {"usage": _part(self._place(name, SPEC, USAGE), "usage") or None}
        known = {key: value for key, value in told.items() if value is not None}
        return {**document, "status": known} if known else document

    def write(self, npn: Npn) -> None:
        """Put an object's spec (a changed one: generation + 1); the status stays."""
        place = self._place(named(npn.name), SPEC)
        try:
            before = self.read_spec(npn.name)
        except (Absent, Unreadable):
            before = None
        if before == replace(npn, status=NpnStatus(), generation=_generation(before)):
            return
        generation = max(npn.generation, _generation(before) + 1)
        self._store(
            place, render(replace(npn, status=NpnStatus(), generation=generation))
        )

    def write_status(self, name: str, status: NpnStatus) -> None:
        """Put an object's status; raise Absent when there is no such object."""
        if not self._place(name, SPEC).exists():
            raise Absent(name)
        document = {**_head(name), "status": render_status(status)}
        self._store(self._place(name, STATUS), document)

    def read_usage(self, name: str) -> Usage | None:
        """Read what the agent told of its pool; None when it told nothing that can be read."""
        try:
            document = _load(self._place(name, SPEC, USAGE))
            if isinstance(document, dict):
                return usages.read(document.get("usage"))
        except Unreadable:
            pass  # a power cut may leave half of it; the agent tells it again
        return None

    def write_usage(self, name: str, usage: Usage) -> None:
        """Put what the agent tells of its pool; a power cut may take it."""
        document = {**_head(name), "usage": usages.write(usage)}
        place = self._place(name, SPEC, USAGE)
        place.parent.mkdir(exist_ok=True)
        self._store(place, document, durable=False)

    def remove(self, name: str) -> None:
        """Take the object away, with all that is told of it; fine when it is gone already."""
        # The spec goes last: after a crash in between the object is removed again.
        self._place(name, SPEC, USAGE).unlink(missing_ok=True)
        self._place(name, STATUS).unlink(missing_ok=True)
        self._place(name, SPEC).unlink(missing_ok=True)

    def changes(
        self, since: Token, *, usage: bool = False
    ) -> tuple[Token, frozenset[str]]:
        """Tell cheaply which names came, changed or went since that token."""
        seen: dict[str, list[Hashable]] = {}
        for folder in (self.path, self.path / USAGE) if usage else (self.path,):
            for entry in self._files(folder):
                name = entry.name.removesuffix(SPEC).removesuffix(".status")
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                seen.setdefault(name, []).append(
                    (entry.path, stat.st_ino, stat.st_mtime_ns, stat.st_size)
                )
        now = {name: tuple(sorted(marks, key=str)) for name, marks in seen.items()}
        differ = {n for n in now.keys() | since.keys() if now.get(n) != since.get(n)}
        return now, frozenset(differ)

    def _store(self, place: Path, document: object, *, durable: bool = True) -> None:
        if not self._swept:
            self._swept = True
            _sweep(place.parent)
        _store(place, document, durable=durable)

    def _files(self, folder: Path) -> Iterator["os.DirEntry[str]"]:
        if folder != self.path and not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                ours = entry.name.endswith(SPEC) and not entry.name.startswith(".")
                if ours and entry.is_file():
                    yield entry

    def _place(self, name: str, suffix: str, folder: str = "") -> Path:
        if "/" in name or "\0" in name or name.startswith("."):
            raise Absent(name)
        return self.path / folder / f"{name}{suffix}"


def _generation(npn: Npn | None) -> int:
    return npn.generation if npn else 0


def _head(name: str) -> dict[str, object]:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}}


def _load(place: Path) -> object:
    """Read a file's JSON, None when there is no such file."""
    try:
        with place.open("rb") as file:
            data = file.read(LIMIT + 1)
    except FileNotFoundError:
        return None
    if len(data) > LIMIT:
        raise Unreadable(
            place.name, f"{len(data)} bytes", f"must be at most {LIMIT} bytes"
        )
    try:
        return json.loads(data) if data.strip() else {}
    except (ValueError, RecursionError) as error:
        shown = data[:60].decode(errors="replace")
        raise Unreadable(place.name, shown, f"must be JSON ({error})") from None


def _part(place: Path, name: str) -> dict[str, object]:
    """Read what stands below a name in a file; nothing when there is none."""
    document = _load(place)
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _sweep(directory: Path) -> None:
    """Remove what writers that were killed have left; one that is at work needs no minute."""
    with contextlib.suppress(OSError):
        for left in directory.glob(".*.json.*.new"):
            if time.time() - left.stat().st_mtime > FORGOTTEN_SECONDS:
                left.unlink(missing_ok=True)


def _store(place: Path, document: object, *, durable: bool = True) -> None:
    temporary = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        with temporary.open("w") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
