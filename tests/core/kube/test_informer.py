"""How a kind is followed: every turn of the wheel, and that nothing is lost or told twice."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kube_nonsense import NEARLY

from mooring.core.kube.cache import Cache, differ, entry, newer
from mooring.core.kube.errors import Away, Gone, Throttled
from mooring.core.kube.informer import (
    LIMIT,
    Course,
    ListPage,
    Pace,
    Page,
    Told,
    WatchFrom,
    page,
    told,
    wait,
)
from mooring.core.kube.meta import read as read_meta
from mooring.core.net.fields import Unreadable

PACE = Pace(first=1.0, most=8.0)


def an_object(name: str, version: int, uid: str = "u") -> dict[str, Any]:
    meta = {"name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": meta}


# The course.


def test_it_lists_page_by_page_then_watches() -> None:
    course = Course()
    first = course.step()
    course = course.turned(Page((), "", "next"))
    second = course.step()
    course = course.turned(Page((), "7"))

    assert first == ListPage(LIMIT)
    assert second == ListPage(LIMIT, "next")
    assert course.step() == WatchFrom("7")
    assert first.query() == {"limit": str(LIMIT)}
    assert ListPage(0).query() == {}
    assert ListPage(9, "x").query() == {"limit": "9", "continue": "x"}
    assert WatchFrom("7").query(60) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "60",
    }


def test_a_torn_stream_is_resumed_where_it_tore() -> None:
    course = Course(version="7").heard("9").failed(Away("GET", "torn"))

    assert course.step() == WatchFrom("9")
    assert course.failures == 1


def test_a_version_that_is_too_old_begins_with_the_list() -> None:
    course = Course(version="7").failed(Gone("GET", "too old"))

    assert course.step() == ListPage(LIMIT)


def test_an_expired_page_makes_the_next_list_one_answer() -> None:
    course = Course().turned(Page((), "", "next")).failed(Gone("GET", "expired"))

    assert course.step() == ListPage(0)
    assert course.turned(Page((), "8")).failed(Gone("GET", "x")).step() == ListPage(
        LIMIT
    )


def test_a_page_that_failed_is_asked_for_again() -> None:
    course = Course().turned(Page((), "", "next")).failed(Away("GET", "torn"))

    assert course.step() == ListPage(LIMIT, "next")


def test_an_event_that_cannot_be_read_begins_with_the_list() -> None:
    course = Course(version="7").failed(Unreadable("event", "x", "must be JSON"))

    assert course.step() == ListPage(LIMIT)


def test_a_watch_that_ends_at_once_is_a_failure_one_that_lived_is_not() -> None:
    assert Course(version="7").ended(0.1).failures == 1
    assert Course(version="7").ended(5.0).failures == 0


def test_a_watch_that_was_steady_makes_earlier_failures_forgotten() -> None:
    course = Course(version="7", failures=5)

    assert course.ended(2.0).failures == 0
    assert course.lasted(2.0).failed(Away("GET", "torn")).failures == 6
    assert course.lasted(10.0).failed(Away("GET", "torn")).failures == 1


def test_waits_grow_and_are_forgotten_when_something_is_heard() -> None:
    course, waits = Course(version="7"), []
    for _ in range(6):
        course = course.failed(Away("GET", "x"))
        waits.append(wait(course, PACE, 0.0))

    assert waits == [1, 2, 4, 8, 8, 8]
    assert wait(course, PACE, 0.999) == pytest.approx(12, rel=0.01)
    assert wait(course.heard("8"), PACE, 0.5) == 0


def test_a_page_that_was_answered_is_followed_at_once() -> None:
    course = Course(failures=6)
    step, away = course.step(), Away("GET", "x")

    assert isinstance(step, ListPage)
    assert wait(course, PACE, 0.0, None, step) == 0
    assert wait(course, PACE, 0.0, away, step) == 8
    watching = course.turned(page({"metadata": {"resourceVersion": "7"}, "items": []}))
    assert wait(watching, PACE, 0.0, None, watching.step()) == 8


def test_a_list_alone_does_not_make_waits_short() -> None:
    course = Course(version="7")
    for _ in range(3):
        course = course.failed(Gone("GET", "x")).turned(Page((), "8"))

    assert wait(course, PACE, 0.0) == 4


def test_the_server_may_ask_for_more_patience() -> None:
    error = Throttled("GET", "x", retry_after=20.0)
    course = Course(version="7").failed(error)

    assert wait(course, PACE, 0.0, error) == 20
    assert wait(course, PACE, 0.0, Throttled("GET", "x")) == 1
    assert Pace().pause(10**6, 0.0) == 30


# What is read of the wire.


def test_a_page_is_read() -> None:
    found = page({"metadata": {"continue": "c", "resourceVersion": ""}, "items": [1]})

    assert found == Page((1,), "", "c")
    assert page({"metadata": {"resourceVersion": "7"}, "items": None}) == Page((), "7")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "must be an object"),
        ({}, "metadata.resourceVersion: None: is required"),
        (
            {"metadata": {"resourceVersion": "7"}, "items": 5},
            "items: 5: must be a list",
        ),
        ({"metadata": {"continue": 7}}, "metadata.continue: 7: must be text"),
    ],
)
def test_a_page_that_is_none_is_told(document: object, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        page(document)
    assert said in str(caught.value)


def test_events_are_read() -> None:
    made = an_object("a", 7)

    assert told({"type": "ADDED", "object": made}) == Told("ADDED", made, "7")
    assert told({"type": "ERROR", "object": {"code": 410}}) == Told(
        "ERROR", {"code": 410}
    )
    with pytest.raises(Unreadable, match=r"type: 'X': must be one of"):
        told({"type": "X"})
    with pytest.raises(Unreadable, match=r"resourceVersion: None: is required"):
        told({"type": "ADDED", "object": {}})


@given(NEARLY)
def test_anything_is_a_page_or_an_event_or_told(document: object) -> None:
    for read in (page, told):
        with contextlib.suppress(Unreadable):
            read(document)


# The cache.


def an_entry(name: str, version: int, uid: str = "u") -> Any:
    return entry(an_object(name, version, uid), read_meta)


def a_cache(*entries: Any, version: int = 10) -> Cache[Any]:
    cache: Cache[Any] = Cache()
    cache.listed({each.key: each for each in entries}, str(version))
    return cache


def test_versions_are_compared_as_numbers_where_they_are_some() -> None:
    assert newer("10", "9")
    assert not newer("9", "10")
    assert not newer("x", "x")
    assert newer("x", "y")
    assert newer("1", "")


def test_an_object_that_cannot_be_read_is_kept_with_its_fault() -> None:
    def never(_: object) -> str:
        raise Unreadable("spec", 5, "must be an object")

    found = entry(an_object("a", 7), never)
    labels = entry({"metadata": {"name": "a", "labels": 5}}, never)

    assert (found.key, found.version) == ("a", "7")
    assert isinstance(found.value, Unreadable)
    assert isinstance(labels.value, Unreadable)
    assert labels.value.field == "metadata.labels"
    with pytest.raises(Unreadable, match=r"metadata.name"):
        entry({"metadata": {}}, never)


def test_a_token_is_the_same_until_something_changes() -> None:
    cache = a_cache(an_entry("a", 5))
    first = cache.token()
    cache.passed("11")
    same = cache.token()
    cache.told(an_entry("b", 12))

    assert same is first
    assert differ(same, first) == frozenset()
    assert differ(cache.token(), first) == {"b"}
    assert differ({"a": 1}, {}) == {"a"}


def test_a_list_that_brings_nothing_new_changes_nothing() -> None:
    cache = a_cache(an_entry("a", 5))
    first = cache.token()

    assert not cache.listed({"a": an_entry("a", 5)}, "20")
    assert cache.token() is first
    assert cache.version == "20"


def test_what_was_told_already_is_not_told_again() -> None:
    cache = a_cache(an_entry("a", 5))

    assert cache.told(an_entry("a", 11))
    assert not cache.told(an_entry("a", 11))
    assert not cache.told(an_entry("a", 9))
    assert not cache.told(an_entry("none", 12), deleted=True)


def test_our_own_write_is_seen_at_once_and_told_once() -> None:
    cache = a_cache(an_entry("a", 5))

    assert cache.written(an_entry("a", 12))
    assert not cache.told(an_entry("a", 11))
    assert not cache.told(an_entry("a", 12))
    assert cache.entries["a"].version == "12"


def test_an_answer_that_comes_late_says_nothing_new() -> None:
    cache = a_cache(an_entry("a", 5))
    cache.told(an_entry("a", 12))
    cache.told(an_entry("a", 13), deleted=True)

    assert not cache.written(an_entry("a", 12))
    assert cache.entries == {}


def test_a_list_older_than_our_write_does_not_undo_it() -> None:
    cache = a_cache(an_entry("a", 5))
    cache.written(an_entry("a", 12))
    cache.written(an_entry("b", 13))
    cache.listed({"a": an_entry("a", 5)}, "11")

    assert {k: e.version for k, e in cache.entries.items()} == {"a": "12", "b": "13"}
    cache.passed("13")
    cache.listed({"a": an_entry("a", 12)}, "14")
    assert set(cache.entries) == {"a"}


def test_a_history_that_began_anew_is_believed() -> None:
    cache = a_cache(an_entry("a", 500), version=600)
    cache.listed({"b": an_entry("b", 3)}, "4")

    assert set(cache.entries) == {"b"}


def test_what_we_deleted_stays_away_though_older_news_come() -> None:
    cache = a_cache(an_entry("a", 5))

    assert cache.removed("a", "u")
    assert not cache.removed("a", "u")
    assert not cache.told(an_entry("a", 11))
    cache.listed({"a": an_entry("a", 11)}, "11")
    assert cache.entries == {}
    assert not cache.told(an_entry("a", 12), deleted=True)
    assert cache.told(an_entry("a", 13, "other"))


def test_made_anew_before_the_old_one_is_told_gone_it_stays() -> None:
    cache = a_cache(an_entry("a", 5, "old"))
    cache.removed("a", "old")
    cache.written(an_entry("a", 14, "new"))

    assert not cache.told(an_entry("a", 13, "old"), deleted=True)
    assert cache.entries["a"].uid == "new"


def test_an_answer_that_comes_late_takes_no_successor_away() -> None:
    cache = a_cache(an_entry("a", 5, "old"))
    cache.told(an_entry("a", 11, "old"), deleted=True)
    cache.told(an_entry("a", 12, "new"))

    assert not cache.removed("a", "old")
    assert cache.told(an_entry("a", 13, "new"))


# All together, against a server that tears, forgets and answers late.


@dataclass
class Server:
    version: int = 100
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    forgotten: int = 0

    def act(self, name: str, act: str) -> dict[str, Any] | None:
        self.version += 1
        if act == "delete":
            gone = self.objects.pop(name, None)
            if gone is not None:
                uid = gone["metadata"]["uid"]
                body = an_object(name, self.version, uid)
                self.history.append((self.version, {"type": "DELETED", "object": body}))
            return None
        known = self.objects.get(name)
        uid = known["metadata"]["uid"] if known else f"u{self.version}"
        made = an_object(name, self.version, uid)
        self.objects[name] = made
        kind = "MODIFIED" if known else "ADDED"
        self.history.append((self.version, {"type": kind, "object": made}))
        return made


class Chance(Protocol):
    """What decides: Hypothesis, or nobody."""

    def draw(self, strategy: st.SearchStrategy[Any], /, label: str) -> Any: ...


@dataclass
class Follower:
    """The adapter's thread, without a thread."""

    course: Course = field(default_factory=Course)
    cache: Cache[Any] = field(default_factory=Cache)
    found: dict[str, Any] = field(default_factory=dict)
    pages: list[list[dict[str, Any]]] = field(default_factory=list)
    of: int = 0

    def turn(self, server: Server, data: Chance) -> None:
        match self.course.step():
            case ListPage() as asked:
                self.list(server, asked, data)
            case WatchFrom() as asked:
                self.watch(server, asked, data)

    def list(self, server: Server, asked: ListPage, data: Chance) -> None:
        if not asked.continues:
            items = sorted(server.objects.values(), key=lambda o: str(o["metadata"]))
            self.pages = [items[i : i + 2] for i in range(0, len(items), 2)] or [[]]
            if not asked.limit:
                self.pages = [items]
            self.of, self.found = server.version, {}
        elif data.draw(st.booleans(), "expired"):
            self.course = self.course.failed(Gone("GET", "expired"))
            return
        for item in self.pages.pop(0):
            each = entry(item, read_meta)
            self.found[each.key] = each
        more = "more" if self.pages else ""
        if not more:
            self.cache.listed(self.found, str(self.of))
        self.course = self.course.turned(Page((), str(self.of), more))

    def watch(self, server: Server, asked: WatchFrom, data: Chance) -> None:
        if int(asked.version) < server.forgotten:
            self.course = self.course.failed(Gone("GET", "too old"))
            return
        news = [e for v, e in server.history if v > int(asked.version)]
        for document in news[: data.draw(st.integers(0, len(news)), "torn after")]:
            event = told(document)
            each = entry(event.object, read_meta)
            self.cache.told(each, deleted=event.kind == "DELETED")
            self.course = self.course.heard(event.version)
        self.course = self.course.failed(Away("GET", "torn"))


ACTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["put", "put", "delete", "our put", "our delete", "forget"]),
    ),
    max_size=12,
)


@given(ACTS, st.data())
@settings(max_examples=100)
def test_whatever_happens_the_cache_comes_to_what_the_server_has(
    acts: list[tuple[str, str]], data: st.DataObject
) -> None:
    server, follower = Server(), Follower()
    cache, late = follower.cache, list[Callable[[], object]]()
    for name, act in acts:
        known = cache.entries.get(name)
        if act == "forget":
            server.forgotten = server.version = server.version + 1
        made = server.act(name, act.split()[-1]) if act != "forget" else None
        if act == "our put" and made:
            late.append(partial(cache.written, entry(made, read_meta)))
        if act == "our delete" and known:
            late.append(partial(cache.removed, name, known.uid))
        while late and data.draw(st.booleans(), "answered"):
            late.pop(0)()
        for _ in range(data.draw(st.integers(0, 3), "turns")):
            follower.turn(server, data)
    for answer in late:
        answer()
    settle(server, follower)

    seen = {k: e.version for k, e in follower.cache.entries.items()}
    assert seen == {
        k: o["metadata"]["resourceVersion"] for k, o in server.objects.items()
    }


class Calm:
    """No chance: nothing is torn, nothing expires."""

    def draw(self, _: st.SearchStrategy[Any], label: str) -> Any:
        return label != "expired" and (10**9 if "torn" in label else False)


def settle(server: Server, follower: Follower) -> None:
    for _ in range(30):
        follower.turn(server, Calm())
        if follower.course.version == str(server.version):
            return
    assert int(follower.course.version) >= int(
        max((v for v, _ in server.history), default=0)
    )
