"""Keys: the official SDK signs, ours says who it was."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from oci.signer import load_private_key

from mooring.adapters.rsa import (
    PublicKey,
    UnreadableKeyError,
    new_private_key,
    public_half,
)

PEM = new_private_key()
TEXT = b"date: today\n(request-target): get /20160918/vcns"


def signed(text: bytes) -> bytes:
    key = load_private_key(PEM, None)
    signature: bytes = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    return signature


def test_what_the_sdk_signs_with_our_key_is_verified() -> None:
    key = PublicKey(public_half(PEM).pem)

    assert key.verify(TEXT, signed(TEXT))


@pytest.mark.parametrize("signature", [b"", b"x" * 256, signed(b"other")])
def test_anything_else_is_not(signature: bytes) -> None:
    assert not public_half(PEM).verify(TEXT, signature)


def test_the_fingerprint_is_the_clouds() -> None:
    der = (
        load_private_key(PEM, None)
        .public_key()
        .public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )
    digest = hashlib.md5(der).hexdigest()

    assert public_half(PEM).fingerprint == ":".join(
        digest[n : n + 2] for n in range(0, 32, 2)
    )


ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
ELLIPTIC_PEM = ELLIPTIC.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
ELLIPTIC_PUBLIC = (
    ELLIPTIC.public_key()
    .public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    .decode()
)


@pytest.mark.parametrize("text", ["", "no key", PEM, ELLIPTIC_PUBLIC])
def test_what_is_no_public_rsa_key_is_refused(text: str) -> None:
    with pytest.raises(UnreadableKeyError):
        PublicKey(text)


@pytest.mark.parametrize("text", ["", "no key", public_half(PEM).pem, ELLIPTIC_PEM])
def test_what_is_no_private_rsa_key_is_refused(text: str) -> None:
    with pytest.raises(UnreadableKeyError):
        public_half(text)
