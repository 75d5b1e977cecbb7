"""Programs of others: what pins them, what names a build, what go is told and what it says."""

from pathlib import Path

import pytest

import mooring.lab
from mooring.core.linux import upstream
from mooring.core.linux.upstream import AGNHOST, CLUSTER, PROJECTS, SUITE

MODULES = Path(mooring.lab.__file__).parent / "upstream"
GO_MOD = """\
module mooring.example/upstream/etcd

go 1.26.2

require go.etcd.io/etcd/server/v3 v3.7.3

require (
\tgithub.com/containernetworking/plugins v1.9.1 // indirect
)
"""
BY_NAME = {each.name: each for each in (*CLUSTER, *SUITE)}


def test_a_version_is_read_from_either_form_of_a_requirement() -> None:
    assert upstream.pinned(GO_MOD, "go.etcd.io/etcd/server/v3") == "3.7.3"
    assert upstream.pinned(GO_MOD, "github.com/containernetworking/plugins") == "1.9.1"


def test_a_module_that_is_not_required_is_named() -> None:
    with pytest.raises(upstream.UnreadableModuleError, match=r"requires no k8s\.io/x"):
        upstream.pinned(GO_MOD, "k8s.io/x")


@pytest.mark.parametrize("project", PROJECTS)
def test_every_project_of_the_table_is_pinned_in_the_tree(project: str) -> None:
    text = (MODULES / project / "go.mod").read_text()

    assert upstream.pinned(text, PROJECTS[project].module)
    assert (MODULES / project / "go.sum").read_text()
    for program in (*CLUSTER, *SUITE):
        if program.project == project:
            assert program.package in text  # as a tool: so `go mod tidy` keeps it


def test_the_kubernetes_module_pins_all_of_its_parts_to_one_release() -> None:
    text = (MODULES / "kubernetes/go.mod").read_text()
    replaced = [line.split() for line in text.splitlines() if "=>" in line]
    release = upstream.pinned(text, "k8s.io/kubernetes").removeprefix("1.")

    assert len(replaced) == 33
    assert {(old == new, version) for old, _, new, version in replaced} == {
        (True, f"v0.{release}")
    }


def test_no_program_has_the_name_of_another() -> None:
    assert len(BY_NAME) == len(CLUSTER) + len(SUITE)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("1.26", (1, 26)),
        ("go1.27rc1", (1, 27)),
        ("devel", (0,)),
    ],
)
def test_versions_of_go_are_read(text: str, version: tuple[int, ...]) -> None:
    assert upstream.version(text) == version


def test_the_oldest_go_is_the_newest_that_a_module_asks_for() -> None:
    assert upstream.oldest_go([GO_MOD, "go 1.26.10\n", "module x\n"]) == (1, 26, 10)
    assert upstream.oldest_go([]) == (0,)


def test_a_build_is_named_by_modules_and_go() -> None:
    files = {"etcd/go.mod": b"1", "etcd/go.sum": b"2"}
    keys = {
        upstream.key(files, "1.26.8"),
        upstream.key(files, "1.26.9"),
        upstream.key({**files, "etcd/go.sum": b"3"}, "1.26.8"),
        upstream.key({"etcd/go.mod": b"12", "etcd/go.sum": b""}, "1.26.8"),
    }

    assert len(keys) == 4
    assert upstream.key(dict(reversed(files.items())), "1.26.8") in keys


@pytest.mark.parametrize(
    ("machine", "kind"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")],
)
def test_go_builds_for_the_machine_that_it_is_on(machine: str, kind: str) -> None:
    told = upstream.environment(machine)

    assert told["GOARCH"] == kind
    assert told.items() >= upstream.ENVIRONMENT.items()


def test_the_api_server_is_told_its_version() -> None:
    words = upstream.words(BY_NAME["kube-apiserver"], "1.37.1", "/x")

    assert words[0] == "build"
    assert words[-3:] == ["-o", "/x", "k8s.io/kubernetes/cmd/kube-apiserver"]
    flags = words[words.index("-ldflags") + 1]
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.1" in flags
    assert "-X k8s.io/component-base/version.gitMinor=37" in flags
    assert "@" not in flags


def test_tests_are_compiled_and_tags_are_given() -> None:
    assert upstream.words(BY_NAME["e2e.test"], "1.37.1", "/x")[:2] == ["test", "-c"]
    words = upstream.words(BY_NAME["ctr"], "2.4.2", "/x")
    assert words[words.index("-tags") + 1] == "no_btrfs"
    assert "-tags" not in upstream.words(AGNHOST, "1.37.1", "/x")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("write /tmp/x: no space left on device", upstream.DISK_FULL),
        (
            'Get "https://proxy/x": dial tcp: lookup: no such host',
            upstream.NO_NETWORK,
        ),
        ("reading https://proxy/x: 503 Service Unavailable", upstream.NO_NETWORK),
        ("verifying x: checksum mismatch\nSECURITY ERROR", upstream.FORGED),
        ("/usr/lib/go/link: signal: killed", upstream.NO_MEMORY),
        ("./x.go:5: undefined: y", upstream.UNKNOWN),
    ],
)
def test_last_words_have_a_cause(said: str, cause: upstream.Cause) -> None:
    assert upstream.cause(said) is cause


def test_downloads_are_no_last_words() -> None:
    said = "go: downloading a v1\n\nx: fault\ngo: downloading b v1\ny: fault"

    assert upstream.last_words(said) == ["x: fault", "y: fault"]
    assert upstream.last_words(said, 1) == ["y: fault"]
