"""DNS messages: questions as resolvers write them, answers as they read them, and anything else."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.dns import (
    AAAA,
    IN,
    LONGEST_UDP,
    A,
    Code,
    Datum,
    Question,
    packed,
    read,
    write,
)

NAME = "iaas.local-1.oraclecloud.com"
TAIL = struct.pack("!2H", A, IN)
# A question as glibc writes it: id, recursion desired, one question.
ASKED = struct.pack("!6H", 0xBEEF, 0x0100, 1, 0, 0, 0) + packed(NAME) + TAIL
# The additional record of RFC 6891, as glibc with `options edns0` has it.
EDNS = bytes.fromhex("0000291000000000000000")


def a_question(message: bytes = ASKED) -> Question:
    found = read(message)
    assert found is not None
    return found


def test_a_question_is_read() -> None:
    question = a_question()

    assert (question.id, question.name, question.kind) == (0xBEEF, NAME, A)
    assert (question.group, question.is_plain) == (IN, True)


def test_the_case_of_a_question_comes_back_and_means_nothing() -> None:
    question = a_question(ASKED.replace(b"iaas", b"IaaS"))

    assert question.name == NAME
    assert b"\x04IaaS" in write(question, Code.FINE)


def test_extensions_are_passed_over() -> None:
    asked = ASKED[:10] + b"\0\1" + ASKED[12:] + EDNS

    assert a_question(asked).asked == a_question().asked


def test_an_answer_has_its_question_and_its_record() -> None:
    message = write(a_question(), Code.FINE, (IPv4Address("198.19.0.2"),))

    assert message == (
        struct.pack("!6H", 0xBEEF, 0x8580, 1, 1, 0, 0)
        + packed(NAME)
        + TAIL
        + bytes.fromhex("c00c 0001 0001 0000003c 0004 c6130002")
    )


@pytest.mark.parametrize(
    ("datum", "record"),
    [
        (
            IPv6Address("2001:db8:ffff::10"),
            "c00c 001c 0001 0000003c 0010 20010db8ffff00000000000000000010",
        ),
        ("a.bc", "c00c 000c 0001 0000003c 0006 01610262630 0"),
    ],
)
def test_each_kind_of_datum_has_its_record(datum: Datum, record: str) -> None:
    message = write(a_question(), Code.FINE, (datum,))

    assert message.endswith(bytes.fromhex(record.replace(" ", "")))


def test_a_name_that_is_not_there_is_said_so() -> None:
    message = write(a_question(), Code.NO_SUCH_NAME)

    assert struct.unpack_from("!6H", message) == (0xBEEF, 0x8583, 1, 0, 0, 0)


def test_a_long_answer_is_cut_over_udp_only() -> None:
    found = tuple(IPv6Address(n) for n in range(40))

    short, long = (write(a_question(), Code.FINE, found, n) for n in (512, 65535))

    assert len(short) <= LONGEST_UDP
    assert struct.unpack_from("!6H", short)[1:4] == (0x8780, 1, 0)
    assert struct.unpack_from("!6H", long)[1:4] == (0x8580, 1, 40)


def test_an_update_is_not_a_plain_question() -> None:
    question = a_question(ASKED[:2] + b"\x28\x00" + ASKED[4:])

    assert not question.is_plain
    assert write(question, Code.NOT_DONE)[2:4] == b"\xac\x84"


def test_the_root_is_a_name() -> None:
    assert a_question(ASKED[:12] + b"\0" + TAIL).name == ""


@pytest.mark.parametrize(
    "message",
    [
        b"",
        ASKED[:11],
        ASKED[:20],
        ASKED[:-1],
        ASKED[:2] + b"\x81\x00" + ASKED[4:],  # an answer
        ASKED[:4] + b"\0\0" + ASKED[6:],  # no question
        ASKED[:4] + b"\0\2" + ASKED[6:],  # two questions
        ASKED[:12] + b"\xc0\x0c" + TAIL,  # a name that is itself
        ASKED[:12] + b"\x40" + b"a" * 64 + b"\0" + TAIL,  # a label too long
        ASKED[:12] + (b"\x3f" + b"a" * 63) * 5 + b"\0" + TAIL,  # a name too long
    ],
)
def test_what_is_no_question_is_dropped(message: bytes) -> None:
    assert read(message) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_question_or_dropped(noise: bytes) -> None:
    for message in (noise, ASKED[:12] + noise, ASKED[:4] + b"\0\1" + noise):
        question = read(message)
        if question is not None:
            answered = write(question, Code.FINE, (IPv4Address("10.0.0.1"),))
            assert answered[12 : 12 + len(question.asked)] == question.asked


labels = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1)


@given(st.lists(labels.filter(lambda text: len(text) < 20), max_size=8))
def test_a_name_comes_back(parts: list[str]) -> None:
    name = ".".join(parts)

    message = ASKED[:12] + packed(name) + struct.pack("!2H", AAAA, IN)

    assert a_question(message).name == name
