"""What a request meets: which faults strike it, and what is to be done about it.

Chance is the request's own entropy, or, for a fault with a seed, a function of the seed
and of how many requests the fault has met: the same requests in the same order meet the
same luck in every run.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import blake2b

from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.faults.budgets import Budgets
from mooring.core.vcn.faults.fault import Fault, Faults
from mooring.core.vcn.faults.kinds import Stage

_WHOLE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as faults care; `operation` is "" for what has no name."""

    operation: str = ""
    caller: str = ""
    now: datetime
    entropy: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What is to be done: wait, then answer with `reply`, or cut the connection, or go on.

    `cut` ends the connection before anything is carried out, `lost` after it. `later` and
    `fails` are for what was attached, `stale` are the faults that make metadata old.
    """

    delay: timedelta = timedelta(0)
    reply: Reply | None = None
    cut: bool = False
    lost: bool = False
    later: timedelta = timedelta(0)
    fails: bool = False
    stale: tuple[Fault, ...] = ()

    @property
    def final(self) -> bool:
        """Tell whether no other fault has a say any more."""
        return self.cut or self.lost or self.reply is not None


NOTHING = Effect()


def decide(faults: Faults, asked: Asked, stage: Stage) -> tuple[Faults, Effect]:
    """Let the faults of a stage strike a request; counts and ends are in the new value."""
    effect = NOTHING
    for fault in faults.at(stage):
        if not fnmatchcase(asked.operation, fault.operation or "*"):
            continue
        met = replace(fault, met=fault.met + 1)
        faults, struck = _struck(faults, met, asked)
        if not struck:
            faults = faults.put(met)
            continue
        fired = replace(met, fired=met.fired + 1)
        faults = faults.put(fired)
        effect = _DOES[fault.kind](effect, fired)
        if effect.final:
            break
    return faults, effect


def _struck(faults: Faults, fault: Fault, asked: Asked) -> tuple[Faults, bool]:
    """Throw the dice, and ask the budget of a fault that has one."""
    if not _lucky(fault, asked):
        return faults, False
    if fault.budget is None:
        return faults, True
    before = faults.budgets.get(fault.id) or Budgets((("*", fault.budget),))
    after, wait = before.spend(asked.caller, asked.operation, asked.now)
    return replace(faults, budgets=faults.budgets.set(fault.id, after)), wait > 0


def _lucky(fault: Fault, asked: Asked) -> bool:
    own = f"{fault.seed} {fault.met}".encode()
    chance = asked.entropy + fault.id.encode() if fault.seed is None else own
    throw = int.from_bytes(blake2b(chance, digest_size=8).digest())
    return throw < fault.rate * _WHOLE


def refusal(status: int, code: str, message: str) -> Reply:
    """Give the cloud's error body."""
    body = json.dumps({"code": code, "message": message}).encode()
    headers = {"content-type": "application/json"}
    return Reply(status=status, body=body, headers=headers)


def too_many(operation: str, wait: float) -> Reply:
    """Refuse what is beyond a budget; clients repeat 429 by themselves."""
    message = f"Too many requests: the budget of {operation} is spent."
    reply = refusal(429, "TooManyRequests", message)
    return replace(
        reply, headers={**reply.headers, "retry-after": str(math.ceil(wait))}
    )


def _error(effect: Effect, fault: Fault) -> Effect:
    message = fault.message or f"Fault {fault.id} ({fault.kind}) of the local VCN."
    return replace(effect, reply=refusal(fault.status, fault.code, message))


_DOES: dict[str, Callable[[Effect, Fault], Effect]] = {
    "unreachable": lambda effect, _: replace(effect, cut=True),
    "outage": _error,
    "latency": lambda effect, fault: replace(effect, delay=effect.delay + fault.delay),
    "throttle": _error,
    "error": _error,
    "lost-reply": lambda effect, _: replace(effect, lost=True),
    "slow-attach": lambda effect, fault: replace(
        effect, later=effect.later + fault.delay
    ),
    "failed-attach": lambda effect, _: replace(effect, fails=True),
    "stale-metadata": lambda effect, fault: replace(
        effect, stale=(*effect.stale, fault)
    ),
}
