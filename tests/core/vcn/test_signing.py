"""Signatures: what the cloud believes, what it refuses, and in which words."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.api.signing import (
    BODY_SIGNED,
    SENTENCE,
    TARGET,
    Authorization,
    Holder,
    KeyId,
    Name,
    Received,
    Refused,
    SessionToken,
    authenticate,
    content_hash,
    parse_authorization,
    signing_string,
)
from mooring.core.vcn.iam.principal import Principal

NOW = datetime(2026, 7, 12, 10, 0, 0, tzinfo=UTC)
KEY = KeyId("ocid1.tenancy.oc1..t", "ocid1.user.oc1..u", ":".join(["ab"] * 16))
GENERIC = ("date", "(request-target)", "host")


def scribble(text: bytes) -> bytes:
    """What stands in for RSA here: the text backwards."""
    return text[::-1]


ANN = Principal(id=KEY.user, tenancy=KEY.tenancy)


def known(name: Name) -> Holder | Refused:
    if name not in (KEY, SessionToken("a.b.c")):
        return Refused(f"key {name} is not known")
    return Holder(ANN, lambda text, signature: signature == scribble(text))


def authorization(signed: tuple[str, ...], scribbled: bytes, **other: str) -> str:
    parameters = {
        "algorithm": "rsa-sha256",
        "headers": " ".join(signed),
        "keyId": str(KEY),
        "signature": base64.b64encode(scribbled).decode(),
        "version": "1",
    } | other
    return "Signature " + ",".join(f'{k}="{v}"' for k, v in parameters.items())


def sign(request: Received, signed: tuple[str, ...], **other: str) -> Received:
    text = signing_string(request, signed).encode("latin-1")
    header = authorization(signed, scribble(text), **other)
    return replace(request, headers={**request.headers, "authorization": header})


def at(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def a_get(**headers: str) -> Received:
    stated = {"date": at(NOW), "host": "127.0.0.1:80"}
    return Received("GET", "/20160918/vcns?compartmentId=x", stated | headers, b"")


def a_post(body: bytes = b'{"a":1}', **headers: str) -> Received:
    stated = {
        "date": at(NOW),
        "host": "127.0.0.1:80",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "x-content-sha256": content_hash(body),
    }
    return Received("POST", "/20160918/vcns", stated | headers, body)


def test_a_signed_get_names_its_key() -> None:
    assert authenticate(sign(a_get(), GENERIC), NOW, known) == ANN


def test_a_signed_post_names_its_key() -> None:
    request = sign(a_post(), GENERIC + BODY_SIGNED)

    assert authenticate(request, NOW, known) == ANN


def test_a_session_token_is_a_key_too() -> None:
    request = sign(a_get(), GENERIC, keyId="ST$a.b.c")

    assert authenticate(request, NOW, known) == ANN


def test_a_stranger_is_refused() -> None:
    request = sign(a_get(), GENERIC, keyId="t/u/f")

    assert authenticate(request, NOW, known) == Refused("key t/u/f is not known")


def test_the_text_of_a_token_is_not_told() -> None:
    request = replace(sign(a_get(), GENERIC, keyId="ST$a.b.c"), method="DELETE")

    answer = authenticate(request, NOW, known)

    assert answer == Refused("signature does not verify with key of a session token")


def test_some_doors_ask_for_fewer_signed_headers() -> None:
    request = sign(a_get(), ("date", TARGET))

    assert authenticate(request, NOW, known, (TARGET,)) == ANN


def test_the_signing_string_has_a_line_per_header_in_the_given_order() -> None:
    assert signing_string(a_get(host=" h "), ("host", "(request-target)")) == (
        "host: h\n(request-target): get /20160918/vcns?compartmentId=x"
    )


def test_x_date_takes_the_place_of_date() -> None:
    stated = {"x-date": at(NOW), "date": "yesterday"}
    request = sign(a_get(**stated), ("x-date", "(request-target)", "host"))

    assert authenticate(request, NOW, known) == ANN


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_clock_within_five_minutes_is_believed(minutes: int) -> None:
    request = sign(a_get(date=at(NOW + timedelta(minutes=minutes))), GENERIC)

    assert authenticate(request, NOW, known) == ANN


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
def test_a_clock_further_off_is_told_the_range(seconds: int) -> None:
    request = sign(a_get(date=at(NOW + timedelta(seconds=seconds))), GENERIC)

    answer = authenticate(request, NOW, known)

    assert isinstance(answer, Refused)
    assert answer.message.endswith(
        "is not within allowed clock skew. Current 'Sun, 12 Jul 2026 10:00:00 UTC', "
        "valid datetime range: ['Sun, 12 Jul 2026 09:55:00 UTC', "
        "'Sun, 12 Jul 2026 10:05:00 UTC']"
    )


def test_a_date_of_another_zone_is_the_same_moment() -> None:
    request = sign(a_get(date="Sun, 12 Jul 2026 15:00:00 +0500"), GENERIC)

    assert authenticate(request, NOW, known) == ANN


def test_a_date_of_no_zone_is_universal() -> None:
    request = sign(a_get(date="Sun, 12 Jul 2026 10:00:00 -0000"), GENERIC)

    assert authenticate(request, NOW, known) == ANN


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "authorization: header is missing"),
        ("Bearer Oracle", "authorization: scheme is 'Bearer', not Signature"),
        ("Signature garbage", 'parameters are not a list of name="value"'),
        ('Signature a="1",a="2"', 'parameters are not a list of name="value"'),
        (
            authorization(GENERIC, b"", algorithm="rsa-sha1"),
            "algorithm is 'rsa-sha1', not rsa-sha256",
        ),
        (authorization(GENERIC, b"", version="2"), "version is '2', not '1'"),
        (authorization(GENERIC, b"", keyId="t/u"), "keyId: 't/u' is not tenancy/user"),
        (authorization(GENERIC, b"", keyId="t//f"), "keyId: 't//f' is not"),
        (authorization(GENERIC, b"", signature="!"), "signature: not base64"),
    ],
)
def test_a_broken_header_is_refused_with_its_reason(header: str, why: str) -> None:
    answer = authenticate(replace(a_get(authorization=header)), NOW, known)

    assert isinstance(answer, Refused)
    assert why in answer.why
    assert answer.message == SENTENCE


def test_version_may_be_left_out_and_order_and_spaces_do_not_matter() -> None:
    header = 'signature  signature="YQ==" , keyId="t/u/f", algorithm="rsa-sha256"'

    assert parse_authorization(header) == Authorization(
        KeyId("t", "u", "f"), ("date",), b"a"
    )


@pytest.mark.parametrize("left_out", [*GENERIC, *BODY_SIGNED])
def test_each_required_header_must_be_signed(left_out: str) -> None:
    signed = tuple(n for n in GENERIC + BODY_SIGNED if n != left_out)

    answer = authenticate(sign(a_post(), signed), NOW, known)

    assert answer == Refused(f"headers: {left_out} must be signed")


@pytest.mark.parametrize("left_out", ["date", "host", *BODY_SIGNED])
def test_each_signed_header_must_be_sent(left_out: str) -> None:
    whole = sign(a_post(), GENERIC + BODY_SIGNED)
    headers = {k: v for k, v in whole.headers.items() if k != left_out}

    answer = authenticate(replace(whole, headers=headers), NOW, known)

    assert answer == Refused(f"headers: {left_out} signed but not sent")


def test_another_body_is_refused() -> None:
    request = replace(sign(a_post(), GENERIC + BODY_SIGNED), body=b'{"a":2}')

    answer = authenticate(request, NOW, known)

    assert answer == Refused("x-content-sha256: not the hash of the body that came")


def test_another_length_is_refused() -> None:
    request = sign(a_post(**{"content-length": "6"}), GENERIC + BODY_SIGNED)

    answer = authenticate(request, NOW, known)

    assert answer == Refused("content-length: '6', 7 came")


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Jul 2026 10:00:00 GMT"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    answer = authenticate(sign(a_get(date=date), GENERIC), NOW, known)

    assert answer == Refused(f"date: {date!r} is no HTTP date")


@pytest.mark.parametrize(
    "changed",
    [{"method": "DELETE"}, {"target": "/20160918/vcns?compartmentId=y"}],
)
def test_a_signature_holds_for_one_request_only(changed: dict[str, str]) -> None:
    request = replace(sign(a_get(), GENERIC), **changed)

    answer = authenticate(request, NOW, known)

    assert answer == Refused(f"signature does not verify with key {KEY}")


headers = st.dictionaries(
    st.sampled_from(["date", "x-date", "host", "authorization", *BODY_SIGNED]),
    st.text(st.characters(max_codepoint=255), max_size=60),
)


@given(headers, st.binary(max_size=20), st.sampled_from(["GET", "POST"]))
def test_any_bytes_get_an_answer(
    stated: dict[str, str], body: bytes, method: str
) -> None:
    answer = authenticate(Received(method, "/", stated, body), NOW, known)

    assert isinstance(answer, Refused)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_date_gets_an_answer(date: str) -> None:
    answer = authenticate(sign(a_get(date=date), GENERIC), NOW, known)

    assert isinstance(answer, Refused)


@given(st.text(max_size=200))
def test_any_authorization_gets_an_answer(text: str) -> None:
    assert parse_authorization("Signature " + text) is not None
