"""The cloud's names for its objects: ocid1.KIND.REALM.[REGION].UNIQUE.

Minting is a function of the entropy that is handed in, so that the same request with
the same dice makes the same object.
"""

import hashlib
import re
from dataclasses import dataclass

REALM = "oc1"
MAX_LENGTH = 255

_SHAPE = re.compile(
    r"ocid1\.(?P<kind>[a-z0-9]+)\.(?P<realm>[a-z0-9]*)\.(?P<region>[a-z0-9-]*)"
    r"(?:\.[a-z0-9-]*)?\.(?P<unique>[a-zA-Z0-9_-]+)"
)
_DIGEST = 35  # bytes: 56 characters of base32 without padding
_HEAD = "aaaa"
_ALPHABET = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")
# How 7 groups of 40 bits become 56 bytes of 5 bits: which bits move up, and how far.
_SPREAD = tuple(
    (sum(((1 << width) - 1) << (lane * n + width) for n in range(448 // lane)), by)
    for lane, width, by in ((64, 20, 12), (32, 10, 6), (16, 5, 3))
)


@dataclass(frozen=True, slots=True)
class Ocid:
    """The parts of a name."""

    kind: str
    realm: str
    region: str
    unique: str


def mint(kind: str, region: str, entropy: bytes) -> str:
    """Make a new name whose unique part is a digest of kind and entropy."""
    digest = hashlib.blake2b(entropy, digest_size=_DIGEST, person=kind.encode()[:16])
    return f"ocid1.{kind}.{REALM}.{region}.{_HEAD}{_base32(digest.digest())}"


def _base32(digest: bytes) -> str:
    """Write 35 bytes in base32 (RFC 4648), in lower case.

    The standard library's way looks up 28 pairs in tables of a thousand small objects, which
    are never in the processor's cache when a name is made.
    """
    groups = [b"\0\0\0" + digest[n : n + 5] for n in range(0, _DIGEST, 5)]
    bits = int.from_bytes(b"".join(groups))
    for mask, by in _SPREAD:
        high = bits & mask
        bits += (high << by) - high
    return bits.to_bytes(56).translate(_ALPHABET).decode()


def parse(text: str) -> Ocid:
    """Take a name apart; ValueError when it is none."""
    match = _SHAPE.fullmatch(text)
    if match is None or len(text) > MAX_LENGTH:
        raise ValueError(f"{text[:80]!r} is no OCID (ocid1.KIND.REALM.[REGION].UNIQUE)")
    return Ocid(**match.groupdict())


def suffix(ocid: str, length: int = 8) -> str:
    """Give the last characters: short, and in practice unique among one kind."""
    return ocid[-length:]
