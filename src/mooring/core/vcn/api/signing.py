"""Whether a request was signed by who it says: the cloud's HTTP signatures.

The scheme is the draft "Signing HTTP Messages" as the cloud narrows it (oci-facts
10.4): rsa-sha256 only, a key named tenancy/user/fingerprint or a session token (`ST$`
and the token, see `session`), some headers signed by every request and more by those
with a body, a date within five minutes. Who holds a key and the arithmetic of RSA are
handed in as a function.

A refused client is told what the cloud tells: one sentence for everything except the
clock, which is the one mistake that an honest client cannot find alone. The precise
reason is for the server's log.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mooring.core.vcn.iam.principal import Principal

CLOCK_SKEW = timedelta(minutes=5)
ALGORITHM = "rsa-sha256"
TARGET = "(request-target)"
DATES = ("x-date", "date")  # the first is for clients that cannot set the second
ALWAYS_SIGNED = (TARGET, "host")
BODY_SIGNED = ("content-length", "content-type", "x-content-sha256")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SESSION = "ST$"

STATUS = 401
CODE = "NotAuthenticated"
SENTENCE = (
    "The required information to complete authentication was not provided or was "
    "incorrect."
)

_PART = re.compile(r'\s*([A-Za-z]+)\s*=\s*"([^"]*)"\s*(?:,|$)')
_DATE = "%a, %d %b %Y %H:%M:%S UTC"


@dataclass(frozen=True, slots=True)
class KeyId:
    """Whose key: a user of a tenancy may have several, told apart by fingerprint."""

    tenancy: str
    user: str
    fingerprint: str

    def __str__(self) -> str:
        """Write it as the header does."""
        return f"{self.tenancy}/{self.user}/{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A key that comes along: the token says whose it is and until when."""

    text: str

    def __str__(self) -> str:
        """Tell what it is; who has the token's text has half of a credential."""
        return "of a session token"


Name = KeyId | SessionToken


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: `target` is path and query untouched, names lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """No: `message` is for the client, `why` for the server's log."""

    why: str
    message: str = SENTENCE


@dataclass(frozen=True, slots=True)
class Authorization:
    """What the Authorization header says."""

    key: Name
    signed: tuple[str, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key; `verify` tells whether it signed this text so."""

    principal: Principal
    verify: Callable[[bytes, bytes], bool]


Known = Callable[[Name], Holder | Refused]
"""Whose key is it? Refused for a stranger's."""


def authenticate(
    request: Received,
    now: datetime,
    known: Known,
    always: tuple[str, ...] = ALWAYS_SIGNED,
) -> Principal | Refused:
    """Name the caller who signed the request, or say why it is not believed.

    `always` are the headers that must be signed whatever the method is, beside a date.
    """
    stated = parse_authorization(request.headers.get("authorization", ""))
    if isinstance(stated, Refused):
        return stated
    refused = (
        _unsigned(request, stated.signed, always)
        or _untimely(request.headers, stated.signed, now)
        or _tampered(request)
    )
    if refused:
        return refused
    holder = known(stated.key)
    if isinstance(holder, Refused):
        return holder
    text = signing_string(request, stated.signed)
    if not holder.verify(text.encode("latin-1"), stated.signature):
        return Refused(f"signature does not verify with key {stated.key}")
    return holder.principal


def parse_authorization(header: str) -> Authorization | Refused:
    """Read the header's parameters; unknown ones are passed over, as the draft says."""
    if not header:
        return Refused("authorization: header is missing")
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "signature":
        return Refused(f"authorization: scheme is {scheme[:32]!r}, not Signature")
    parameters = _parameters(rest)
    if parameters is None:
        return Refused('authorization: parameters are not a list of name="value"')
    return _authorization(parameters)


def signing_string(request: Received, signed: tuple[str, ...]) -> str:
    """Write the text that was signed: a line per header, in the client's order."""
    return "\n".join(f"{name}: {_value(request, name)}" for name in signed)


def content_hash(body: bytes) -> str:
    """Make the x-content-sha256 of a body."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _parameters(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or part[1] in found:
            return None
        found[part[1]] = part[2]
        position = part.end()
    return found


def _authorization(parameters: Mapping[str, str]) -> Authorization | Refused:
    algorithm, version = parameters.get("algorithm"), parameters.get("version", "1")
    if algorithm != ALGORITHM:
        return Refused(f"authorization: algorithm is {algorithm!r}, not {ALGORITHM}")
    if version != "1":
        return Refused(f"authorization: version is {version!r}, not '1'")
    key = _name(parameters.get("keyId", ""))
    if isinstance(key, Refused):
        return key
    try:
        signature = base64.b64decode(parameters.get("signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return Refused("signature: not base64")
    signed = tuple(parameters.get("headers", "date").lower().split())
    return Authorization(key, signed, signature)


def _name(text: str) -> Name | Refused:
    if text.startswith(SESSION):
        return SessionToken(text.removeprefix(SESSION))
    names = text.split("/")
    if len(names) != 3 or not all(names):
        return Refused(f"keyId: {text[:200]!r} is not tenancy/user/fingerprint")
    return KeyId(*names)


def _unsigned(
    request: Received, signed: tuple[str, ...], always: tuple[str, ...]
) -> Refused | None:
    more = BODY_SIGNED if request.method in WITH_BODY else ()
    needed = (*always, *more)
    unsigned = [name for name in needed if name not in signed]
    if not any(name in signed for name in DATES):
        unsigned.append("date")
    if unsigned:
        return Refused(f"headers: {', '.join(unsigned)} must be signed")
    missing = [n for n in signed if n != TARGET and n not in request.headers]
    if missing:
        return Refused(f"headers: {', '.join(missing)} signed but not sent")
    return None


def _untimely(
    headers: Mapping[str, str], signed: tuple[str, ...], now: datetime
) -> Refused | None:
    stated = headers[next(name for name in DATES if name in signed)]
    try:
        date = parsedate_to_datetime(stated)
        date = (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return Refused(f"date: {stated[:64]!r} is no HTTP date")
    if abs(date - now) <= CLOCK_SKEW:
        return None
    says, current, first, last = (
        moment.astimezone(UTC).strftime(_DATE)
        for moment in (date, now, now - CLOCK_SKEW, now + CLOCK_SKEW)
    )
    return Refused(
        f"date: {says} is more than {CLOCK_SKEW} away from {current}",
        f"Date '{says}' is not within allowed clock skew. Current '{current}', "
        f"valid datetime range: ['{first}', '{last}']",
    )


def _tampered(request: Received) -> Refused | None:
    if request.method not in WITH_BODY:
        return None
    stated = request.headers["x-content-sha256"].strip()
    if not hmac.compare_digest(stated.encode(), content_hash(request.body).encode()):
        return Refused("x-content-sha256: not the hash of the body that came")
    length = request.headers["content-length"].strip()
    if length != str(len(request.body)):
        return Refused(f"content-length: {length[:20]!r}, {len(request.body)} came")
    return None


def _value(request: Received, name: str) -> str:
    if name == TARGET:
        return f"{request.method.lower()} {request.target}"
    return request.headers[name].strip()
