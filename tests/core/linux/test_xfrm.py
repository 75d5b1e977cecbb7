"""IPsec's policies: bytes to numbers."""

import struct

import pytest

from mooring.core.linux import xfrm
from mooring.core.linux.wire import Unreadable, attribute


def counts(*numbers: int) -> bytes:
    return bytes(4) + attribute(1, struct.pack(f"={len(numbers)}I", *numbers))


def test_the_questions_are_as_long_as_the_kernel_wants_them() -> None:
    assert xfrm.ask_counts() == (0x25, 0, bytes(4))
    assert xfrm.ask_defaults() == (0x28, 0, bytes(4))


def test_policies_of_all_directions_count_and_those_of_sockets_do_not() -> None:
    assert xfrm.count(counts(1, 2, 4, 8, 16, 32)) == 7
    assert xfrm.count(counts(0, 0, 0, 8, 16, 32)) == 0


@pytest.mark.parametrize("body", [b"", bytes(4), counts(1, 2)])
def test_what_holds_no_numbers_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        xfrm.count(body)


def test_one_direction_that_is_blocked_suffices() -> None:
    assert not xfrm.blocks(bytes([2, 2, 2]))
    assert not xfrm.blocks(bytes(4))
    assert xfrm.blocks(bytes([2, 1, 2, 0]))
    with pytest.raises(Unreadable):
        xfrm.blocks(b"\1")
