"""Session tokens: written, read again, and every reason not to believe one."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.api.session import (
    HEADER,
    LONGEST,
    RsaKey,
    Session,
    read,
    untimely,
    write,
)
from mooring.core.vcn.api.signing import Refused
from mooring.core.vcn.iam.principal import Principal

NOW = datetime(2026, 7, 12, 10, 0, 0, tzinfo=UTC)
NODE = Principal(
    id="ocid1.instance.oc1..node",
    kind="instance",
    tenancy="ocid1.tenancy.oc1..t",
    compartment_id="ocid1.compartment.oc1..c",
    claims={"namespace": "harbour"},
)
SESSION = Session(NODE, RsaKey(3233, 17), NOW, NOW + timedelta(minutes=20))


def scribble(text: bytes) -> bytes:
    """What stands in for RSA here: the text backwards."""
    return text[::-1]


def ours(text: bytes, signature: bytes) -> bool:
    return signature == scribble(text)


def packed(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def a_token(header: object, claims: object) -> str:
    text = f"{packed(header)}.{packed(claims)}"
    return f"{text}.{packed(scribble(text.encode()))}"


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_a_session_is_read_as_it_was_written() -> None:
    assert read(write(SESSION, scribble), ours) == SESSION


def test_the_sdks_library_reads_the_clouds_names() -> None:
    claims = claims_of(write(SESSION, scribble))

    assert claims["sub"] == claims["opc-instance"] == NODE.id
    assert claims["opc-tenant"] == NODE.tenancy
    assert claims["opc-compartment"] == NODE.compartment_id
    assert claims["exp"] - claims["iat"] == 1200
    assert json.loads(claims["jwk"])["e"] == "EQ"


def test_a_token_ends() -> None:
    assert untimely(SESSION, SESSION.ends - timedelta(seconds=1)) is None
    assert untimely(SESSION, SESSION.ends) == Refused(
        "token: expired at 2026-07-12T10:20:00+00:00"
    )


def test_a_token_begins() -> None:
    assert untimely(SESSION, NOW - timedelta(minutes=5)) is None
    assert untimely(SESSION, NOW - timedelta(minutes=6)) == Refused(
        "token: begins only at 2026-07-12T10:00:00+00:00"
    )


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "is no JWT"),
        ("a.b.c", "is no JWT"),
        ("!.!.!", "is no JWT"),
        ("é.é.é", "is no JWT"),
        ("e30+.e30.e30", "is no JWT"),
        (f"{packed({})}.{packed(b'[' * 9999)}.", "is no JWT"),
        (a_token([], {}), "header must name RS256"),
        (a_token({"alg": "none"}, {}), "header must name RS256"),
        (f"{packed(HEADER)}.{packed({})}.", "was not signed here"),
        (write(SESSION, lambda text: text), "was not signed here"),
        (a_token(HEADER, []), "claims are no object"),
        (a_token(HEADER, {}), "claims are not ours: KeyError('iss')"),
        ("x" * (LONGEST + 1), f"longer than {LONGEST} characters"),
    ],
)
def test_what_is_no_token_of_ours_is_refused(token: str, why: str) -> None:
    answer = read(token, ours)

    assert isinstance(answer, Refused)
    assert answer.why == f"token: {why}"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "somebody"),
        ("sub", 1),
        ("jwk", "{}"),
        ("jwk", "[]"),
        ("jwk", '{"n": "+", "e": "/"}'),
        ("iat", "now"),
        ("exp", 10**30),
        ("exp", 10**15),
        ("claims", 7),
    ],
)
def test_claims_of_another_form_are_refused(claim: str, value: object) -> None:
    claims = claims_of(write(SESSION, scribble)) | {claim: value}

    answer = read(a_token(HEADER, claims), ours)

    assert isinstance(answer, Refused)
    assert answer.why.startswith("token: claims are not ours: ")


@given(st.text(max_size=80))
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(read(text, ours), Refused)


@given(st.integers(0, 2**4096), st.integers(0, 2**32))
def test_any_key_comes_back(modulus: int, exponent: int) -> None:
    session = replace(SESSION, key=RsaKey(modulus, exponent))

    assert read(write(session, scribble), ours) == session
