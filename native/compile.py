"""Compiles the CNI executable of `native/shim` for every architecture.

The compiler is a Python package (`ziglang`) that brings its own C library: no compiler of
the system, and no network. Nothing is compiled again while sources, flags and compiler are
the same. The build of the Python package calls `build()`; by hand:

    python native/compile.py                    both executables, if need be
    python native/compile.py --checked PATH     one for this machine that stops at
                                                undefined behaviour, for fuzzing
"""  # noqa: INP001 - a program, not a package

import argparse
import hashlib
import os
import platform
import subprocess  # noqa: TID251 - building needs the compiler; nothing here is installed
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "native/shim").glob("*.[ch]"))
OUTPUT = ROOT / "src/mooring/_native"
STAMP = OUTPUT / ".sources"
SCRATCH = ROOT / "build"

ARCHITECTURES = ("x86_64", "aarch64")
LANGUAGE = ("-std=c11", "-D_GNU_SOURCE", "-static")
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")
SHIPPED = ("-Os", "-s")
CHECKED = ("-Os", "-s", "-fsanitize=undefined", "-fsanitize-trap=undefined")


def build() -> None:
    """Bring both executables up to date."""
    wanted = _fingerprint()
    if _stamp() == wanted and all(_executable(a).exists() for a in ARCHITECTURES):
        return
    OUTPUT.mkdir(exist_ok=True)
    STAMP.unlink(missing_ok=True)
    running = [
        (_compiler(arch, SHIPPED, _aside(_executable(arch))), arch)
        for arch in ARCHITECTURES
    ]
    faults = [arch for process, arch in running if process.wait() != 0]
    if faults:
        sys.exit(f"native/shim does not compile for {', '.join(faults)}")
    for arch in ARCHITECTURES:
        # Moved into place: the old one may be running at this moment.
        _aside(_executable(arch)).replace(_executable(arch))
    STAMP.write_text(wanted)


def checked(target: Path) -> None:
    """Compile for this machine with traps where C leaves the behaviour open."""
    aside = _aside(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if _compiler(platform.machine(), CHECKED, aside).wait() != 0:
        sys.exit("native/shim does not compile")
    aside.replace(target)


def _compiler(
    arch: str, flags: tuple[str, ...], target: Path
) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "ziglang", "cc"),
        *("-target", f"{arch}-linux-musl"),
        *(*LANGUAGE, *WARNINGS, *flags, f'-DMOORING_VERSION="{_version()}"'),
        *("-o", str(target)),
        *(str(source) for source in SOURCES if source.suffix == ".c"),
    ]
    # The compiler keeps its compiled C library here, and not in somebody's home.
    caches = {
        "ZIG_GLOBAL_CACHE_DIR": str(SCRATCH / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(SCRATCH / "zig"),
    }
    return subprocess.Popen(command, env={**caches, **os.environ})


def _fingerprint() -> str:
    """Name what the executables depend on."""
    digest = hashlib.sha256(f"{_version()} {_compiler_version()}".encode())
    for part in (Path(__file__), *SOURCES):
        digest.update(part.name.encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def _compiler_version() -> str:
    try:
        return metadata.version("ziglang")
    except metadata.PackageNotFoundError:
        sys.exit("the compiler is missing; next step: pip install ziglang")


def _stamp() -> str:
    return STAMP.read_text() if STAMP.exists() else ""


def _executable(arch: str) -> Path:
    return OUTPUT / f"mooring-{arch}"


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checked", type=Path, metavar="PATH")
    options = parser.parse_args()
    if options.checked:
        checked(options.checked)
    else:
        build()


if __name__ == "__main__":
    main()
