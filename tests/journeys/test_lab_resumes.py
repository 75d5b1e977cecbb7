"""A lab survives kill -9: of `lab up` at any moment, and of each of its processes."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import oci
import pytest
from journeys.lab_cli import MOORING, Lab, a_lab, unique
from oci.core import ComputeClient, VirtualNetworkClient
from oci.core.models import UpdateRouteTableDetails
from patience import until

KILLS = 6
T = TypeVar("T", ComputeClient, VirtualNetworkClient)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("r")) as made:
        made.do("up")
        for node in ("node-1", "node-2"):
            made.do("pod", "run", f"on-{node}", "--node", node)
        yield made


def reaches(lab: Lab) -> bool:
    return bool(lab.read("ping", "on-node-1", "on-node-2")["received"] == 5)


def test_up_goes_on_wherever_it_was_killed(chance: random.Random) -> None:
    with a_lab(unique("k")) as lab:
        for _ in range(KILLS):
            after = chance.uniform(0.1, 3)
            print(f"killed after {after:.2f} s")
            words = [*MOORING, "lab", "up", "--name", lab.name]
            with subprocess.Popen(words, stderr=subprocess.DEVNULL) as going:
                time.sleep(after)
                going.kill()

        lab.do("up")
        lab.do("pod", "run", "one", "--node", "node-1")
        lab.do("pod", "run", "two", "--node", "node-2")

        assert lab.read("ping", "one", "two")["received"] == 5
        lab.do("down")
        assert lab.traces() == []


@pytest.mark.parametrize(
    "program", ["vcn", "controller", "node-1/agent", "node-2/agent"]
)
def test_a_killed_program_comes_back_and_no_pod_notices(lab: Lab, program: str) -> None:
    pids, addresses = lab.pids(), lab.addresses()
    lab.kill(program)

    assert reaches(lab)
    lab.do("up")

    after = lab.pids()
    assert after.keys() == pids.keys()
    assert {n for n in pids if pids[n] != after[n]} == {program}
    assert lab.addresses() == addresses
    assert reaches(lab)


def test_a_node_that_went_down_comes_back_with_its_pods(lab: Lab) -> None:
    lab.kill("node-1/init")
    until(lambda: "node-1/agent" not in lab.pids(), "the node to end")
    assert {p["name"]: p["state"] for p in lab.read("pod", "ls")} == {
        "on-node-1": "down",
        "on-node-2": "running",
    }

    lab.do("up")

    assert {p["state"] for p in lab.read("pod", "ls")} == {"running"}
    assert reaches(lab)


def node(lab: Lab, name: str) -> dict[str, Any]:
    """What `lab status` says of a node."""
    found: list[dict[str, Any]] = lab.read("status")["nodes"]
    return next(each for each in found if each["name"] == name)


@contextmanager
def client(lab: Lab, kind: type[T]) -> Iterator[tuple[T, str]]:
    """A client of the lab's cloud as any user has one, and the compartment."""
    seen = lab.read("status")
    config = oci.config.from_file(seen["config"], seen["profile"])
    made = kind(
        config,
        service_endpoint=seen["endpoint"],
        retry_strategy=oci.retry.NoneRetryStrategy(),
        circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
    )
    yield made, config["tenancy"]
    made.base_client.session.close()


def test_a_deleted_gateway_is_made_anew_and_routed_to(lab: Lab) -> None:
    # Twice: the second life of the name must not hinder the third.
    for _ in range(2):
        with client(lab, VirtualNetworkClient) as (network, home):
            (gone,) = network.list_internet_gateways(home).data
            (table,) = network.list_route_tables(
                home, display_name=f"{lab.name}-public"
            ).data
            network.update_route_table(
                table.id, UpdateRouteTableDetails(route_rules=[])
            )
            network.delete_internet_gateway(gone.id)

            lab.do("up")

            (made,) = network.list_internet_gateways(home).data
            rules = network.get_route_table(table.id).data.route_rules
        assert made.id != gone.id
        assert [(r.destination, r.network_entity_id) for r in rules] == [
            ("0.0.0.0/0", made.id)
        ]
    assert reaches(lab)


def objects(lab: Lab) -> set[str]:
    """The names of the NativePodNetwork objects."""
    return {p.name.partition(".")[0] for p in (lab.path / "npn").glob("*.json")}


def test_a_terminated_instance_comes_back_as_a_new_node(lab: Lab) -> None:
    for _ in range(2):
        before = node(lab, "node-2")
        with client(lab, ComputeClient) as (compute, _home):
            compute.terminate_instance(before["instance"])
        troubled = node(lab, "node-2")
        assert troubled["state"] in {"terminating", "terminated"}
        assert "lab up again launches another" in troubled["trouble"]
        assert f"node-2: {troubled['trouble']}" in lab.do("status")

        lab.do("up")

        now = {each["name"]: each for each in lab.read("status")["nodes"]}
        after = now["node-2"]
        assert after["state"] == "ready"
        assert (after["trouble"], now["node-1"]["state"]) == ("", "ready")
        assert after["instance"] != before["instance"]
        assert after["namespace"] != before["namespace"]
        names = {each["instance"].rpartition(".")[2] for each in now.values()}
        until(lambda wanted=names: objects(lab) == wanted, "the two objects alone")
        assert {p["state"] for p in lab.read("pod", "ls")} == {"running"}
        assert reaches(lab)


def test_a_node_cut_off_from_the_fabric_is_not_called_ready(lab: Lab) -> None:
    space = node(lab, "node-1")["namespace"]
    subprocess.run(["ip", "netns", "del", space], check=True)

    troubled = node(lab, "node-1")
    lab.do("up")

    assert troubled["state"] == "cut off"
    assert space in troubled["trouble"]
    assert node(lab, "node-1")["state"] == "ready"
    assert reaches(lab)


def test_a_node_whose_agent_is_in_trouble_is_not_called_ready(lab: Lab) -> None:
    report = lab.path / "nodes" / "node-1" / "agent" / "status.json"
    assert node(lab, "node-1")["state"] == "ready"
    agent = lab.pids()["node-1/agent"]
    # It writes when something has changed, and shall not now.
    os.kill(agent, signal.SIGSTOP)
    try:
        told = json.loads(report.read_text())
        report.write_text(json.dumps(told | {"ready": False, "trouble": "no link"}))
        troubled = node(lab, "node-1")
        report.write_text(json.dumps(told))
    finally:
        os.kill(agent, signal.SIGCONT)

    assert (troubled["state"], troubled["trouble"]) == ("not ready", "no link")


def test_a_stopped_instance_is_told_of_at_once(lab: Lab) -> None:
    stopped = node(lab, "node-2")["instance"]
    with client(lab, ComputeClient) as (compute, _home):
        compute.instance_action(stopped, "STOP")

        troubled, failed = node(lab, "node-2"), lab.run("up")

        until(
            lambda: compute.get_instance(stopped).data.lifecycle_state == "STOPPED",
            "the instance to stop",
        )
        compute.instance_action(stopped, "START")
    assert troubled["state"] in {"stopping", "stopped"}
    assert "start it by the API" in failed.stderr
    lab.do("up")
    assert reaches(lab)


def test_a_program_that_cannot_start_is_told_of_with_its_log(lab: Lab) -> None:
    lab.kill("vcn")
    state = str(lab.path / "vcn")
    words = [*MOORING, "vcn", "serve", "--state", state, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as intruder:
        assert intruder.stderr is not None
        assert b"listening" in intruder.stderr.readline()

        failed = lab.run("up")

        intruder.kill()
    assert failed.returncode == 1
    assert "vcn ended" in failed.stderr
    assert "  | " in failed.stderr
    assert "next step: read" in failed.stderr
    lab.do("up")
    assert reaches(lab)


def test_a_pod_half_made_is_removed(lab: Lab) -> None:
    words = [*MOORING, "lab", "pod", "run", "half", "--name", lab.name]
    with subprocess.Popen(words) as going:
        record = lab.path / "pods" / "half.json"
        until(record.exists, "the record")
        going.kill()
    if '"made": true' in record.read_text():
        print("it was whole already")
        return

    assert "removed pod half" in lab.run("up").stderr
    assert "half" not in lab.addresses()
