"""What the cloud may answer instead of doing it, by what to do next."""

from dataclasses import dataclass


class CloudError(Exception):
    """A call that did not succeed; `call` is the operation's name, as `AttachVnic`."""

    def __init__(self, call: str, code: str, message: str) -> None:
        self.call, self.code, self.message = call, code, message
        super().__init__(f"{call}: {code}: {message}")


class Throttled(CloudError):
    """Too many calls: nothing was done; slow down, then ask again."""

    def __init__(
        self, call: str, message: str, retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(call, "TooManyRequests", message)


class Unavailable(CloudError):
    """No answer or a server's fault: nobody knows what was done; look again."""


class Busy(CloudError):
    """Something it depends on is changing: nothing was done; wait, then look again."""


class Stale(CloudError):
    """The retry token stands for something past: ask again with another."""


class NotFound(CloudError):
    """It is not there, or we may not see it."""


class NoBlock(CloudError):
    """No free block of that size in the subnet: ask for a smaller one."""


class Refused(CloudError):
    """A no that stays until somebody changes something: say so, come back later."""


class UnderWay(CloudError):
    """The cloud has accepted `work` and not ended it: ask after that before asking for more."""

    def __init__(self, call: str, work: str, state: str) -> None:
        self.work = work
        super().__init__(call, "StillUnderWay", f"{work} is {state}")


TRANSIENT = (Throttled, Unavailable, Busy)

BUSY = frozenset({"IncorrectState", "ExternalServerIncorrectState", "LockConflict"})
"""Codes of 409 that pass by themselves."""

NOT_ABOUT_SPACE = frozenset(
    {"CannotParseRequest", "MissingParameter", "RelatedResourceNotAuthorizedOrNotFound"}
)
"""Codes of 400 that a smaller block would meet as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An error as it came over the wire. `block`: a block of addresses was asked for."""

    call: str
    status: int
    code: str
    message: str
    retry_after: float | None = None
    block: bool = False


def family(answer: Answer) -> CloudError:
    """Tell what to do next about an error (oci-facts 10.4).

    How the cloud words "no block of this size is free" is not documented, so a refusal of a
    block counts as that unless it is plainly about something else: the next size down, and
    single addresses at last, find out.
    """
    if answer.status == 429:
        return Throttled(answer.call, answer.message, answer.retry_after)
    return _kind(answer)(answer.call, answer.code, answer.message)


def _kind(answer: Answer) -> type[CloudError]:
    if answer.status == 404:
        return NotFound
    if answer.code == "InvalidatedRetryToken":
        return Stale
    if answer.block and _about_space(answer):
        return NoBlock
    if answer.status == 409 and answer.code in BUSY:
        return Busy
    gone = answer.status == 408 or (answer.status >= 500 and answer.status != 501)
    return Unavailable if gone else Refused


def _about_space(answer: Answer) -> bool:
    if answer.status == 409:
        return answer.code not in BUSY
    return answer.status == 400 and answer.code not in NOT_ABOUT_SPACE
