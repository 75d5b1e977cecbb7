"""Who leads: client-go's rules, whatever the clocks of the others say."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.core.kube import lease
from mooring.core.kube.lease import (
    Election,
    Record,
    Stand,
    Terms,
    Write,
    decide,
    given_back,
    leads,
    pause,
    seen,
    won,
)
from mooring.core.net.fields import Unreadable

TERMS = Terms()
THEIRS = Record(holder="other", renewed="2026-01-01T00:00:00Z", transitions=4)


def an_election(now: float = 100.0, record: Record | None = THEIRS) -> Election:
    return seen(Election(me="me"), record, "7", now)


def test_nobody_has_it_so_we_make_it() -> None:
    write = decide(Election(me="me"), 100.0, "now")

    assert isinstance(write, Write)
    assert write.version == ""
    assert write.record == Record(holder="me", acquired="now", renewed="now")
    assert leads(won(Election(me="me"), write.record, "1", 100.0), 109.9)
    assert not leads(won(Election(me="me"), write.record, "1", 100.0), 110.0)


def test_another_has_it_until_it_was_unchanged_for_its_duration() -> None:
    election = an_election(now=100.0)

    assert decide(election, 114.9, "x") == Stand(115.0)
    taken = decide(election, 115.0, "x")
    assert isinstance(taken, Write)
    assert (taken.record.transitions, taken.version) == (5, "7")


def test_any_change_of_the_record_counts_from_when_we_saw_it() -> None:
    election = seen(an_election(100.0), replace(THEIRS, renewed="later"), "8", 112.0)
    unchanged = seen(election, replace(THEIRS, renewed="later"), "8", 120.0)

    assert decide(unchanged, 126.0, "x") == Stand(127.0)


@pytest.mark.parametrize(
    "written", ["1970-01-01T00:00:00Z", "2199-01-01T00:00:00Z", "?"]
)
def test_what_time_the_other_says_it_is_does_not_count(written: str) -> None:
    election = an_election(100.0, replace(THEIRS, renewed=written, acquired=written))

    assert isinstance(decide(election, 114.0, "x"), Stand)
    assert isinstance(decide(election, 116.0, "x"), Write)


def test_a_longer_duration_of_the_holder_is_kept_a_shorter_one_not_believed() -> None:
    longer = an_election(100.0, replace(THEIRS, duration=60.0))
    shorter = an_election(100.0, replace(THEIRS, duration=1.0))

    assert decide(longer, 159.0, "x") == Stand(160.0)
    assert decide(shorter, 114.0, "x") == Stand(115.0)


def test_one_that_was_given_back_is_taken_at_once() -> None:
    election = an_election(100.0, replace(THEIRS, holder="", duration=1.0))

    assert isinstance(decide(election, 100.0, "x"), Write)


def test_the_holder_renews_and_the_count_of_changes_stays() -> None:
    mine = Record(holder="me", acquired="then", renewed="then", transitions=4)
    write = decide(an_election(100.0, mine), 101.0, "now")

    assert isinstance(write, Write)
    assert write.record == replace(mine, renewed="now")
    bare = decide(an_election(100.0, replace(mine, acquired="")), 101.0, "now")
    assert isinstance(bare, Write)
    assert bare.record.acquired == "now"


def test_who_sees_another_holder_leads_no_more() -> None:
    mine = won(Election(me="me"), Record(holder="me"), "1", 100.0)

    assert leads(mine, 105.0)
    assert leads(seen(mine, Record(holder="me"), "1", 104.0), 105.0)
    assert not leads(seen(mine, THEIRS, "2", 104.0), 105.0)
    assert not leads(seen(mine, None, "", 104.0), 105.0)


def test_only_ours_is_given_back() -> None:
    mine = won(Election(me="me"), Record(holder="me", transitions=3), "9", 100.0)
    write = given_back(mine, "now")

    assert write == Write(
        Record(duration=1, transitions=3, acquired="now", renewed="now"), "9"
    )
    assert given_back(an_election(), "now") is None
    assert given_back(Election(me="me"), "now") is None


@pytest.mark.parametrize(
    ("duration", "deadline", "retry"),
    [(10, 10, 2), (15, 2, 2), (15, 10, 0), (15, 2.3, 2)],
)
def test_terms_under_which_two_could_lead_are_refused(
    duration: float, deadline: float, retry: float
) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Terms(duration=duration, deadline=deadline, retry=retry)


def test_tries_are_spread() -> None:
    assert pause(TERMS, 0.0) == 2
    assert pause(TERMS, 1.0) == pytest.approx(2.4)


def test_a_lease_is_written_and_read() -> None:
    record = Record(holder="me", transitions=2, acquired="a", renewed="b")
    body = dict(lease.body("kube-system", "npn", Write(record, "7")))

    assert lease.read(body) == (record, "7")
    assert "resourceVersion" not in lease.body("a", "b", Write(record, ""))["metadata"]
    assert lease.read({"metadata": {"name": "x"}}) == (Record(duration=0), "")
    with pytest.raises(Unreadable, match=r"spec.leaseDurationSeconds: 'x'"):
        lease.read({"metadata": {"name": "x"}, "spec": {"leaseDurationSeconds": "x"}})


# Several candidates, clocks that differ, writes that are lost or late.


@dataclass
class World:
    now: float = 0.0
    record: Record | None = None
    version: int = 0
    elections: list[Election] = field(default_factory=list)
    skew: list[float] = field(default_factory=list)

    def clock(self, who: int) -> float:
        return self.now + self.skew[who]

    def turn(self, who: int, luck: str) -> None:
        asked = self.clock(who)
        election = seen(
            self.elections[who], self.record, str(self.version or ""), asked
        )
        act = decide(election, asked, f"{asked:.3f}")
        if isinstance(act, Write) and luck != "lost":
            assert act.version == str(self.version or "")
            self.version += 1
            self.record = act.record
            if luck == "done":
                election = won(election, act.record, str(self.version), asked)
        self.elections[who] = election


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=3),
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.floats(0.0, 8.0),
            st.sampled_from(["done", "done", "done", "lost", "unheard"]),
        ),
        max_size=60,
    ),
)
@settings(max_examples=100)
def test_never_do_two_lead(
    skew: list[float], turns: list[tuple[int, float, str]]
) -> None:
    world = World(skew=skew, elections=[Election(me=f"c{i}") for i in range(len(skew))])
    for who, passed, luck in turns:
        world.now += passed
        world.turn(who % len(skew), luck)
        leading = [
            e.me for i, e in enumerate(world.elections) if leads(e, world.clock(i))
        ]
        assert len(leading) <= 1
