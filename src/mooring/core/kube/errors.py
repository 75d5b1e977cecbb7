"""What the API server may answer instead of doing it, by what to do next.

All are OSErrors: for who only asks whether the store can be used they are one thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mooring.core.net.fields import Field, Unreadable

MOST_CAUSES, SHOWN_CAUSES = 1024, 5
LONGEST_WAIT = 300.0
"""Seconds; whoever asks us to wait longer is asked again sooner."""


class KubeError(OSError):
    """A call that did not succeed; `call` says which, as `PATCH /api/v1/nodes/a`."""

    def __init__(
        self,
        call: str,
        message: str,
        *,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.call, self.reason, self.said = call, reason, message
        self.retry_after = retry_after
        super().__init__(f"{call}: {f'{reason}: ' if reason else ''}{message}")


class Gone(KubeError):
    """What was asked for is too old (410): list anew."""


class Conflict(KubeError):
    """Somebody else changed it meanwhile (409): nothing was done; read again."""


class Present(Conflict):
    """What was to be made is there already (409 AlreadyExists)."""


class Missing(KubeError):
    """It is not there (404)."""


class Throttled(KubeError):
    """Too many calls (429): nothing was done; wait `retry_after` seconds."""


class Invalid(KubeError):
    """The server refuses what was sent (400, 422), and will again."""


class Forbidden(KubeError):
    """We are known, and may not do this (403)."""


class Unauthorized(KubeError):
    """The server does not know who we are (401): the credential is wrong or ended."""


class Away(KubeError):
    """No answer or a server's fault: nobody knows what was done; look again."""


class Distrusted(Away):
    """What answers there cannot prove that it is the API server (TLS)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An error as it came over the wire. `body` is what was sent as JSON, None for other things."""

    call: str
    status: int
    body: object = None
    retry_after: str = ""


FAMILIES: Mapping[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: Missing,
    405: Invalid,
    406: Invalid,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
}
"""What a code means; all others are Away."""

REASONS: Mapping[str, type[KubeError]] = {"AlreadyExists": Present, "Expired": Gone}
"""Reasons that say more than the code."""


def family(answer: Answer) -> KubeError:
    """Tell what to do next about an error."""
    status = _Status.of(answer)
    kind = REASONS.get(status.reason) or FAMILIES.get(status.code, Away)
    wait = seconds(answer.retry_after)
    return kind(
        answer.call,
        status.message or f"HTTP {status.code}",
        reason=status.reason,
        retry_after=status.wait if wait is None else wait,
    )


def seconds(text: str) -> float | None:
    """Read a Retry-After; None when it says nothing that can be used (a date, say)."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return min(float(text), LONGEST_WAIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """The parts of a Status object that are used; a broken one says what it can."""

    code: int
    reason: str = ""
    message: str = ""
    wait: float | None = None

    @staticmethod
    def of(answer: Answer) -> "_Status":
        if not isinstance(answer.body, dict):
            return _Status(code=answer.status)
        try:
            return _read(Field("", answer.body), answer.status)
        except Unreadable as error:
            return _Status(code=answer.status, message=f"unreadable Status: {error}")


def _read(status: Field, code: int) -> _Status:
    details = status.at("details")
    wait = details.at("retryAfterSeconds").either(lambda f: f.whole(0, 2**31), 0)
    return _Status(
        code=status.at("code").either(lambda f: f.whole(0, 999), code) or code,
        reason=status.at("reason").either(lambda f: f.text(1024, 0), ""),
        message=status.at("message").either(lambda f: f.text(1 << 20, 0), "")
        or _causes(details),
        wait=min(float(wait), LONGEST_WAIT) if wait else None,
    )


def _causes(details: Field) -> str:
    """Say what is wrong with which field, where the message is empty."""
    causes: list[dict[str, Any]] = [
        dict(each.mapping()) for each in details.at("causes").items(MOST_CAUSES)
    ]
    said = [f"{c.get('field', '')}: {c.get('message', '')}" for c in causes]
    more = f" and {len(said) - SHOWN_CAUSES} more" if len(said) > SHOWN_CAUSES else ""
    return "; ".join(said[:SHOWN_CAUSES]) + more
