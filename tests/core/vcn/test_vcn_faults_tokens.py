"""A repeated request is answered with the words of the first reply."""

import json

import pytest
from vcn_cloud import Cloud, Json

from mooring.core.vcn.api.apply import first
from mooring.core.vcn.api.requests import Drop, Outcome, Put, Reply
from mooring.core.vcn.model.tokens import RetryToken
from mooring.core.vcn.rows import to_row

TOKEN = {"opc-retry-token": "again"}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def body(cloud: Cloud) -> Json:
    return {"compartmentId": cloud.compartment, "cidrBlock": "10.0.0.0/16"}


def stored(cloud: Cloud, outcome: Outcome) -> str | None:
    """The row of the token that a request repeats, as a journal would have it."""
    rows: dict[str, str] = {}
    for change in cloud.changes:
        if isinstance(change, Drop):
            rows.pop(change.id, None)
        elif isinstance(change, Put) and isinstance(change.record, RetryToken):
            _, name, text = to_row(change.record)
            rows[name] = text
    assert outcome.repeats is not None
    return rows.get(outcome.repeats.key)


def test_a_repetition_has_the_first_body_and_etag(cloud: Cloud) -> None:
    made = cloud.send("POST", "/vcns", body(cloud), headers=TOKEN).reply
    cloud.put(f"/vcns/{json.loads(made.body)['id']}", {"displayName": "changed"})

    again = cloud.send("POST", "/vcns", body(cloud), headers=TOKEN)
    told = first(again.reply, stored(cloud, again))

    assert json.loads(again.reply.body)["displayName"] == "changed"
    assert (told.status, told.body) == (made.status, made.body)
    assert told.headers["etag"] == made.headers["etag"]
    assert told.headers["opc-request-id"] != made.headers["opc-request-id"]


def test_a_token_of_an_older_mooring_shows_the_object_as_it_is(cloud: Cloud) -> None:
    cloud.send("POST", "/vcns", body(cloud), headers=TOKEN)
    again = cloud.send("POST", "/vcns", body(cloud), headers=TOKEN)
    assert again.repeats is not None
    bare = to_row(again.repeats)[2]

    assert first(again.reply, bare) is again.reply
    assert first(again.reply, None) is again.reply


def test_a_first_request_repeats_nothing(cloud: Cloud) -> None:
    assert cloud.send("POST", "/vcns", body(cloud), headers=TOKEN).repeats is None
    assert cloud.send("GET", "/vcns").repeats is None


def test_the_world_has_tokens_without_words(cloud: Cloud) -> None:
    cloud.send("POST", "/vcns", body(cloud), headers=TOKEN)

    assert [t.body for t in cloud.world.tokens.values()] == [""]


def test_a_token_is_for_one_action_only(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    path = f"/instances/{cloud.instance(subnet)['id']}"
    cloud.ok("POST", path, query={"action": "STOP"}, headers=TOKEN)

    other = cloud.refused("POST", path, query={"action": "START"}, headers=TOKEN)
    same = cloud.send("POST", path, query={"action": "STOP"}, headers=TOKEN)

    assert other[:2] == (409, "InvalidatedRetryToken")
    assert isinstance(same.reply, Reply)
    assert same.reply.status == 200
