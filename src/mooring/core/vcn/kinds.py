"""The kinds of records: their word and the fields by which they refer to others.

The word stands in the OCID, in the stored row and in error messages' indexes. A new kind
of resource is a line here, its record in `model`, its view in `views`.
"""

from dataclasses import dataclass

from mooring.core.vcn import model
from mooring.core.vcn.model import Resource


@dataclass(frozen=True, slots=True)
class Kind:
    """`references` name fields that hold an id, a tuple of ids, or None.

    A VNIC's MAC address is among them, so that a new one can be held against all.
    """

    word: str
    title: str
    references: tuple[str, ...] = ()


KINDS: dict[type[Resource], Kind] = {
    model.Vcn: Kind("vcn", "VCN"),
    model.Subnet: Kind(
        "subnet",
        "Subnet",
        ("vcn_id", "route_table_id", "security_list_ids", "dhcp_options_id"),
    ),
    model.RouteTable: Kind("routetable", "Route Table", ("vcn_id",)),
    model.SecurityList: Kind("securitylist", "Security List", ("vcn_id",)),
    model.NetworkSecurityGroup: Kind(
        "networksecuritygroup", "Network Security Group", ("vcn_id",)
    ),
    model.InternetGateway: Kind(
        "internetgateway", "Internet Gateway", ("vcn_id", "route_table_id")
    ),
    model.NatGateway: Kind("natgateway", "NAT Gateway", ("vcn_id", "route_table_id")),
    model.DhcpOptions: Kind("dhcpoptions", "DHCP Options", ("vcn_id",)),
    model.Instance: Kind("instance", "Instance"),
    model.VnicAttachment: Kind(
        "vnicattachment", "VNIC attachment", ("instance_id", "vnic_id")
    ),
    model.Vnic: Kind(
        "vnic",
        "VNIC",
        ("vcn_id", "subnet_id", "nsg_ids", "route_table_id", "mac_address"),
    ),
    model.PrivateIp: Kind("privateip", "Private IP", ("vnic_id", "route_table_id")),
    model.Ipv6: Kind("ipv6", "IPv6", ("vnic_id", "route_table_id")),
}


def word(resource: Resource) -> str:
    """Give the word of a record's kind."""
    return KINDS[type(resource)].word
