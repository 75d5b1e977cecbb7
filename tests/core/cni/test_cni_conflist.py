"""The list that runtimes read."""

import json

from mooring.core.cni.conflist import EXECUTABLE, FILE, ahead, chain, conflist
from mooring.core.cni.parse import parse
from mooring.core.cni.request import Add
from mooring.core.cni.versions import SUPPORTED


def test_old_runtimes_find_1_0_0_and_young_ones_the_choice() -> None:
    document = json.loads(conflist())

    assert document["cniVersion"] == "1.0.0"
    assert set(document["cniVersions"]) <= set(SUPPORTED)
    assert "1.1.0" in document["cniVersions"]


def test_its_plugin_is_accepted_as_a_runtime_hands_it_over() -> None:
    document = json.loads(conflist("net"))
    (plugin,) = document["plugins"]
    stdin = {**plugin, "name": document["name"], "cniVersion": document["cniVersion"]}
    env = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "a",
        "CNI_NETNS": "/x",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": "/opt/cni/bin",
    }

    assert isinstance(parse(env, json.dumps(stdin).encode()), Add)


def test_runtimes_read_only_this_ending() -> None:
    assert FILE.endswith(".conflist")
    assert json.loads(conflist())["plugins"][0]["type"] == EXECUTABLE


def test_only_what_is_installed_stands_behind_ours() -> None:
    behind = chain({"bandwidth", "portmap", "tuning"})

    assert [p["type"] for p in behind] == ["portmap", "bandwidth"]
    assert behind[0]["capabilities"] == {"portMappings": True}
    assert chain(()) == ()
    document = json.loads(conflist("net", behind))
    assert [p["type"] for p in document["plugins"]] == [
        "mooring",
        "portmap",
        "bandwidth",
    ]


def test_tuning_stands_there_when_it_has_something_to_do() -> None:
    sysctls = {"net.core.somaxconn": "1024"}

    assert chain({"tuning"}, sysctls) == ({"type": "tuning", "sysctl": sysctls},)
    assert chain({"portmap"}, sysctls) == chain({"portmap"})


def test_what_comes_before_ours_by_name_is_seen() -> None:
    names = ["09-x.conf", "10-a.conflist", "10-mooring.conflist", "20-b.json", "01-x"]

    assert ahead(names) == ("09-x.conf", "10-a.conflist")
