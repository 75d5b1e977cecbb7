"""A lab with pods as plain namespaces: up, pods, ping, exec, down, nothing left."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from journeys.lab_cli import LABS, Lab, a_lab, groups, unique

PODS = IPv4Network("10.0.32.0/19")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("n")) as made:
        made.do("up")
        yield made


def test_up_shows_every_node_with_its_pool(lab: Lab) -> None:
    status = lab.read("status")
    nodes = status["nodes"]

    assert {p["name"]: p["pid"] for p in status["programs"]} == lab.pids()
    assert [(n["name"], n["state"]) for n in nodes] == [
        ("node-1", "ready"),
        ("node-2", "ready"),
    ]
    assert [[v["addresses"] for v in n["vnics"]] for n in nodes] == [[31], [31]]


def test_a_pod_has_an_address_of_the_pod_subnet(lab: Lab) -> None:
    made = lab.read("pod", "run", "one", "--node", "node-2")

    assert (made["name"], made["node"]) == ("one", "node-2")
    assert IPv4Address(made["address"]) in PODS
    assert made["milliseconds"] > 0


def test_a_pod_that_runs_stays_as_it_is(lab: Lab) -> None:
    first = lab.read("pod", "run", "stays")

    again = lab.read("pod", "run", "stays")

    assert (again["node"], again["address"]) == (first["node"], first["address"])


def test_a_name_is_one_pod_of_the_whole_lab(lab: Lab) -> None:
    lab.do("pod", "run", "single", "--node", "node-1")

    refused = lab.run("pod", "run", "single", "--node", "node-2")

    assert refused.returncode == 1
    assert "pod single runs on node-1" in refused.stderr


def test_without_a_node_the_emptier_one_is_taken(lab: Lab) -> None:
    before = [p["node"] for p in lab.read("pod", "ls")]
    emptier = min(("node-1", "node-2"), key=before.count)

    assert lab.read("pod", "run", "spread")["node"] == emptier


def test_pods_ping_each_other_across_nodes(lab: Lab) -> None:
    lab.do("pod", "run", "near", "--node", "node-1")
    lab.do("pod", "run", "far", "--node", "node-2")

    pinged = lab.read("ping", "near", "far")

    assert (pinged["sent"], pinged["received"]) == (5, 5)
    assert pinged["rtt_ms"] > 0


def test_a_command_runs_inside_the_pod_and_its_status_comes_out(lab: Lab) -> None:
    address = lab.read("pod", "run", "inside")["address"]

    assert address in lab.do("exec", "inside", "--", "ip", "-4", "addr")
    assert lab.run("exec", "inside", "--", "sh", "-c", "exit 7").returncode == 7


def test_a_removed_pod_is_gone_and_its_name_free(lab: Lab) -> None:
    lab.do("pod", "run", "short", "--node", "node-1")
    lab.do("pod", "rm", "short")

    assert "short" not in lab.addresses()
    assert lab.read("pod", "run", "short", "--node", "node-2")["node"] == "node-2"


def test_the_table_names_node_vnic_pool_pod_and_address(lab: Lab) -> None:
    lab.do("pod", "run", "shown")

    table = lab.do("status")

    for column in ("node", "VNIC", "pool", "pod", "address"):
        assert column in table
    assert lab.addresses()["shown"] in table


def test_a_node_sees_no_credential_and_cannot_write_objects(lab: Lab) -> None:
    pid = lab.pids()["node-1/init"]
    inside = Path(f"/proc/{pid}/root{LABS}/{lab.name}")

    assert (lab.path / "oci/config").exists()
    assert not (inside / "oci").exists()
    assert sorted(p.name for p in inside.iterdir()) == ["nodes", "npn", "share"]
    assert sorted(p.name for p in (inside / "nodes").iterdir()) == ["node-1"]
    with pytest.raises(OSError, match="Read-only"):
        (inside / "npn/x").write_text("")


def test_no_process_sits_where_version_2_must_hand_controllers_down(lab: Lab) -> None:
    nodes = [Path(g) / "node-1" for g in groups(f"mooring-{lab.name}")]

    assert nodes
    assert [n for n in nodes if (n / "cgroup.procs").read_text()] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pod", "run", "Bad_Name"), "must be 1 to 63 of a-z"),
        (("pod", "run", "x", "--node", "node-9"), "there is no node 'node-9'"),
        (("pod", "rm", "nobody"), "there is no pod 'nobody'"),
        (("ping", "nobody", "one"), "there is no pod 'nobody'"),
        (("exec", "nobody", "--", "true"), "there is no pod 'nobody'"),
        (("up", "--nodes", "1"), "a standing lab's nodes stay as they are"),
        (("up", "--runtime", "containerd"), "the lab stands with netns"),
    ],
)
def test_a_wrong_wish_is_refused_in_words(
    lab: Lab, words: tuple[str, ...], said: str
) -> None:
    before = lab.addresses()

    done = lab.run(*words)

    assert done.returncode == 1
    assert said in done.stderr
    assert lab.addresses() == before


def test_up_again_changes_nothing(lab: Lab) -> None:
    lab.do("pod", "run", "steady")
    pids, addresses = lab.pids(), lab.addresses()

    lab.do("up")

    assert (lab.pids(), lab.addresses()) == (pids, addresses)


def test_more_nodes_join_a_standing_lab(lab: Lab) -> None:
    lab.do("up", "--nodes", "3")

    assert lab.read("pod", "run", "third", "--node", "node-3")["node"] == "node-3"
    lab.do("ping", "third", "third")


def test_down_leaves_nothing_and_is_fine_twice(lab: Lab) -> None:
    assert lab.traces()

    lab.do("down")

    assert lab.traces() == []
    lab.do("down")
    assert "is not up" in lab.run("status").stderr
