"""Set elements as bytes: one transaction, whose refusals find their way back."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from mooring.core.linux import nfnetlink as nf
from mooring.core.linux import wire
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.plan import LinkUp
from mooring.core.linux.port import KernelError, NftError
from mooring.core.linux.wire import Reply, attributes

PODS = SetPath("inet", "mooring", "pods4")
HEADER = 4
keys = st.binary(min_size=4, max_size=64)
elements = st.tuples(keys, st.none() | st.binary(min_size=4, max_size=4))


def read_elements(body: bytes) -> list[Element]:
    """An independent reading of NFTA_SET_ELEM_LIST_ELEMENTS, in order."""
    listed = attributes(body, HEADER)[nf.ELEMENTS]
    found: list[Element] = []
    offset = 0
    while offset < len(listed):
        (size,) = struct.unpack_from("=H", listed, offset)
        inner = attributes(listed[offset + 4 : offset + size])
        data = inner.get(nf.DATA)
        found.append(
            (
                attributes(inner[nf.KEY])[nf.VALUE],
                None if data is None else attributes(data)[nf.VALUE],
            )
        )
        offset += size + 3 & ~3
    return found


@given(st.lists(elements, max_size=600), st.lists(keys, max_size=5))
def test_a_transaction_deletes_then_adds(
    add: list[Element], delete: list[bytes]
) -> None:
    messages = nf.transaction(PODS, add, delete)
    kinds = [message.kind for message in messages]
    read = [read_elements(message.body) for message in messages]

    assert kinds == sorted(kinds, reverse=True)
    assert read[: len(delete)] == [[(key, None)] for key in delete]
    assert [each for part in read[len(delete) :] for each in part] == add


@given(
    st.binary(min_size=1, max_size=64), st.binary(max_size=8), st.integers(0, 1 << 31)
)
def test_one_element_by_its_mould_is_the_transaction(
    key: bytes, data: bytes, sequence: int
) -> None:
    if data:
        mould, values = nf.of_one(PODS, len(key), len(data)), (key, data)
        messages = nf.transaction(PODS, [(key, data)], [])
    else:
        mould, values = nf.of_one(PODS, len(key), None), (key,)
        messages = nf.transaction(PODS, [], [key])
    framed = nf.framed(messages, sequence)

    assert mould.cast(sequence, values) == b"".join(framed)
    assert mould.count == len(framed)


def test_a_message_says_where() -> None:
    (message,) = nf.transaction(PODS, [(b"1234", None)], [])
    found = attributes(message.body, HEADER)

    assert message.body[:HEADER] == b"\1\0\0\0"
    assert message.flags == wire.CREATE
    assert (found[nf.TABLE], found[nf.SET]) == (b"mooring\0", b"pods4\0")


def test_a_datagram_is_fenced_and_the_last_message_acknowledged() -> None:
    messages = nf.transaction(PODS, [(b"1234", None)], [b"5678"])
    begin, delete, add, end = wire.replies(b"".join(nf.framed(messages, 40)))

    assert [r.sequence for r in (begin, delete, add, end)] == [40, 41, 42, 43]
    assert (begin.kind, end.kind) == (nf.BATCH_BEGIN, nf.BATCH_END)
    assert begin.body == end.body == b"\0\0\0\x0a"
    assert not delete.flags & wire.ACK
    assert add.flags & wire.ACK


def reply(sequence: int, errno: int, kind: int = wire.ERROR) -> Reply:
    return Reply(kind, wire.CAPPED, sequence, struct.pack("=i", -errno))


def test_a_refusal_finds_its_message() -> None:
    assert nf.refusal(reply(42, 2), 40) == nf.Refusal(1, wire.Verdict(2, ""))
    assert nf.refusal(reply(40, 12), 40) == nf.Refusal(None, wire.Verdict(12, ""))
    assert nf.refusal(reply(39, 2), 40) is None
    assert nf.refusal(reply(42, 2, wire.DONE), 40) is None


def test_errors_speak() -> None:
    fact = LinkUp("host", "eth0")

    assert str(KernelError(fact, 19, "No such device")) == (
        f"No such device (errno 19): {fact}"
    )
    assert str(KernelError(None, 4, "changed")) == "changed (errno 4)"
    assert NftError("no").errno == 0
