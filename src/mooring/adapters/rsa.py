"""RSA keys as the cloud uses them: made, named by fingerprint, asked who signed.

A public key is parsed once and kept; verifying costs some ten microseconds.
"""

import base64
import hashlib
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BITS = 2048  # what the cloud asks for at least


class UnreadableKeyError(ValueError):
    """The text is no RSA key in PEM form."""


class PublicKey:
    """One half of a pair: who has the other half can sign."""

    def __init__(self, pem: str) -> None:
        try:
            key = serialization.load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnreadableKeyError(f"no public key in PEM form: {error}") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise UnreadableKeyError("a public key, but not of RSA")
        self._key = key

    @classmethod
    def of_der(cls, der: bytes) -> Self:
        """Read a key in DER form (SubjectPublicKeyInfo)."""
        return cls(_armoured(der))

    @classmethod
    def of_numbers(cls, modulus: int, exponent: int) -> Self:
        """Make a key of its two numbers."""
        try:
            key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        except ValueError as error:
            raise UnreadableKeyError(f"no key of RSA: {error}") from error
        return cls(_pem(key))

    @property
    def numbers(self) -> tuple[int, int]:
        """Give modulus and exponent."""
        numbers = self._key.public_numbers()
        return numbers.n, numbers.e

    @property
    def bits(self) -> int:
        """Tell how long the key is."""
        return self._key.key_size

    @property
    def fingerprint(self) -> str:
        """Name the key as the cloud does: MD5 of its DER form, colons between bytes."""
        der = self._key.public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        return hashlib.md5(der, usedforsecurity=False).digest().hex(":")

    @property
    def pem(self) -> str:
        """Write the key for a file."""
        return _pem(self._key)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Say whether the other half signed this text (rsa-sha256, PKCS #1 v1.5)."""
        try:
            self._key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """The half that signs."""

    def __init__(self, pem: str) -> None:
        try:
            key = serialization.load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnreadableKeyError(f"no private key in PEM form: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise UnreadableKeyError("a private key, but not of RSA")
        self._key = key

    @property
    def public(self) -> PublicKey:
        """Derive the other half."""
        return PublicKey(_pem(self._key.public_key()))

    def sign(self, text: bytes) -> bytes:
        """Sign a text (rsa-sha256, PKCS #1 v1.5)."""
        return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def new_private_key() -> str:
    """Make a key pair; the private half carries the public one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_half(private_pem: str) -> PublicKey:
    """Derive the public key of a private one."""
    return PrivateKey(private_pem).public


def _pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    ).decode()


def _armoured(der: bytes) -> str:
    """Write DER as PEM; what it is, is seen when it is read."""
    body = base64.b64encode(der).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(
        ("-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", "")
    )
