"""RSA keys as the cloud uses them: made, named by fingerprint, asked who signed.

A public key is parsed once and kept; verifying costs some ten microseconds.
"""

import hashlib

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
        return self._key.public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        ).decode()

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Say whether the other half signed this text (rsa-sha256, PKCS #1 v1.5)."""
        try:
            self._key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


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
    try:
        key = serialization.load_pem_private_key(private_pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnreadableKeyError(f"no private key in PEM form: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnreadableKeyError("a private key, but not of RSA")
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return PublicKey(pem.decode())
