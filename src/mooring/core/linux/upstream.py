"""The programs of others that a Kubernetes cluster is made of, and how Go builds them.

What is built is pinned by one Go module per project (`lab/upstream/<project>/go.mod`, `go.sum`).
A build is named by all that decides its bytes, so that one of another version lies beside it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

FLAGS = ("-trimpath", "-buildvcs=false")
ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly",
    "GOOS": "linux",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
"""What the caller's environment may not change; where to get modules from it may."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LEVELS = {
    "GOAMD64": "v1",
    "GOARM64": "v8.0",
    "GOENV": "off",
    "GOEXPERIMENT": "",
    "GOFIPS140": "off",
}
"""The least that a machine of a kind has, no experiments, nothing that `go env -w` wrote."""


def environment(machine: str) -> dict[str, str]:
    """Give what go is told on a machine of this kind, whatever the caller's environment says.

    It is the same for every build on the machine, so a build's name need not tell it.
    """
    kind = {"GOARCH": ARCHITECTURES.get(machine, machine)}
    return {**ENVIRONMENT, **LEVELS, **kind}


Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """A Go module: which requirement gives the version, what is told of it, build tags."""

    module: str
    stamps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """An executable; `seconds` its build took on two cores with nothing cached."""

    name: str
    project: str
    package: str
    seconds: int
    asked: tuple[str, ...] = ()
    test: bool = False


_RELEASE = "v@major@.@minor@.@patch@"
_PLUGIN_CODE = "github.com/containernetworking/plugins"
_CONTAINERD_CODE = "github.com/containerd/containerd/v2"

KUBERNETES_STAMPS = tuple(
    f"{package}.{name}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for name, value in {
        "gitVersion": _RELEASE,
        "gitMajor": "@major@",
        "gitMinor": "@minor@",
    }.items()
)
"""Without them the API server says v0.0.0-master, and what depends on the version goes wrong."""

PROJECTS = {
    "etcd": Project("go.etcd.io/etcd/server/v3"),
    "kubernetes": Project("k8s.io/kubernetes", KUBERNETES_STAMPS),
    "cniplugins": Project(
        _PLUGIN_CODE,
        (f"{_PLUGIN_CODE}/pkg/utils/buildversion.BuildVersion={_RELEASE}",),
    ),
    "containerd": Project(
        _CONTAINERD_CODE,
        (f"{_CONTAINERD_CODE}/version.Version={_RELEASE}",),
        ("no_btrfs",),
    ),
    "coredns": Project("github.com/coredns/coredns"),
}

_PLUGINS = f"{_PLUGIN_CODE}/plugins"
_CONTAINERD = f"{_CONTAINERD_CODE}/cmd"
_VERSION = ("--version",)

CLUSTER = (
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", 41, _VERSION),
    *(
        Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", seconds, asked)
        for name, seconds, asked in (
            ("kube-apiserver", 283, _VERSION),
            ("kubectl", 15, ("version", "--client")),
            ("kube-controller-manager", 85, _VERSION),
            ("kube-scheduler", 9, _VERSION),
            ("kubelet", 23, _VERSION),
            ("kube-proxy", 10, _VERSION),
        )
    ),
    *(
        Program(kind.partition("/")[2], "cniplugins", f"{_PLUGINS}/{kind}", 2)
        for kind in (
            "meta/portmap",
            "meta/bandwidth",
            "meta/tuning",
            "main/loopback",
            "main/ptp",
            "ipam/host-local",
        )
    ),
    *(
        Program(name, "containerd", f"{_CONTAINERD}/{name}", seconds, asked)
        for name, seconds, asked in (
            ("containerd", 94, _VERSION),
            ("containerd-shim-runc-v2", 3, ("-v",)),
            ("ctr", 7, _VERSION),
        )
    ),
    Program("coredns", "coredns", "github.com/coredns/coredns", 200, ("-version",)),
)
"""What `mooring lab up --kubernetes` runs, in the order in which it is built."""

AGNHOST = Program("agnhost", "kubernetes", "k8s.io/kubernetes/test/images/agnhost", 5)
SUITE = (
    AGNHOST,
    Program("e2e.test", "kubernetes", "k8s.io/kubernetes/test/e2e", 153, test=True),
    Program("ginkgo", "kubernetes", "github.com/onsi/ginkgo/v2/ginkgo", 23),
)
"""What upstream's own tests need besides."""


class UnreadableModuleError(ValueError):
    """A go.mod that does not say what it must."""


def pinned(go_mod: str, module: str) -> str:
    """Give the version of a module that a go.mod requires, without its `v`."""
    found = re.search(
        rf"^(?:require|\t)\s*{re.escape(module)} v(\S+)", go_mod, re.MULTILINE
    )
    if found is None:
        raise UnreadableModuleError(f"go.mod requires no {module}")
    return found[1]


def oldest_go(go_mods: Sequence[str]) -> Version:
    """Give the oldest Go that builds all of these."""
    lines = [re.search(r"^go (\S+)$", text, re.MULTILINE) for text in go_mods]
    return max((version(found[1]) for found in lines if found), default=(0,))


def version(text: str) -> Version:
    """Read a Go version: "go1.26.8", "1.26", "go1.27rc1"."""
    found = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)


def key(files: Mapping[str, bytes], go: str) -> str:
    """Name a build by what decides its bytes: the modules, Go, and how we call it."""
    digest = hashlib.sha256()
    table = [asdict(each) for each in (*CLUSTER, *SUITE)]
    projects = {name: asdict(each) for name, each in PROJECTS.items()}
    how = json.dumps([go, FLAGS, ENVIRONMENT, projects, table], sort_keys=True)
    digest.update(how.encode())
    for name in sorted(files):
        digest.update(f"\0{name}\0".encode() + files[name])
    return digest.hexdigest()[:12]


def words(program: Program, release: str, target: str) -> list[str]:
    """Give go's arguments that build a program of this release into a file."""
    project = PROJECTS[program.project]
    flags = " ".join(["-s -w", *(f"-X {stamp}" for stamp in _stamps(project, release))])
    verb = ("test", "-c") if program.test else ("build",)
    tags = ("-tags", ",".join(project.tags)) if project.tags else ()
    how = (*verb, *FLAGS, *tags, "-ldflags", flags)
    return [*how, "-o", target, program.package]


def _stamps(project: Project, release: str) -> list[str]:
    parts = dict(zip(("major", "minor", "patch"), release.split("."), strict=False))
    found = []
    for stamp in project.stamps:
        text = stamp
        for name, value in parts.items():
            text = text.replace(f"@{name}@", value)
        found.append(text)
    return found


@dataclass(frozen=True, slots=True)
class Cause:
    """Why go did not build, and what to do about it."""

    fault: str
    next_step: str


DISK_FULL = Cause(
    "the disk is full",
    "free 8 GB where Go's caches and ~/.cache/mooring lie (GOCACHE, GOMODCACHE and"
    " MOORING_CACHE move them), then run it again: it goes on where it stopped",
)
FORGED = Cause(
    "a module is not the one that go.sum names",
    "go clean -modcache, and ask who serves the modules (GOPROXY)",
)
NO_NETWORK = Cause(
    "the modules cannot be fetched",
    "give the machine a way to the Go module proxy (GOPROXY, HTTPS_PROXY), or name"
    " programs built elsewhere with --programs",
)
NO_MEMORY = Cause(
    "it was killed, most likely for want of memory",
    "free 4 GB of memory, then run it again: it goes on where it stopped",
)
UNKNOWN = Cause("go did not build it", "read go's last words above")
_NETWORK = (
    "dial tcp",
    "no such host",
    "connection refused",
    "network is unreachable",
    "proxyconnect",
    "i/o timeout",
    "TLS handshake",
    "unexpected EOF",
    "x509:",
    r"\b5\d\d [A-Z]",
)
_CAUSES = {
    r"no space left on device|disk quota exceeded": DISK_FULL,
    r"SECURITY ERROR|checksum mismatch": FORGED,
    "|".join(_NETWORK): NO_NETWORK,
    r"signal: killed|cannot allocate memory|out of memory": NO_MEMORY,
}


def cause(said: str) -> Cause:
    """Judge go's last words."""
    for pattern, found in _CAUSES.items():
        if re.search(pattern, said):
            return found
    return UNKNOWN


def last_words(said: str, lines: int = 6) -> list[str]:
    """Give the lines of go's output that tell of a fault."""
    told = [line for line in said.splitlines() if line.strip()]
    faults = [line for line in told if not line.startswith("go: downloading ")]
    return faults[-lines:]
