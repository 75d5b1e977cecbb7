"""What a cluster of the lab applies: Mooring's manifests as they are, but for agents' options."""

from typing import Any

import yaml

from mooring.lab import manifests

OPTIONS = ("--fast-path=on", "--mtu=1500")


def documents(text: str) -> list[Any]:
    found = list(yaml.safe_load_all(text))
    return found[0]["items"] if found[0]["kind"] == "List" else found


def test_without_options_the_files_are_applied_as_they_are() -> None:
    assert manifests.complete()
    assert manifests.texts() == {f.name: f.read_text() for f in manifests.files()}


def test_options_come_behind_the_agent_s_own_and_change_nothing_else() -> None:
    plain, told = manifests.texts(), manifests.texts(OPTIONS)

    assert told.keys() == plain.keys()
    assert [name for name in plain if told[name] != plain[name]] == ["agent.yaml"]
    before, after = documents(plain["agent.yaml"]), documents(told["agent.yaml"])
    (agent,) = (each for each in before if each["kind"] == "DaemonSet")
    agent["spec"]["template"]["spec"]["containers"][0]["args"] += OPTIONS
    assert after == before
