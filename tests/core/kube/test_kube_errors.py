"""Errors by what to do next; the lines of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_nonsense import NEARLY

from mooring.core.kube.errors import (
    Answer,
    Away,
    Conflict,
    Distrusted,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    Missing,
    Present,
    Throttled,
    Unauthorized,
    family,
    seconds,
)
from mooring.core.kube.lines import Lines
from mooring.core.net.fields import Unreadable


def an_answer(status: int, body: object = None, retry_after: str = "") -> Answer:
    return Answer(call="GET /x", status=status, body=body, retry_after=retry_after)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthorized),
        (403, Forbidden),
        (404, Missing),
        (409, Conflict),
        (410, Gone),
        (422, Invalid),
        (429, Throttled),
        (500, Away),
        (503, Away),
        (504, Away),
        (302, Away),
        (418, Away),
    ],
)
def test_a_code_has_its_family(status: int, kind: type[KubeError]) -> None:
    error = family(an_answer(status))

    assert type(error) is kind
    assert isinstance(error, OSError)
    assert str(error) == f"GET /x: HTTP {status}"


def test_a_status_says_more_than_the_code() -> None:
    body = {"reason": "AlreadyExists", "message": "it is there", "code": 409}
    error = family(an_answer(409, body))

    assert type(error) is Present
    assert str(error) == "GET /x: AlreadyExists: it is there"
    assert type(family(an_answer(500, {"reason": "Expired"}))) is Gone
    assert type(family(an_answer(200, {"code": 410}))) is Gone


def test_the_causes_are_told_where_there_is_no_message() -> None:
    causes = [{"field": f"spec.a{i}", "message": "is bad"} for i in range(7)]
    error = family(an_answer(422, {"details": {"causes": causes}}))

    assert "spec.a0: is bad; spec.a1" in str(error)
    assert str(error).endswith(" and 2 more")


def test_how_long_to_wait_comes_from_header_or_body() -> None:
    body = {"details": {"retryAfterSeconds": 7}}

    assert family(an_answer(429, body, "3")).retry_after == 3
    assert family(an_answer(429, body)).retry_after == 7
    assert family(an_answer(429)).retry_after is None
    assert (
        family(an_answer(429, {"details": {"retryAfterSeconds": 10**6}})).retry_after
        == 300
    )


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "9" * 20, "٣"])
def test_a_wait_that_is_no_number_says_nothing(text: str) -> None:
    assert seconds(text) is None


def test_a_broken_status_keeps_the_code() -> None:
    error = family(an_answer(503, {"message": 7}))

    assert type(error) is Away
    assert "unreadable Status: message: 7: must be text" in str(error)
    assert isinstance(Distrusted("a", "b"), Away)


@given(st.integers(100, 999), NEARLY, st.text(max_size=5))
def test_any_answer_has_a_family(status: int, body: object, wait: str) -> None:
    assert isinstance(family(an_answer(status, body, wait)), KubeError)


def test_lines_are_cut_wherever_the_bytes_are() -> None:
    lines = Lines()

    assert lines.feed(b'{"a":1}\n{"b') == [b'{"a":1}']
    assert lines.feed(b"") == []
    assert lines.feed(b'":2}') == []
    assert lines.feed(b"\n\n \n") == [b'{"b":2}']


def test_a_line_without_an_end_is_refused() -> None:
    lines = Lines(longest=10)
    lines.feed(b"12345")
    with pytest.raises(Unreadable, match="event: 11: must be at most 10 bytes"):
        lines.feed(b"678901")


@given(
    st.lists(
        st.binary(min_size=1, max_size=9).filter(lambda b: b.strip() and b"\n" not in b)
    ),
    st.data(),
)
def test_any_cut_gives_the_same_lines(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    decoder, found = Lines(), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += decoder.feed(whole[:size])
        whole = whole[size:]

    assert found == lines
