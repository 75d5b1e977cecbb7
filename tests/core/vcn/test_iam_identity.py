"""The identity API: users with keys, groups, the tenancy."""

import pytest
from iam_tenancy import PEM, ROOT, TENANCY, Tenancy

from mooring.core.vcn.iam.publickey import fingerprint
from mooring.core.vcn.iam.standing import ADMINISTRATORS
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import ApiKey
from mooring.core.vcn.world import World

SMALL = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDbsbstJVAeKV0G4fQXhCb6tqz
o3dwzrveW3qEVnX1IRtkVxPFmLFgpmqZ5gEaNPZHhyETetQzFVD4WMirJ9JwCTVX
j0bnjST+jWysUov1JhkKX8vv/AGMn2KES/NXrKi4x5HvBCfXZ/wWcE30ceTKzT09
03v0qiDT9QN5dpGkawIDAQAB
-----END PUBLIC KEY-----
"""
ELLIPTIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGIbZeeDc1AnWFS5TABtqBvF0sg/a
Gz0JAN0fXZUaDOSaI2nm59JZwvCgo+0qaEHRgJRpKspBK0NaNQfORKX9BQ==
-----END PUBLIC KEY-----
"""


def names(found: list[dict[str, str]]) -> list[str]:
    return [one["name"] for one in found]


# -- users


def test_a_user_is_made_changed_found_and_deleted() -> None:
    place = Tenancy()
    user = place.make("users", "ann", email="ann@example.org")

    assert user["id"].startswith("ocid1.user.oc1..")
    assert (user["lifecycleState"], user["isMfaActivated"]) == ("ACTIVE", False)
    assert place.get(f"/users/{user['id']}")["email"] == "ann@example.org"
    changed = place.put(f"/users/{user['id']}", {"description": "Ann", "email": "a@b"})
    assert (changed["description"], changed["email"]) == ("Ann", "a@b")
    assert place.get("/users", compartmentId=TENANCY, name="ann") == [changed]
    place.delete(f"/users/{user['id']}")
    assert place.refused("GET", f"/users/{user['id']}")[0] == 404


def test_a_name_is_there_once_whatever_the_case_of_its_letters() -> None:
    place = Tenancy()
    place.make("users", "ann")
    body = {"compartmentId": TENANCY, "name": "Ann", "description": "x"}

    assert place.refused("POST", "/users", body) == (
        409,
        "UserAlreadyExists",
        "User 'Ann' already exists",
    )


@pytest.mark.parametrize("path", ["users", "groups", "dynamicGroups"])
def test_users_and_groups_live_in_the_tenancy(path: str) -> None:
    place = Tenancy()
    body = {
        "compartmentId": place.nodes,
        "name": "x",
        "description": "x",
        "matchingRule": "instance.id = 'x'",
    }

    assert place.refused("POST", f"/{path}", body)[:2] == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "a b"), ("name", ""), ("description", ""), ("name", "x" * 101)],
)
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    place = Tenancy()
    body = {"compartmentId": TENANCY, "name": "x", "description": "x", field: value}
    status, code, message = place.refused("POST", "/users", body)

    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith(field)


def test_administrators_of_the_register_are_shown_and_cannot_be_changed() -> None:
    place = Tenancy()
    place.world = World.load(
        [], Settings(administrators=("ocid1.user.oc1..aaaaaaaasecond", ROOT.id))
    )
    shown = place.get("/users", compartmentId=TENANCY)

    assert names(shown) == ["administrator-aaaaroot", "administrator-aasecond"]
    assert place.get(f"/users/{ROOT.id}") == shown[0]
    path = f"/users/{ROOT.id}"
    assert place.refused("PUT", path, {"description": "x"})[0] == 404
    assert place.refused("DELETE", path)[0] == 404


def test_without_a_caller_there_is_no_administrator_to_show() -> None:
    place = Tenancy()
    place.caller = None
    tenancy = "ocid1.tenancy.oc1..aaaaaaaamooring"

    assert place.get("/users", compartmentId=tenancy) == []
    assert place.get(f"/tenancies/{tenancy}")["name"] == "mooring"


def test_lists_come_in_the_order_that_is_wished() -> None:
    place = Tenancy()
    for name in ("bob", "Zoe", "ann"):
        place.make("groups", name)

    def listed(**query: str) -> list[str]:
        return names(place.get("/groups", compartmentId=TENANCY, **query))

    assert listed() == ["Administrators", "bob", "Zoe", "ann"]
    assert listed(sortBy="NAME") == ["Administrators", "Zoe", "ann", "bob"]
    assert listed(sortBy="NAME", sortOrder="DESC")[0] == "bob"
    assert listed(sortBy="TIMECREATED")[0] == "ann"
    assert listed(sortOrder="ASC")[-1] == "ann"
    assert listed(limit="2") == ["Administrators", "bob"]
    assert listed(lifecycleState="DELETED") == []


# -- keys


def test_a_key_is_uploaded_found_by_its_name_and_deleted() -> None:
    place = Tenancy()
    user = place.make("users", "ann")["id"]
    key = place.post(f"/users/{user}/apiKeys", {"key": PEM})
    name = fingerprint(PEM)

    assert key["fingerprint"] == name
    assert key["keyId"] == f"{TENANCY}/{user}/{name}"
    assert (key["userId"], key["keyValue"]) == (user, PEM)
    assert "id" not in key
    assert place.world.find(ApiKey, key["keyId"]) is not None
    assert place.get(f"/users/{user}/apiKeys") == [key]
    assert place.refused("DELETE", f"/users/{user}/apiKeys/a:b")[0] == 404
    place.delete(f"/users/{user}/apiKeys/{name}")
    assert place.get(f"/users/{user}/apiKeys") == []
    assert place.refused("DELETE", f"/users/{user}/apiKeys/{name}")[0] == 404


def test_a_fingerprint_is_what_openssl_says() -> None:
    assert fingerprint(PEM) == "8e:40:86:b0:57:e6:fe:8c:3c:0f:f6:63:71:a6:18:b2"
    assert (
        fingerprint(PEM + "\nOCI_API_KEY\n")
        == "8e:40:86:b0:57:e6:fe:8c:3c:0f:f6:63:71:a6:18:b2"
    )


def test_a_user_has_three_keys_at_most_and_each_once(keys: list[str]) -> None:
    place = Tenancy()
    user = place.make("users", "ann")["id"]
    for key in keys[:3]:
        place.post(f"/users/{user}/apiKeys", {"key": key})

    again = place.refused("POST", f"/users/{user}/apiKeys", {"key": keys[0]})
    assert again[:2] == (409, "ApiKeyAlreadyExists")
    fourth = place.refused("POST", f"/users/{user}/apiKeys", {"key": keys[3]})
    assert fourth[:2] == (400, "LimitExceeded")


@pytest.fixture
def keys() -> list[str]:
    """Four keys; the signs that make them different are in the middle of the number."""
    lines = PEM.splitlines()
    return [
        "\n".join([*lines[:3], f"{sign}{lines[3][1:]}", *lines[4:]]) for sign in "OPQR"
    ]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("no key", "must be a public key in PEM form"),
        (PEM.replace("MIIB", "MIIC"), "must be a public key of RSA"),
        (PEM.replace("MIIB", "NIIB"), "must be a public key of RSA"),
        (PEM.replace("SQIDAQAB", "SQ"), "must be a public key of RSA"),
        (PEM.replace("SQIDAQAB", "SQIDAQABAAAA"), "must be a public key of RSA"),
        (ELLIPTIC, "must be a public key of RSA"),
        (SMALL, "must have 2048 to 4096 bits, not 1024"),
    ],
)
def test_what_is_no_key_is_refused(key: str, says: str) -> None:
    place = Tenancy()
    user = place.make("users", "ann")["id"]
    status, code, message = place.refused(
        "POST", f"/users/{user}/apiKeys", {"key": key}
    )

    assert (status, code) == (400, "InvalidParameter")
    assert says in message


def test_an_administrator_of_the_register_can_have_more_keys() -> None:
    place = Tenancy()
    key = place.post(f"/users/{ROOT.id}/apiKeys", {"key": PEM})

    assert key["keyId"].startswith(f"{TENANCY}/{ROOT.id}/")


def test_keys_go_with_their_user() -> None:
    place = Tenancy()
    user = place.make("users", "ann")["id"]
    key = place.post(f"/users/{user}/apiKeys", {"key": PEM})
    place.delete(f"/users/{user}")

    assert place.world.get(key["keyId"]) is None


def test_a_user_that_is_not_there_has_no_keys() -> None:
    place = Tenancy()
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/a:b")):
        body = {"key": PEM} if method == "POST" else None
        assert place.refused(method, f"/users/nobody/apiKeys{path}", body)[0] == 404


# -- groups


def test_a_group_has_members_until_they_are_removed() -> None:
    place = Tenancy()
    user = place.make("users", "ann")["id"]
    group = place.make("groups", "admins")["id"]
    both = {"userId": user, "groupId": group}
    membership = place.post("/userGroupMemberships", both)

    def listed(**query: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = place.get(
            "/userGroupMemberships", compartmentId=TENANCY, **query
        )
        return found

    for query in ({"userId": user}, {"groupId": group}, both):
        assert listed(**query) == [membership]
    (first, last) = listed()
    assert (first["userId"], first["groupId"]) == (ROOT.id, ADMINISTRATORS)
    assert last == membership
    assert listed(userId=ROOT.id) == [first]
    path = f"/userGroupMemberships/{membership['id']}"
    assert place.get(path) == membership
    assert place.refused("POST", "/userGroupMemberships", both)[:2] == (409, "Conflict")
    assert place.refused("DELETE", f"/groups/{group}")[:2] == (409, "Conflict")
    assert place.refused("DELETE", f"/users/{user}")[:2] == (409, "Conflict")
    place.delete(path)
    place.delete(f"/groups/{group}")
    place.delete(f"/users/{user}")


def test_a_group_is_changed_and_shown() -> None:
    place = Tenancy()
    group = place.make("groups", "admins", freeformTags={"a": "b"})
    changed = place.put(f"/groups/{group['id']}", {"description": "new"})

    assert (changed["description"], changed["freeformTags"]) == ("new", {"a": "b"})
    assert place.get(f"/groups/{group['id']}") == changed
    assert place.refused("GET", "/groups/none")[0] == 404


def test_administrators_are_a_group_without_a_record() -> None:
    place = Tenancy()
    shown = place.get(f"/groups/{ADMINISTRATORS}")

    assert shown["name"] == "Administrators"
    assert place.refused("DELETE", f"/groups/{ADMINISTRATORS}")[0] == 404
    body = {"compartmentId": TENANCY, "name": "administrators", "description": "x"}
    assert place.refused("POST", "/groups", body)[1] == "GroupAlreadyExists"


@pytest.mark.parametrize("missing", ["userId", "groupId"])
def test_a_membership_needs_both(missing: str) -> None:
    place = Tenancy()
    both = {
        "userId": place.make("users", "ann")["id"],
        "groupId": ADMINISTRATORS,
        missing: "ocid1.nothing",
    }

    assert place.refused("POST", "/userGroupMemberships", both)[0] == 404


# -- the tenancy


def test_the_tenancy_its_region_and_its_domains() -> None:
    place = Tenancy()
    shown = place.get(f"/tenancies/{TENANCY}")

    assert (shown["id"], shown["homeRegionKey"]) == (TENANCY, "LOC")
    assert place.get("/regions") == [{"key": "LOC", "name": "local-1"}]
    subscription = place.get(f"/tenancies/{TENANCY}/regionSubscriptions")
    assert subscription == [
        {
            "regionKey": "LOC",
            "regionName": "local-1",
            "status": "READY",
            "isHomeRegion": True,
        }
    ]
    for path in ("/tenancies/other", "/tenancies/other/regionSubscriptions"):
        assert place.refused("GET", path)[0] == 404


def test_a_region_of_the_cloud_has_the_cloud_s_key() -> None:
    place = Tenancy()
    place.world = World.empty(Settings(region="eu-frankfurt-1"))

    assert place.get("/regions") == [{"key": "FRA", "name": "eu-frankfurt-1"}]


def test_a_domain_has_three_fault_domains() -> None:
    place = Tenancy()
    query = {"compartmentId": TENANCY, "availabilityDomain": place.domain}
    found = place.get("/faultDomains", **query)

    assert names(found) == [f"FAULT-DOMAIN-{n}" for n in (1, 2, 3)]
    query["availabilityDomain"] = "elsewhere"
    assert place.refused("GET", "/faultDomains", query=query)[0] == 404
