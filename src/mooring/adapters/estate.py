"""A lab's objects in the cloud: found by display name, made when missing, by the `oci` SDK.

Each create carries a retry token, so that a call whose answer was lost is not done twice. The
token is made of the lab's own, the object's name and a number, which tells one life of the
name from the next: numbers are tried from 0, and one that stands for an object that is gone,
or has ended, gives way to the one after. Whoever lost an answer arrives at the same number
again. Nothing else is retried here: whoever brings a lab up does all of it again, and
finds what is there.
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
from oci.identity import IdentityClient
from oci.retry import NoneRetryStrategy

from mooring.core.vcn.estateport import Door, EstateError, GroupRule

ENDING = "TERMINATING"
GONE = ("TERMINATED", ENDING)
STALE, ABSENT = "InvalidatedRetryToken", "NotAuthorizedOrNotFound"
NAMELESS = ("service_gateway",)  # lists that cannot be asked by name
IDENTITY = ("dynamic_group", "policy")  # kinds of the identity service
PLURALS = {"policy": "policies"}
LIVES = 1000  # of one name, while the cloud remembers tokens (24 hours)
TIMEOUTS = (5.0, 60.0)


class _StaleError(EstateError):
    """The retry token stands for something else, or for what is gone."""


class _AbsentError(EstateError):
    """There is no such object, or we may not see it."""


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
        self._identity = _client(IdentityClient, settings, door.endpoint)

    @property
    def compartment(self) -> str:
        """Tell in which compartment the objects are."""
        return self._compartment

    def close(self) -> None:
        """Close the connections."""
        for client in (self._network, self._compute, self._identity):
            client.base_client.session.close()

    def find(self, kind: str, name: str) -> str | None:
        """Give the id of the object of this kind and name; None when there is none."""
        found = self._list(kind, name)
        ids = [each.id for each in found if each.lifecycle_state not in GONE]
        return str(ids[0]) if ids else None

    def is_ending(self, kind: str, name: str) -> bool:
        """Tell whether an object of this kind and name is about to end."""
        return any(e.lifecycle_state == ENDING for e in self._list(kind, name))

    def _list(self, kind: str, name: str) -> Sequence[Any]:
        plural = PLURALS.get(kind, f"{kind}s")
        ask = getattr(self._client_of(kind), f"list_{plural}")
        word = "name" if kind in IDENTITY else "display_name"
        query = {} if kind in NAMELESS else {word: name}
        found: Sequence[Any] = _answer(
            f"list {plural}",
            lambda: ask(compartment_id=self._compartment, limit=1000, **query),
        )
        return [each for each in found if getattr(each, word) == name]

    def _client_of(self, kind: str) -> Any:
        if kind in IDENTITY:
            return self._identity
        return self._compute if kind == "instance" else self._network

    def create(self, kind: str, name: str, body: Mapping[str, Any]) -> str:
        """Make an object as its create call's body says; give its id."""
        client = self._client_of(kind)
        word = "name" if kind in IDENTITY else "displayName"
        full = {**body, "compartmentId": self._compartment, word: name}
        words = "".join(word.capitalize() for word in kind.split("_"))
        if kind == "instance":
            full["availabilityDomain"] = self._door.domain
            details = self._model(self._compute, "LaunchInstanceDetails", full)
            make = self._compute.launch_instance
        else:
            details = self._model(client, f"Create{words}Details", full)
            make = getattr(client, f"create_{kind}")
        for life in range(LIVES):
            made = _made(
                f"create {kind} {name}", make, details, self._token(kind, name, life)
            )
            if made is not None and self._lives(kind, made):
                return made
        raise EstateError(f"create {kind} {name}: {LIVES} have ended within a day")

    def _lives(self, kind: str, ident: str) -> bool:
        """Tell whether what a token made is still there: its answer is as old as it."""
        try:
            return self.state(kind, ident) not in GONE
        except _AbsentError:
            return False

    def ensure(self, kind: str, name: str, body: Mapping[str, Any]) -> str:
        """Find the object or make it; give its id."""
        return self.find(kind, name) or self.create(kind, name, body)

    def state(self, kind: str, ident: str) -> str:
        """Give an object's lifecycle state."""
        ask = getattr(self._client_of(kind), f"get_{kind}")
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

    def destinations(self, table: str) -> tuple[str, ...]:
        """List the destinations of a route table's rules."""
        return tuple(rule.destination for rule in self._routes(table))

    def add_routes(self, table: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules to a route table; those that it has stay."""
        details = self._model(
            self._network, "UpdateRouteTableDetails", {"routeRules": list(rules)}
        )
        details.route_rules = [*self._routes(table), *details.route_rules]
        change = self._network.update_route_table
        _answer("add routes", lambda: change(table, details))

    def _routes(self, table: str) -> list[Any]:
        ask = self._network.get_route_table
        return list(_answer("get route_table", lambda: ask(table)).route_rules)

    def addresses(self, instance: str) -> tuple[str, ...]:
        """List the addresses of an instance's first VNIC, the IPv4 one first."""
        ask = self._compute.list_vnic_attachments
        attached = _answer(
            "list vnic_attachments",
            lambda: ask(self._compartment, instance_id=instance),
        )
        for each in attached:
            if each.lifecycle_state == "ATTACHED":
                vnic = self._vnic(each.vnic_id)
                if vnic.is_primary:
                    return (vnic.private_ip, *(vnic.ipv6_addresses or ()))
        raise EstateError(f"instance {instance} has no VNIC")

    def _vnic(self, ident: str) -> Any:
        return _answer("get vnic", lambda: self._network.get_vnic(ident))

    def nat_address(self, name: str) -> str:
        """Give the public address of the NAT gateway of this name."""
        ident = self.find("nat_gateway", name)
        if ident is None:
            raise EstateError(f"there is no NAT gateway {name}")
        ask = self._network.get_nat_gateway
        return str(_answer("get nat_gateway", lambda: ask(ident)).nat_ip)

    def _token(self, kind: str, name: str, life: int) -> str:
        seed = f"{self._door.token}/{kind}/{name}/{life}"
        return hashlib.sha256(seed.encode()).hexdigest()[:40]

    def _model(self, client: Any, name: str, body: Mapping[str, Any]) -> Any:
        # The SDK's own reader makes its nested models of the API's JSON.
        text = json.dumps(body).encode()
        return client.base_client.deserialize_response_data(text, name)


def _client(kind: type[Any], settings: Mapping[str, Any], endpoint: str) -> Any:
    return kind(
        dict(settings),
        service_endpoint=endpoint,
        timeout=TIMEOUTS,
        retry_strategy=NoneRetryStrategy(),
        circuit_breaker_strategy=NoCircuitBreakerStrategy(),
    )


def _made(
    what: str, make: Callable[..., Any], details: object, token: str
) -> str | None:
    """Make an object, or learn what the token made; None when that is no more."""
    try:
        return str(_answer(what, lambda: make(details, opc_retry_token=token)).id)
    except _StaleError:
        return None


def _answer(what: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask().data
    except ServiceError as error:
        kind = {STALE: _StaleError, ABSENT: _AbsentError}.get(error.code, EstateError)
        raise kind(f"{what}: {error.status} {error.code}: {error.message}") from None
    except (RequestException, ConnectTimeout, ClientError, ValueError) as error:
        raise EstateError(f"{what}: {error}") from None
