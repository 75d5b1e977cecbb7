"""The kinds of records: all that is said of a kind as such, one row for each.

A new kind of resource is a row here, its record in a module beside this one, its calls in
`calls/`, and, where a view is more than the record's fields, a line in `shown/`.
"""

from dataclasses import dataclass

from mooring.core.vcn import model
from mooring.core.vcn.model import Resource


@dataclass(frozen=True, slots=True)
class Kind:
    """What is said of a kind.

    `word` stands in the OCID, in the stored row and in the indexes' keys; `title` in error messages.
    `references` name fields that hold an id, a tuple of ids, or None (a VNIC's MAC address is among
    them, so that a new one can be held against all). `hidden` are fields that the API does not show.
    `needed_by` are the kinds whose records keep one of this kind from being deleted.
    """

    word: str
    title: str
    references: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    needed_by: tuple[type[Resource], ...] = ()


KINDS: dict[type[Resource], Kind] = {
    model.Vcn: Kind(
        "vcn",
        "VCN",
        needed_by=(
            model.Subnet,
            model.InternetGateway,
            model.NatGateway,
            model.ServiceGateway,
            model.LocalPeeringGateway,
            model.DrgAttachment,
            model.NetworkSecurityGroup,
            model.RouteTable,
            model.SecurityList,
            model.DhcpOptions,
        ),
    ),
    model.Subnet: Kind(
        "subnet",
        "Subnet",
        ("vcn_id", "route_table_id", "security_list_ids", "dhcp_options_id"),
        hidden=frozenset({"first_block_split"}),
        needed_by=(model.Vnic,),
    ),
    model.RouteTable: Kind(
        "routetable",
        "Route Table",
        ("vcn_id",),
        hidden=frozenset({"route_rules"}),
        needed_by=(
            model.Subnet,
            model.InternetGateway,
            model.NatGateway,
            model.ServiceGateway,
            model.LocalPeeringGateway,
            model.DrgAttachment,
            model.Vnic,
            model.PrivateIp,
            model.Ipv6,
        ),
    ),
    model.SecurityList: Kind(
        "securitylist",
        "Security List",
        ("vcn_id",),
        hidden=frozenset({"rules"}),
        needed_by=(model.Subnet,),
    ),
    model.NetworkSecurityGroup: Kind(
        "networksecuritygroup",
        "Network Security Group",
        ("vcn_id",),
        hidden=frozenset({"rules"}),
        needed_by=(model.Vnic,),
    ),
    model.InternetGateway: Kind(
        "internetgateway",
        "Internet Gateway",
        ("vcn_id", "route_table_id"),
        needed_by=(model.RouteTable,),
    ),
    model.NatGateway: Kind(
        "natgateway",
        "NAT Gateway",
        ("vcn_id", "route_table_id"),
        needed_by=(model.RouteTable,),
    ),
    model.ServiceGateway: Kind(
        "servicegateway",
        "Service Gateway",
        ("vcn_id", "route_table_id"),
        needed_by=(model.RouteTable,),
    ),
    model.LocalPeeringGateway: Kind(
        "localpeeringgateway",
        "Local Peering Gateway",
        ("vcn_id", "peer_id", "route_table_id"),
        needed_by=(model.RouteTable,),
    ),
    model.Drg: Kind(
        "drg",
        "DRG",
        hidden=frozenset(
            {
                *("vcn_table_id", "ipsec_tunnel_table_id"),
                *("virtual_circuit_table_id", "remote_peering_connection_table_id"),
            }
        ),
        needed_by=(
            model.IpSecConnection,
            model.VirtualCircuit,
            model.RemotePeeringConnection,
            model.DrgAttachment,
            model.RouteTable,
        ),
    ),
    model.DrgAttachment: Kind(
        "drgattachment",
        "DRG Attachment",
        (
            *("drg_id", "network_id", "drg_route_table_id", "route_table_id"),
            "export_drg_route_distribution_id",
        ),
        hidden=frozenset({"network_id", "network_type", "vcn_route_type"}),
    ),
    model.DrgRouteTable: Kind(
        "drgroutetable",
        "DRG Route Table",
        ("drg_id", "import_drg_route_distribution_id"),
        hidden=frozenset({"route_rules"}),
        needed_by=(model.DrgAttachment,),
    ),
    model.DrgRouteDistribution: Kind(
        "drgroutedistribution",
        "DRG Route Distribution",
        ("drg_id",),
        hidden=frozenset({"statements"}),
        needed_by=(model.DrgRouteTable, model.DrgAttachment),
    ),
    model.Cpe: Kind(
        "cpe",
        "CPE",
        hidden=frozenset({"lifecycle_state"}),
        needed_by=(model.IpSecConnection,),
    ),
    model.IpSecConnection: Kind(
        "ipsecconnection", "IPSec Connection", ("cpe_id", "drg_id")
    ),
    model.IpSecTunnel: Kind(
        "ipsectunnel",
        "IPSec Tunnel",
        ("ip_sec_connection_id",),
        hidden=frozenset(
            {
                *("ip_sec_connection_id", "shared_secret", "oracle_initiation"),
                "number",
                *("bgp", "domains", "phase_one", "phase_two", "dpd"),
                *("freeform_tags", "defined_tags"),
            }
        ),
    ),
    model.VirtualCircuit: Kind(
        "virtualcircuit",
        "Virtual Circuit",
        ("gateway_id",),
        hidden=frozenset({"mappings", "more"}),
    ),
    model.RemotePeeringConnection: Kind(
        "remotepeeringconnection",
        "Remote Peering Connection",
        ("drg_id", "peer_id"),
    ),
    model.DhcpOptions: Kind(
        "dhcpoptions", "DHCP Options", ("vcn_id",), needed_by=(model.Subnet,)
    ),
    model.Instance: Kind(
        "instance",
        "Instance",
        hidden=frozenset({"ocpus", "memory_in_gbs", "max_vnic_attachments", "more"}),
    ),
    model.VnicAttachment: Kind(
        "vnicattachment",
        "VNIC attachment",
        ("instance_id", "vnic_id"),
        hidden=frozenset({"slot", "vnic_id", "freeform_tags", "defined_tags"}),
    ),
    model.Vnic: Kind(
        "vnic",
        "VNIC",
        ("vcn_id", "subnet_id", "nsg_ids", "route_table_id", "mac_address"),
        hidden=frozenset({"vcn_id"}),
    ),
    model.PrivateIp: Kind(
        "privateip",
        "Private IP",
        ("vnic_id", "route_table_id"),
        hidden=frozenset({"vcn_id", "lifecycle_state"}),
    ),
    model.Ipv6: Kind(
        "ipv6", "IPv6", ("vnic_id", "route_table_id"), hidden=frozenset({"vcn_id"})
    ),
    model.PublicIp: Kind("publicip", "Public IP", ("assigned_entity_id",)),
    model.WorkRequest: Kind(
        "coreservicesworkrequest",
        "Work Request",
        ("resource_ids",),
        hidden=frozenset(
            {
                *("display_name", "time_created", "lifecycle_state"),
                *("freeform_tags", "defined_tags", "resources", "errors", "logs"),
                *("tasks", "done", "tries", "entropy", "principal"),
            }
        ),
    ),
    model.Compartment: Kind(
        "compartment",
        "Compartment",
        ("compartment_id",),
        hidden=frozenset({"display_name"}),
    ),
    model.User: Kind(
        "user",
        "User",
        hidden=frozenset({"display_name"}),
        needed_by=(model.UserGroupMembership,),
    ),
    model.ApiKey: Kind(
        "apikey",
        "API key",
        ("user_id",),
        hidden=frozenset(
            {"id", "compartment_id", "display_name", "freeform_tags", "defined_tags"}
        ),
    ),
    model.Group: Kind(
        "group",
        "Group",
        hidden=frozenset({"display_name"}),
        needed_by=(model.UserGroupMembership,),
    ),
    model.UserGroupMembership: Kind(
        "groupmembership",
        "Membership",
        ("user_id", "group_id"),
        hidden=frozenset({"display_name", "freeform_tags", "defined_tags"}),
    ),
    model.DynamicGroup: Kind(
        "dynamicgroup", "Dynamic Group", hidden=frozenset({"display_name"})
    ),
    model.Policy: Kind(
        "policy",
        "Policy",
        ("compartment_id",),
        hidden=frozenset({"display_name", "places"}),
    ),
}


def word(resource: Resource) -> str:
    """Give the word of a record's kind."""
    return KINDS[type(resource)].word
