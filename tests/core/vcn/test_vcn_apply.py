"""What every call goes through: paths, ids, etags, retry tokens, bodies."""

import json

import pytest
from vcn_cloud import START, Cloud

from mooring.core.vcn.api.apply import apply
from mooring.core.vcn.api.apply import first as replay
from mooring.core.vcn.api.requests import Drop, Put, Request
from mooring.core.vcn.limits import TOKEN_LIFE
from mooring.core.vcn.model.tokens import RetryToken
from mooring.core.vcn.rows import to_row


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def body(cloud: Cloud, **more: object) -> dict[str, object]:
    return {"compartmentId": cloud.compartment, "cidrBlock": "10.0.0.0/16", **more}


# -- paths


def test_a_slash_at_the_end_means_nothing(cloud: Cloud) -> None:
    cloud.post("/vcns/", body(cloud))

    assert len(cloud.get("/vcns/", compartmentId=cloud.compartment)) == 1


def test_a_path_outside_of_the_version_is_not_found(cloud: Cloud) -> None:
    request = Request(method="GET", path="/20200101/vcns", now=START, entropy=b"x" * 16)
    reply = apply(cloud.world, request).reply

    assert reply.status == 404
    assert json.loads(reply.body)["code"] == "NotFound"


def test_a_known_path_with_another_method_says_which_it_takes(cloud: Cloud) -> None:
    assert cloud.refused("PATCH", "/vcns") == (
        405,
        "MethodNotAllowed",
        "/20160918/vcns takes GET, POST.",
    )


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/vlans", "CreateVlan"),
        ("POST", "/vtaps", "CreateVtap"),
        ("GET", "/byoipRanges/ocid1.byoiprange.oc1..a", "GetByoipRange"),
        ("GET", "/lighthouses", "GET /20160918/lighthouses"),
        ("GET", "", "GET /20160918"),
    ],
)
def test_what_is_not_there_yet_is_refused_by_name(
    cloud: Cloud, method: str, path: str, name: str
) -> None:
    assert cloud.refused(method, path) == (
        501,
        "MethodNotImplemented",
        f"The local VCN does not have {name}.",
    )


def test_an_id_of_another_kind_is_not_found(cloud: Cloud) -> None:
    vcn = cloud.vcn()

    status, code, message = cloud.refused("GET", f"/subnets/{vcn['id']}")

    assert (status, code) == (404, "NotAuthorizedOrNotFound")
    assert vcn["id"] in message


# -- request ids


def test_the_request_s_id_comes_back(cloud: Cloud) -> None:
    reply = cloud.send("GET", "/vcns/x", headers={"opc-request-id": "mine/1"}).reply

    assert reply.headers["opc-request-id"] == "mine/1"


@pytest.mark.parametrize("given", [{}, {"opc-request-id": "a\r\nb"}])
def test_without_a_good_one_there_is_a_new_id(
    cloud: Cloud, given: dict[str, str]
) -> None:
    reply = cloud.send("GET", "/vcns/x", headers=given).reply

    assert len(reply.headers["opc-request-id"]) == 32


def test_bodies_are_json_and_no_body_has_no_type(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    shown = cloud.send("GET", f"/vcns/{vcn['id']}").reply
    gone = cloud.send("DELETE", f"/vcns/{vcn['id']}").reply

    assert shown.headers["content-type"] == "application/json"
    assert (gone.status, gone.body) == (204, b"")
    assert "content-type" not in gone.headers


# -- etags


def test_an_etag_changes_with_its_object(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    path = f"/vcns/{vcn['id']}"
    first = cloud.send("GET", path).reply.headers["etag"]
    changed = cloud.send("PUT", path, {"displayName": "new"}).reply.headers["etag"]

    assert first != changed
    assert cloud.send("GET", path).reply.headers["etag"] == changed


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_for_another_etag_is_refused(cloud: Cloud, method: str) -> None:
    path = f"/vcns/{cloud.vcn()['id']}"

    refused = cloud.refused(method, path, {}, headers={"if-match": "old"})

    assert refused[:2] == (412, "NoEtagMatch")


def test_a_change_for_the_right_etag_is_made(cloud: Cloud) -> None:
    path = f"/vcns/{cloud.vcn()['id']}"
    etag = cloud.send("GET", path).reply.headers["etag"]

    cloud.ok("PUT", path, {"displayName": "new"}, headers={"if-match": f'"{etag}"'})
    cloud.ok("DELETE", path, headers={"if-match": "*"})


def test_reading_asks_for_no_etag(cloud: Cloud) -> None:
    path = f"/vcns/{cloud.vcn()['id']}"

    assert cloud.send("GET", path, headers={"if-match": "old"}).reply.status == 200


# -- retry tokens

TOKEN = {"opc-retry-token": "again"}


def test_a_repeated_request_makes_nothing_new(cloud: Cloud) -> None:
    first = cloud.post("/vcns", body(cloud), headers=TOKEN)
    world = cloud.world
    again = cloud.send("POST", "/vcns", body(cloud), headers=TOKEN)

    assert json.loads(again.reply.body) == first
    assert again.reply.headers["etag"]
    assert (again.world, again.changes) == (world, ())


def test_a_token_is_kept_in_the_journal(cloud: Cloud) -> None:
    cloud.post("/vcns", body(cloud), headers=TOKEN)

    tokens = [
        change.record
        for change in cloud.changes
        if isinstance(change, Put) and isinstance(change.record, RetryToken)
    ]

    assert [token.expires - cloud.now for token in tokens] == [TOKEN_LIFE]
    assert list(cloud.world.tokens.values()) == [token.light() for token in tokens]


def test_a_token_with_another_body_is_refused(cloud: Cloud) -> None:
    cloud.post("/vcns", body(cloud), headers=TOKEN)

    refused = cloud.refused(
        "POST", "/vcns", body(cloud, displayName="x"), headers=TOKEN
    )

    assert refused[:2] == (409, "InvalidatedRetryToken")


def test_a_token_whose_object_is_gone_is_refused(cloud: Cloud) -> None:
    vcn = cloud.post("/vcns", body(cloud), headers=TOKEN)
    cloud.delete(f"/vcns/{vcn['id']}")

    refused = cloud.refused("POST", "/vcns", body(cloud), headers=TOKEN)

    assert refused[:2] == (409, "InvalidatedRetryToken")


def test_tokens_of_two_callers_are_two(cloud: Cloud) -> None:
    first = cloud.post("/vcns", body(cloud), headers=TOKEN)
    cloud.principal = "somebody else"

    assert cloud.post("/vcns", body(cloud), headers=TOKEN)["id"] != first["id"]


def test_a_token_is_over_after_a_day(cloud: Cloud) -> None:
    first = cloud.post("/vcns", body(cloud), headers=TOKEN)
    cloud.now += TOKEN_LIFE

    assert cloud.post("/vcns", body(cloud), headers=TOKEN)["id"] != first["id"]


def test_old_tokens_are_forgotten_by_settling_and_by_new_ones(cloud: Cloud) -> None:
    for n in range(4):
        cloud.post("/vcns", body(cloud), headers={"opc-retry-token": f"{n}"})
    cloud.now += TOKEN_LIFE
    cloud.post("/vcns", body(cloud), headers={"opc-retry-token": "new"})

    assert len(cloud.world.tokens) == 3

    cloud.wait(1)

    assert len(cloud.world.tokens) == 1
    assert sum(isinstance(c, Drop) and c.kind == "token" for c in cloud.changes) == 4


def test_a_refused_request_uses_no_token(cloud: Cloud) -> None:
    cloud.refused("POST", "/vcns", {}, headers=TOKEN)

    cloud.post("/vcns", body(cloud), headers=TOKEN)


@pytest.mark.parametrize("token", ["", "x" * 65])
def test_a_token_has_a_length(cloud: Cloud, token: str) -> None:
    refused = cloud.refused(
        "POST", "/vcns", body(cloud), headers={"opc-retry-token": token}
    )

    assert refused[1] == "InvalidParameter"
    assert "opc-retry-token" in refused[2]


def an_nsg(cloud: Cloud) -> str:
    """Make an NSG and give its path."""
    return f"/networkSecurityGroups/{cloud.nsg(cloud.vcn())['id']}"


def test_a_call_that_shows_no_object_is_not_carried_out_twice(cloud: Cloud) -> None:
    group = an_nsg(cloud)
    rule = {"direction": "INGRESS", "protocol": "all", "source": "0.0.0.0/0"}
    add, wish = f"{group}/actions/addSecurityRules", {"securityRules": [rule]}
    first = cloud.send("POST", add, wish, headers=TOKEN)
    again = cloud.send("POST", add, wish, headers=TOKEN)
    stored = next(
        c.record
        for c in first.changes
        if isinstance(c, Put) and isinstance(c.record, RetryToken)
    )

    assert (again.world, again.changes) == (first.world, ())
    assert again.repeats == stored.light()
    told = replay(again.reply, to_row(stored)[2])
    assert (told.status, told.body) == (first.reply.status, first.reply.body)
    assert len(cloud.get(f"{group}/securityRules")) == 1


def test_a_call_that_answers_nothing_is_not_carried_out_twice(cloud: Cloud) -> None:
    group = an_nsg(cloud)
    rule = {"direction": "INGRESS", "protocol": "all", "source": "0.0.0.0/0"}
    add = f"{group}/actions/addSecurityRules"
    made = cloud.post(add, {"securityRules": [rule]})["securityRules"]
    path = f"{group}/actions/removeSecurityRules"
    wish = {"securityRuleIds": [made[0]["id"]]}

    replies = [cloud.send("POST", path, wish, headers=TOKEN).reply for _ in range(2)]

    assert [(one.status, one.body) for one in replies] == [(204, b"")] * 2


def test_an_update_that_is_repeated_changes_nothing_again(cloud: Cloud) -> None:
    path = f"/vcns/{cloud.vcn()['id']}"
    once = cloud.send("PUT", path, {"displayName": "once"}, headers=TOKEN)
    cloud.put(path, {"displayName": "later"})

    again = cloud.send("PUT", path, {"displayName": "once"}, headers=TOKEN)

    assert (once.reply.status, again.reply.status) == (200, 200)
    assert again.repeats is not None
    assert cloud.get(path)["displayName"] == "later"


def test_reading_keeps_no_token(cloud: Cloud) -> None:
    path = f"/vcns/{cloud.vcn()['id']}"
    cloud.ok("GET", path, headers=TOKEN)

    assert not cloud.world.tokens


# -- bodies


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"1" * 5000,
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(cloud: Cloud, raw: bytes) -> None:
    assert cloud.refused("POST", "/vcns", raw)[:2] == (400, "CannotParseRequest")


def test_a_pair_of_surrogates_is_a_character(cloud: Cloud) -> None:
    raw = json.dumps(body(cloud, displayName="\U0001f4a1")).encode()

    assert cloud.post("/vcns", raw)["displayName"] == "\U0001f4a1"


@pytest.mark.parametrize("raw", [b"null", b"[]", b'"x"', b"1.5"])
def test_a_body_is_an_object(cloud: Cloud, raw: bytes) -> None:
    status, code, message = cloud.refused("POST", "/vcns", raw)

    assert (status, code) == (400, "InvalidParameter")
    assert "body" in message


def test_unknown_fields_are_ignored_and_null_is_nothing(cloud: Cloud) -> None:
    cloud.post("/vcns", body(cloud, whatIsThis=1, displayName=None))


def test_a_feature_that_is_not_there_is_refused_by_name(cloud: Cloud) -> None:
    refused = cloud.refused("POST", "/vcns", body(cloud, isZprOnly=True))

    assert refused[0] == 501
    assert "isZprOnly" in refused[2]


def test_a_feature_that_is_not_asked_for_is_no_matter(cloud: Cloud) -> None:
    cloud.post("/vcns", body(cloud, isZprOnly=False))


def test_the_same_dice_do_not_make_the_same_object_twice(cloud: Cloud) -> None:
    raw = json.dumps(body(cloud)).encode()
    request = Request(
        method="POST", path="/20160918/vcns", body=raw, now=START, entropy=b"x" * 16
    )
    first = apply(cloud.world, request)
    second = apply(first.world, request)

    ids = {json.loads(outcome.reply.body)["id"] for outcome in (first, second)}

    assert len(ids) == 2
    assert apply(cloud.world, request) == first
