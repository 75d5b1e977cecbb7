"""Gateways, peers, DRGs and sites as somebody writes them with the official SDK."""

from collections.abc import Iterator
from typing import Any

import oci
import pytest
from journeys.local_vcn import LocalVcn, an_estate, eventually, local_vcn
from oci.core import VirtualNetworkClient
from oci.core import models as m

Network = VirtualNetworkClient


@pytest.fixture(scope="module")
def vcn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as running:
        yield running


@pytest.fixture(scope="module")
def home(vcn: LocalVcn) -> str:
    compartment: str = vcn.init()["tenancy"]
    return compartment


@pytest.fixture(scope="module")
def network(vcn: LocalVcn) -> Network:
    return vcn.network


def route(target: str, destination: str, kind: str = "CIDR_BLOCK") -> m.RouteRule:
    return m.RouteRule(
        destination=destination, destination_type=kind, network_entity_id=target
    )


def test_a_private_subnet_reaches_services_and_the_internet(
    vcn: LocalVcn, home: str, network: Network
) -> None:
    made, subnet = an_estate(vcn)
    every = next(s for s in network.list_services().data if "all-" in s.cidr_block)
    gateway = network.create_service_gateway(
        m.CreateServiceGatewayDetails(
            compartment_id=home,
            vcn_id=made.id,
            services=[m.ServiceIdRequestDetails(service_id=every.id)],
        )
    ).data
    public = network.create_public_ip(
        m.CreatePublicIpDetails(compartment_id=home, lifetime="RESERVED")
    ).data
    eventually(lambda: network.get_public_ip(public.id), "AVAILABLE")
    nat = network.create_nat_gateway(
        m.CreateNatGatewayDetails(
            compartment_id=home, vcn_id=made.id, public_ip_id=public.id
        )
    ).data
    table = network.get_route_table(subnet.route_table_id).data
    rules = [
        *table.route_rules,
        route(nat.id, "0.0.0.0/0"),
        route(gateway.id, every.cidr_block, "SERVICE_CIDR_BLOCK"),
    ]
    table = network.update_route_table(
        table.id, m.UpdateRouteTableDetails(route_rules=rules)
    ).data

    assert nat.nat_ip == public.ip_address
    assert [rule.network_entity_id for rule in table.route_rules] == [
        nat.id,
        gateway.id,
    ]
    with pytest.raises(oci.exceptions.ServiceError, match="Route Table"):
        network.delete_service_gateway(gateway.id)
    # what was read can be written again
    again = network.update_route_table(
        table.id, m.UpdateRouteTableDetails(route_rules=table.route_rules)
    ).data
    assert again.route_rules == table.route_rules
    network.update_route_table(table.id, m.UpdateRouteTableDetails(route_rules=[]))
    network.delete_service_gateway(gateway.id)
    network.delete_nat_gateway(nat.id)


def test_two_vcns_are_peered(vcn: LocalVcn, home: str, network: Network) -> None:
    nets = [an_estate(vcn, f"10.{n}.0.0/16")[0] for n in (1, 2)]
    ours, theirs = (
        network.create_local_peering_gateway(
            m.CreateLocalPeeringGatewayDetails(compartment_id=home, vcn_id=net.id)
        ).data
        for net in nets
    )
    network.connect_local_peering_gateways(
        ours.id, m.ConnectLocalPeeringGatewaysDetails(peer_id=theirs.id)
    )
    peered = oci.wait_until(
        network,
        network.get_local_peering_gateway(ours.id),
        "peering_status",
        "PEERED",
        max_interval_seconds=1,
    ).data

    assert peered.peer_advertised_cidr == "10.2.0.0/16"
    network.delete_local_peering_gateway(theirs.id)
    left = network.get_local_peering_gateway(ours.id).data
    assert left.peering_status == "REVOKED"


def attached(network: Network, drg: m.Drg, net: m.Vcn) -> m.DrgAttachment:
    details = m.VcnDrgAttachmentNetworkCreateDetails(id=net.id)
    made = network.create_drg_attachment(
        m.CreateDrgAttachmentDetails(drg_id=drg.id, network_details=details)
    ).data
    return eventually(lambda: network.get_drg_attachment(made.id), "ATTACHED").data


def a_site(network: Network, home: str, drg: m.Drg) -> m.IPSecConnection:
    cpe = network.create_cpe(
        m.CreateCpeDetails(compartment_id=home, ip_address="203.0.113.9")
    ).data
    made = network.create_ip_sec_connection(
        m.CreateIPSecConnectionDetails(
            compartment_id=home,
            cpe_id=cpe.id,
            drg_id=drg.id,
            static_routes=["172.16.0.0/12"],
        )
    ).data
    return eventually(lambda: network.get_ip_sec_connection(made.id), "AVAILABLE").data


def test_a_hub_joins_vcns_and_a_site(
    vcn: LocalVcn, home: str, network: Network
) -> None:
    drg = network.create_drg(m.CreateDrgDetails(compartment_id=home)).data
    nets = [an_estate(vcn, f"10.{n}.0.0/16")[0] for n in (1, 2)]
    one, two = (attached(network, drg, net) for net in nets)
    connection = a_site(network, home, drg)
    tunnels = network.list_ip_sec_connection_tunnels(connection.id).data
    secret = network.get_ip_sec_connection_tunnel_shared_secret(
        connection.id, tunnels[0].id
    ).data
    table = drg.default_drg_route_tables.vcn

    def rules(**query: Any) -> dict[str, str]:
        found = oci.pagination.list_call_get_all_results(
            network.list_drg_route_rules, table, **query
        ).data
        return {r.destination: r.route_provenance for r in found if not r.is_conflict}

    assert [tunnel.status for tunnel in tunnels] == ["UP", "UP"]
    assert secret.shared_secret
    assert rules() == {
        "10.1.0.0/24": "VCN",
        "10.2.0.0/24": "VCN",
        "172.16.0.0/12": "IPSEC_TUNNEL",
    }
    added = network.add_drg_route_rules(
        table,
        m.AddDrgRouteRulesDetails(
            route_rules=[
                m.AddDrgRouteRuleDetails(
                    destination_type="CIDR_BLOCK",
                    destination="0.0.0.0/0",
                    next_hop_drg_attachment_id=two.id,
                )
            ]
        ),
    ).data
    assert rules(route_type="STATIC") == {"0.0.0.0/0": "STATIC"}
    network.remove_drg_route_rules(
        table, m.RemoveDrgRouteRulesDetails(route_rule_ids=[added[0].id])
    )
    every = network.get_all_drg_attachments(drg.id, attachment_type="ALL").data
    assert len(every) == 4
    network.update_route_table(
        nets[0].default_route_table_id,
        m.UpdateRouteTableDetails(route_rules=[route(drg.id, "10.2.0.0/16")]),
    )
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        network.delete_drg_attachment(one.id)
    assert (refused.value.status, refused.value.code) == (409, "Conflict")


def test_statements_say_what_a_table_learns(
    vcn: LocalVcn, home: str, network: Network
) -> None:
    drg = network.create_drg(m.CreateDrgDetails(compartment_id=home)).data
    attachment = attached(network, drg, an_estate(vcn)[0])
    imports = network.create_drg_route_distribution(
        m.CreateDrgRouteDistributionDetails(drg_id=drg.id, distribution_type="IMPORT")
    ).data
    criterion = m.DrgAttachmentIdDrgRouteDistributionMatchCriteria(
        drg_attachment_id=attachment.id
    )
    network.add_drg_route_distribution_statements(
        imports.id,
        m.AddDrgRouteDistributionStatementsDetails(
            statements=[
                m.AddDrgRouteDistributionStatementDetails(
                    match_criteria=[criterion], action="ACCEPT", priority=1
                )
            ]
        ),
    )
    table = network.create_drg_route_table(
        m.CreateDrgRouteTableDetails(
            drg_id=drg.id, import_drg_route_distribution_id=imports.id
        )
    ).data
    shown = network.list_drg_route_distribution_statements(imports.id).data

    assert shown[0].match_criteria == [criterion]
    assert [r.destination for r in network.list_drg_route_rules(table.id).data] == [
        "10.0.0.0/24"
    ]
    network.remove_import_drg_route_distribution(table.id)
    assert network.list_drg_route_rules(table.id).data == []


def test_two_drgs_and_a_private_line(home: str, network: Network) -> None:
    drgs = [
        network.create_drg(m.CreateDrgDetails(compartment_id=home)).data
        for _ in range(2)
    ]
    ours, theirs = (
        network.create_remote_peering_connection(
            m.CreateRemotePeeringConnectionDetails(compartment_id=home, drg_id=drg.id)
        ).data
        for drg in drgs
    )
    region = network.list_allowed_peer_regions_for_remote_peering().data[0].name
    network.connect_remote_peering_connections(
        ours.id,
        m.ConnectRemotePeeringConnectionsDetails(
            peer_id=theirs.id, peer_region_name=region
        ),
    )
    oci.wait_until(
        network,
        network.get_remote_peering_connection(theirs.id),
        "peering_status",
        "PEERED",
        max_interval_seconds=1,
    )
    mapping = m.CrossConnectMapping(
        customer_bgp_peering_ip="10.254.0.2/30", oracle_bgp_peering_ip="10.254.0.1/30"
    )
    circuit = network.create_virtual_circuit(
        m.CreateVirtualCircuitDetails(
            compartment_id=home,
            type="PRIVATE",
            gateway_id=drgs[0].id,
            bandwidth_shape_name="1 Gbps",
            cross_connect_mappings=[mapping],
        )
    ).data
    up = eventually(lambda: network.get_virtual_circuit(circuit.id), "PROVISIONED").data

    assert up.bgp_session_state == "UP"
    assert up.cross_connect_mappings == [mapping]
    found = network.list_drg_attachments(
        home, drg_id=drgs[0].id, attachment_type="VIRTUAL_CIRCUIT"
    ).data
    assert [one.network_details.id for one in found] == [circuit.id]
