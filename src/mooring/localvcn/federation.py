"""The door at which an instance's certificate becomes a session token.

What may be asked, and of which instance a certificate speaks, is `core.vcn.api.federation`'s; here
the certificates are read, the chain is checked, and the token is signed.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from mooring.adapters.credentials import IdentityFile
from mooring.adapters.rsa import PublicKey, UnreadableKeyError
from mooring.adapters.x509 import Certificate, UnreadableCertificateError
from mooring.core.vcn.api import federation, session, signing
from mooring.core.vcn.api.errors import Refusal, invalid
from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.api.session import RsaKey, Session
from mooring.core.vcn.api.signing import Holder, KeyId, Name, Received, Refused
from mooring.core.vcn.world import World
from mooring.localvcn.authority import Authority


class Federation:
    """What `POST /v1/x509` is answered."""

    def __init__(
        self,
        authority: Authority,
        register: IdentityFile,
        world: Callable[[], World],
    ) -> None:
        self._authority = authority
        self._register = register
        self._world = world

    @staticmethod
    def is_asked(received: Received) -> bool:
        """Tell whether a request comes to this door."""
        path = received.target.partition("?")[0]
        return (received.method, path) == (federation.METHOD, federation.PATH)

    def answer(self, received: Received, now: datetime) -> Reply | Refused:
        """Give a token, or say why not."""
        try:
            return self._answer(received, now)
        except Refusal as refusal:
            return refusal.reply()

    def _answer(self, received: Received, now: datetime) -> Reply | Refused:
        wish = federation.wish(received.body)
        leaf = _certificate("certificate", wish.certificate)
        key = _session_key(wish.public_key)
        if not self._authority.knows(leaf, _chain(wish.chain), now):
            return Refused("certificate: is not of this authority, or not of this hour")
        who = self._holder(leaf)
        if isinstance(who, Refused):
            return who

        def known(name: Name) -> Holder | Refused:
            if isinstance(name, KeyId) and _names(name, leaf, who.principal.tenancy):
                return who
            return Refused(f"key {name} is not that of the certificate")

        caller = signing.authenticate(received, now, known, federation.SIGNED)
        if isinstance(caller, Refused):
            return caller
        begins = now.replace(microsecond=0)
        made = Session(caller, RsaKey(*key.numbers), begins, begins + session.LIFE)
        token = session.write(made, self._authority.tokens.sign)
        return Reply(
            status=200,
            body=json.dumps({"token": token}).encode(),
            headers={"content-type": "application/json"},
        )

    def _holder(self, leaf: Certificate) -> Holder | Refused:
        identity = self._register.read()
        if identity is None:
            return Refused("certificate: there is no tenancy yet")
        who = federation.holder(self._world(), identity.tenancy, leaf.units)
        if isinstance(who, Refused):
            return who
        return Holder(who, PublicKey(leaf.key).verify)


def _names(name: KeyId, leaf: Certificate, tenancy: str) -> bool:
    """Tell whether a key id is that of a certificate."""
    algorithm = federation.FINGERPRINTS.get(name.user)
    if algorithm is None or name.tenancy != tenancy:
        return False
    return name.fingerprint.upper() == leaf.fingerprint(algorithm)


def _certificate(where: str, der: bytes) -> Certificate:
    try:
        return Certificate.of_der(der)
    except UnreadableCertificateError as error:
        raise invalid(where, str(error), "must be an X.509 certificate.") from None


def _chain(ders: Sequence[bytes]) -> list[Certificate]:
    where = "intermediateCertificates"
    return [_certificate(f"{where}[{n}]", der) for n, der in enumerate(ders)]


def _session_key(der: bytes) -> PublicKey:
    least, most = federation.BITS[0], federation.BITS[-1]
    rule = f"must be an RSA key of {least} to {most} bits."
    try:
        key = PublicKey.of_der(der)
    except UnreadableKeyError as error:
        raise invalid("publicKey", str(error), rule) from None
    if key.bits not in federation.BITS:
        raise invalid("publicKey", f"{key.bits} bits", rule)
    return key
