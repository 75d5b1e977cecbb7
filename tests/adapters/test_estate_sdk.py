"""A lab's objects through the real SDK, against a local VCN without packets."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journeys.local_vcn import LocalVcn

from mooring.adapters.estate import SdkEstate
from mooring.core.vcn.estate import Ref, Wanted, estate, pod_group, pod_rules, resolved
from mooring.core.vcn.estateport import Door, EstateError
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.topology import Topology

LAB = Topology()
GATEWAY = Ref("internet_gateway", "lab-internet")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    made = LocalVcn(tmp_path_factory.mktemp("vcn"), address="127.0.0.1:0")
    made.init()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(local: LocalVcn) -> Door:
    return Door(
        config=str(local.config_file),
        profile="DEFAULT",
        endpoint=local.endpoint,
        domain=Settings().availability_domains[0],
        token="one",
    )


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


def test_what_was_deleted_is_made_anew_each_time(
    cloud: SdkEstate, local: LocalVcn
) -> None:
    wanted = Wanted("vcn", "short-lived", {"cidrBlocks": ["10.9.0.0/16"]})
    seen = []
    for _ in range(3):
        made = cloud.create(wanted.kind, wanted.name, wanted.body)
        # The answer of this life may have been lost, too.
        assert cloud.create(wanted.kind, wanted.name, wanted.body) == made
        seen.append(made)
        local.network.delete_vcn(made)

    assert len(set(seen)) == 3


def test_a_terminated_instance_is_not_given_again(
    cloud: SdkEstate, local: LocalVcn
) -> None:
    ids = build(cloud)
    wanted = estate(LAB)[-1]
    body = resolved(wanted.body, ids)
    first = ids[Ref(wanted.kind, wanted.name)]
    local.compute.terminate_instance(first)
    while cloud.is_ending(wanted.kind, wanted.name):
        time.sleep(0.01)

    second = cloud.ensure(wanted.kind, wanted.name, body)

    assert second != first
    assert cloud.create(wanted.kind, wanted.name, body) == second


def test_routes_are_added_to_those_that_are_there(cloud: SdkEstate) -> None:
    ids = build(cloud)
    table, gateway = ids[Ref("route_table", "lab-public")], ids[GATEWAY]
    rule = {
        "destination": "203.0.113.0/24",
        "destinationType": "CIDR_BLOCK",
        "networkEntityId": gateway,
    }

    cloud.add_routes(table, [rule])

    assert cloud.destinations(table) == ("0.0.0.0/0", "203.0.113.0/24")


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
