"""Where things are made and moved to: a compartment that lives."""

import pytest
from iam_tenancy import Tenancy

HIDDEN = (404, "NotAuthorizedOrNotFound")


@pytest.fixture
def place() -> Tenancy:
    """Give a tenancy with a compartment that is going."""
    place = Tenancy()
    place.delete(f"/compartments/{place.nodes}")
    return place


@pytest.mark.parametrize(("seconds", "state"), [(0, "DELETING"), (10, "DELETED")])
def test_nothing_is_made_in_or_moved_to_a_compartment_that_goes(
    place: Tenancy, seconds: float, state: str
) -> None:
    vcn = place.vcn()
    place.wait(seconds)
    body = {"compartmentId": place.nodes, "cidrBlock": "10.7.0.0/16"}
    move = f"/vcns/{vcn['id']}/actions/changeCompartment"

    assert place.get(f"/compartments/{place.nodes}")["lifecycleState"] == state
    assert place.refused("POST", "/vcns", body)[:2] == HIDDEN
    assert place.refused("POST", move, {"compartmentId": place.nodes})[:2] == HIDDEN


def test_an_object_of_another_kind_is_no_compartment(place: Tenancy) -> None:
    vcn = place.vcn()
    body = {"compartmentId": vcn["id"], "cidrBlock": "10.7.0.0/16"}

    assert place.refused("POST", "/vcns", body)[:2] == HIDDEN


def test_a_compartment_that_nobody_made_is_one(place: Tenancy) -> None:
    assert place.vcn(compartmentId="ocid1.compartment.oc1..aaaaaaaanew")
