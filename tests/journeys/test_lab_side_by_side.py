"""Two labs on one machine know nothing of each other."""

import json
from collections.abc import Iterator

import pytest
from journeys.lab_cli import Lab, a_lab, unique
from patience import until

STATUS = "nodes/node-1/agent/status.json"


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Lab]]:
    wish = tmp_path_factory.mktemp("labs") / "lab.yaml"
    wish.write_text("nodes: 1\nagent: {fastPath: on}\n")
    with a_lab(unique("a")) as one, a_lab(unique("b")) as two:
        one.do("up", "--nodes", "1")
        two.do("up", "-f", str(wish))
        for lab in (one, two):
            lab.do("pod", "run", "same")
        yield one, two


def test_each_has_its_own_cloud_and_pods(labs: tuple[Lab, Lab]) -> None:
    one, two = (lab.read("status") for lab in labs)

    assert one["endpoint"] != two["endpoint"]
    assert one["nodes"][0]["instance"] != two["nodes"][0]["instance"]
    assert [p["name"] for p in one["pods"]] == [p["name"] for p in two["pods"]]


def test_each_agent_has_the_options_of_its_own_lab(labs: tuple[Lab, Lab]) -> None:
    def told() -> list[str]:
        return [json.loads((lab.path / STATUS).read_text())["fastPath"] for lab in labs]

    until(lambda: told() == ["off", "on"], "agents with and without a fast path")


def test_a_packet_does_not_cross(labs: tuple[Lab, Lab]) -> None:
    one, two = labs
    there = two.addresses()["same"]
    while there in {a for lab in (one,) for a in lab.addresses().values()}:
        two.do("pod", "rm", "same")
        there = two.read("pod", "run", "same")["address"]

    lost = one.run("exec", "same", "--", "ping", "-c1", "-W1", there)

    assert lost.returncode != 0


def test_taking_one_down_leaves_the_other_running(labs: tuple[Lab, Lab]) -> None:
    one, two = labs
    before = two.pids()

    one.do("down")

    assert one.traces() == []
    assert two.pids() == before
    assert two.read("ping", "same", "same")["received"] == 5
