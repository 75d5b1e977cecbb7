"""A fault as it is asked for, in words: read, checked, or refused with what to write instead."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from mooring.core.vcn.api.errors import CODES
from mooring.core.vcn.faults.fault import Fault
from mooring.core.vcn.faults.kinds import KINDS, Kind
from mooring.core.vcn.faults.names import nearest, pattern
from mooring.core.vcn.faults.words import Unread, budget, duration, rate, whole
from mooring.core.vcn.limits import NARROWEST_CIDR_ADDRESS, WIDEST_CIDR_ADDRESS

LONGEST_WORDS = 500
MOST_TIMES = 1_000_000_000
SEEDS = (1 << 63) - 1

# What the cloud answers beside the codes that the local VCN has by itself (oci-facts 10.4).
STATUS_OF = {
    **CODES,
    "QuotaExceeded": 400,
    "NotAuthenticated": 401,
    "NotAllowed": 403,
    "NotAuthorized": 403,
    "ExternalServerIncorrectState": 409,
    "NotAuthorizedOrResourceAlreadyExists": 409,
    "ResourceLocked": 409,
    "LockConflict": 409,
    "TooManyRequests": 429,
    "InternalServerError": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}
CODE_OF = {
    400: "InvalidParameter",
    401: "NotAuthenticated",
    403: "NotAllowed",
    404: "NotAuthorizedOrNotFound",
    409: "IncorrectState",
    412: "NoEtagMatch",
    429: "TooManyRequests",
    500: "InternalServerError",
    501: "MethodNotImplemented",
    503: "ServiceUnavailable",
}
_CODE = re.compile(r"[A-Za-z]{1,100}")


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise Unread(f"{text[:100]!r} is no error code: 1 to 100 letters")
    return text


def _words(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_WORDS:
        raise Unread(f"a text of {len(text)} characters must have 1 to {LONGEST_WORDS}")
    return text


_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "operation": ("operation", pattern),
    "rate": ("rate", rate),
    "count": ("count", lambda text: whole(text, 1, MOST_TIMES)),
    "for": ("until", duration),
    "seed": ("seed", lambda text: whole(text, 0, SEEDS)),
    "delay": ("delay", duration),
    "status": ("status", lambda text: whole(text, 400, 599)),
    "code": ("code", _code),
    "message": ("message", _words),
    "budget": ("budget", budget),
    "subnet": ("subnet_id", _words),
    "prefix": (
        "prefix",
        lambda text: whole(text, WIDEST_CIDR_ADDRESS, NARROWEST_CIDR_ADDRESS - 1),
    ),
}
OPTIONS = tuple(_READ)


def fault(wish: Mapping[str, object], now: datetime) -> Fault:
    """Read a wish; Unread names the option, the value and the rule."""
    name = str(wish.get("kind", ""))
    kind = KINDS.get(name)
    if kind is None:
        known = tuple(KINDS)
        near = nearest(name, known) or f"; there are {', '.join(known)}"
        raise Unread(f"kind: {name[:100]!r} is no kind of fault{near}")
    given = {key: value for key, value in wish.items() if key != "kind"}
    _check(name, kind, given.keys())
    fields: dict[str, Any] = {"operation": kind.operation}
    for option, value in given.items():
        field, read = _READ[option]
        try:
            fields[field] = read(str(value))
        except Unread as why:
            raise Unread(f"{option}: {why}") from None
    if "until" in fields:
        fields["until"] = _end(fields["until"], now)
    return Fault(kind=name, since=now, **_answered(name, fields))


def options(kind: Kind) -> frozenset[str]:
    """Give the options that a kind has."""
    chosen = {"operation"} if kind.chooses else set()
    chance = {"rate", "seed"} if kind.chancy else set()
    return frozenset({"count", "for"} | chosen | chance | kind.needs | kind.may)


def _check(name: str, kind: Kind, given: Any) -> None:  # noqa: ANN401 - keys of a mapping
    may = options(kind)
    for option in given:
        if option not in may:
            listed = ", ".join(sorted(may))
            raise Unread(f"{option[:100]}: {name} has no such option; it has {listed}")
    for option in sorted(kind.needs - set(given)):
        raise Unread(f"{option}: {name} needs it")


def _end(lasts: timedelta, now: datetime) -> datetime:
    if not lasts:
        raise Unread("for: must be longer than nothing")
    return now + lasts


def _answered(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Complete status and code of a fault that answers with an error."""
    if name == "outage":
        return {**fields, "status": 503, "code": "ServiceUnavailable"}
    if name == "throttle":
        return {**fields, "status": 429, "code": "TooManyRequests"}
    if name != "error":
        return fields
    status, code = fields.get("status"), fields.get("code")
    if code is None:
        status = status or 500
        code = CODE_OF.get(status)
    elif status is None:
        status = STATUS_OF.get(code)
    if code is None:
        raise Unread(f"status: {status} needs a code along with it")
    if status is None:
        near = nearest(code, tuple(STATUS_OF))
        raise Unread(f"code: {code!r} needs a status along with it{near}")
    return {**fields, "status": status, "code": code}
