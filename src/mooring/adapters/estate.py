"""A lab's objects in the cloud: found by display name, made when missing, by the `oci` SDK.

Each create carries a retry token made of the lab's own and the object's name, so that a call
whose answer was lost is not done twice. Nothing is retried here: whoever brings a lab
up does all of it again, and finds what is there.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import oci
from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.core import ComputeClient, VirtualNetworkClient
from oci.exceptions import (
    ClientError,
    ConnectTimeout,
    RequestException,
    ServiceError,
)
from oci.retry import NoneRetryStrategy

from mooring.core.vcn.estateport import Door, EstateError, GroupRule

GONE = ("TERMINATED", "TERMINATING")
TIMEOUTS = (5.0, 60.0)


class SdkEstate:
    """An `Estate` through the SDK. To be closed."""

    def __init__(self, door: Door) -> None:
        self._door = door
        try:
            settings = oci.config.from_file(door.config, door.profile)
            oci.config.validate_config(settings)
        except (ClientError, ValueError, OSError) as error:
            raise EstateError(f"{door.config}: {error}") from None
        self._compartment = str(settings["tenancy"])
        self._network = _client(VirtualNetworkClient, settings, door.endpoint)
        self._compute = _client(ComputeClient, settings, door.endpoint)

    def close(self) -> None:
        """Close the connections."""
        for client in (self._network, self._compute):
            client.base_client.session.close()

    def find(self, kind: str, name: str) -> str | None:
        """Give the id of the object of this kind and name; None when there is none."""
        client = self._compute if kind == "instance" else self._network
        ask = getattr(client, f"list_{kind}s")
        found = _answer(
            f"list {kind}s",
            lambda: ask(compartment_id=self._compartment, display_name=name),
        )
        ids = [each.id for each in found if each.lifecycle_state not in GONE]
        return str(ids[0]) if ids else None

    def create(self, kind: str, name: str, body: Mapping[str, Any]) -> str:
        """Make an object as its create call's body says; give its id."""
        full = {**body, "compartmentId": self._compartment, "displayName": name}
        words = "".join(word.capitalize() for word in kind.split("_"))
        options = {"opc_retry_token": self._token(kind, name)}
        if kind == "instance":
            full["availabilityDomain"] = self._door.domain
            details = self._model(self._compute, "LaunchInstanceDetails", full)
            make = self._compute.launch_instance
        else:
            details = self._model(self._network, f"Create{words}Details", full)
            make = getattr(self._network, f"create_{kind}")
        return str(
            _answer(f"create {kind} {name}", lambda: make(details, **options)).id
        )

    def ensure(self, kind: str, name: str, body: Mapping[str, Any]) -> str:
        """Find the object or make it; give its id."""
        return self.find(kind, name) or self.create(kind, name, body)

    def state(self, kind: str, ident: str) -> str:
        """Give an object's lifecycle state."""
        client = self._compute if kind == "instance" else self._network
        ask = getattr(client, f"get_{kind}")
        return str(_answer(f"get {kind}", lambda: ask(ident)).lifecycle_state)

    def rules(self, group: str) -> tuple[GroupRule, ...]:
        """List the rules of a network security group."""
        found = _answer(
            "list rules",
            lambda: self._network.list_network_security_group_security_rules(group),
        )
        return tuple(GroupRule(rule.id, rule.description or "") for rule in found)

    def add_rules(self, group: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules to a network security group."""
        name = "AddNetworkSecurityGroupSecurityRulesDetails"
        details = self._model(self._network, name, {"securityRules": list(rules)})
        _answer(
            "add rules",
            lambda: self._network.add_network_security_group_security_rules(
                group, details
            ),
        )

    def remove_rules(self, group: str, ids: Sequence[str]) -> None:
        """Take rules away from a network security group."""
        name = "RemoveNetworkSecurityGroupSecurityRulesDetails"
        details = self._model(self._network, name, {"securityRuleIds": list(ids)})
        _answer(
            "remove rules",
            lambda: self._network.remove_network_security_group_security_rules(
                group, details
            ),
        )

    def nat_address(self, name: str) -> str:
        """Give the public address of the NAT gateway of this name."""
        ident = self.find("nat_gateway", name)
        if ident is None:
            raise EstateError(f"there is no NAT gateway {name}")
        ask = self._network.get_nat_gateway
        return str(_answer("get nat_gateway", lambda: ask(ident)).nat_ip)

    def _token(self, kind: str, name: str) -> str:
        seed = f"{self._door.token}/{kind}/{name}"
        return hashlib.sha256(seed.encode()).hexdigest()[:40]

    def _model(self, client: Any, name: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK has no types
        # The SDK's own reader makes its nested models of the API's JSON.
        text = json.dumps(body).encode()
        return client.base_client.deserialize_response_data(text, name)


def _client(kind: type[Any], settings: Mapping[str, Any], endpoint: str) -> Any:  # noqa: ANN401 - the SDK has no types
    return kind(
        dict(settings),
        service_endpoint=endpoint,
        timeout=TIMEOUTS,
        retry_strategy=NoneRetryStrategy(),
        circuit_breaker_strategy=NoCircuitBreakerStrategy(),
    )


def _answer(what: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - the SDK has no types
    try:
        return ask().data
    except ServiceError as error:
        raise EstateError(
            f"{what}: {error.status} {error.code}: {error.message}"
        ) from None
    except (RequestException, ConnectTimeout, ClientError, ValueError) as error:
        raise EstateError(f"{what}: {error}") from None
