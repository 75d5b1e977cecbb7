"""Compartments: the tree, moving, deleting what is empty and what is not."""

import pytest
from iam_tenancy import TENANCY, Tenancy
from vcn_cloud import Json

from mooring.core.vcn.iam.tree import lineage
from mooring.core.vcn.model import WorkRequest


def inside(place: Tenancy, parent: str, name: str) -> Json:
    return place.make("compartments", name, compartmentId=parent)


def names(found: list[dict[str, str]]) -> set[str]:
    return {one["name"] for one in found}


def test_the_tenancy_is_the_root() -> None:
    place = Tenancy()
    root = place.get(f"/compartments/{TENANCY}")
    child = place.get(f"/compartments/{place.nodes}")

    assert (root["id"], root["compartmentId"]) == (TENANCY, TENANCY)
    assert (child["compartmentId"], child["isAccessible"]) == (TENANCY, True)
    assert child["lifecycleState"] == "ACTIVE"
    assert place.refused("GET", "/compartments/none")[0] == 404
    assert place.refused("PUT", f"/compartments/{TENANCY}", {"name": "x"})[0] == 404


def test_lists_are_of_children_or_of_the_whole_tree() -> None:
    place = Tenancy()
    inside(place, place.nodes, "pools")
    every = {"compartmentId": TENANCY, "compartmentIdInSubtree": "true"}

    assert names(place.get("/compartments", compartmentId=TENANCY)) == {
        "network",
        "nodes",
    }
    assert names(place.get("/compartments", compartmentId=place.nodes)) == {"pools"}
    assert names(place.get("/compartments", **every)) == {"network", "nodes", "pools"}
    assert names(place.get("/compartments", **every, name="pools")) == {"pools"}
    wrong = {"compartmentId": place.nodes, "compartmentIdInSubtree": "true"}
    status, code, message = place.refused("GET", "/compartments", query=wrong)
    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("compartmentIdInSubtree")
    query = {"compartmentId": "none"}
    assert place.refused("GET", "/compartments", query=query)[0] == 404


def test_a_name_is_there_once_among_siblings() -> None:
    place = Tenancy()
    body = {"compartmentId": TENANCY, "name": "NODES", "description": "x"}

    assert place.refused("POST", "/compartments", body)[:2] == (
        409,
        "CompartmentAlreadyExists",
    )
    inside(place, place.nodes, "nodes")
    path = f"/compartments/{place.network}"
    assert place.refused("PUT", path, {"name": "nodes"})[0] == 409
    changed = place.put(path, {"name": "Network", "description": "y"})
    assert (changed["name"], changed["description"]) == ("Network", "y")
    assert place.put(path, {"description": "z"})["name"] == "Network"


def test_six_levels_and_no_more() -> None:
    place = Tenancy()
    parent = place.nodes
    for level in range(2, 7):
        parent = inside(place, parent, f"level{level}")["id"]
    body = {"compartmentId": parent, "name": "seventh", "description": "x"}

    assert place.refused("POST", "/compartments", body)[:2] == (400, "LimitExceeded")
    assert len(lineage(place.world, parent, TENANCY)) == 7


def test_a_parent_must_be_there() -> None:
    place = Tenancy()
    body = {"compartmentId": "any text", "name": "x", "description": "x"}

    assert place.refused("POST", "/compartments", body)[0] == 404


def work_of(place: Tenancy) -> WorkRequest:
    return list(place.world.of(WorkRequest))[-1]


def test_an_empty_compartment_is_deleted_after_a_moment() -> None:
    place = Tenancy()
    outcome = place.send("DELETE", f"/compartments/{place.nodes}")
    work = outcome.reply.headers["opc-work-request-id"]

    assert outcome.reply.status == 202
    path = f"/compartments/{place.nodes}"
    assert place.get(path)["lifecycleState"] == "DELETING"
    for refused in (
        place.refused("DELETE", path),
        place.refused("PUT", path, {"name": "x"}),
        place.refused(
            "POST",
            "/compartments",
            {"compartmentId": place.nodes, "name": "x", "description": "x"},
        ),
    ):
        assert refused[:2] == (409, "IncorrectState")
    place.wait(1)
    assert place.get(path)["lifecycleState"] == "DELETED"
    assert place.get(f"/workRequests/{work}")["status"] == "SUCCEEDED"
    assert inside(place, TENANCY, "nodes")["id"] != place.nodes
    place.wait(4000)
    assert place.refused("GET", path)[0] == 404


def test_a_compartment_that_is_not_empty_stays_and_the_work_request_says_why() -> None:
    place = Tenancy()
    vcn = place.vcn()
    outcome = place.send("DELETE", f"/compartments/{place.network}")
    work = outcome.reply.headers["opc-work-request-id"]
    place.wait(1)

    path = f"/compartments/{place.network}"
    assert place.get(path)["lifecycleState"] == "ACTIVE"
    assert place.get(f"/workRequests/{work}")["status"] == "FAILED"
    (error,) = place.get(f"/workRequests/{work}/errors")
    assert error["code"] == "Conflict"
    place.delete(f"/vcns/{vcn['id']}")
    place.send("DELETE", path)
    place.wait(1)
    assert place.get(path)["lifecycleState"] == "DELETED"


def test_a_compartment_moves_with_what_is_in_it() -> None:
    place = Tenancy()
    pools = inside(place, place.nodes, "pools")["id"]
    path = f"/compartments/{pools}/actions/moveCompartment"
    outcome = place.send("POST", path, {"targetCompartmentId": place.network})

    assert outcome.reply.status == 202
    assert "opc-work-request-id" in outcome.reply.headers
    assert lineage(place.world, pools, TENANCY) == (pools, place.network, TENANCY)
    place.ok("POST", path, {"targetCompartmentId": TENANCY})
    assert lineage(place.world, pools, TENANCY) == (pools, TENANCY)


@pytest.mark.parametrize("target", ["itself", "below", "namesake"])
def test_some_moves_are_refused(target: str) -> None:
    place = Tenancy()
    below = inside(place, place.nodes, "below")["id"]
    inside(place, place.network, "nodes")
    to = {"itself": place.nodes, "below": below, "namesake": place.network}[target]
    path = f"/compartments/{place.nodes}/actions/moveCompartment"
    expected = (
        (409, "CompartmentAlreadyExists")
        if target == "namesake"
        else (400, "InvalidParameter")
    )

    assert place.refused("POST", path, {"targetCompartmentId": to})[:2] == expected


def test_a_compartment_that_was_never_made_is_the_tenancy_s() -> None:
    place = Tenancy()

    assert lineage(place.world, "any text", TENANCY) == ("any text", TENANCY)
    assert lineage(place.world, TENANCY, TENANCY) == (TENANCY,)
