"""Keys and certificates of a cluster: an authority, and those to whom it gives.

All of them are of the P-256 curve: a lab makes a dozen, and RSA's would take seconds. Everything is
PEM text in and out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mooring.core.linux.kubeconfig import Identity

YEARS = timedelta(days=3650)
SOON = timedelta(days=30)
SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: str
    key: str


def new_key() -> str:
    """Make a private key."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def authority(name: str, now: datetime) -> Pair:
    """Make an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, now)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(authority=True), critical=True)
    signed = builder.sign(key, hashes.SHA256())
    return Pair(_text(signed), _pem(key))


def give(giver: Pair, identity: Identity, now: datetime) -> Pair:
    """Make a certificate: of a server when there are hosts, else of a client."""
    issuer = x509.load_pem_x509_certificate(giver.certificate.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_subject(identity), issuer.subject, key, now)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(authority=False), critical=True)
    use = ExtendedKeyUsageOID.CLIENT_AUTH
    if identity.hosts:
        use = ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(_names(identity), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return Pair(_text(builder.sign(_private(giver.key), hashes.SHA256())), _pem(key))


def fits(pair: Pair, giver: Pair, identity: Identity, now: datetime) -> bool:
    """Tell whether a certificate is what `give` would make now, but for its key."""
    try:
        found = x509.load_pem_x509_certificate(pair.certificate.encode())
        issuer = x509.load_pem_x509_certificate(giver.certificate.encode())
        found.verify_directly_issued_by(issuer)
        same = found.public_key() == _private(pair.key).public_key()
    except (ValueError, TypeError, InvalidSignature):
        return False
    return (
        same
        and found.subject == _subject(identity)
        and _held(found) == _names(identity)
        and now + SOON < found.not_valid_after_utc
    )


def _held(found: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return found.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _names(identity: Identity) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_host(host) for host in identity.hosts])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _subject(identity: Identity) -> x509.Name:
    words = [x509.NameAttribute(NameOID.COMMON_NAME, identity.user)]
    if identity.group:
        words.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.group))
    return x509.Name(words)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + YEARS)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=False,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a private key of another kind")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
