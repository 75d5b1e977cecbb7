"""Certificates: an authority's, those that it gives, and what one from outside says.

Everything is PEM or DER text in and out; keys come from `adapters.rsa` as PEM. Nothing
here knows what the names in a certificate mean.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FINGERPRINTS = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}


class UnreadableCertificateError(ValueError):
    """The bytes are no certificate that can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A certificate as it shall be, for the public half of `key`.

    `units` are organizational units, in this order; `hosts` are the names that a server has.
    An `authority` may give certificates itself, to nobody who does.
    """

    name: str
    key: str
    begins: datetime
    ends: datetime
    units: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    authority: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, read once; `found` is the library's."""

    found: x509.Certificate

    @classmethod
    def of_pem(cls, text: str) -> Self:
        """Read PEM."""
        try:
            return cls(x509.load_pem_x509_certificate(text.encode()))
        except ValueError as error:
            raise UnreadableCertificateError(
                f"no certificate in PEM form: {error}"
            ) from error

    @classmethod
    def of_der(cls, der: bytes) -> Self:
        """Read DER."""
        try:
            return cls(x509.load_der_x509_certificate(der))
        except ValueError as error:
            raise UnreadableCertificateError(
                f"no certificate in DER form: {error}"
            ) from error

    @property
    def pem(self) -> str:
        """Write it for a file."""
        return self.found.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        """Write it for the wire."""
        return self.found.public_bytes(serialization.Encoding.DER)

    @property
    def key(self) -> str:
        """Give the public key as PEM."""
        try:
            key = self.found.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnreadableCertificateError(
                f"no key that is known: {error}"
            ) from error
        return key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    @property
    def units(self) -> tuple[str, ...]:
        """Give the subject's organizational units."""
        try:
            found = self.found.subject.get_attributes_for_oid(
                NameOID.ORGANIZATIONAL_UNIT_NAME
            )
        except ValueError as error:
            raise UnreadableCertificateError(f"no subject: {error}") from error
        return tuple(str(each.value) for each in found)

    def holds_at(self, now: datetime) -> bool:
        """Tell whether it is valid at this moment."""
        return self.found.not_valid_before_utc <= now <= self.found.not_valid_after_utc

    @property
    def ends(self) -> datetime:
        """Tell when it is valid for the last time."""
        return self.found.not_valid_after_utc

    def fingerprint(self, algorithm: str) -> str:
        """Give its fingerprint as the cloud writes it: upper case, colons between bytes."""
        return self.found.fingerprint(FINGERPRINTS[algorithm]()).hex(":").upper()

    def is_given_by(self, other: "Certificate") -> bool:
        """Tell whether the other's key signed this one, and its name is the issuer's."""
        try:
            self.found.verify_directly_issued_by(other.found)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who gives certificates: its own, and its private key as PEM."""

    certificate: Certificate
    key: str

    def give(self, wish: Wish) -> Certificate:
        """Make a certificate."""
        return _made(wish, self.certificate.found.subject, _private(self.key))


def root(wish: Wish) -> Certificate:
    """Make a certificate that its own key signs."""
    return _made(wish, _name(wish), _private(wish.key))


def _made(wish: Wish, issuer: x509.Name, key: rsa.RSAPrivateKey) -> Certificate:
    public = _private(wish.key).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(wish))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(wish.begins)
        .not_valid_after(wish.ends)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.BasicConstraints(ca=wish.authority, path_length=None), critical=True
        )
        .add_extension(_usage(authority=wish.authority), critical=True)
    )
    if not wish.authority:
        use = (
            ExtendedKeyUsageOID.SERVER_AUTH
            if wish.hosts
            else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if wish.hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(h) for h in wish.hosts])
        builder = builder.add_extension(names, critical=False)
    return Certificate(builder.sign(key, hashes.SHA256()))


def _name(wish: Wish) -> x509.Name:
    units = (
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, u) for u in wish.units
    )
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.name), *units])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnreadableCertificateError("a private key, but not of RSA")
    return key
