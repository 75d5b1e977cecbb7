"""The images of a cluster in the lab: their names, and what each is made of.

The stages are those of `deploy/Dockerfile`, which any builder can follow with a registry at
hand; the lab puts the same together from the machine that it runs on. A test compares them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mooring.core.linux.image import Entry

PAUSE = "registry.k8s.io/pause:3.10.2"
AGENT = "docker.io/mooring/agent:0.1.0"
CONTROLLER = "docker.io/mooring/controller:0.1.0"
_TESTS = "registry.k8s.io/e2e-test-images"
AGNHOST = f"{_TESTS}/agnhost:2.66.1"
AGNHOST_NAMES = (
    AGNHOST,
    f"{_TESTS}/glibc-dns-testing:2.1.1",
    # Endpoints of its pods are counted; nobody ever asks one for a page.
    f"{_TESTS}/nginx:1.27.0-2",
)
BUSYBOX = f"{_TESTS}/busybox:1.37.0-2"

PLACE = "/opt/mooring"
MAIN = ("/usr/bin/python3", "-m", "mooring")
NOBODY = "65532:65532"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of an image, on top of another.

    `packages` are Debian's, `programs` what is taken of them; `lock` names what Python
    packages lie in `folder`; `chained` are the CNI project's plugins in `cni`.
    """

    base: str
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    lock: str = ""
    folder: str = ""
    chained: tuple[str, ...] = ()
    environment: Mapping[str, str]
    user: str = ""
    command: tuple[str, ...] = ()


STAGES = {
    "system": Stage(
        base="docker.io/library/debian:bookworm-slim",
        packages=("ca-certificates", "python3"),
        environment={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        },
    ),
    "common": Stage(
        base="system",
        lock="agent.lock",
        folder="lib",
        environment={"PYTHONPATH": f"{PLACE}/app:{PLACE}/lib"},
    ),
    "agent": Stage(
        base="common",
        packages=("nftables",),
        programs=("nft",),
        chained=("portmap", "bandwidth", "tuning"),
        environment={},
        command=("agent", "--kubernetes"),
    ),
    "controller": Stage(
        base="common",
        lock="cloud.lock",
        folder="cloud",
        environment={"PYTHONPATH": f"{PLACE}/app:{PLACE}/lib:{PLACE}/cloud"},
        user=NOBODY,
        command=("controller", "--kubernetes"),
    ),
}


def environment(name: str) -> tuple[str, ...]:
    """Give the environment of a stage, with that of those below it."""
    found: dict[str, str] = {}
    for each in reversed(list(_down(name))):
        found |= STAGES[each].environment
    return tuple(f"{key}={value}" for key, value in sorted(found.items()))


def _down(name: str) -> Iterable[str]:
    while name in STAGES:
        yield name
        name = STAGES[name].base


_NOT_IN_STDLIB = frozenset(
    (
        *("ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages"),
        *("dist-packages", "test", "tests", "tkinter", "turtledemo", "__phello__"),
    )
)


def in_stdlib(path: str) -> bool:
    """Tell whether a file of Python's own library belongs into an image."""
    parts = path.split("/")
    return not (
        _NOT_IN_STDLIB & set(parts)
        or parts[0].startswith("config-")
        or parts[-1] in {"turtle.py", "EXTERNALLY-MANAGED"}
        or parts[-1].startswith(("_test", "_tkinter", "_ctypes_test", "xxlimited"))
    )


CLOUD_SERVICES = frozenset(
    {"core", "dns", "identity", "limits", "object_storage", "work_requests"}
)
"""Of the OCI SDK's: what the controller calls, and what those import."""
_CLOUD_PARTS = frozenset(
    {"auth", "circuit_breaker", "encryption", "pagination", "retry", "_vendor"}
)


def in_libraries(path: str) -> bool:
    """Tell whether a file of an installed Python package belongs into an image."""
    parts = path.split("/")
    if parts[0] in {"..", "bin"} or parts[-1].endswith(
        (".pyc", ".pyi", ".pyx", ".pxd")
    ):
        return False  # commands of packages, and what only compilers read
    if parts[-1] == "RECORD":
        return False  # of use to pip alone; the SDK's has 3 MB
    if parts[0] == "oci" and len(parts) > 2:
        return parts[1] in CLOUD_SERVICES | _CLOUD_PARTS
    return "tests" not in parts


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of a lock; some machines do without an `optional` one."""

    name: str
    version: str
    optional: bool


def locked(text: str) -> list[Locked]:
    """Read a lock."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)( ;)?", text, re.MULTILINE)
    return [Locked(name, version, bool(marker)) for name, version, marker in found]


class MissingLibraryError(ValueError):
    """A program that could not run here either."""


def libraries(ldd: str) -> frozenset[str]:
    """Read what ldd says of programs: the paths of the libraries that they load."""
    missing = re.findall(r"^\s*(\S+) => not found", ldd, re.MULTILINE)
    if missing:
        raise MissingLibraryError(", ".join(sorted(set(missing))))
    return frozenset(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", ldd, re.MULTILINE))


SKELETON = ("dev", "etc", "opt", "proc", "root", "run", "sys", "usr", "usr/bin")
LINKS = {each: f"usr/{each}" for each in ("bin", "lib", "lib32", "lib64", "sbin")}
ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n"
    b"nobody:x:65532:65532:nobody:/:/usr/sbin/nologin\n",
    "etc/group": b"root:x:0:\nnobody:x:65532:\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}


def tree(files: Mapping[str, Entry]) -> list[Entry]:
    """Put files in order, after the directories that they lie in."""
    parents = {up for path in files for up in _parents(path)}
    made = {path: Entry(path) for path in parents}
    return [entry for _, entry in sorted({**made, **files}.items())]


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def skeleton() -> dict[str, Entry]:
    """Give what every image has: directories, links as with a merged /usr, accounts."""
    found = {path: Entry(path) for path in SKELETON}
    found["tmp"] = Entry("tmp", mode=0o1777)
    for path, target in LINKS.items():
        found[path] = Entry(path, mode=0o777, link=target)
        found[target] = Entry(target)
    for path, content in ACCOUNTS.items():
        found[path] = Entry(path, content, 0o644)
    return found


def inside(path: str) -> str:
    """Give the place in an image of a file of this machine: /usr is merged there."""
    relative = path.lstrip("/")
    top = relative.partition("/")[0]
    merged = top in {"bin", "lib", "lib32", "lib64", "sbin"}
    return f"usr/{relative}" if merged else relative
