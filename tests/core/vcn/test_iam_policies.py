"""Policies and dynamic groups over the API: kept as written, refused by place."""

import pytest
from iam_tenancy import TENANCY, Tenancy

from mooring.core.vcn.model import Policy

ALLOW = "Allow any-user to inspect vcns in tenancy"


def test_a_policy_is_made_changed_listed_and_deleted() -> None:
    place = Tenancy()
    made = place.policy(ALLOW, versionDate="2026-01-31")
    path = f"/policies/{made['id']}"

    assert made["statements"] == [ALLOW]
    assert made["versionDate"] == "2026-01-31T00:00:00.000Z"
    assert "places" not in made
    other = "Allow any-user to inspect subnets in tenancy"
    body = {"statements": [other], "versionDate": "2026-02-01T00:00:00Z"}
    changed = place.put(path, body)
    assert changed["statements"] == [other]
    assert changed["versionDate"] == "2026-02-01T00:00:00.000Z"
    assert place.put(path, {"description": "x"})["statements"] == [other]
    assert place.get("/policies", compartmentId=TENANCY) == [place.get(path)]
    assert place.get("/policies", compartmentId=place.nodes) == []
    place.delete(path)
    assert place.refused("GET", path)[0] == 404


def test_a_policy_s_name_is_there_once_in_its_compartment() -> None:
    place = Tenancy()
    here = "Allow any-user to inspect vcns in compartment nodes"
    place.make("policies", "p", statements=[ALLOW])
    place.make("policies", "p", compartmentId=place.nodes, statements=[here])
    body = {
        "compartmentId": TENANCY,
        "name": "P",
        "description": "x",
        "statements": [ALLOW],
    }

    assert place.refused("POST", "/policies", body)[1] == "PolicyAlreadyExists"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("Alow any-user to inspect vcns in tenancy", "at character 1: 'Alow' must be"),
        ("Allow any-user to drive vcns in tenancy", "at character 19: 'drive'"),
        ("Allow group None to inspect vcns in tenancy", "names the group none, which"),
        ("Allow dynamic-group x to use vcns in tenancy", "names the dynamic-group x"),
        ("Allow any-user to use vcns in compartment x", "not there, or not inside of"),
        ("Allow any-user to use vcns in compartment nodes:x", "not there, or not"),
        ("Allow any-user to use vcns in compartment x:nodes", "not there, or not"),
        ("Admit any-user to use vcns in tenancy", "'Admit' is no statement"),
    ],
)
def test_a_wrong_statement_is_named_with_its_place(statement: str, says: str) -> None:
    place = Tenancy()
    body = {
        "compartmentId": TENANCY,
        "name": "p",
        "description": "p",
        "statements": [ALLOW, statement],
    }
    status, code, message = place.refused("POST", "/policies", body)

    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("statements[1] ")
    assert statement[:40] in message
    assert says in message


def test_a_wrong_statement_does_not_take_the_place_of_a_right_one() -> None:
    place = Tenancy()
    path = f"/policies/{place.policy(ALLOW)['id']}"

    assert place.refused("PUT", path, {"statements": ["Allow"]})[0] == 400
    assert place.refused("PUT", path, {"statements": []})[0] == 400
    assert place.refused("PUT", path, {"versionDate": "today"})[0] == 400
    assert place.refused("PUT", path, {"versionDate": 1})[0] == 400
    assert place.get(path)["statements"] == [ALLOW]


def test_a_policy_speaks_of_its_own_compartment_and_what_is_below() -> None:
    place = Tenancy()
    pools = place.make("compartments", "pools", compartmentId=place.nodes)["id"]

    def places(home: str, where: str) -> tuple[str, ...]:
        text = f"Allow any-user to inspect vcns in {where}"
        made = place.policy(text, compartmentId=home)
        policy = place.world.find(Policy, made["id"])
        assert policy is not None
        return policy.places

    assert places(TENANCY, "tenancy") == (TENANCY,)
    assert places(TENANCY, "compartment nodes:Pools") == (pools,)
    assert places(TENANCY, "compartment mooring:nodes") == (place.nodes,)
    assert places(TENANCY, "compartment id any-text") == ("any-text",)
    assert places(place.nodes, "compartment nodes") == (place.nodes,)
    assert places(place.nodes, "compartment pools") == (pools,)
    assert places(place.nodes, f"compartment id {pools}") == (pools,)
    for where, says in (
        ("tenancy", "its policy must be there"),
        ("compartment network", "not inside of"),
        (f"compartment id {place.network}", "not inside of"),
        ("compartment id any-text", "not inside of"),
    ):
        body = {
            "compartmentId": place.nodes,
            "name": "p",
            "description": "p",
            "statements": [f"Allow any-user to inspect vcns in {where}"],
        }
        assert says in place.refused("POST", "/policies", body)[2]


def test_a_policy_lives_in_a_compartment_that_is_there() -> None:
    place = Tenancy()
    body = {"name": "p", "description": "p", "statements": [ALLOW]}

    assert (
        place.refused("POST", "/policies", {**body, "compartmentId": "none"})[0] == 404
    )


def test_a_statement_means_its_compartment_under_whatever_name() -> None:
    place = Tenancy()
    place.policy("Allow any-user to inspect vcns in compartment network")
    ann = place.user("ann")
    place.put(f"/compartments/{place.network}", {"name": "renamed"})

    with place.acting(ann):
        assert place.get("/vcns", compartmentId=place.network) == []


# -- dynamic groups


def test_a_dynamic_group_is_made_changed_listed_and_deleted() -> None:
    place = Tenancy()
    made = place.make("dynamicGroups", "nodes", matchingRule="instance.id = 'a'")
    path = f"/dynamicGroups/{made['id']}"

    assert made["matchingRule"] == "instance.id = 'a'"
    assert place.put(path, {"description": "x"})["matchingRule"] == made["matchingRule"]
    changed = place.put(path, {"matchingRule": "ANY {tag.a.b.value}"})
    assert changed["matchingRule"] == "ANY {tag.a.b.value}"
    assert place.get("/dynamicGroups", compartmentId=TENANCY) == [changed]
    place.delete(path)
    assert place.get("/dynamicGroups", compartmentId=TENANCY) == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("nonsense", "cannot be read at character 1"),
        ("request.principal.id = 'x'", "must not ask for request.principal.id"),
        ("all {instance.id='a', any {target.x = 'y'}}", "must not ask for target.x"),
    ],
)
def test_a_wrong_rule_is_refused(rule: str, says: str) -> None:
    place = Tenancy()
    body = {
        "compartmentId": TENANCY,
        "name": "x",
        "description": "x",
        "matchingRule": rule,
    }
    status, code, message = place.refused("POST", "/dynamicGroups", body)

    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("matchingRule")
    assert says in message
