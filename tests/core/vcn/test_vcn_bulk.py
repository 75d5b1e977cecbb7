"""Bulk actions on private IPs, and the work requests that carry them out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vcn_cloud import Cloud

from mooring.core.vcn.api.settle import settle
from mooring.core.vcn.limits import BULK_ITEMS, Delays, Settings
from mooring.core.vcn.model import WorkRequest
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World

Json = dict[str, Any]
ACTIONS = "/privateIps/actions"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def subnet(cloud: Cloud) -> Json:
    return cloud.subnet(cloud.vcn(), "10.0.1.0/24", "10.0.32.0/19")


@pytest.fixture
def vnic(cloud: Cloud, subnet: Json) -> Json:
    return cloud.attach(cloud.instance(subnet), subnet)


def bulk(cloud: Cloud, verb: str, items: list[Json], **more: object) -> str:
    """Make a bulk call and give the id of its work request."""
    body = {**more, f"bulk{verb}PrivateIpItem": items}
    outcome = cloud.send("POST", f"{ACTIONS}/bulk{verb}PrivateIps", body)
    assert (outcome.reply.status, outcome.reply.body) == (202, b"")
    return outcome.reply.headers["opc-work-request-id"]


def work(cloud: Cloud, id: str) -> Json:
    return cloud.get(f"/workRequests/{id}")


def errors(cloud: Cloud, id: str) -> list[tuple[str, str]]:
    found = cloud.get(f"/workRequests/{id}/errors", sortOrder="ASC")
    return [(one["code"], one["message"]) for one in found]


def secondaries(cloud: Cloud, vnic: Json) -> list[Json]:
    return cloud.get("/privateIps", vnicId=vnic["id"])[1:]


# -- the way of a work request


def test_the_addresses_are_there_when_the_work_has_succeeded(
    cloud: Cloud, vnic: Json
) -> None:
    items = [{"ipAddress": "10.0.1.77", "displayName": "a"}, {"cidrPrefixLength": 28}]
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])

    begun = work(cloud, id)
    assert (begun["status"], begun["percentComplete"]) == ("ACCEPTED", 0)
    assert begun["operationType"] == "BulkCreatePrivateIps"
    assert begun["compartmentId"] == cloud.compartment
    assert (begun["timeStarted"], begun["timeFinished"]) == (None, None)
    assert secondaries(cloud, vnic) == []

    cloud.wait(0.06)
    going = work(cloud, id)
    assert (going["status"], going["timeFinished"]) == ("IN_PROGRESS", None)
    assert going["timeStarted"] > begun["timeAccepted"]
    assert secondaries(cloud, vnic) == []

    cloud.wait(0.2)
    ended = work(cloud, id)
    made = secondaries(cloud, vnic)
    assert (ended["status"], ended["percentComplete"]) == ("SUCCEEDED", 100)
    assert ended["timeFinished"] > ended["timeStarted"]
    assert {one["ipAddress"] for one in made} >= {"10.0.1.77"}
    assert {one["cidrPrefixLength"] for one in made} == {None, 28}
    assert {(one["actionType"], one["identifier"]) for one in ended["resources"]} == {
        ("RELATED", vnic["id"]),
        *(("CREATED", one["id"]) for one in made),
    }
    assert errors(cloud, id) == []


def test_what_was_done_is_logged_the_latest_first(cloud: Cloud, vnic: Json) -> None:
    id = bulk(cloud, "Create", [{"ipAddress": "10.0.1.77"}], vnicId=vnic["id"])
    cloud.wait()
    ip = secondaries(cloud, vnic)[0]

    said = [one["message"] for one in cloud.get(f"/workRequests/{id}/logs")]

    assert said == [
        "BulkCreatePrivateIps has succeeded.",
        f"CreatePrivateIp {ip['id']}",
        "BulkCreatePrivateIps was accepted.",
    ]
    ascending = cloud.get(f"/workRequests/{id}/logs", sortOrder="ASC", limit="1")
    assert [one["message"] for one in ascending] == said[-1:]


def test_work_requests_are_found_by_compartment_and_by_what_they_are_about(
    cloud: Cloud, subnet: Json, vnic: Json
) -> None:
    other = cloud.attach(cloud.instance(subnet), subnet)
    mine = bulk(cloud, "Create", [{}], vnicId=vnic["id"])
    bulk(cloud, "Create", [{}], vnicId=other["id"])
    query = {"compartmentId": cloud.compartment, "resourceId": vnic["id"]}

    assert [w["id"] for w in cloud.get("/workRequests", **query)] == [mine]
    assert cloud.get("/workRequests", compartmentId="elsewhere") == []
    assert mine in {
        w["id"] for w in cloud.get("/workRequests", compartmentId=cloud.compartment)
    }


def test_old_work_requests_are_forgotten(cloud: Cloud, vnic: Json) -> None:
    id = bulk(cloud, "Create", [{}], vnicId=vnic["id"])
    cloud.wait()
    kept = cloud.world.settings.delays.kept.total_seconds()
    cloud.wait(kept - 60)
    assert work(cloud, id)["status"] == "SUCCEEDED"

    cloud.wait(120)

    assert cloud.refused("GET", f"/workRequests/{id}")[:2] == (
        404,
        "NotAuthorizedOrNotFound",
    )


def test_an_unfinished_work_request_outlives_a_restart(
    cloud: Cloud, vnic: Json
) -> None:
    id = bulk(cloud, "Create", [{"ipAddress": "10.0.1.9"}], vnicId=vnic["id"])
    rows = [to_row(r) for r in cloud.world.records.values()]

    cloud.world = World.load(rows)
    cloud.wait()

    assert work(cloud, id)["status"] == "SUCCEEDED"
    assert [ip["ipAddress"] for ip in secondaries(cloud, vnic)] == ["10.0.1.9"]


def test_the_same_request_makes_the_same_addresses(cloud: Cloud, vnic: Json) -> None:
    bulk(cloud, "Create", [{}, {}, {}], vnicId=vnic["id"])
    again = Cloud()
    again.world, again.now = cloud.world, cloud.now

    cloud.wait()
    again.wait()

    assert secondaries(cloud, vnic) == secondaries(again, vnic)
    assert len({ip["ipAddress"] for ip in secondaries(cloud, vnic)}) == 3


def test_a_repeated_request_is_the_same_work(cloud: Cloud, vnic: Json) -> None:
    body = {"vnicId": vnic["id"], "bulkCreatePrivateIpItem": [{}]}
    path, headers = f"{ACTIONS}/bulkCreatePrivateIps", {"opc-retry-token": "t"}

    first = cloud.send("POST", path, body, headers=headers).reply
    cloud.wait()
    second = cloud.send("POST", path, body, headers=headers).reply

    assert (second.status, second.body) == (202, b"")
    name = "opc-work-request-id"
    assert second.headers[name] == first.headers[name]
    assert len(secondaries(cloud, vnic)) == 1


# -- what is refused


def test_what_one_item_is_refused_the_others_are_not(cloud: Cloud, vnic: Json) -> None:
    items = [
        {"ipAddress": "10.0.1.77"},
        {"ipAddress": "10.0.1.77"},
        {"ipAddress": "10.9.9.9"},
        {"hostnameLabel": "x"},
    ]
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])
    cloud.wait()

    ended = work(cloud, id)
    assert (ended["status"], ended["percentComplete"]) == ("FAILED", 25)
    assert [ip["ipAddress"] for ip in secondaries(cloud, vnic)] == ["10.0.1.77"]
    codes = [code for code, _ in errors(cloud, id)]
    assert codes == ["Conflict", "InvalidParameter", "InvalidParameter"]
    assert "10.9.9.9" in errors(cloud, id)[1][1]
    assert cloud.get(f"/workRequests/{id}/errors")[0]["message"].startswith("hostname")
    said = [one["message"] for one in cloud.get(f"/workRequests/{id}/logs")]
    assert said[0] == "BulkCreatePrivateIps has failed."
    assert any(
        line.startswith("CreatePrivateIp was refused: ipAddress") for line in said
    )


def test_no_more_than_a_vnic_can_have(cloud: Cloud, vnic: Json) -> None:
    bulk(cloud, "Create", [{} for _ in range(BULK_ITEMS)], vnicId=vnic["id"])
    id = bulk(cloud, "Create", [{}], vnicId=vnic["id"])
    cloud.wait()

    assert len(secondaries(cloud, vnic)) == BULK_ITEMS
    assert errors(cloud, id)[0][0] == "LimitExceeded"


def test_what_is_refused_for_now_is_tried_again(cloud: Cloud, subnet: Json) -> None:
    """The first CIDR address out of the only block puts the subnet in UPDATING."""
    lone = cloud.subnet({"id": subnet["vcnId"]}, "10.0.3.0/24")
    vnic = cloud.attach(cloud.instance(lone), lone)
    items = [{"cidrPrefixLength": 28}, {"cidrPrefixLength": 28}]
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])

    cloud.wait(0.3)
    assert work(cloud, id)["status"] == "IN_PROGRESS"
    assert work(cloud, id)["percentComplete"] == 50
    cloud.wait()

    assert work(cloud, id)["status"] == "SUCCEEDED"
    assert len(secondaries(cloud, vnic)) == 2


def test_it_is_not_tried_for_ever() -> None:
    never = Delays(subnet_update=timedelta(days=1))
    cloud = Cloud(Settings(delays=never))
    subnet = cloud.subnet(cloud.vcn(), "10.0.1.0/24")
    vnic = cloud.attach(cloud.instance(subnet), subnet)
    items = [{"cidrPrefixLength": 28}, {"cidrPrefixLength": 28}]
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])

    cloud.wait(3600)

    assert work(cloud, id)["status"] == "FAILED"
    assert errors(cloud, id)[0][0] == "IncorrectState"
    assert len(secondaries(cloud, vnic)) == 1


@pytest.mark.parametrize(
    ("verb", "body", "refusal", "words"),
    [
        ("Create", {}, (400, "MissingParameter"), "bulkCreatePrivateIpItem"),
        (
            "Create",
            {"bulkCreatePrivateIpItem": []},
            (400, "InvalidParameter"),
            "1 to 64",
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}] * 65},
            (400, "InvalidParameter"),
            "1 to 64",
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}]},
            (400, "MissingParameter"),
            "vnicId",
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}, {"ipAddress": "x"}], "vnicId": "v"},
            (400, "InvalidParameter"),
            'bulkCreatePrivateIpItem[1].ipAddress "x" must be an IPv4 address',
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}], "vnicId": "v"},
            (404, "NotAuthorizedOrNotFound"),
            '"v"',
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}], "subnetId": "s"},
            (404, "NotAuthorizedOrNotFound"),
            '"s"',
        ),
        (
            "Create",
            {"bulkCreatePrivateIpItem": [{}], "vlanId": "v"},
            (501, "MethodNotImplemented"),
            "vlanId",
        ),
        (
            "Delete",
            {"bulkDeletePrivateIpItem": [{}]},
            (400, "MissingParameter"),
            "bulkDeletePrivateIpItem[0].privateIpId",
        ),
        (
            "Delete",
            {"bulkDeletePrivateIpItem": [{"privateIpId": "p"}, {"privateIpId": "p"}]},
            (400, "InvalidParameter"),
            "bulkDeletePrivateIpItem[1].privateIpId",
        ),
        (
            "Detach",
            {"bulkDetachPrivateIpItem": [{"privateIpId": "p"}]},
            (404, "NotAuthorizedOrNotFound"),
            '"p"',
        ),
    ],
)
def test_a_call_that_says_nonsense_is_refused_at_once(
    cloud: Cloud, verb: str, body: Json, refusal: tuple[int, str], words: str
) -> None:
    path = f"{ACTIONS}/bulk{verb}PrivateIps"

    answer = cloud.refused("POST", path, body)

    assert answer[:2] == refusal
    assert words in answer[2]


def test_the_subnet_must_be_the_vnic_s(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    other = cloud.subnet({"id": subnet["vcnId"]}, "10.0.3.0/24")
    body = {"vnicId": vnic["id"], "subnetId": other["id"]}

    answer = cloud.refused(
        "POST",
        f"{ACTIONS}/bulkCreatePrivateIps",
        {**body, "bulkCreatePrivateIpItem": [{}]},
    )

    assert answer[:2] == (400, "InvalidParameter")


# -- the other actions


def test_addresses_are_made_in_a_subnet_without_a_vnic(
    cloud: Cloud, subnet: Json
) -> None:
    id = bulk(cloud, "Create", [{"ipAddress": "10.0.1.5"}], subnetId=subnet["id"])
    cloud.wait()

    ip = cloud.get("/privateIps", subnetId=subnet["id"])[0]
    assert (ip["vnicId"], ip["lifetime"]) == (None, "RESERVED")
    assert work(cloud, id)["resources"][0]["identifier"] == subnet["id"]


def test_addresses_move_to_another_vnic(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    other = cloud.attach(cloud.instance(subnet), subnet)
    ips = [cloud.ip(vnic), cloud.ip(vnic)]
    items = [
        {
            "privateIpId": ips[0]["id"],
            "displayName": "first",
            "freeformTags": {"a": ""},
        },
        {"privateIpId": ips[1]["id"]},
    ]
    id = bulk(cloud, "Update", items, vnicId=other["id"])
    cloud.wait()

    assert work(cloud, id)["status"] == "SUCCEEDED"
    assert secondaries(cloud, vnic) == []
    moved = {ip["id"]: ip for ip in secondaries(cloud, other)}
    assert set(moved) == {ip["id"] for ip in ips}
    assert moved[ips[0]["id"]]["displayName"] == "first"


def test_addresses_are_changed_where_they_are(cloud: Cloud, vnic: Json) -> None:
    ip = cloud.ip(vnic)
    bulk(cloud, "Update", [{"privateIpId": ip["id"], "lifetime": "RESERVED"}])
    cloud.wait()

    assert secondaries(cloud, vnic)[0]["lifetime"] == "RESERVED"


def test_addresses_are_taken_off_their_vnic(
    cloud: Cloud, subnet: Json, vnic: Json
) -> None:
    ours, foreign = cloud.ip(vnic), cloud.ip(cloud.primary(cloud.instance(subnet)))
    items = [{"privateIpId": one["id"]} for one in (ours, foreign)]
    id = bulk(cloud, "Detach", [*items, {"privateIpId": "gone"}], vnicId=vnic["id"])
    assert {one["actionType"] for one in work(cloud, id)["resources"]} == {
        "RELATED",
        "IN_PROGRESS",
    }
    cloud.wait()

    assert secondaries(cloud, vnic) == []
    assert cloud.get(f"/privateIps/{ours['id']}")["ipState"] == "AVAILABLE"
    assert cloud.get(f"/privateIps/{foreign['id']}")["ipState"] == "ASSIGNED"
    assert [code for code, _ in errors(cloud, id)] == [
        "InvalidParameter",
        "NotAuthorizedOrNotFound",
    ]
    became = {o["identifier"]: o["actionType"] for o in work(cloud, id)["resources"]}
    assert became[ours["id"]] == "UPDATED"
    assert became[foreign["id"]] == "RELATED"


def test_addresses_are_given_back(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    ips = [cloud.ip(vnic), cloud.ip(vnic)]
    primary = cloud.get("/privateIps", vnicId=vnic["id"])[0]
    items = [{"privateIpId": one["id"]} for one in (*ips, primary)]
    id = bulk(cloud, "Delete", items, subnetId=subnet["id"])
    cloud.wait()

    assert secondaries(cloud, vnic) == []
    assert [code for code, _ in errors(cloud, id)] == ["InvalidParameter"]
    became = {o["identifier"]: o["actionType"] for o in work(cloud, id)["resources"]}
    assert [became[ip["id"]] for ip in ips] == ["DELETED", "DELETED"]


def bulk6(cloud: Cloud, verb: str, items: list[Json], **more: object) -> str:
    """Make a bulk call on IPv6 objects, wait, and say how it ended."""
    body = {**more, f"bulk{verb}Ipv6sItem": items}
    reply = cloud.send("POST", f"/ipv6/actions/bulk{verb}Ipv6s", body).reply
    assert (reply.status, reply.body) == (202, b"")
    cloud.wait()
    return work(cloud, reply.headers["opc-work-request-id"])["status"]


def test_ipv6_objects_are_made_moved_detached_and_deleted_too(cloud: Cloud) -> None:
    vcn = cloud.vcn(isIpv6Enabled=True)
    cloud.wait()
    vcn = cloud.get(f"/vcns/{vcn['id']}")
    block = vcn["ipv6CidrBlocks"][0].replace("/56", "/64")
    subnet = cloud.subnet(vcn, ipv6CidrBlocks=[block])
    one, two = (cloud.attach(cloud.instance(subnet), subnet) for _ in range(2))

    items = [{"displayName": "a"}, {"cidrPrefixLength": 96}]
    assert bulk6(cloud, "Create", items, vnicId=one["id"]) == "SUCCEEDED"
    made = cloud.get("/ipv6", vnicId=one["id"])
    ids = [{"ipv6Id": ip["id"]} for ip in made]
    assert {ip["cidrPrefixLength"] for ip in made} == {None, 96}

    assert bulk6(cloud, "Update", ids, vnicId=two["id"]) == "SUCCEEDED"
    assert len(cloud.get("/ipv6", vnicId=two["id"])) == 2
    assert bulk6(cloud, "Detach", ids, vnicId=one["id"]) == "FAILED"
    assert bulk6(cloud, "Detach", ids, vnicId=two["id"]) == "SUCCEEDED"
    assert cloud.get("/ipv6", vnicId=two["id"]) == []
    assert bulk6(cloud, "Delete", ids, subnetId=subnet["id"]) == "SUCCEEDED"
    assert cloud.get("/ipv6", subnetId=subnet["id"]) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "ipAddress": st.sampled_from(["10.0.1.9", "10.0.1.0", "9.9.9.9"]),
                "cidrPrefixLength": st.integers(18, 31),
                "ipv4SubnetCidrAtCreation": st.sampled_from(
                    ["10.0.1.0/24", "10.9.0.0/16"]
                ),
                "lifetime": st.sampled_from(["RESERVED", "EPHEMERAL"]),
                "hostnameLabel": st.sampled_from(["a", "b"]),
                "routeTableId": st.sampled_from(["", "gone"]),
            },
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_items_are_the_work_comes_to_an_end(items: list[Json]) -> None:
    cloud = Cloud()
    subnet = cloud.subnet(cloud.vcn(dnsLabel="v"), dnsLabel="s")
    vnic = cloud.primary(cloud.instance(subnet))
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])

    cloud.wait(60)

    ended = work(cloud, id)
    wrong = len(errors(cloud, id))
    assert ended["status"] == ("FAILED" if wrong else "SUCCEEDED")
    assert len(secondaries(cloud, vnic)) == len(items) - wrong


def test_a_work_request_is_a_record_like_others(cloud: Cloud, vnic: Json) -> None:
    id = bulk(cloud, "Create", [{}], vnicId=vnic["id"])
    record = cloud.world.find(WorkRequest, id)

    assert record is not None
    assert record.principal == cloud.principal
    assert id.startswith("ocid1.coreservicesworkrequest.")


# -- what should not happen


def test_a_task_that_breaks_is_an_error_and_the_others_are_done(
    cloud: Cloud, vnic: Json
) -> None:
    id = bulk(cloud, "Create", [{}, {}], vnicId=vnic["id"])
    request = cloud.world.find(WorkRequest, id)
    assert request is not None
    broken = replace(request.tasks[0], operation="NoSuchCall")
    tasks = (broken, *request.tasks[1:])
    world = cloud.world.put(replace(request, tasks=tasks))

    settled = settle(world, cloud.now + timedelta(seconds=10))

    after = settled.world.find(WorkRequest, id)
    assert after is not None
    assert (after.lifecycle_state, after.done) == ("FAILED", 1)
    assert [e.code for e in after.errors] == ["InternalServerError"]
    assert settled.odd == (f"{id} {after.operation_type}: KeyError('NoSuchCall')",)


def test_a_record_that_cannot_settle_is_left_and_the_others_settle(
    cloud: Cloud, vnic: Json
) -> None:
    id = bulk(cloud, "Create", [{}], vnicId=vnic["id"])
    other = cloud.vcn("10.1.0.0/16")["id"]
    odd = cloud.world.get(other)
    assert odd is not None
    world = cloud.world.put(replace(odd, lifecycle_state="ODD", settles_at=cloud.now))

    settled = settle(world, cloud.now + timedelta(seconds=10))

    left = settled.world.get(odd.id)
    assert left is not None
    assert (left.lifecycle_state, left.settles_at) == ("ODD", None)
    assert settled.odd == (f"{odd.id} ODD: KeyError('ODD')",)
    assert settled.world.records[id].lifecycle_state == "SUCCEEDED"
    assert settle(settled.world, cloud.now + timedelta(seconds=10)).odd == ()


@pytest.mark.parametrize("update", [500, 60_000])
def test_blocks_in_a_new_subnet_are_made_though_work_takes_no_time(update: int) -> None:
    delays = Delays(
        bulk_work=timedelta(0), subnet_update=timedelta(milliseconds=update)
    )
    cloud = Cloud(Settings(delays=delays))
    subnet = cloud.subnet(cloud.vcn(), "10.0.1.0/24")
    vnic = cloud.attach(cloud.instance(subnet), subnet)
    items = [{"cidrPrefixLength": 28}] * 3
    id = bulk(cloud, "Create", items, vnicId=vnic["id"])
    cloud.wait(100)

    assert errors(cloud, id) == []
    assert work(cloud, id)["status"] == "SUCCEEDED"
