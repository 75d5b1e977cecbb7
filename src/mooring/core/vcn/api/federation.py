"""A certificate for a token: `POST /v1/x509`, by which an instance comes to a session.

The instance has a certificate from its metadata (`subject` is what stands in it, as the cloud
writes it), makes a key pair of its own, and asks for a token that names the pair's public half.
The request is signed by the certificate's key; key ids are `tenancy/fed-x509/fingerprint` with
SHA-1 or `tenancy/fed-x509-sha256/fingerprint`, and the host need not be signed.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.core.vcn.api.errors import Refusal, invalid, missing
from mooring.core.vcn.api.signing import TARGET, Refused
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import Instance
from mooring.core.vcn.world import World

PATH = "/v1/x509"
METHOD = "POST"
SIGNED = (TARGET,)
FINGERPRINTS = {"fed-x509": "sha1", "fed-x509-sha256": "sha256"}
"""What stands in a key id where a user's has the user, and how the fingerprint is made."""
PURPOSES = (None, "DEFAULT")
CHAIN = 4  # certificates between the leaf and the root, at most
BITS = range(2048, 8193)  # of a session's key
INSTANCE, COMPARTMENT, TENANT = "opc-instance:", "opc-compartment:", "opc-tenant:"
ENDED = frozenset({"TERMINATING", "TERMINATED"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks with: certificates and the public key of the session, all DER."""

    certificate: bytes
    public_key: bytes
    chain: tuple[bytes, ...] = ()


def wish(body: bytes) -> Wish:
    """Read a request's body; raises Refusal."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as fault:
        message = f"The body is no JSON in UTF-8: {str(fault)[:200]}"
        raise Refusal("CannotParseRequest", message) from None
    if not isinstance(found, dict):
        raise invalid("body", found, "must be an object.")
    purpose = found.get("purpose")
    if purpose not in PURPOSES:
        raise invalid("purpose", purpose, "must be DEFAULT, or left out.")
    return Wish(
        _binary("certificate", found.get("certificate")),
        _binary("publicKey", found.get("publicKey")),
        _chain(found.get("intermediateCertificates")),
    )


def subject(tenancy: str, instance: Instance) -> tuple[str, ...]:
    """Give the organizational units of an instance's certificate."""
    return (
        "opc-certtype:instance",
        f"{COMPARTMENT}{instance.compartment_id}",
        f"{INSTANCE}{instance.id}",
        f"{TENANT}{tenancy}",
    )


def holder(world: World, tenancy: str, units: Sequence[str]) -> Principal | Refused:
    """Tell which instance a certificate speaks of; it must live, and where it says."""
    for word in (INSTANCE, COMPARTMENT, TENANT):
        if sum(unit.startswith(word) for unit in units) != 1:
            return Refused(f"certificate: subject must have one {word}")
    id_, compartment, tenant = (
        next(unit.removeprefix(word) for unit in units if unit.startswith(word))
        for word in (INSTANCE, COMPARTMENT, TENANT)
    )
    if tenant != tenancy:
        return Refused(f"certificate: tenancy {tenant[:200]} is another one")
    instance = world.find(Instance, id_)
    if instance is None or instance.lifecycle_state in ENDED:
        return Refused(f"certificate: there is no instance {id_[:200]}")
    if instance.compartment_id != compartment:
        return Refused(f"certificate: {id_} is not in {compartment[:200]} any more")
    return Principal(
        id=id_, kind="instance", tenancy=tenancy, compartment_id=compartment
    )


def _chain(value: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - raw JSON
    where = "intermediateCertificates"
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > CHAIN:
        raise invalid(where, value, f"must be a list of at most {CHAIN}.")
    return tuple(_binary(f"{where}[{n}]", each) for n, each in enumerate(value))


def _binary(where: str, value: Any) -> bytes:  # noqa: ANN401 - raw JSON
    """Read base64; SDKs have taken PEM's first and last line away."""
    if value is None:
        raise missing(where)
    try:
        if not isinstance(value, str):
            raise TypeError  # noqa: TRY301 - one sentence for all that is no base64
        found = base64.b64decode(value.encode("ascii"), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise invalid(where, value, "must be base64 of DER.") from None
    return found
