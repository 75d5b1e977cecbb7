"""The identity API's bodies and answers, held against the official SDK's models."""

import re
from pathlib import Path
from typing import Any

import oci.identity.models as sdk
import pytest
from iam_tenancy import PEM, TENANCY, Tenancy

from mooring.core.vcn.api.schema import Fields
from mooring.core.vcn.calls import identity

MODELS = Path(sdk.__file__).parent

BODIES: list[tuple[type, Fields]] = [
    (sdk.CreateCompartmentDetails, identity.CREATE_COMPARTMENT),
    (sdk.UpdateCompartmentDetails, identity.UPDATE_COMPARTMENT),
    (sdk.MoveCompartmentDetails, identity.MOVE_COMPARTMENT),
    (sdk.CreateUserDetails, identity.CREATE_USER),
    (sdk.UpdateUserDetails, identity.UPDATE_USER),
    (sdk.CreateApiKeyDetails, identity.UPLOAD_KEY),
    (sdk.CreateGroupDetails, identity.CREATE_GROUP),
    (sdk.UpdateGroupDetails, identity.UPDATE_GROUP),
    (sdk.AddUserToGroupDetails, identity.ADD_TO_GROUP),
    (sdk.CreateDynamicGroupDetails, identity.CREATE_DYNAMIC_GROUP),
    (sdk.UpdateDynamicGroupDetails, identity.UPDATE_DYNAMIC_GROUP),
    (sdk.CreatePolicyDetails, identity.CREATE_POLICY),
    (sdk.UpdatePolicyDetails, identity.UPDATE_POLICY),
]


def keys_of(model: type) -> set[str]:
    return set(model().attribute_map.values())


def required_of(model: type) -> set[str]:
    """Give the keys that the SDK's documentation calls required."""
    text = (MODELS / f"{model.__module__.rsplit('.', 1)[-1]}.py").read_text()
    names = re.findall(r"\*\*\[Required\]\*\* Gets the (\w+) of this", text)
    return {model().attribute_map[name] for name in names}


@pytest.mark.parametrize(
    ("model", "body"), BODIES, ids=lambda x: getattr(x, "__name__", "")
)
def test_bodies_have_the_sdk_s_fields(model: type, body: Fields) -> None:
    ours = {name for name, field in body.items() if field.required}

    assert set(body) <= keys_of(model)
    assert required_of(model) == ours


def everything() -> dict[str, list[Any]]:
    """Make one of each kind, with as much set as can be."""
    place = Tenancy()
    user = place.make("users", "ann", email="ann@example.org")
    group = place.make("groups", "admins")
    rule = "instance.id = 'x'"
    both = {"userId": user["id"], "groupId": group["id"]}
    statement = "Allow any-user to inspect vcns in tenancy"
    here = {"compartmentId": TENANCY}
    return {
        "Compartment": [
            place.get(f"/compartments/{place.nodes}"),
            place.get(f"/compartments/{TENANCY}"),
        ],
        "User": [user, *place.get("/users", **here)],
        "UserCapabilities": [user["capabilities"]],
        "ApiKey": [place.post(f"/users/{user['id']}/apiKeys", {"key": PEM})],
        "Group": [group, *place.get("/groups", **here)],
        "UserGroupMembership": [place.post("/userGroupMemberships", both)],
        "DynamicGroup": [place.make("dynamicGroups", "nodes", matchingRule=rule)],
        "Policy": [place.policy(statement, versionDate="2026-01-31")],
        "Tenancy": [place.get(f"/tenancies/{TENANCY}")],
        "Region": place.get("/regions"),
        "RegionSubscription": place.get(f"/tenancies/{TENANCY}/regionSubscriptions"),
        "AvailabilityDomain": place.get("/availabilityDomains", **here),
        "FaultDomain": place.get(
            "/faultDomains", **here, availabilityDomain=place.domain
        ),
    }


SHOWN = everything()


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_has_the_sdk_s_keys(name: str) -> None:
    model = getattr(sdk, name)

    assert SHOWN[name]
    for shown in SHOWN[name]:
        assert set(shown) <= keys_of(model)
        assert {key for key in required_of(model) if shown.get(key) is None} == set()
