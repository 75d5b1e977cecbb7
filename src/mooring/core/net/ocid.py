"""The cloud's names for its objects: ocid1.KIND.REALM.[REGION].UNIQUE.

Minting is a function of the entropy that is handed in, so that the same request with
the same dice makes the same object.
"""

import base64
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
    unique = _HEAD + base64.b32encode(digest.digest()).decode().lower()
    return f"ocid1.{kind}.{REALM}.{region}.{unique}"


def parse(text: str) -> Ocid:
    """Take a name apart; ValueError when it is none."""
    match = _SHAPE.fullmatch(text)
    if match is None or len(text) > MAX_LENGTH:
        raise ValueError(f"{text[:80]!r} is no OCID (ocid1.KIND.REALM.[REGION].UNIQUE)")
    return Ocid(**match.groupdict())


def suffix(ocid: str, length: int = 8) -> str:
    """Give the last characters: short, and in practice unique among one kind."""
    return ocid[-length:]
