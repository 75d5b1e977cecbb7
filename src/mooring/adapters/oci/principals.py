"""Who we are for the cloud: a user of a configuration file, this instance, or this pod.

A file that cannot be used is told at once. Instances and pods come to a token only when the
metadata service, the identity service or the cluster's token service answers; they are asked
when the first call is made, and again after `PAUSE` when that failed.
"""

import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oci.auth.signers import (
    InstancePrincipalsSecurityTokenSigner,
    OkeWorkloadIdentityResourcePrincipalSigner,
)
from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.exceptions import ServiceError
from oci.retry import NoneRetryStrategy

from mooring.adapters.oci import profiles
from mooring.adapters.oci.words import MisconfiguredError, short
from mooring.core.npn import authentication as why
from mooring.core.npn.errors import Unavailable

PAUSE = 5.0
"""Seconds for which a failure is told again instead of asking again."""
CALL = "Authenticate"
IDENTITY = "the identity service"
PODS = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PROXYMUX = 12250
"""Port of the service in an OKE cluster that gives pods their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """Where a pod finds what speaks for it; `asked` tells that its environment wants it used."""

    token: Path = PODS / "token"
    authority: Path = PODS / "ca.crt"
    host: str = ""
    port: int = PROXYMUX
    region: str | None = None
    asked: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Pod":
        """Read the variables that OKE and its users set."""
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        return cls(
            host=host,
            region=environment.get("OCI_RESOURCE_PRINCIPAL_REGION"),
            asked=bool(host and environment.get("OCI_RESOURCE_PRINCIPAL_VERSION")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whom to be for the cloud, and where it is when not at the region's address.

    `identity` is where the identity service is, which gives instances their tokens.
    """

    config: str = "~/.oci/config"
    profile: str = "DEFAULT"
    endpoint: str | None = None
    auth: str = why.CONFIG
    identity: str | None = None
    pod: Pod = Pod()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What clients are made of. `signer` None: the SDK makes one from the settings."""

    settings: dict[str, Any]
    signer: Any = None
    tenancy: str | None = None


class Principal:
    """Comes to a `Signed`, once for all threads."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        self._access, self._now = access, now
        self._lock = threading.Lock()
        self._failed: tuple[float, Unavailable] | None = None
        self._signed: Signed | None = None
        self.auth = access.auth if access.auth != why.AUTO else _chosen(access)
        if self.auth == why.CONFIG:
            self._signed = _user(access)
        elif self.auth == why.WORKLOAD and not (access.endpoint or access.pod.region):
            raise MisconfiguredError(why.no_region())

    def __str__(self) -> str:
        """Say who we are."""
        if self.auth == why.CONFIG:
            return f"profile {self._access.profile} of {self._access.config}"
        return "instance" if self.auth == why.INSTANCE else "pod's service account"

    def signed(self) -> Signed:
        """Give what clients are made of; raise Unavailable when there is none yet."""
        with self._lock:
            if self._signed is not None:
                return self._signed
            if self._failed and self._now() < self._failed[0]:
                raise self._failed[1]
            try:
                at_home = self.auth == why.INSTANCE
                make = _instance if at_home else _pod
                self._signed = make(self._access)
            except Unavailable as error:
                self._failed = self._now() + PAUSE, error
                raise
            return self._signed

    def lost(self, error: Exception) -> Unavailable | None:
        """Say that a token could not be renewed in the middle of a call, if that is what it was."""
        if self.auth == why.CONFIG or not _asked(error, "oci.auth."):
            return None
        words = (
            _instance_words(error)
            if self.auth == why.INSTANCE
            else _pod_words(error, _place(self._access.pod))
        )
        return Unavailable(CALL, "NoToken", words)


def _chosen(access: Access) -> str:
    profile = profiles.exists(_path(access), access.profile)
    return why.chosen(profile=profile, workload=access.pod.asked)


def _path(access: Access) -> str:
    return str(Path(access.config).expanduser())


def _user(access: Access) -> Signed:
    found = profiles.settings(_path(access), access.profile)
    return Signed(settings=found, tenancy=found.get("tenancy"))


def _instance(access: Access) -> Signed:
    """Come to a token by the instance's certificate."""
    identity = f"{access.identity}/v1/x509" if access.identity else None
    try:
        signer = InstancePrincipalsSecurityTokenSigner(
            federation_endpoint=identity,
            retry_strategy=NoneRetryStrategy(),
            federation_client_retry_strategy=NoneRetryStrategy(),
            federation_client_circuit_breaker_strategy=NoCircuitBreakerStrategy(),
        )
    except Exception as error:
        # Nobody lists what the SDK, its HTTP library and its parsers raise.
        raise Unavailable(CALL, "NoToken", _instance_words(error)) from error
    tenancy: str = signer.tenancy_id
    return Signed(settings={"region": signer.region}, signer=signer, tenancy=tenancy)


def _instance_words(error: Exception) -> str:
    """Tell which of the two services it was: the one that was asked last."""
    identity = _asked(error, "oci.auth.federation_client")
    if not identity or _asked(error, "oci.auth.certificate_retriever"):
        base = os.environ.get("OCI_METADATA_BASE_URL") or why.METADATA
        return why.metadata_away(base, short(error))
    if isinstance(error, ServiceError):
        return why.federation_refused(IDENTITY, error.status, _said(error))
    return why.federation_away(IDENTITY, short(error))


def _asked(error: Exception, module: str) -> bool:
    """Tell whether an error came up in a module: the SDK's errors do not say whom they asked."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(
        str(frame.f_globals.get("__name__")).startswith(module) for frame, _ in frames
    )


def _pod(access: Access) -> Signed:
    """Come to a token by the token of the pod's service account."""
    pod = access.pod
    token = _Account(pod.token)
    token.get_sa_token()
    try:
        signer = OkeWorkloadIdentityResourcePrincipalSigner(
            token,
            str(pod.authority),
            pod.host,
            pod.port,
            region=pod.region,
            retry_strategy=NoneRetryStrategy(),
        )
    except Unavailable:
        raise
    except Exception as error:
        # Likewise; a file that is missing is among them.
        raise Unavailable(CALL, "NoToken", _pod_words(error, _place(pod))) from error
    settings = {"region": pod.region} if pod.region else {}
    return Signed(settings=settings, signer=signer)


def _place(pod: Pod) -> str:
    return f"{pod.host or '(no KUBERNETES_SERVICE_HOST)'}:{pod.port}"


def _pod_words(error: Exception, place: str) -> str:
    if isinstance(error, ServiceError):
        return why.workload_refused(place, error.status, _said(error))
    return why.no_cluster_service(place, short(error))


class _Account:
    """The token of a service account: the kubelet replaces the file before it expires."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_sa_token(self) -> str:
        """Read it, under the name that the SDK calls."""
        try:
            return self._path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            words = why.no_service_account(str(self._path), short(error))
            raise Unavailable(CALL, "NoToken", words) from error


def _said(error: ServiceError) -> str:
    return f"{error.code}: {' '.join(str(error.message).split())}"[:300]
