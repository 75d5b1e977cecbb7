"""IPsec's policies (XFRM), as far as to tell whether there are any: linux/xfrm.h.

A namespace has policies by direction (in, out, forward), sockets may have their own, and what no
policy is about gets the default: accepted, unless somebody chose to block it.
"""

import struct

from mooring.core.linux import wire
from mooring.core.linux.wire import Message, Unreadable

GET_COUNTS, GET_DEFAULTS = 0x25, 0x28
COUNTS = 1
BLOCK = 1

_FLAGS = struct.Struct("=I")
_COUNTS = struct.Struct("=III")  # sockets' own follow: they are about no pod's packets
_DEFAULTS = struct.Struct("=BBB")


def ask_counts() -> Message:
    """Ask how many policies there are."""
    return Message(GET_COUNTS, 0, _FLAGS.pack(0))


def ask_defaults() -> Message:
    """Ask what becomes of packets that no policy is about."""
    return Message(GET_DEFAULTS, 0, _DEFAULTS.pack(0, 0, 0) + b"\0")


def count(body: bytes) -> int:
    """Read how many policies there are, sockets' own aside."""
    found = wire.find(body, COUNTS, _FLAGS.size)
    if found is None or len(found) < _COUNTS.size:
        raise Unreadable("no numbers of policies")
    return sum(_COUNTS.unpack_from(found))


def blocks(body: bytes) -> bool:
    """Read whether packets of some direction are blocked unless a policy is about them."""
    if len(body) < _DEFAULTS.size:
        raise Unreadable("no default policies")
    return BLOCK in _DEFAULTS.unpack_from(body)
