"""A public key as it is uploaded: PEM, RSA of 2048 to 4096 bits; its fingerprint.

Only as much of DER (X.690) is read as the form of such a key (RFC 5280 and 8017) needs.
"""

import base64
import binascii
import hashlib
import re

LEAST_BITS, MOST_BITS = 2048, 4096
_PEM = re.compile(
    r"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END PUBLIC KEY-----"
    r"(\s+OCI_API_KEY)?\s*"
)
_RSA = bytes.fromhex("06092a864886f70d010101")  # the algorithm's object identifier
_SEQUENCE, _BITS, _INTEGER = 0x30, 0x03, 0x02


def fingerprint(pem: str) -> str:
    """Name a key as the cloud does: MD5 of its DER form, with colons; ValueError says what is wrong."""
    match = _PEM.fullmatch(pem)
    if match is None:
        raise ValueError("must be a public key in PEM form.")
    try:
        der = base64.b64decode("".join(match[1].split()), validate=True)
        bits = _modulus(der).bit_length()
    except (binascii.Error, IndexError):
        raise ValueError("must be a public key of RSA in PEM form.") from None
    if not LEAST_BITS <= bits <= MOST_BITS:
        raise ValueError(f"must have {LEAST_BITS} to {MOST_BITS} bits, not {bits}.")
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


def _modulus(der: bytes) -> int:
    outer, rest = _element(der, _SEQUENCE)
    algorithm, body = _element(outer, _SEQUENCE)
    bits, after = _element(body, _BITS)
    numbers, behind = _element(bits[1:], _SEQUENCE)
    modulus, exponent = _element(numbers, _INTEGER)
    _, end = _element(exponent, _INTEGER)
    if not algorithm.startswith(_RSA) or rest or after or behind or end:
        raise IndexError
    return int.from_bytes(modulus)


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Take one element of some tag; give its content and what follows."""
    length, at = der[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(der[2:at])
    if der[0] != tag or len(der) < at + length:
        raise IndexError
    return der[at : at + length], der[at + length :]
