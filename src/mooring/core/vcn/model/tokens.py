"""Retry tokens: the same request under the same token is carried out once.

A token remembers the request by a digest, the object that it made, and the words of the
reply, with which a repetition is answered. When the object is gone, or the token comes with
another request, the answer is 409 InvalidatedRetryToken. Tokens live for 24 hours and are
stored like any record. The words stand only in the stored row: a World has tokens without
them (`light`), or a hundred thousand of them would be its larger part.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryToken:
    """What a token stands for: `made` is the OCID of the object that the request made.

    `headers` (name and value) and `body` are those of the first reply.
    """

    key: str
    digest: str
    made: str
    status: int
    expires: datetime
    headers: tuple[tuple[str, ...], ...] = ()
    body: str = ""

    def light(self) -> "RetryToken":
        """Give it without the words of the reply."""
        return replace(self, headers=(), body="")


def key(principal: str, token: str) -> str:
    """Name a token among all principals' tokens."""
    return hashlib.blake2b(f"{principal}\n{token}".encode(), digest_size=16).hexdigest()


def digest(method: str, path: str, body: bytes) -> str:
    """Recognise a request: the same operation with the same body."""
    words = f"{method} {path}\n".encode() + body
    return hashlib.blake2b(words, digest_size=16).hexdigest()
