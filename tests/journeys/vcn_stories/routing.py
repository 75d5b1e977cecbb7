"""DRGs, their tables and distributions, and the premises behind them."""

import pytest
from journeys.local_vcn import eventually
from journeys.vcn_stories.scene import Scene
from oci.core import models as m
from oci.exceptions import ServiceError


def tell(scene: Scene) -> None:
    drg = drgs(scene)
    attachments(scene, drg)
    tables(scene, drg)
    distributions(scene, drg)
    connections(scene, drg)
    circuits(scene, drg)
    remote_peers(scene, drg)
    scene.network.delete_drg(drg.id)


def drgs(scene: Scene) -> m.Drg:
    network = scene.network
    drg = network.create_drg(m.CreateDrgDetails(compartment_id=scene.home)).data
    network.update_drg(drg.id, m.UpdateDrgDetails(display_name="hub"))
    eventually(lambda: network.get_drg(drg.id), "AVAILABLE")
    assert "hub" in [one.display_name for one in network.list_drgs(scene.home).data]
    with pytest.raises(ServiceError, match="UPGRADED already"):
        network.upgrade_drg(drg.id)
    assert network.get_upgrade_status(drg.id).data.status == "UPGRADED"
    assert network.get_drg_redundancy_status(drg.id).data.id == drg.id
    network.change_drg_compartment(
        drg.id, m.ChangeDrgCompartmentDetails(compartment_id=scene.elsewhere)
    )
    return network.get_drg(drg.id).data


def attachments(scene: Scene, drg: m.Drg) -> None:
    network = scene.network
    vcn = scene.vcn("10.20.0.0/16")
    attachment = network.create_drg_attachment(
        m.CreateDrgAttachmentDetails(
            drg_id=drg.id,
            network_details=m.VcnDrgAttachmentNetworkCreateDetails(id=vcn.id),
        )
    ).data
    eventually(lambda: network.get_drg_attachment(attachment.id), "ATTACHED")
    network.update_drg_attachment(
        attachment.id, m.UpdateDrgAttachmentDetails(display_name="pier")
    )
    listed = network.list_drg_attachments(attachment.compartment_id, drg_id=drg.id).data
    assert [one.display_name for one in listed] == ["pier"]
    infos = network.get_all_drg_attachments(drg.id).data
    assert [one.id for one in infos] == [attachment.id]
    network.remove_export_drg_route_distribution(attachment.id)

    table = network.create_drg_route_table(
        m.CreateDrgRouteTableDetails(drg_id=drg.id)
    ).data
    rules(scene, table, attachment)
    network.delete_drg_route_table(table.id)
    network.delete_drg_attachment(attachment.id)
    eventually(lambda: network.get_drg_attachment(attachment.id), "DETACHED")
    network.delete_vcn(vcn.id)


def rules(scene: Scene, table: m.DrgRouteTable, attachment: m.DrgAttachment) -> None:
    network = scene.network
    rule = {"destination_type": "CIDR_BLOCK"}
    added = network.add_drg_route_rules(
        table.id,
        m.AddDrgRouteRulesDetails(
            route_rules=[
                m.AddDrgRouteRuleDetails(
                    **rule,
                    destination="192.168.0.0/16",
                    next_hop_drg_attachment_id=attachment.id,
                )
            ]
        ),
    ).data
    changed = m.UpdateDrgRouteRuleDetails(
        **rule, id=added[0].id, destination="192.168.0.0/24"
    )
    network.update_drg_route_rules(
        table.id, m.UpdateDrgRouteRulesDetails(route_rules=[changed])
    )
    listed = network.list_drg_route_rules(table.id).data
    assert [one.destination for one in listed] == ["192.168.0.0/24"]
    network.remove_drg_route_rules(
        table.id, m.RemoveDrgRouteRulesDetails(route_rule_ids=[listed[0].id])
    )


def tables(scene: Scene, drg: m.Drg) -> None:
    network = scene.network
    table = network.create_drg_route_table(
        m.CreateDrgRouteTableDetails(drg_id=drg.id)
    ).data
    network.update_drg_route_table(
        table.id, m.UpdateDrgRouteTableDetails(is_ecmp_enabled=True)
    )
    assert network.get_drg_route_table(table.id).data.is_ecmp_enabled
    listed = network.list_drg_route_tables(drg.id).data
    assert table.id in [one.id for one in listed]
    distribution = a_distribution(scene, drg)
    network.update_drg_route_table(
        table.id,
        m.UpdateDrgRouteTableDetails(import_drg_route_distribution_id=distribution.id),
    )
    network.remove_import_drg_route_distribution(table.id)
    network.delete_drg_route_table(table.id)
    network.delete_drg_route_distribution(distribution.id)


def a_distribution(scene: Scene, drg: m.Drg) -> m.DrgRouteDistribution:
    details = m.CreateDrgRouteDistributionDetails(
        drg_id=drg.id, distribution_type="IMPORT"
    )
    return scene.network.create_drg_route_distribution(details).data


def distributions(scene: Scene, drg: m.Drg) -> None:
    network, one = scene.network, a_distribution(scene, drg)
    network.update_drg_route_distribution(
        one.id, m.UpdateDrgRouteDistributionDetails(display_name="news")
    )
    assert network.get_drg_route_distribution(one.id).data.display_name == "news"
    listed = network.list_drg_route_distributions(drg.id).data
    assert one.id in [other.id for other in listed]
    criterion = m.DrgAttachmentTypeDrgRouteDistributionMatchCriteria(
        attachment_type="VCN"
    )
    (added,) = network.add_drg_route_distribution_statements(
        one.id,
        m.AddDrgRouteDistributionStatementsDetails(
            statements=[
                m.AddDrgRouteDistributionStatementDetails(
                    match_criteria=[criterion], action="ACCEPT", priority=1
                )
            ]
        ),
    ).data
    changed = m.UpdateDrgRouteDistributionStatementDetails(id=added.id, priority=2)
    network.update_drg_route_distribution_statements(
        one.id, m.UpdateDrgRouteDistributionStatementsDetails(statements=[changed])
    )
    listed = network.list_drg_route_distribution_statements(one.id).data
    assert [statement.priority for statement in listed] == [2]
    network.remove_drg_route_distribution_statements(
        one.id,
        m.RemoveDrgRouteDistributionStatementsDetails(statement_ids=[added.id]),
    )
    network.delete_drg_route_distribution(one.id)


def connections(scene: Scene, drg: m.Drg) -> None:
    network = scene.network
    cpe = network.create_cpe(
        m.CreateCpeDetails(compartment_id=scene.home, ip_address="203.0.113.7")
    ).data
    network.update_cpe(cpe.id, m.UpdateCpeDetails(display_name="office"))
    assert network.get_cpe(cpe.id).data.display_name == "office"
    assert cpe.id in [one.id for one in network.list_cpes(scene.home).data]
    network.change_cpe_compartment(
        cpe.id, m.ChangeCpeCompartmentDetails(compartment_id=scene.elsewhere)
    )
    connection = network.create_ip_sec_connection(
        m.CreateIPSecConnectionDetails(
            compartment_id=scene.home,
            drg_id=drg.id,
            cpe_id=cpe.id,
            static_routes=["172.16.0.0/12"],
        )
    ).data
    eventually(lambda: network.get_ip_sec_connection(connection.id), "AVAILABLE")
    network.update_ip_sec_connection(
        connection.id, m.UpdateIPSecConnectionDetails(display_name="line")
    )
    listed = network.list_ip_sec_connections(scene.home, cpe_id=cpe.id).data
    assert [one.display_name for one in listed] == ["line"]
    status = network.get_ip_sec_connection_device_status(connection.id).data
    config = network.get_ip_sec_connection_device_config(connection.id).data
    assert len(status.tunnels) == len(config.tunnels) == 2
    tunnels(scene, connection)
    network.change_ip_sec_connection_compartment(
        connection.id,
        m.ChangeIPSecConnectionCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_ip_sec_connection(connection.id)
    network.delete_cpe(cpe.id)


def tunnels(scene: Scene, connection: m.IPSecConnection) -> None:
    network = scene.network
    first = network.list_ip_sec_connection_tunnels(connection.id).data[0]
    network.update_ip_sec_connection_tunnel(
        connection.id,
        first.id,
        m.UpdateIPSecConnectionTunnelDetails(display_name="left"),
    )
    shown = network.get_ip_sec_connection_tunnel(connection.id, first.id).data
    assert shown.display_name == "left"
    network.update_ip_sec_connection_tunnel_shared_secret(
        connection.id,
        first.id,
        m.UpdateIPSecConnectionTunnelSharedSecretDetails(shared_secret="open sesame"),
    )
    get = network.get_ip_sec_connection_tunnel_shared_secret
    assert get(connection.id, first.id).data.shared_secret == "open sesame"
    network.list_ip_sec_connection_tunnel_routes(connection.id, first.id)


def circuits(scene: Scene, drg: m.Drg) -> None:
    network = scene.network
    names = network.list_virtual_circuit_bandwidth_shapes(scene.home).data
    circuit = network.create_virtual_circuit(
        m.CreateVirtualCircuitDetails(
            compartment_id=scene.home,
            type="PRIVATE",
            gateway_id=drg.id,
            bandwidth_shape_name=names[0].name,
            cross_connect_mappings=[
                m.CrossConnectMapping(
                    customer_bgp_peering_ip="10.254.0.2/30",
                    oracle_bgp_peering_ip="10.254.0.1/30",
                    vlan=200,
                )
            ],
        )
    ).data
    eventually(lambda: network.get_virtual_circuit(circuit.id), "PROVISIONED")
    network.update_virtual_circuit(
        circuit.id, m.UpdateVirtualCircuitDetails(display_name="cable")
    )
    listed = network.list_virtual_circuits(scene.home).data
    assert [one.display_name for one in listed] == ["cable"]
    network.change_virtual_circuit_compartment(
        circuit.id,
        m.ChangeVirtualCircuitCompartmentDetails(compartment_id=scene.elsewhere),
    )
    eventually(lambda: network.get_virtual_circuit(circuit.id), "PROVISIONED")
    network.delete_virtual_circuit(circuit.id)


def remote_peers(scene: Scene, drg: m.Drg) -> None:
    network = scene.network
    far = network.create_drg(m.CreateDrgDetails(compartment_id=scene.home)).data
    (region,) = network.list_allowed_peer_regions_for_remote_peering().data
    eventually(lambda: network.get_drg(far.id), "AVAILABLE")
    ours, theirs = (
        network.create_remote_peering_connection(
            m.CreateRemotePeeringConnectionDetails(
                compartment_id=scene.home, drg_id=one.id
            )
        ).data
        for one in (drg, far)
    )
    get = network.get_remote_peering_connection
    for end in (ours, theirs):
        eventually(lambda end=end: get(end.id), "AVAILABLE")
    network.connect_remote_peering_connections(
        ours.id,
        m.ConnectRemotePeeringConnectionsDetails(
            peer_id=theirs.id, peer_region_name=region.name
        ),
    )
    network.update_remote_peering_connection(
        ours.id, m.UpdateRemotePeeringConnectionDetails(display_name="far")
    )
    listed = network.list_remote_peering_connections(scene.home, drg_id=drg.id).data
    assert [one.display_name for one in listed] == ["far"]
    network.change_remote_peering_connection_compartment(
        ours.id,
        m.ChangeRemotePeeringConnectionCompartmentDetails(
            compartment_id=scene.elsewhere
        ),
    )
    for end in (ours, theirs):
        eventually(lambda end=end: get(end.id), "AVAILABLE")
        network.delete_remote_peering_connection(end.id)
    network.delete_drg(far.id)
