"""Certificates: the SDK's library reads ours, and only what an authority gave is its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mooring.adapters.rsa import new_private_key, public_half
from mooring.adapters.x509 import (
    Certificate,
    Issuer,
    UnreadableCertificateError,
    Wish,
    root,
)

NOW = datetime(2026, 7, 12, tzinfo=UTC)
KEY, OTHER = new_private_key(), new_private_key()
WISH = Wish(
    name="authority",
    key=KEY,
    begins=NOW,
    ends=NOW + timedelta(days=1),
    authority=True,
)
ROOT = Issuer(root(WISH), KEY)
LEAF = Wish(
    name="node",
    key=OTHER,
    begins=NOW,
    ends=NOW + timedelta(hours=1),
    units=("opc-tenant:ocid1.tenancy.oc1.." + "t" * 60, "opc-instance:i"),
)


def test_what_is_given_says_what_was_wished() -> None:
    given = ROOT.give(LEAF)

    assert given.units == LEAF.units
    assert given.key == public_half(OTHER).pem
    assert given.ends == LEAF.ends


@pytest.mark.parametrize(
    ("after", "held"), [(-1, False), (0, True), (3600, True), (3601, False)]
)
def test_a_certificate_holds_for_its_time(after: int, held: bool) -> None:
    assert ROOT.give(LEAF).holds_at(NOW + timedelta(seconds=after)) is held


def test_only_what_the_authority_gave_is_its_own() -> None:
    strange = Issuer(root(replace(WISH, key=OTHER)), OTHER)

    assert ROOT.give(LEAF).is_given_by(ROOT.certificate)
    assert not strange.give(LEAF).is_given_by(ROOT.certificate)
    assert not strange.give(replace(LEAF, name="other")).is_given_by(ROOT.certificate)


def test_a_certificate_comes_back_from_pem_and_der() -> None:
    given = ROOT.give(LEAF)

    assert Certificate.of_pem(given.pem) == Certificate.of_der(given.der) == given


def test_the_library_finds_the_uses_and_names_in_it() -> None:
    served = ROOT.give(replace(LEAF, hosts=("iaas.local-1.oraclecloud.com",)))
    found = x509.load_pem_x509_certificate(served.pem.encode())

    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    use = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert names.value.get_values_for_type(x509.DNSName) == [
        "iaas.local-1.oraclecloud.com"
    ]
    assert list(use.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_fingerprint_is_the_one_the_sdk_writes(algorithm: str) -> None:
    given = ROOT.give(LEAF)
    digest = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}[algorithm]
    found = x509.load_pem_x509_certificate(given.pem.encode()).fingerprint(digest)

    wanted = ":".join(f"{byte:02X}" for byte in found)
    assert given.fingerprint(algorithm) == wanted


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(UnreadableCertificateError):
        Certificate.of_pem("no certificate")
    with pytest.raises(UnreadableCertificateError):
        Certificate.of_der(b"no certificate")


def test_a_certificate_of_another_kind_of_key_is_not_of_this_authority() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    strange = Certificate(
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )

    assert not strange.is_given_by(ROOT.certificate)
    assert not ROOT.give(LEAF).is_given_by(strange)
