"""Session tokens: what the cloud's identity service gives to those who cannot have a key for ever.

A token is a JWT (RFC 7519) signed by the local VCN. It says who the holder is, until when,
and which public key goes with it (the claim `jwk`, JSON in a string as in the cloud); whoever
can sign requests by that key is believed to be the holder. The claims carry the cloud's
names. Signing and verifying are handed in.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mooring.core.vcn.api.signing import CLOCK_SKEW, Refused
from mooring.core.vcn.iam.principal import Principal

LIFE = timedelta(minutes=20)
ISSUER = "authService.oracle.com"
HEADER = {"alg": "RS256", "typ": "JWT"}
LONGEST = 16384  # characters of a token; one of ours has some 2000
TEXTS = ("sub", "ptype", "tenant", "opc-compartment", "jwk")


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A public key as its two numbers."""

    modulus: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Session:
    """Who holds a token, by which key, from when to when (whole seconds)."""

    principal: Principal
    key: RsaKey
    begins: datetime
    ends: datetime


def write(session: Session, sign: Callable[[bytes], bytes]) -> str:
    """Give the token of a session."""
    who = session.principal
    claims = {
        "iss": ISSUER,
        "sub": who.id,
        "iat": int(session.begins.timestamp()),
        "exp": int(session.ends.timestamp()),
        "ptype": who.kind,
        "tenant": who.tenancy,
        f"opc-{who.kind}": who.id,
        "opc-tenant": who.tenancy,
        "opc-compartment": who.compartment_id,
        "claims": dict(who.claims),
        "jwk": json.dumps(_jwk(session.key)),
    }
    text = f"{_packed(HEADER)}.{_packed(claims)}"
    return f"{text}.{_base64(sign(text.encode()))}"


def read(token: str, verify: Callable[[bytes, bytes], bool]) -> Session | Refused:
    """Tell what a token says, when it is one of ours."""
    found = _opened(token, verify)
    if isinstance(found, Refused):
        return found
    try:
        return _session(found)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as fault:
        return Refused(f"token: claims are not ours: {fault!r:.200}")


def untimely(session: Session, now: datetime) -> Refused | None:
    """Refuse a session whose time is not now."""
    if session.ends <= now:
        return Refused(f"token: expired at {session.ends.isoformat()}")
    if session.begins > now + CLOCK_SKEW:
        return Refused(f"token: begins only at {session.begins.isoformat()}")
    return None


def _opened(
    token: str, verify: Callable[[bytes, bytes], bool]
) -> Mapping[str, Any] | Refused:
    """Check form and signature; give the claims."""
    if len(token) > LONGEST:
        return Refused(f"token: longer than {LONGEST} characters")
    head, _, tail = token.partition(".")
    body, _, signature = tail.partition(".")
    try:
        header, claims = _unpacked(head), _unpacked(body)
        signed = _bytes(signature)
    except ValueError:
        return Refused("token: is no JWT")
    if not isinstance(header, dict) or header.get("alg") != HEADER["alg"]:
        return Refused(f"token: header must name {HEADER['alg']}")
    if not verify(f"{head}.{body}".encode(), signed):
        return Refused("token: was not signed here")
    if not isinstance(claims, dict):
        return Refused("token: claims are no object")
    return claims


def _session(claims: Mapping[str, Any]) -> Session:
    if claims["iss"] != ISSUER:
        raise ValueError(f"iss {claims['iss']!r:.100}")
    texts = {name: claims[name] for name in TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
    key = json.loads(texts["jwk"])
    return Session(
        Principal(
            id=texts["sub"],
            kind=texts["ptype"],
            tenancy=texts["tenant"],
            compartment_id=texts["opc-compartment"],
            claims={str(k): str(v) for k, v in dict(claims["claims"]).items()},
        ),
        RsaKey(_number(key["n"]), _number(key["e"])),
        datetime.fromtimestamp(claims["iat"], UTC),
        datetime.fromtimestamp(claims["exp"], UTC),
    )


def _jwk(key: RsaKey) -> Mapping[str, str]:
    """Write a key as RFC 7517 does."""
    numbers = {"n": key.modulus, "e": key.exponent}
    return {"kty": "RSA", "alg": "RS256", "use": "sig"} | {
        name: _base64(number.to_bytes((number.bit_length() + 7) // 8))
        for name, number in numbers.items()
    }


def _packed(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _unpacked(text: str) -> Any:  # noqa: ANN401 - raw JSON
    try:
        return json.loads(_bytes(text))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _bytes(text: str) -> bytes:
    """Read base64url without padding (RFC 7515); ValueError for anything else."""
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    if b"+" in padded or b"/" in padded:
        raise ValueError("plain base64")
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text))
