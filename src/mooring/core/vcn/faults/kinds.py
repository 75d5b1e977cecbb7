"""The kinds of faults: one row for each, from which parser, page and command follow."""

from dataclasses import dataclass
from enum import Enum

ATTACH = "AttachVnic"


class Stage(Enum):
    """At which point of a request's way a fault can strike."""

    DOOR = "before the signature is looked at"
    CALL = "before the call is carried out"
    ATTACHED = "after a VNIC was attached"
    METADATA = "when metadata is read"
    SUBNET = "as long as it is there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a fault of the kind does, and which options it has beyond rate, count, for and seed."""

    says: str
    stage: Stage
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    operation: str = "*"
    chooses: bool = False  # whether the operation is to be chosen
    chancy: bool = True  # whether rate and seed mean anything


# In the order in which they are asked when several fit: waiting first, then refusals.
KINDS: dict[str, Kind] = {
    "unreachable": Kind(
        says="every connection is closed without an answer, before the signature is looked at",
        stage=Stage.DOOR,
    ),
    "outage": Kind(
        says="every request is answered 503 ServiceUnavailable, before the signature is looked at",
        stage=Stage.DOOR,
    ),
    "latency": Kind(
        says="the call is carried out only after a delay",
        stage=Stage.CALL,
        needs=frozenset({"delay"}),
        chooses=True,
    ),
    "throttle": Kind(
        says="429 TooManyRequests, for every request or for those beyond a budget; nothing is carried out",
        stage=Stage.CALL,
        may=frozenset({"budget"}),
        chooses=True,
    ),
    "error": Kind(
        says="an error of your choice; nothing is carried out",
        stage=Stage.CALL,
        may=frozenset({"status", "code", "message"}),
        chooses=True,
    ),
    "lost-reply": Kind(
        says="the call is carried out and kept, and the connection closed without an answer",
        stage=Stage.CALL,
        chooses=True,
    ),
    "slow-attach": Kind(
        says="a VNIC stays ATTACHING for so much longer",
        stage=Stage.ATTACHED,
        needs=frozenset({"delay"}),
        operation=ATTACH,
    ),
    "failed-attach": Kind(
        says="a VNIC is ATTACHING for its time, then DETACHED by itself and gone with its addresses",
        stage=Stage.ATTACHED,
        operation=ATTACH,
    ),
    "stale-metadata": Kind(
        says="metadata shows what was when the fault began, or with a delay what was so long ago",
        stage=Stage.METADATA,
        may=frozenset({"delay"}),
        operation="",
    ),
    "fragment-subnet": Kind(
        says="addresses of a subnet are held so that no aligned block of the size is free",
        stage=Stage.SUBNET,
        needs=frozenset({"subnet", "prefix"}),
        operation="",
        chancy=False,
    ),
}
RANK = {name: n for n, name in enumerate(KINDS)}
