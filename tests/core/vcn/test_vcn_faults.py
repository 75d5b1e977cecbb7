"""Faults strike whom they should, as often as they should, and go away by themselves."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from mooring.core.vcn.faults.decide import NOTHING, Asked, Effect, decide, too_many
from mooring.core.vcn.faults.fault import MOST_ENDED, Faults
from mooring.core.vcn.faults.kinds import Stage
from mooring.core.vcn.faults.wish import fault

NOW = datetime(2026, 7, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def faults(*wishes: dict[str, object]) -> Faults:
    found = Faults()
    for wish in wishes:
        found = found.add(fault(wish, NOW))
    return found


def asked(
    operation: str = "CreatePrivateIp", seconds: float = 0, **more: object
) -> Asked:
    now = NOW + seconds * SECOND
    return Asked(operation=operation, now=now, caller="me", **more)


def strike(
    some: Faults, one: Asked, stage: Stage = Stage.CALL
) -> tuple[Faults, Effect]:
    return decide(some.expired(one.now), one, stage)


def test_without_faults_nothing_happens() -> None:
    assert strike(Faults(), asked()) == (Faults(), NOTHING)


def test_a_fault_strikes_the_operations_of_its_pattern() -> None:
    some = faults({"kind": "latency", "delay": "2s", "operation": "Create*"})

    some, struck = strike(some, asked("CreateVcn"))
    some, spared = strike(some, asked("GetVcn"))

    assert (struck.delay, spared.delay) == (2 * SECOND, 0 * SECOND)
    assert [(f.met, f.fired) for f in some.active] == [(1, 1)]


def test_an_error_is_the_clouds_body() -> None:
    _, effect = strike(faults({"kind": "error", "code": "IncorrectState"}), asked())

    assert effect.reply is not None
    assert effect.reply.status == 409
    assert json.loads(effect.reply.body) == {
        "code": "IncorrectState",
        "message": "Fault f1 (error) of the local VCN.",
    }


def test_waiting_comes_before_refusing_whatever_came_first() -> None:
    some = faults(
        {"kind": "error", "message": "no"}, {"kind": "latency", "delay": "1s"}
    )

    _, effect = strike(some, asked())

    assert effect.delay == SECOND
    assert effect.reply is not None
    assert json.loads(effect.reply.body)["message"] == "no"


def test_after_an_answer_no_other_fault_strikes() -> None:
    some, effect = strike(faults({"kind": "lost-reply"}, {"kind": "error"}), asked())

    assert effect.reply is not None
    assert not effect.lost
    assert {f.kind: f.met for f in some.active} == {"error": 1, "lost-reply": 0}


def test_a_fault_goes_away_after_so_many_strikes() -> None:
    some = faults({"kind": "lost-reply", "count": 2})
    lost = []
    for _ in range(4):
        some, effect = strike(some, asked())
        lost.append(effect.lost)

    assert lost == [True, True, False, False]
    assert some.active == ()
    assert [(f.id, f.fired, f.ended) for f in some.ended] == [("f1", 2, "count")]


def test_a_fault_goes_away_after_its_time() -> None:
    some = faults({"kind": "lost-reply", "for": "3s"}, {"kind": "outage", "for": "2s"})

    assert some.due() == NOW + 2 * SECOND
    assert strike(some, asked(seconds=2.9))[1].lost
    later, effect = strike(some, asked(seconds=3))
    assert not effect.lost
    assert [f.ended for f in later.ended] == ["time", "time"]
    assert Faults().due() is None


def test_chance_comes_from_the_requests_entropy() -> None:
    chance = random.Random(4)
    some = faults({"kind": "lost-reply", "rate": 0.3})
    lost = 0
    for _ in range(1000):
        one = asked(entropy=chance.randbytes(32))
        some, effect = strike(some, one)
        assert strike(some, one)[1].lost == effect.lost
        lost += effect.lost

    assert 240 < lost < 360
    assert [(f.met, f.fired) for f in some.active] == [(1000, lost)]


def test_with_a_seed_the_same_requests_have_the_same_luck() -> None:
    def run(seed: int, entropy: int) -> list[bool]:
        chance = random.Random(entropy)
        some, lost = faults({"kind": "lost-reply", "rate": 0.5, "seed": seed}), []
        for _ in range(50):
            some, effect = strike(some, asked(entropy=chance.randbytes(32)))
            lost.append(effect.lost)
        return lost

    assert run(1, 1) == run(1, 2)
    assert run(1, 1) != run(2, 1)
    assert {True, False} == set(run(1, 1))


def test_a_throttle_with_a_budget_refuses_what_is_beyond_it() -> None:
    some = faults({"kind": "throttle", "budget": "1/s:2"})
    statuses = []
    for seconds in (0, 0, 0, 1, 1):
        some, effect = strike(some, asked(seconds=seconds))
        statuses.append(200 if effect.reply is None else effect.reply.status)

    assert statuses == [200, 200, 429, 200, 429]
    assert [(f.met, f.fired) for f in some.active] == [(5, 2)]
    assert "f1" not in some.end("f1", "removed").budgets


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("unreachable", Effect(cut=True)), ("outage", None)],
)
def test_at_the_door_nobody_is_spared(kind: str, effect: Effect | None) -> None:
    some = faults({"kind": kind})

    struck = strike(some, Asked(now=NOW), Stage.DOOR)[1]

    assert struck.final
    assert struck == effect or (struck.reply is not None and struck.reply.status == 503)
    assert strike(some, asked())[1] == NOTHING


def test_attachments_are_late_or_fail() -> None:
    some = faults({"kind": "slow-attach", "delay": "5s"}, {"kind": "failed-attach"})

    _, effect = strike(some, asked("AttachVnic"), Stage.ATTACHED)

    assert (effect.later, effect.fails) == (5 * SECOND, True)
    assert strike(some, asked("LaunchInstance"), Stage.ATTACHED)[1] == NOTHING


def test_metadata_is_stale() -> None:
    some = faults({"kind": "stale-metadata"}, {"kind": "stale-metadata", "delay": "5s"})

    _, effect = strike(some, Asked(now=NOW), Stage.METADATA)

    assert [f.id for f in effect.stale] == ["f1", "f2"]


def test_a_fault_is_found_by_its_name_until_it_is_ended() -> None:
    some = faults({"kind": "error"}, {"kind": "error"})

    assert some.find("f2") is not None
    some = some.end("f2", "removed")
    assert some.find("f2") is None
    assert some.add(fault({"kind": "error"}, NOW)).find("f3") is not None


def test_what_ended_is_remembered_within_bounds() -> None:
    some = Faults()
    for _ in range(MOST_ENDED + 5):
        some = some.add(fault({"kind": "error"}, NOW))
        some = some.end(some.active[0].id, "removed")

    assert len(some.ended) == MOST_ENDED


def test_too_many_requests_say_when_to_come_again() -> None:
    reply = too_many("CreatePrivateIp", 1.2)

    assert reply.status == 429
    assert json.loads(reply.body)["code"] == "TooManyRequests"
    assert "CreatePrivateIp" in json.loads(reply.body)["message"]
    assert reply.headers["retry-after"] == "2"
