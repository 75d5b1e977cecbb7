"""Compiles what is native: `native/shim` and `native/pause` for every architecture, `native/fastpath` for the kernel.

The compiler is a Python package (`ziglang`) that brings its own C library: no compiler of
the system, and no network. Nothing is compiled again while sources, flags and compiler are
the same. The build of the Python package calls `build()`; by hand:

    python native/compile.py                    all of it, if need be
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
PAUSE = ROOT / "native/pause/pause.c"
FAST_PATH = ROOT / "native/fastpath/fastpath.c"
OUTPUT = ROOT / "src/mooring/_native"
STAMP = OUTPUT / ".sources"
SCRATCH = ROOT / "build"

ARCHITECTURES = ("x86_64", "aarch64")
LANGUAGE = ("-std=c11", "-D_GNU_SOURCE", "-static")
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")
SHIPPED = ("-Os", "-s")
KERNEL_SIDE = (
    "-target",
    "bpfel",
    "-O2",
    "-c",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Werror",
)
CHECKED = ("-Os", "-s", "-fsanitize=undefined", "-fsanitize-trap=undefined")


def build() -> None:
    """Bring both executables and the fast path up to date."""
    wanted = _fingerprint()
    ours = {_executable(arch): arch for arch in ARCHITECTURES}
    pauses = {OUTPUT / f"pause-{arch}": arch for arch in ARCHITECTURES}
    outputs = [*ours, *pauses, _fast_path()]
    if _stamp() == wanted and all(each.exists() for each in outputs):
        return
    OUTPUT.mkdir(exist_ok=True)
    STAMP.unlink(missing_ok=True)
    running = [
        *(
            (_compiler(arch, SHIPPED, _aside(each)), arch)
            for each, arch in ours.items()
        ),
        *((_pause_compiler(arch, _aside(each)), arch) for each, arch in pauses.items()),
    ]
    running.append((_kernel_compiler(_aside(_fast_path())), "the kernel"))
    faults = [arch for process, arch in running if process.wait() != 0]
    if faults:
        sys.exit(f"native does not compile for {', '.join(faults)}")
    for each in outputs:
        # Moved into place: the old one may be running at this moment.
        _aside(each).replace(each)
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
    return _started(command)


def _pause_compiler(arch: str, target: Path) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "ziglang", "cc"),
        *("-target", f"{arch}-linux-musl"),
        *(*LANGUAGE, *WARNINGS, *SHIPPED),
        *("-o", str(target), str(PAUSE)),
    ]
    return _started(command)


def _kernel_compiler(target: Path) -> subprocess.Popen[bytes]:
    # Not `cc`: its C library knows no such machine, and nothing of one is used.
    ours = (sys.executable, "-m", "ziglang", "clang", *KERNEL_SIDE)
    return _started([*ours, "-o", str(target), str(FAST_PATH)])


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    # The compiler keeps its compiled C library here, and not in somebody's home.
    caches = {
        "ZIG_GLOBAL_CACHE_DIR": str(SCRATCH / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(SCRATCH / "zig"),
    }
    return subprocess.Popen(command, env={**caches, **os.environ})


def _fingerprint() -> str:
    """Name what the executables depend on."""
    digest = hashlib.sha256(f"{_version()} {_compiler_version()}".encode())
    for part in (Path(__file__), *SOURCES, PAUSE, FAST_PATH):
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


def _fast_path() -> Path:
    return OUTPUT / "fastpath.bpf"


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
