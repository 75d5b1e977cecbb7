"""Which family an error of the cloud belongs to, that is what to do next."""

import pytest

from mooring.core.npn.errors import (
    Answer,
    Busy,
    CloudError,
    NoBlock,
    NotFound,
    Refused,
    Stale,
    Throttled,
    Unavailable,
    family,
)


@pytest.mark.parametrize(
    ("status", "code", "single", "block"),
    [
        (400, "CannotParseRequest", Refused, Refused),
        (400, "InvalidParameter", Refused, NoBlock),
        (400, "LimitExceeded", Refused, NoBlock),
        (400, "RelatedResourceNotAuthorizedOrNotFound", Refused, Refused),
        (401, "NotAuthenticated", Refused, Refused),
        (403, "NotAllowed", Refused, Refused),
        (404, "NotAuthorizedOrNotFound", NotFound, NotFound),
        (408, "RequestTimeout", Unavailable, Unavailable),
        (409, "Conflict", Refused, NoBlock),
        (409, "IncorrectState", Busy, Busy),
        (409, "LockConflict", Busy, Busy),
        (409, "InvalidatedRetryToken", Stale, Stale),
        (429, "TooManyRequests", Throttled, Throttled),
        (500, "InternalServerError", Unavailable, Unavailable),
        (501, "MethodNotImplemented", Refused, Refused),
        (503, "ServiceUnavailable", Unavailable, Unavailable),
    ],
)
def test_what_to_do_next(
    status: int, code: str, single: type[CloudError], block: type[CloudError]
) -> None:
    for kind, asked_block in ((single, False), (block, True)):
        answer = Answer(
            call="CreatePrivateIp",
            status=status,
            code=code,
            message="so it is",
            block=asked_block,
        )
        error = family(answer)

        assert type(error) is kind
        assert str(error) == f"CreatePrivateIp: {code}: so it is"


def test_the_pause_the_cloud_asks_for_is_kept() -> None:
    error = family(
        Answer(call="GetVnic", status=429, code="x", message="slow", retry_after=3.0)
    )

    assert isinstance(error, Throttled)
    assert error.retry_after == 3.0
