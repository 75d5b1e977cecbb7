"""Retry tokens: the same request under the same token is carried out once.

A token remembers the request by a digest and the object that it made, not the words of the
reply: a repetition is answered with the object as it is now. When the object is gone, or
the token comes with another request, the answer is 409 InvalidatedRetryToken. Tokens live
for 24 hours and are stored like any record.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryToken:
    """What a token stands for: `made` is the OCID of the object that the request made."""

    key: str
    digest: str
    made: str
    status: int
    expires: datetime


def key(principal: str, token: str) -> str:
    """Name a token among all principals' tokens."""
    return hashlib.blake2b(f"{principal}\n{token}".encode(), digest_size=16).hexdigest()


def digest(method: str, path: str, body: bytes) -> str:
    """Recognise a request: the same operation with the same body."""
    words = f"{method} {path}\n".encode() + body
    return hashlib.blake2b(words, digest_size=16).hexdigest()
