"""Reads whole VCNs out of a cloud by the `oci` SDK: get and list calls only, whatever the endpoint.

Objects come as the API's JSON. What a VCN's objects refer to outside of it (a DRG, what is
attached to it on-premises) is read along; other VCNs are not, unless they are asked for too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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
from oci.pagination import list_call_get_all_results

from mooring.core.vcn.twin.snapshot import Json, Snapshot

TIMEOUTS = (10.0, 60.0)
# (word, noun of the list call) of what lies in a VCN and is listed by compartment and VCN.
IN_VCN = (
    ("subnet", "subnets"),
    ("routetable", "route_tables"),
    ("securitylist", "security_lists"),
    ("networksecuritygroup", "network_security_groups"),
    ("dhcpoptions", "dhcp_options"),
    ("internetgateway", "internet_gateways"),
    ("natgateway", "nat_gateways"),
    ("servicegateway", "service_gateways"),
    ("localpeeringgateway", "local_peering_gateways"),
    ("drgattachment", "drg_attachments"),
)
# The same, of what hangs on a DRG.
ON_DRG = (
    ("ipsecconnection", "ip_sec_connections"),
    ("remotepeeringconnection", "remote_peering_connections"),
)
GONE = ("TERMINATED", "TERMINATING", "DETACHED", "DETACHING")


class ReadError(Exception):
    """A VCN cannot be read; the message says which call failed and why."""


class NotOfferedError(ReadError):
    """The endpoint does not have the call (501): there are no such objects there."""


class NotSeenError(ReadError):
    """The profile may not see what it asks for, or it is not there (404)."""


OF_STATUS = {501: NotOfferedError, 404: NotSeenError}


@dataclass(frozen=True, slots=True)
class Origin:
    """Which profile of which file reads; `endpoint` None: the cloud's own."""

    config: str
    profile: str
    endpoint: str | None = None


@dataclass
class _Found:
    """What was read so far, each object once."""

    objects: dict[str, dict[str, Json]] = field(default_factory=dict)

    def add(self, word: str, some: Iterable[Json]) -> list[Json]:
        kept = [each for each in some if each.get("lifecycleState") not in GONE]
        self.objects.setdefault(word, {}).update((str(k["id"]), k) for k in kept)
        return kept

    def ids(self, word: str) -> set[str]:
        return set(self.objects.get(word, {}))

    def of(self, word: str) -> list[Json]:
        return list(self.objects.get(word, {}).values())


class VcnReader:
    """One profile's view of a cloud. To be closed."""

    def __init__(self, origin: Origin, tell: Callable[[str], None]) -> None:
        try:
            settings = oci.config.from_file(origin.config, origin.profile)
            oci.config.validate_config(settings)
        except (ClientError, ValueError, OSError) as error:
            raise ReadError(f"{origin.config}: {error}") from None
        self._tenancy = str(settings["tenancy"])
        self._tell = tell
        self._own: list[str] = []
        more: dict[str, Any] = {
            "timeout": TIMEOUTS,
            "retry_strategy": oci.retry.DEFAULT_RETRY_STRATEGY,
            "circuit_breaker_strategy": NoCircuitBreakerStrategy(),
        }
        if origin.endpoint is not None:
            more["service_endpoint"] = origin.endpoint
        self._network = VirtualNetworkClient(settings, **more)
        self._compute = ComputeClient(settings, **more)
        self._identity = IdentityClient(settings, **more)

    def close(self) -> None:
        """Close the connections."""
        for client in (self._network, self._compute, self._identity):
            client.base_client.session.close()

    def read(self, vcns: Sequence[str]) -> Snapshot:
        """Read VCNs with everything in them; raises ReadError."""
        found = _Found()
        for vcn in vcns:
            found.add("vcn", [self._get(self._network.get_vcn, vcn)])
        places = self._compartments(found)
        for vcn in vcns:
            for word, noun in IN_VCN:
                for place in places:
                    more = {"compartment_id": place, "vcn_id": vcn}
                    found.add(word, self._list(self._network, noun, **more))
            self._tell(f"{vcn}: {len(found.of('subnet'))} subnets so far")
        self._rules(found)
        self._addresses(found)
        self._machines(found, places)
        self._drgs(found, places)
        self._publics(found, places)
        objects = {word: tuple(some.values()) for word, some in found.objects.items()}
        return Snapshot(tuple(vcns), objects)

    def _compartments(self, found: _Found) -> list[str]:
        """Give every compartment that we may see, the VCNs' own first."""
        own = [str(vcn["compartmentId"]) for vcn in found.of("vcn")]
        self._own = own
        ask = self._identity.list_compartments
        try:
            seen = self._all(
                ask,
                self._tenancy,
                compartment_id_in_subtree=True,
                access_level="ACCESSIBLE",
            )
        except ReadError as error:
            self._tell(f"only the VCNs' compartments are searched: {error}")
            seen = []
        alive = [str(c["id"]) for c in seen if c.get("lifecycleState") == "ACTIVE"]
        return list(dict.fromkeys([*own, self._tenancy, *alive]))

    def _rules(self, found: _Found) -> None:
        ask = self._network.list_network_security_group_security_rules
        groups = found.of("networksecuritygroup")
        found.add(
            "networksecuritygroup",
            [{**g, "securityRules": self._all(ask, g["id"])} for g in groups],
        )

    def _addresses(self, found: _Found) -> None:
        for subnet in sorted(found.ids("subnet")):
            found.add(
                "privateip", self._list(self._network, "private_ips", subnet_id=subnet)
            )
            found.add("ipv6", self._list(self._network, "ipv6s", subnet_id=subnet))
        self._tell(f"{len(found.of('privateip'))} private IPs")

    def _machines(self, found: _Found, places: Iterable[str]) -> None:
        """Read the VNICs that have addresses, and whose they are."""
        holders = [*found.of("privateip"), *found.of("ipv6")]
        vnics = {str(ip["vnicId"]) for ip in holders if ip.get("vnicId")}
        for vnic in sorted(vnics):
            found.add("vnic", [self._get(self._network.get_vnic, vnic)])
        for place in places:
            some = self._list(self._compute, "vnic_attachments", compartment_id=place)
            found.add("vnicattachment", [a for a in some if a.get("vnicId") in vnics])
        owners = {str(a["instanceId"]) for a in found.of("vnicattachment")}
        for owner in sorted(owners):
            found.add("instance", [self._get(self._compute.get_instance, owner)])
        self._tell(f"{len(vnics)} VNICs on {len(owners)} instances")

    def _publics(self, found: _Found, places: Iterable[str]) -> None:
        holders = found.ids("privateip") | found.ids("natgateway")
        domains = {str(i["availabilityDomain"]) for i in found.of("instance")}
        for place in places:
            some = self._list(
                self._network, "public_ips", scope="REGION", compartment_id=place
            )
            for domain in sorted(domains):
                some += self._list(
                    self._network,
                    "public_ips",
                    scope="AVAILABILITY_DOMAIN",
                    availability_domain=domain,
                    compartment_id=place,
                )
            found.add(
                "publicip", [p for p in some if p.get("assignedEntityId") in holders]
            )

    def _drgs(self, found: _Found, places: Sequence[str]) -> None:
        for drg in sorted({str(a["drgId"]) for a in found.of("drgattachment")}):
            found.add("drg", [self._get(self._network.get_drg, drg)])
            self._tables(found, drg)
            for place in places:
                for word, noun in ON_DRG:
                    more = {"compartment_id": place, "drg_id": drg}
                    found.add(word, self._list(self._network, noun, **more))
                circuits = self._list(
                    self._network, "virtual_circuits", compartment_id=place
                )
                found.add(
                    "virtualcircuit", [c for c in circuits if c.get("gatewayId") == drg]
                )
            self._tunnels(found)
            known = found.ids("ipsectunnel") | found.ids("virtualcircuit")
            known |= found.ids("remotepeeringconnection")
            for place in places:
                more = {
                    "compartment_id": place,
                    "drg_id": drg,
                    "attachment_type": "ALL",
                }
                some = self._list(self._network, "drg_attachments", **more)
                found.add("drgattachment", [a for a in some if _network(a) in known])

    def _tables(self, found: _Found, drg: str) -> None:
        rules = self._network.list_drg_route_rules
        tables = self._list(self._network, "drg_route_tables", drg_id=drg)
        found.add(
            "drgroutetable",
            [{**t, "routeRules": self._all(rules, t["id"])} for t in tables],
        )
        statements = self._network.list_drg_route_distribution_statements
        some = self._list(self._network, "drg_route_distributions", drg_id=drg)
        found.add(
            "drgroutedistribution",
            [{**d, "statements": self._all(statements, d["id"])} for d in some],
        )

    def _tunnels(self, found: _Found) -> None:
        ask = self._network.list_ip_sec_connection_tunnels
        for connection in found.of("ipsecconnection"):
            tunnels = self._all(ask, connection["id"])
            found.add(
                "ipsectunnel",
                [{**t, "connectionId": connection["id"]} for t in tunnels],
            )
            found.add("cpe", [self._get(self._network.get_cpe, connection["cpeId"])])

    # -- calls

    def _get(self, ask: Callable[..., Any], ident: object) -> Json:
        found: Json = self._json(self._answered(ask, ident).data)
        return found

    def _list(self, client: Any, noun: str, **more: str) -> list[Json]:
        try:
            return self._all(getattr(client, f"list_{noun}"), **more)
        except NotOfferedError as error:
            self._tell(f"left out: {error}")
        except NotSeenError as error:
            # Where the VCNs are all must be seen; elsewhere a copy goes on without.
            place = more.get("compartment_id", "")
            if place in ("", *self._own):
                raise
            self._tell(f"left out in {place}: {error}")
        return []

    def _all(
        self, ask: Callable[..., Any], *words: object, **more: object
    ) -> list[Json]:
        pages = self._answered(list_call_get_all_results, ask, *words, **more)
        return [self._json(each) for each in pages.data]

    def _answered(self, ask: Callable[..., Any], *words: object, **more: object) -> Any:
        # A paging call's first word is the call that it pages.
        call: Any = words[0] if words and callable(words[0]) else ask
        what = " ".join([call.__name__, *(w for w in words if isinstance(w, str))])
        try:
            return ask(*words, **more)
        except ServiceError as error:
            kind = OF_STATUS.get(error.status, ReadError)
            raise kind(
                f"{what}: {error.status} {error.code}: {error.message}"
            ) from None
        except (RequestException, ConnectTimeout, ClientError, ValueError) as error:
            raise ReadError(f"{what}: {error}") from None

    def _json(self, thing: object) -> Any:
        return self._network.base_client.sanitize_for_serialization(thing)


def _network(attachment: Json) -> object:
    details = attachment.get("networkDetails")
    return details.get("id") if isinstance(details, dict) else None
