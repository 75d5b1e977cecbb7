"""Events: made, counted, put together, left out."""

from hypothesis import given
from hypothesis import strategies as st

from mooring.core.kube.event import (
    BURST,
    COMBINED,
    MOST,
    SERIES_SECONDS,
    SIMILAR,
    Count,
    Events,
    Make,
    Teller,
)
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import NODES, PODS

NODE = Reference(resource=NODES, name="n1", uid="u")
STAMP = "2026-11-21T10:00:00.000000Z"


def a_book() -> Events:
    return Events(Teller("nativepodnetwork", "controller-1"))


def a_note(text: str = "no space", reason: str = "NoSpace") -> Note:
    return Note(reason=reason, text=text, warning=True)


def test_an_event_says_who_what_and_of_which_object() -> None:
    made = a_book().tell(NODE, a_note(), 0.0, STAMP)

    assert isinstance(made, Make)
    assert made.namespace == "default"
    assert made.name.startswith("n1.")
    assert made.body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": made.name, "namespace": "default"},
        "eventTime": STAMP,
        "reportingController": "nativepodnetwork",
        "reportingInstance": "controller-1",
        "action": "Reconcile",
        "reason": "NoSpace",
        "type": "Warning",
        "note": "no space",
        "regarding": {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u"},
    }


def test_an_event_of_a_pod_stands_with_it() -> None:
    pod = Reference(resource=PODS, name="web", namespace="shop")
    made = a_book().tell(pod, Note(reason="Done", text="done"), 0.0, STAMP)

    assert isinstance(made, Make)
    assert made.namespace == "shop"
    assert made.body["type"] == "Normal"


def test_what_is_told_again_is_counted() -> None:
    book = a_book()
    made = book.tell(NODE, a_note(), 0.0, STAMP)
    again = book.tell(NODE, a_note(), 10.0, "later")
    third = book.tell(NODE, a_note(), 20.0, "last")

    assert isinstance(made, Make)
    assert again == Count(
        "default", made.name, {"series": {"count": 2, "lastObservedTime": "later"}}
    )
    assert isinstance(third, Count)
    assert third.body["series"] == {"count": 3, "lastObservedTime": "last"}


def test_a_series_ends_when_it_was_quiet_or_its_event_is_gone() -> None:
    book = a_book()
    made = book.tell(NODE, a_note(), 0.0, STAMP)
    assert isinstance(made, Make)

    assert isinstance(book.tell(NODE, a_note(), SERIES_SECONDS, STAMP), Make)
    book.forget(made.name)
    for name in {made.name}:
        book.forget(name)
    later = book.tell(NODE, a_note("other"), SERIES_SECONDS + 1, STAMP)
    assert isinstance(later, Make)
    book.forget(later.name)
    assert isinstance(book.tell(NODE, a_note("other"), SERIES_SECONDS + 2, STAMP), Make)


def test_of_many_that_differ_in_their_text_one_speaks_for_all() -> None:
    book = a_book()
    told = [
        book.tell(NODE, a_note(f"no space for {i}"), float(i), STAMP)
        for i in range(SIMILAR + 3)
    ]

    assert [type(t) for t in told] == [Make] * (SIMILAR + 1) + [Count] * 2
    combined = told[SIMILAR]
    assert isinstance(combined, Make)
    assert combined.body["note"] == f"{COMBINED}no space for {SIMILAR}"
    fresh = book.tell(NODE, a_note("anew"), 2000.0, STAMP)
    assert isinstance(fresh, Make)
    assert fresh.body["note"] == "anew"


def test_an_object_that_tells_too_much_is_heard_now_and_then() -> None:
    book = a_book()
    told = [book.tell(NODE, a_note(), 0.0, STAMP) for _ in range(100)]
    other = book.tell(Reference(resource=NODES, name="n2"), a_note(), 0.0, STAMP)

    assert len([t for t in told if t]) == BURST
    assert other is not None
    assert book.tell(NODE, a_note(), 299.0, STAMP) is None
    assert book.tell(NODE, a_note(), 301.0, STAMP) is not None
    assert book.tell(NODE, a_note(), 302.0, STAMP) is None


def test_texts_are_cut_to_what_the_server_takes() -> None:
    made = a_book().tell(NODE, a_note("x" * 5000), 0.0, "")

    assert isinstance(made, Make)
    assert len(made.body["note"]) == 1024


def test_what_is_remembered_has_a_bound() -> None:
    book = a_book()
    for number in range(MOST + 10):
        each = Reference(resource=NODES, name=f"n{number}")
        book.tell(each, a_note(), 0.0, STAMP)

    oldest = Reference(resource=NODES, name="n0")
    youngest = Reference(resource=NODES, name=f"n{MOST + 9}")
    assert isinstance(book.tell(youngest, a_note(), 1.0, STAMP), Count)
    assert isinstance(book.tell(oldest, a_note(), 1.0, STAMP), Make)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.floats(0.0, 500.0)),
        max_size=40,
    )
)
def test_every_count_is_of_an_event_that_was_made(
    turns: list[tuple[str, str, float]],
) -> None:
    book, now, counts = a_book(), 0.0, dict[str, int]()
    for turn, (name, text, passed) in enumerate(turns):
        now += passed
        about = Reference(resource=NODES, name=name)
        match book.tell(about, a_note(text), now, f"2026-{turn}"):
            case Make(_, made, _):
                assert made not in counts
                counts[made] = 1
            case Count(_, made, body):
                counts[made] += 1
                assert body["series"]["count"] == counts[made]
            case None:
                pass
