"""A lab that cannot be is refused in words, before anything is touched."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from journeys.lab_cli import LABS, MOORING, unique


def up(tmp_path: Path, content: str, *words: str) -> str:
    file = tmp_path / "lab.yaml"
    file.write_text(content)
    done = subprocess.run(
        [*MOORING, "lab", "up", "-f", file, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not (LABS / unique("z")).exists()
    return done.stderr.strip()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "subnets: {pods: {cidr: 10.0.1.128/25}}",
            "subnets.pods.cidr: '10.0.1.128/25': must not overlap subnets.workers.cidr, 10.0.1.0/24",
        ),
        (
            "subnets: {pods: {cidr: 10.0.32.0/27}}",
            "subnets.pods.cidr: '10.0.32.0/27': too small: 62 pods need 66 addresses, it has 29",
        ),
        ("nods: 3", "lab.nods: 3: no such key; did you mean nodes?"),
        ("name: Lab!", "name: 'Lab!': 1 to 12 of a-z, 0-9 and -"),
        ("- a", "lab: ['a']: must be a mapping"),
    ],
)
def test_a_wrong_field_is_named_with_value_and_rule(
    tmp_path: Path, content: str, said: str
) -> None:
    assert up(tmp_path, content) == f"Error: {said}"


def test_a_file_that_is_no_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    said = up(tmp_path, "name: [")

    assert "lab.yaml: no YAML:" in said
    assert "line 1" in said


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    said = up(tmp_path, "nodes: 1\nnodes: 2\n")

    assert "'nodes' stands twice" in said
    assert "line 2" in said


def test_who_is_not_root_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    name = unique("z")
    # A user like any other, but for the right to read where this tree lies.
    reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    words = ["setpriv", "--reuid=65534", "--clear-groups", *reads, *MOORING]
    done = subprocess.run(
        [*words, "lab", "up", "--name", name],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )

    assert done.returncode == 1
    assert "not root" in done.stderr
    assert "next step: run it again with sudo" in done.stderr
    assert not (LABS / name).exists()


def test_without_namespaces_it_is_refused(tmp_path: Path) -> None:
    name = unique("z")
    words = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    done = subprocess.run(
        [*words, *MOORING, "lab", "up", "--name", name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "may not make namespaces" in done.stderr
    assert not (LABS / name).exists()


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    hide = 'mount -t tmpfs tmpfs /usr/sbin; exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", hide, "hide", *MOORING]
    done = subprocess.run(
        [*words, "lab", "up", "--name", unique("z"), "--runtime", "containerd"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "missing: " in done.stderr
    assert "nft" in done.stderr
    assert "apt-get install" in done.stderr


def test_a_cluster_s_words_are_refused_without_one(tmp_path: Path) -> None:
    said = up(tmp_path, f"name: {unique('z')}", "--proxy", "iptables")

    assert said == (
        "Error: proxy: 'iptables': kube-proxy runs with runtime kubernetes only"
    )


def test_two_runtimes_are_one_too_many() -> None:
    words = ("lab", "up", "--kubernetes", "--runtime", "netns", "--name", unique("z"))
    done = subprocess.run(
        [*MOORING, *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "--kubernetes is not --runtime netns" in done.stderr
    assert not (LABS / unique("z")).exists()


def test_programs_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    words = ("--kubernetes", "--programs", str(tmp_path / "programs"))
    said = up(tmp_path, f"name: {unique('z')}", *words)

    assert "without etcd, kube-apiserver, kubectl" in said
    assert "next step: put them there" in said


def test_programs_below_run_are_refused_by_any_name(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="programs-", dir="/run") as there:
        (tmp_path / "link").symlink_to(there)
        for named in (there, str(tmp_path / "link")):
            words = ("--kubernetes", "--programs", named)
            said = up(tmp_path, f"name: {unique('z')}", *words)

            assert f"Error: --programs {named}: nodes have a /run of their own" in said
            assert "next step: put the programs elsewhere" in said


@pytest.mark.parametrize("words", [("kubeconfig",), ("load", "/dev/null")])
def test_who_asks_a_lab_that_is_not_up_is_told(words: tuple[str, ...]) -> None:
    name = unique("z")
    done = subprocess.run(
        [*MOORING, "lab", *words, "--name", name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"next step: mooring lab up --name {name}" in done.stderr
