"""The Oracle services network: the services that a service gateway reaches, and their addresses.

A service's CIDR label stands in rules as a destination or source of type SERVICE_CIDR_BLOCK. The
network is a part of what is public here, so that its addresses are reached over the internet too.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

from mooring.core.vcn.limits import OBJECT_STORAGE, ORACLE_SERVICES

ZONE = "oraclevcn.com"
"""What the names of all hosts in VCNs end in."""


@dataclass(frozen=True, slots=True)
class OracleService:
    """One entry of the services list; `label` is what the API calls its cidrBlock."""

    id: str
    name: str
    label: str
    network: IPv4Network


def services(region: str) -> tuple[OracleService, ...]:
    """Give the services of a region, the one that covers all first."""
    short = region.upper()
    return (
        OracleService(
            id=f"ocid1.service.oc1.{region}.mooringallservices",
            name=f"All {short} Services In Oracle Services Network",
            label=f"all-{region}-services-in-oracle-services-network",
            network=ORACLE_SERVICES,
        ),
        OracleService(
            id=f"ocid1.service.oc1.{region}.mooringobjectstorage",
            name=f"OCI {short} Object Storage",
            label=f"oci-{region}-objectstorage",
            network=OBJECT_STORAGE,
        ),
    )


def service(region: str, id: str) -> OracleService | None:
    """Give a service by its id."""
    return next((one for one in services(region) if one.id == id), None)


def labelled(region: str, label: str) -> OracleService | None:
    """Give the service whose CIDR label this is."""
    return next((one for one in services(region) if one.label == label), None)
