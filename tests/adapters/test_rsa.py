"""Keys: the official SDK signs, ours says who it was."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from oci.signer import load_private_key

from mooring.adapters.rsa import (
    PrivateKey,
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


def test_what_we_sign_the_other_half_verifies() -> None:
    key = PrivateKey(PEM)

    assert key.sign(TEXT) == signed(TEXT)
    assert key.public.verify(TEXT, key.sign(TEXT))


def test_a_public_key_comes_back_from_its_numbers_and_from_der() -> None:
    key = public_half(PEM)
    der = base64.b64decode("".join(key.pem.splitlines()[1:-1]))

    assert PublicKey.of_numbers(*key.numbers).pem == key.pem
    assert PublicKey.of_der(der).pem == key.pem
    assert key.bits == 2048


@pytest.mark.parametrize("numbers", [(0, 0), (3, 2)])
def test_numbers_that_are_no_key_are_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(UnreadableKeyError):
        PublicKey.of_numbers(*numbers)


@pytest.mark.parametrize("der", [b"", b"no key"])
def test_der_that_is_no_key_is_refused(der: bytes) -> None:
    with pytest.raises(UnreadableKeyError):
        PublicKey.of_der(der)
