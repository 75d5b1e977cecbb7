"""The SDK's clients: made for a principal, without retries and circuit breaker of their own."""

from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.core import ComputeClient, VirtualNetworkClient
from oci.retry import NoneRetryStrategy
from oci.work_requests import WorkRequestClient

from mooring.adapters.oci.principals import Signed

TIMEOUTS = (5.0, 30.0)
"""Seconds to connect and to wait for an answer."""


class Clients:
    """The services that hold what the controller needs."""

    def __init__(self, signed: Signed, endpoint: str | None) -> None:
        options = {
            "retry_strategy": NoneRetryStrategy(),
            "circuit_breaker_strategy": NoCircuitBreakerStrategy(),
            "timeout": TIMEOUTS,
            **({"service_endpoint": endpoint} if endpoint else {}),
            **({"signer": signed.signer} if signed.signer else {}),
        }
        self.compute = ComputeClient(signed.settings, **options)
        self.network = VirtualNetworkClient(signed.settings, **options)
        self.works = WorkRequestClient(signed.settings, **options)
