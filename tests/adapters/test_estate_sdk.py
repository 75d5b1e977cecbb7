"""A lab's objects through the real SDK, against a local VCN without packets."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journeys.local_vcn import LocalVcn

from mooring.adapters.estate import SdkEstate
from mooring.core.vcn.estate import Ref, estate, pod_group, pod_rules, resolved
from mooring.core.vcn.estateport import Door, EstateError
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.topology import Topology

LAB = Topology()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    local = LocalVcn(tmp_path_factory.mktemp("vcn"))
    local.init()
    local.start()
    yield Door(
        config=str(local.config_file),
        profile="DEFAULT",
        endpoint=local.endpoint,
        domain=Settings().availability_domains[0],
        token="one",
    )
    local.stop()


@pytest.fixture
def cloud(door: Door) -> Iterator[SdkEstate]:
    made = SdkEstate(door)
    yield made
    made.close()


def build(cloud: SdkEstate) -> dict[Ref, str]:
    ids: dict[Ref, str] = {}
    for wanted in estate(LAB):
        body = resolved(wanted.body, ids)
        ids[Ref(wanted.kind, wanted.name)] = cloud.ensure(
            wanted.kind, wanted.name, body
        )
    return ids


def test_the_cloud_takes_every_object_and_a_second_run_finds_them(
    cloud: SdkEstate,
) -> None:
    assert build(cloud) == build(cloud)


def test_a_call_whose_answer_was_lost_makes_nothing_twice(cloud: SdkEstate) -> None:
    ids = build(cloud)
    wanted = estate(LAB)[0]

    assert (
        cloud.create(wanted.kind, wanted.name, wanted.body)
        == ids[Ref(wanted.kind, wanted.name)]
    )


def test_another_name_is_not_found(cloud: SdkEstate) -> None:
    assert cloud.find("vcn", "other") is None


def test_rules_come_and_go_by_what_they_are_for(cloud: SdkEstate) -> None:
    ids = build(cloud)
    group = ids[pod_group(LAB)]

    cloud.add_rules(group, [resolved(rule, ids) for rule in pod_rules(LAB)])
    there = cloud.rules(group)
    gone = next(rule for rule in there if rule.description == "from pods: all")
    cloud.remove_rules(group, [gone.id])

    assert {r.description for r in there} == {r["description"] for r in pod_rules(LAB)}
    assert gone not in cloud.rules(group)


def test_states_and_the_nat_address_are_told(cloud: SdkEstate) -> None:
    ids = build(cloud)

    assert cloud.state("instance", ids[Ref("instance", "node-1")]) in {
        "PROVISIONING",
        "RUNNING",
    }
    assert cloud.nat_address("lab-nat").startswith("198.18.")
    with pytest.raises(EstateError, match="there is no NAT gateway other"):
        cloud.nat_address("other")


def test_a_refusal_says_which_call_and_why(cloud: SdkEstate) -> None:
    with pytest.raises(EstateError, match=r"create vcn x: 400 InvalidParameter"):
        cloud.create("vcn", "x", {"cidrBlocks": ["10.0.0.0/8"]})


def test_where_nobody_listens_one_is_told(door: Door) -> None:
    lost = SdkEstate(replace(door, endpoint="http://127.0.0.1:9"))

    with pytest.raises(EstateError, match="list vcns"):
        lost.find("vcn", "lab")

    lost.close()


def test_a_profile_that_is_not_there_is_told(door: Door, tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="nobody"):
        SdkEstate(replace(door, profile="nobody"))
    with pytest.raises(EstateError, match="missing"):
        SdkEstate(replace(door, config=str(tmp_path / "missing")))
