"""Files of this machine on their way into an image: programs, their libraries, Python.

Python's files are compiled here once, marked so that nobody compares them with their
sources again: an image starts quicker, and its bytes do not depend on when it was made.
"""

import importlib.util
import marshal
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from mooring.adapters.host import Host
from mooring.adapters.process import Processes
from mooring.core.linux.image import Entry
from mooring.core.linux.imageset import (
    Locked,
    MissingLibraryError,
    in_libraries,
    in_stdlib,
    inside,
    libraries,
    locked,
)
from mooring.lab.errors import LabError

LOCKS = Path(__file__).parent / "images"
PACKAGE = Path(__file__).parents[1]
UNCHECKED = (1).to_bytes(4, "little")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

Sources = dict[str, Path]
"""Where each file of an image comes from, by its place in the image."""


def programs(host: Host, processes: Processes, names: Iterable[str]) -> Sources:
    """Find programs and the libraries that they load."""
    found: Sources = {}
    absent = []
    for name in names:
        path = host.program(name)
        if path is None:
            absent.append(name)
        else:
            found[inside(str(path))] = path
    if absent:
        raise LabError(
            f"no {', '.join(absent)} on this machine to put into an image",
            "tests/kubernetes/setup installs what the suite's images hold",
        )
    return {**found, **loaded(processes, list(found.values()))}


def loaded(processes: Processes, files: Sequence[Path]) -> Sources:
    """Find the libraries that programs and libraries load."""
    if not files:
        return {}
    said = processes.run(["ldd", *map(str, files)])
    try:
        return {inside(path): Path(path) for path in libraries(said.text)}
    except MissingLibraryError as error:
        raise LabError(f"libraries are missing on this machine: {error}") from None


def python(processes: Processes) -> Sources:
    """Find the interpreter that runs this, its own library, and what those load."""
    program = Path(sys.executable).resolve()
    library = Path(sysconfig.get_paths()["stdlib"])
    found = {inside(str(program)): program}
    for path in _files(library):
        if in_stdlib(str(path.relative_to(library))):
            found[inside(str(path))] = path
    found |= loaded(processes, [p for p in found.values() if p.suffix == ".so"])
    return {**found, **loaded(processes, [program])}


def packages(lock: str, folder: str) -> Sources:
    """Find the files of the packages that a lock names, in the versions it names."""
    found: Sources = {}
    for wanted in locked((LOCKS / lock).read_text()):
        for path in _distribution(wanted):
            if in_libraries(str(path)):
                found[f"{folder}/{path}"] = Path(str(path.locate()))
    return found


def _distribution(wanted: Locked) -> list[metadata.PackagePath]:
    try:
        here = metadata.distribution(wanted.name)
    except metadata.PackageNotFoundError:
        if wanted.optional:
            return []
        version = "none"
    else:
        version = here.version
        if version == wanted.version:
            return here.files or []
    raise LabError(
        f"the image wants {wanted.name} {wanted.version}, installed is {version}",
        "make setup installs what the lock names",
    )


def ourselves(folder: str) -> Sources:
    """Find Mooring's own files."""
    return {
        f"{folder}/{PACKAGE.name}/{path.relative_to(PACKAGE)}": path
        for path in _files(PACKAGE)
    }


def _files(directory: Path) -> Iterable[Path]:
    for here, below, names in os.walk(directory):
        below[:] = sorted(each for each in below if each != "__pycache__")
        yield from (Path(here) / name for name in sorted(names))


def read(sources: Sources) -> dict[str, Entry]:
    """Read the files; Python's come with their compiled form."""
    found: dict[str, Entry] = {}
    for place, source in sources.items():
        content = source.read_bytes()
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        found[place] = Entry(place, content, mode)
        if place.endswith(".py"):
            found |= _compiled(place, content)
    return found


def _compiled(place: str, content: bytes) -> dict[str, Entry]:
    try:
        code = compile(content, f"/{place}", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return {}  # a package's example of bad Python; nobody imports it
    head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(content)
    target = importlib.util.cache_from_source(place)
    return {target: Entry(target, head + marshal.dumps(code), 0o644)}
