"""Frames between executable and agent: whatever the cuts, whole messages come out."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import (
    DONE,
    LIMIT,
    Answer,
    Call,
    Malformed,
    answers,
    calls,
    encode_answer,
    encode_call,
    granted,
    refused,
)

NAMES = st.text(st.characters(exclude_characters="=\0", codec="utf-8"), min_size=1)
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
CALLS = st.builds(Call, st.dictionaries(NAMES, VALUES, max_size=5), st.binary())
ANSWERS = st.builds(Answer, st.integers(0, 2**32 - 1), st.binary())


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(CALLS, max_size=3), st.lists(st.integers(0, 10**6), max_size=8))
def test_calls_come_out_as_they_went_in_whatever_the_cuts(
    sent: list[Call], cuts: list[int]
) -> None:
    decoder = calls()
    stream = b"".join(encode_call(call) for call in sent)

    got = [call for piece in pieces(stream, cuts) for call in decoder.feed(piece)]

    assert got == sent
    assert decoder.idle


@given(ANSWERS, st.lists(st.integers(0, 10**6), max_size=8))
def test_answers_come_out_as_they_went_in_whatever_the_cuts(
    sent: Answer, cuts: list[int]
) -> None:
    decoder = answers()
    stream = encode_answer(sent)

    got = [answer for piece in pieces(stream, cuts) for answer in decoder.feed(piece)]

    assert got == [sent]


@given(st.binary())
def test_any_bytes_are_waited_for_or_malformed(data: bytes) -> None:
    for decoder in (calls(), answers()):
        try:
            decoder.feed(data)
        except Malformed:
            continue
        assert decoder.idle or data.startswith(b"MOR1"[: len(data)])


@given(st.integers(0, 40), st.integers(0, 40), st.binary(max_size=80))
def test_any_block_of_variables_is_read_or_malformed(
    env: int, stdin: int, body: bytes
) -> None:
    decoder = calls()
    try:
        got = decoder.feed(struct.pack("<4sII", b"MOR1", env, stdin) + body)
    except Malformed:
        return
    assert all(isinstance(call, Call) for call in got)


def test_a_half_frame_is_not_idle() -> None:
    decoder = calls()

    assert decoder.feed(encode_call(Call({"A": "b"}, b"c"))[:-1]) == ()
    assert not decoder.idle


def test_a_frame_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert len(calls().feed(encode_call(Call({}, b"x" * LIMIT)))) == 1
    with pytest.raises(Malformed, match="1048577 bytes; the limit is 1048576"):
        calls().feed(encode_call(Call({}, b"x" * (LIMIT + 1)))[:12])


def test_a_frame_too_large_is_refused_before_its_body_comes() -> None:
    with pytest.raises(Malformed, match="8589934590 bytes"):
        calls().feed(b"MOR1" + b"\xff" * 8)


def test_another_magic_is_refused_at_its_first_wrong_byte() -> None:
    with pytest.raises(Malformed, match="GE"):
        calls().feed(b"GE")


@pytest.mark.parametrize(
    ("block", "word"),
    [(b"A=b", "zero byte"), (b"A\0", "no NAME=value"), (b"A=b\0\0", "no NAME=value")],
)
def test_a_broken_block_of_variables_is_refused(block: bytes, word: str) -> None:
    with pytest.raises(Malformed, match=word):
        calls().feed(struct.pack("<4sII", b"MOR1", len(block), 0) + block)


def test_of_a_variable_set_twice_the_first_counts_as_for_getenv() -> None:
    block = b"A=1\0A=2\0"
    (call,) = calls().feed(struct.pack("<4sII", b"MOR1", len(block), 0) + block)

    assert call.env == {"A": "1"}


def test_a_variable_that_is_no_utf8_stays_readable() -> None:
    block = b"CNI_NETNS=/\xff\0"
    (call,) = calls().feed(struct.pack("<4sII", b"MOR1", len(block), 0) + block)

    assert call.env == {"CNI_NETNS": "/\\xff"}
    assert calls().feed(encode_call(call)) == (call,)


def test_success_may_be_silent_or_an_object() -> None:
    assert Answer(0, b"") == DONE
    assert granted({"a": 1}) == Answer(0, b'{"a":1}\n')


def test_an_error_is_an_object_and_a_non_zero_exit_code() -> None:
    answer = refused(CniError(Code.TRY_AGAIN_LATER, "later"), "0.4.0")

    assert answer == Answer(1, b'{"cniVersion":"0.4.0","code":11,"msg":"later"}\n')
