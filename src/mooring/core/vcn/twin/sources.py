"""A snapshot's objects as they are needed to understand others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network

from mooring.core.vcn.oracle_services import services
from mooring.core.vcn.twin.snapshot import Json, Snapshot

ALL_SERVICES = re.compile(r"all-[a-z0-9-]+-services-in-oracle-services-network")
OBJECT_STORAGE = re.compile(r"oci-[a-z0-9-]+-objectstorage")


@dataclass(frozen=True)
class Source:
    """Looks things up across a snapshot; `region` is where the copy will live."""

    snapshot: Snapshot
    region: str

    def label(self, text: str) -> str:
        """Give our region's label of a service for any region's; other text as it is."""
        every, storage = services(self.region)
        if ALL_SERVICES.fullmatch(text):
            return every.label
        return storage.label if OBJECT_STORAGE.fullmatch(text) else text

    def service(self, name: str) -> str:
        """Give the id of our region's service for any region's by its name."""
        every, storage = services(self.region)
        return every.id if name.startswith("All ") else storage.id

    @cached_property
    def vcn_of_subnet(self) -> dict[str, str]:
        """Give each subnet's VCN."""
        return {str(s["id"]): str(s["vcnId"]) for s in self.snapshot.of("subnet")}

    @cached_property
    def slots(self) -> dict[str, int]:
        """Give each attachment's place on its instance: the primary VNIC's first, then by age."""
        primary = {v["id"] for v in self.snapshot.of("vnic") if v.get("isPrimary")}
        by_instance: dict[object, list[Json]] = {}
        for one in self.snapshot.of("vnicattachment"):
            by_instance.setdefault(one["instanceId"], []).append(one)
        found = {}
        for some in by_instance.values():
            some.sort(
                key=lambda a: (
                    a.get("vnicId") not in primary,
                    str(a.get("timeCreated")),
                )
            )
            found.update({str(a["id"]): n for n, a in enumerate(some)})
        return found

    @cached_property
    def tunnel_numbers(self) -> dict[str, int]:
        """Give each tunnel's place in its connection, in the order in which they were read."""
        by_connection: dict[object, list[str]] = {}
        for one in self.snapshot.of("ipsectunnel"):
            by_connection.setdefault(one["connectionId"], []).append(str(one["id"]))
        return {id: n for some in by_connection.values() for n, id in enumerate(some)}

    @cached_property
    def split_subnets(self) -> frozenset[str]:
        """Give the subnets that have CIDR addresses out of their first block."""
        return frozenset(self._split())

    def _split(self) -> Iterator[str]:
        firsts = {
            str(s["id"]): _network(s.get("cidrBlock"))
            for s in self.snapshot.of("subnet")
        }
        for ip in self.snapshot.of("privateip"):
            if ip.get("cidrPrefixLength"):
                subnet, at = str(ip.get("subnetId")), _network(ip.get("ipAddress"))
                block = firsts.get(subnet)
                if at is not None and block is not None and at.subnet_of(block):
                    yield subnet


def _network(text: object) -> IPv4Network | None:
    """Read an address or block; what is none is named when its own record is read."""
    try:
        return IPv4Network(str(text))
    except ValueError:
        return None
