"""deploy/Dockerfile and the lab's own builder of images agree on what each stage holds."""

import json
import re
import shlex
from pathlib import Path
from string import Template

import pytest

from mooring.core.linux.imageset import AGENT, CONTROLLER, MAIN, PLACE, STAGES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/Dockerfile"
LOCKS = ROOT / "src/mooring/lab/images"

Words = list[tuple[str, str]]


def stages() -> dict[str, Words]:
    """Read the file: the instructions of each stage, FROM first."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE)
    found: dict[str, Words] = {}
    bases: dict[str, str] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        verb, _, rest = line.strip().partition(" ")
        if verb == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()
            found[name] = [("FROM", Template(base).substitute(bases))]
        elif verb == "ARG" and not found:
            argument, _, default = rest.partition("=")
            bases[argument] = default
        elif verb:
            found[name].append((verb, rest))
    return found


DOCKERFILE = stages()


def told(stage: str, verb: str) -> list[str]:
    return [rest for found, rest in DOCKERFILE[stage] if found == verb]


def installed(stage: str) -> tuple[str, ...]:
    runs = " ".join(told(stage, "RUN"))
    found = re.search(r"--no-install-recommends ([\w -]+?)(?: &&|$)", runs)
    return tuple(found[1].split()) if found else ()


def variables(stage: str) -> dict[str, str]:
    pairs = [word for line in told(stage, "ENV") for word in shlex.split(line)]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_the_same_in_both(name: str) -> None:
    stage = STAGES[name]

    assert told(name, "FROM") == [stage.base]
    assert installed(name) == stage.packages
    assert variables(name) == dict(stage.environment)
    assert told(name, "USER") == ([stage.user] if stage.user else [])
    command = [json.dumps(list(stage.command))] if stage.command else []
    assert told(name, "CMD") == command


@pytest.mark.parametrize("name", [n for n, s in STAGES.items() if s.lock])
def test_a_lock_is_installed_by_hash_to_its_own_place(name: str) -> None:
    stage = STAGES[name]
    (run,) = [run for run in told("build", "RUN") if stage.lock in run]

    assert "--require-hashes --no-deps" in run
    assert f"--target /out/{stage.folder} " in run
    assert f"--from=build /out/{stage.folder} {PLACE}/{stage.folder}" in told(
        name, "COPY"
    )
    assert (LOCKS / stage.lock).exists()


def test_the_plugins_are_built_from_the_module_of_the_lab() -> None:
    plugins = re.findall(r"plugins/meta/(\w+)", " ".join(told("plugins", "RUN")))

    assert tuple(plugins) == STAGES["agent"].chained
    assert told("plugins", "COPY") == ["src/mooring/lab/upstream/cniplugins ."]
    assert told("agent", "COPY") == [f"--from=plugins /out {PLACE}/cni"]


def test_a_base_can_be_named_by_content() -> None:
    bases = re.findall(r"^FROM (\S+)", FILE.read_text(), re.MULTILINE)

    assert {b for b in bases if b not in DOCKERFILE} == {"${DEBIAN}", "${GOLANG}"}


def test_both_start_the_same_way() -> None:
    assert told("common", "ENTRYPOINT") == [json.dumps(list(MAIN))]
    assert f"--from=build /out/app {PLACE}/app" in told("common", "COPY")


def test_the_file_tells_the_names_of_the_images() -> None:
    text = FILE.read_text()

    assert f"--target agent -t {AGENT} ." in text
    assert f"--target controller -t {CONTROLLER} ." in text


def test_the_images_hold_what_the_project_is_tested_with() -> None:
    pinned = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
        )
    )
    for lock in LOCKS.glob("*.lock"):
        for name, version in re.findall(
            r"^([\w.-]+)==(\S+)", lock.read_text(), re.MULTILINE
        ):
            assert pinned[name] == version, f"{lock.name}: make lock"


def test_the_agents_image_has_no_sdk_of_the_cloud() -> None:
    assert "oci==" not in (LOCKS / "agent.lock").read_text()
    assert "oci==" in (LOCKS / "cloud.lock").read_text()
