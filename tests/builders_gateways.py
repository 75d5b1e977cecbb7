"""What small clouds for tests have beside their VCNs: IPv6, service gateways, peers, DRGs, premises."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

from builders_vcn import EPOCH, Cloud, an_id

from mooring.core.vcn.model import (
    Cpe,
    Drg,
    DrgAttachment,
    DrgRouteDistribution,
    DrgRouteRule,
    DrgRouteTable,
    IpSecConnection,
    IpSecTunnel,
    Ipv6,
    LocalPeeringGateway,
    PublicIp,
    RemotePeeringConnection,
    RouteRule,
    RouteTable,
    ServiceGateway,
    VirtualCircuit,
    Vnic,
)
from mooring.core.vcn.model.drg import DrgCriterion, DrgStatement
from mooring.core.vcn.model.resource import Resource
from mooring.core.vcn.oracle_services import services

GLOBAL = "2001:db8:4000::/56"


def about(name: str, state: str = "AVAILABLE") -> dict[str, Any]:
    return {
        "compartment_id": "ocid1.tenancy.oc1..aaaa",
        "display_name": name,
        "time_created": EPOCH,
        "lifecycle_state": state,
    }


def put(cloud: Cloud, record: Resource) -> str:
    cloud.world = cloud.world.put(record)
    return record.id


def prefixes(cloud: Cloud, subnets: Mapping[str, str], oracle: str = GLOBAL) -> None:
    """Give the present VCN Oracle's prefix, and subnets (by name) theirs."""
    own = IPv6Network(oracle)
    cloud.change(cloud.vcn_id, ipv6_cidr_blocks=(own,))
    private: list[IPv6Network] = []
    for name, block in subnets.items():
        prefix = IPv6Network(block)
        cloud.change(an_id("subnet", name), ipv6_cidr_blocks=(prefix,))
        if not prefix.subnet_of(own):
            private.append(prefix)
    cloud.change(cloud.vcn_id, ipv6_private_cidr_blocks=tuple(private))


def ipv6(cloud: Cloud, vnic_id: str, address: str, table: str | None = None) -> str:
    """Add an IPv6 address, or a block with its prefix, to a VNIC."""
    vnic = cloud.world.find(Vnic, vnic_id)
    assert vnic is not None
    first, _, prefix = address.partition("/")
    count = sum(1 for _ in cloud.world.of(Ipv6))
    record = Ipv6(
        id=an_id("ipv6", address),
        **about(address) | {"time_created": EPOCH + timedelta(seconds=count)},
        subnet_id=vnic.subnet_id,
        vcn_id=vnic.vcn_id,
        ip_address=IPv6Address(first),
        cidr_prefix_length=int(prefix) if prefix else None,
        vnic_id=vnic_id,
        route_table_id=table,
    )
    return put(cloud, record)


def labels(cloud: Cloud) -> tuple[str, str]:
    """Give the labels of all services and of Object Storage."""
    every, storage = services(cloud.world.settings.region)
    return every.label, storage.label


def service_gateway(
    cloud: Cloud, name: str = "sgw", *, blocked: bool = False, storage: bool = False
) -> str:
    """Add or change a service gateway, to all services or to Object Storage."""
    found = services(cloud.world.settings.region)[1 if storage else 0]
    gateway = ServiceGateway(
        id=an_id("servicegateway", name),
        **about(name),
        vcn_id=cloud.vcn_id,
        services=(found.id,),
        block_traffic=blocked,
    )
    return put(cloud, gateway)


def peering(
    cloud: Cloud, one: tuple[str, str], two: tuple[str, str], **table: str
) -> None:
    """Peer two VCNs by gateways, each a (VCN's OCID, gateway's name); tables by gateway's name."""
    for (vcn_id, name), (_, other) in ((one, two), (two, one)):
        gateway = LocalPeeringGateway(
            id=an_id("localpeeringgateway", name),
            **about(name),
            vcn_id=vcn_id,
            peer_id=an_id("localpeeringgateway", other),
            peering_status="PEERED",
            route_table_id=table.get(name),
        )
        put(cloud, gateway)


def drg(cloud: Cloud, name: str = "drg") -> str:
    """Add a DRG with one table, that learns from everybody, for all attachments."""
    id, table = an_id("drg", name), an_id("drgroutetable", name)
    imports = an_id("drgroutedistribution", name)
    everything = DrgStatement(
        id="1", priority=1, criteria=(DrgCriterion(match_type="MATCH_ALL"),)
    )
    record = Drg(
        id=id,
        **about(name),
        vcn_table_id=table,
        ipsec_tunnel_table_id=table,
        virtual_circuit_table_id=table,
        remote_peering_connection_table_id=table,
        default_export_drg_route_distribution_id=an_id(
            "drgroutedistribution", "export"
        ),
    )
    for kind in ("IMPORT", "EXPORT"):
        distribution = DrgRouteDistribution(
            id=imports if kind == "IMPORT" else an_id("drgroutedistribution", "export"),
            **about(kind),
            drg_id=id,
            distribution_type=kind,
            statements=(everything,),
        )
        put(cloud, distribution)
    drg_table(cloud, name, id, learns=True)
    return put(cloud, record)


def drg_table(
    cloud: Cloud,
    name: str,
    drg_id: str,
    *rules: tuple[str, str],
    learns: bool = False,
) -> str:
    """Add or change a DRG's route table of (destination, next attachment)."""
    table = DrgRouteTable(
        id=an_id("drgroutetable", name),
        **about(name),
        drg_id=drg_id,
        route_rules=tuple(
            DrgRouteRule(id=str(n), destination=to, next_hop_drg_attachment_id=next_)
            for n, (to, next_) in enumerate(rules)
        ),
        import_drg_route_distribution_id=(
            an_id("drgroutedistribution", name) if learns else None
        ),
    )
    return put(cloud, table)


def attach(
    cloud: Cloud,
    drg_id: str,
    network_id: str,
    name: str,
    *,
    kind: str = "VCN",
    table: str | None = None,
    ingress: str | None = None,
) -> str:
    """Attach a network to a DRG; `ingress` is the VCN's own table for what comes in."""
    found = cloud.world.find(Drg, drg_id)
    assert found is not None
    attachment = DrgAttachment(
        id=an_id("drgattachment", name),
        **about(name, "ATTACHED"),
        drg_id=drg_id,
        network_id=network_id,
        network_type=kind,
        drg_route_table_id=table or found.vcn_table_id,
        route_table_id=ingress,
        vcn_route_type="VCN_CIDRS",
        export_drg_route_distribution_id=found.default_export_drg_route_distribution_id,
    )
    return put(cloud, attachment)


def tunnel(
    cloud: Cloud, drg_id: str, name: str, *networks: str, table: str | None = None
) -> str:
    """Add premises behind an IPSec tunnel; give the attachment."""
    cpe = Cpe(id=an_id("cpe", name), **about(name), ip_address=IPv4Address("192.0.2.1"))
    connection = IpSecConnection(
        id=an_id("ipsecconnection", name),
        **about(name),
        cpe_id=put(cloud, cpe),
        drg_id=drg_id,
        static_routes=networks,
    )
    before = sum(1 for _ in cloud.world.of(IpSecTunnel))
    line = IpSecTunnel(
        id=an_id("ipsectunnel", name),
        **about(name),
        ip_sec_connection_id=put(cloud, connection),
        vpn_ip=IPv4Address("192.0.2.2") + before,
    )
    kind = "IPSEC_TUNNEL"
    return attach(cloud, drg_id, put(cloud, line), name, kind=kind, table=table)


def second_tunnel(cloud: Cloud, drg_id: str, name: str) -> str:
    """Add another tunnel to the IPSec connection of the first (by name); give its attachment."""
    another = f"{name}-second"
    line = IpSecTunnel(
        id=an_id("ipsectunnel", another),
        **about(another),
        ip_sec_connection_id=an_id("ipsecconnection", name),
        vpn_ip=IPv4Address("192.0.2.2") + sum(1 for _ in cloud.world.of(IpSecTunnel)),
        number=1,
    )
    return attach(cloud, drg_id, put(cloud, line), another, kind="IPSEC_TUNNEL")


def circuit(cloud: Cloud, drg_id: str, name: str, *networks: str) -> str:
    """Add premises behind a virtual circuit; give the attachment."""
    line = VirtualCircuit(
        id=an_id("virtualcircuit", name),
        **about(name) | {"freeform_tags": {"mooring-onprem-cidrs": ",".join(networks)}},
        gateway_id=drg_id,
    )
    return attach(cloud, drg_id, put(cloud, line), name, kind="VIRTUAL_CIRCUIT")


def remote_peering(cloud: Cloud, one: str, two: str) -> tuple[str, str]:
    """Peer two DRGs; give both attachments."""
    found: list[str] = []
    names = ("rpc-one", "rpc-two")
    for drg_id, name, other in zip((one, two), names, names[::-1], strict=True):
        connection = RemotePeeringConnection(
            id=an_id("remotepeeringconnection", name),
            **about(name),
            drg_id=drg_id,
            peer_id=an_id("remotepeeringconnection", other),
            peering_status="PEERED",
        )
        kind = "REMOTE_PEERING_CONNECTION"
        found.append(attach(cloud, drg_id, put(cloud, connection), name, kind=kind))
    return found[0], found[1]


def public_ip(cloud: Cloud, address: str, private_ip_id: str) -> str:
    """Add or move a reserved public address to a private IP."""
    record = PublicIp(
        id=an_id("publicip", address),
        **about(address, "ASSIGNED"),
        ip_address=IPv4Address(address),
        lifetime="RESERVED",
        scope="REGION",
        assigned_entity_id=private_ip_id,
        assigned_entity_type="PRIVATE_IP",
    )
    return put(cloud, record)


def table(cloud: Cloud, name: str, *rules: tuple[str, str]) -> str:
    """Add or change a route table of (network or service's label, target)."""
    record = RouteTable(
        id=an_id("routetable", name),
        **about(name),
        vcn_id=cloud.vcn_id,
        route_rules=tuple(
            RouteRule(
                destination=to,
                destination_type="CIDR_BLOCK" if "/" in to else "SERVICE_CIDR_BLOCK",
                network_entity_id=target,
            )
            for to, target in rules
        ),
    )
    return put(cloud, record)
