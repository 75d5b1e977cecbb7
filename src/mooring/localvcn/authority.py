"""The authority of a state directory: whom clients believe when they call, and who instances are.

A root, trusted by whoever is given `STATE/authority.pem`, signs the certificate of the service's
names and that of an intermediate, which signs instances' certificates. A third key signs session
tokens. Everything private is below `STATE/authority`, readable for its owner alone; whoever has
it can be any instance of this local VCN, and any of its names to those who trust the root.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mooring.adapters import credentials, rsa, x509
from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.adapters.x509 import Certificate, Issuer, UnreadableCertificateError, Wish

ROOT = "authority.pem"
PRIVATE = "authority"
LONG = timedelta(days=3650)
INSTANCE_LIFE = timedelta(hours=4)
EARLIER = timedelta(minutes=10)  # for clocks that are behind


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: Certificate
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """What was found in the state directory, or made there."""

    directory: Path
    root: Issuer
    instances: Issuer
    tokens: rsa.PrivateKey

    def instance(self, name: str, units: Sequence[str], now: datetime) -> Pair:
        """Give an instance a certificate with a fresh key; takes some ten milliseconds."""
        key = rsa.new_private_key()
        wish = Wish(
            name=name[-64:],  # X.520: no common name is longer
            units=tuple(units),
            key=key,
            begins=now - EARLIER,
            ends=now + INSTANCE_LIFE,
        )
        return Pair(self.instances.give(wish), key)

    def service(self, hosts: Sequence[str], now: datetime) -> Path:
        """Make the certificate of a server with these names; give the file of both halves."""
        key = rsa.new_private_key()
        wish = Wish(
            name=hosts[0][:64],
            hosts=tuple(hosts),
            key=key,
            begins=now - EARLIER,
            ends=now + LONG,
        )
        file = self.directory / "service.pem"
        credentials.keep_private_key(file, key + self.root.give(wish).pem)
        return file

    def knows(
        self, leaf: Certificate, chain: Sequence[Certificate], now: datetime
    ) -> bool:
        """Tell whether a certificate of an instance is ours, by the chain that came with it."""
        middle = self.instances.certificate
        if chain and all(each.der != middle.der for each in chain):
            return False
        return leaf.holds_at(now) and leaf.is_given_by(middle)


def authority(state: Path, wall: Callable[[], datetime]) -> Authority:
    """Find the authority of a state directory; make what is missing of it."""
    directory = state / PRIVATE
    with IdentityFile(state).change():
        try:
            return _found(state, directory, wall())
        except (rsa.UnreadableKeyError, UnreadableCertificateError) as error:
            raise CredentialsError(
                f"{directory}: {error}; move it away with {state / ROOT} to have a new one"
            ) from error


def _found(state: Path, directory: Path, now: datetime) -> Authority:
    def wish(name: str, key: str) -> Wish:
        ends = now + LONG
        return Wish(name=name, key=key, begins=now - EARLIER, ends=ends, authority=True)

    def the_root(key: str) -> Certificate:
        return x509.root(wish("Mooring local VCN", key))

    root = _issuer(directory / "root-key.pem", state / ROOT, the_root)

    def the_middle(key: str) -> Certificate:
        return root.give(wish("Mooring local VCN instances", key))

    middle = _issuer(
        directory / "instances-key.pem", directory / "instances.pem", the_middle
    )
    tokens = rsa.PrivateKey(_key(directory / "tokens-key.pem"))
    return Authority(directory, root, middle, tokens)


def _issuer(key_file: Path, file: Path, make: Callable[[str], Certificate]) -> Issuer:
    """Find a certificate and its key; the key is kept first, so that a crash loses neither."""
    key = _key(key_file)
    text = credentials.read_private_key(file)
    if text is None:
        text = make(key).pem
        credentials.keep_private_key(file, text)
    certificate = Certificate.of_pem(text)
    if certificate.key != rsa.public_half(key).pem:
        raise UnreadableCertificateError(
            f"{key_file.name} is not the key of {file.name}"
        )
    return Issuer(certificate, key)


def _key(path: Path) -> str:
    pem = credentials.read_private_key(path)
    if pem is None:
        pem = rsa.new_private_key()
        credentials.keep_private_key(path, pem)
    return pem
