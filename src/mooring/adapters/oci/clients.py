"""The SDK's clients: made from a profile, without retries and circuit breaker of their own."""

import configparser
from dataclasses import dataclass
from typing import Any

import oci
from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.core import ComputeClient, VirtualNetworkClient
from oci.exceptions import ClientError
from oci.retry import NoneRetryStrategy
from oci.work_requests import WorkRequestClient

TIMEOUTS = (5.0, 30.0)
"""Seconds to connect and to wait for an answer."""


class MisconfiguredError(Exception):
    """The configuration file, the profile or its key cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whom to be for the cloud, and where it is when not at the region's address."""

    config: str
    profile: str
    endpoint: str | None = None


class Clients:
    """The services that hold what the controller needs."""

    def __init__(self, settings: dict[str, Any], endpoint: str | None) -> None:
        options = {
            "retry_strategy": NoneRetryStrategy(),
            "circuit_breaker_strategy": NoCircuitBreakerStrategy(),
            "timeout": TIMEOUTS,
            **({"service_endpoint": endpoint} if endpoint else {}),
        }
        self.compute = ComputeClient(settings, **options)
        self.network = VirtualNetworkClient(settings, **options)
        self.works = WorkRequestClient(settings, **options)


def settings(access: Access) -> dict[str, Any]:
    """Read the profile; raise MisconfiguredError when it cannot be used."""
    try:
        found: dict[str, Any] = oci.config.from_file(access.config, access.profile)
    except (ClientError, configparser.Error, OSError, ValueError) as error:
        raise MisconfiguredError(
            f"profile {access.profile} of {access.config}: {short(error)}"
        ) from error
    return found


def short(error: BaseException) -> str:
    """Give the words of an error in one line, without the SDK's advice."""
    text = " ".join(str(error).split()).split(" Request Endpoint:", 1)[0]
    return text[:300] or type(error).__name__
