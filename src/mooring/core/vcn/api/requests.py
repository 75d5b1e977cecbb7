"""A call to the cloud and what comes of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.tokens import RetryToken
from mooring.core.vcn.world import World

Record = Resource | RetryToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One authenticated call.

    `path` has its percent escapes resolved and no query; names in `headers` are lower
    case. `principal` is the caller's name (a user's OCID); `caller` says who that is to the
    policies, None is an administrator. `now` is aware, in UTC.
    `entropy` is fresh chance, 16 bytes or more: all names and choices come from it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    principal: str = ""
    caller: Principal | None = None
    now: datetime
    entropy: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer as it goes out: status, headers (lower case) and JSON or nothing."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Put:
    """A record is new or changed; the journal writes it whole (rows.to_row)."""

    record: Record


@dataclass(frozen=True, slots=True)
class Drop:
    """A record is gone; kind and id are the first two columns of its row."""

    kind: str
    id: str


Change = Put | Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The world after a call, the reply, and what the journal must write before it.

    `repeats` is the retry token of a request that was carried out before; `reply` shows then
    what it made as that is now, and `apply.first` gives the words of the first reply. `odd` says for
    the log what should not have happened, and was left aside.
    """

    world: World
    reply: Reply
    changes: tuple[Change, ...] = ()
    repeats: RetryToken | None = None
    odd: tuple[str, ...] = ()
