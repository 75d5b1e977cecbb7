"""VCNs and what lies in them: subnets, tables, rules, gateways, peers; made, changed and taken away."""

from journeys.local_vcn import eventually
from journeys.vcn_stories.scene import Scene
from oci.core import models as m


def tell(scene: Scene) -> None:
    vcn = scene.vcn("10.0.0.0/16", is_ipv6_enabled=True)
    vcns(scene, vcn)
    subnets(scene, vcn)
    tables_and_options(scene, vcn)
    lists(scene, vcn)
    groups(scene, vcn)
    internet_and_nat(scene, vcn)
    services(scene, vcn)
    peers(scene, vcn)
    scene.network.delete_vcn(vcn.id)


def vcns(scene: Scene, vcn: m.Vcn) -> None:
    network = scene.network
    assert vcn.id in [one.id for one in network.list_vcns(scene.home).data]
    network.update_vcn(vcn.id, m.UpdateVcnDetails(display_name="harbour"))
    assert network.get_vcn(vcn.id).data.display_name == "harbour"
    steps = (
        lambda: network.add_vcn_cidr(
            vcn.id, m.AddVcnCidrDetails(cidr_block="10.1.0.0/16")
        ),
        lambda: network.modify_vcn_cidr(
            vcn.id,
            m.ModifyVcnCidrDetails(
                original_cidr_block="10.1.0.0/16", new_cidr_block="10.1.0.0/17"
            ),
        ),
        lambda: network.remove_vcn_cidr(
            vcn.id, m.RemoveVcnCidrDetails(cidr_block="10.1.0.0/17")
        ),
        lambda: network.add_ipv6_vcn_cidr(
            vcn.id,
            add_vcn_ipv6_cidr_details=m.AddVcnIpv6CidrDetails(
                ipv6_private_cidr_block="fd00:1::/48"
            ),
        ),
        lambda: network.remove_ipv6_vcn_cidr(
            vcn.id,
            remove_vcn_ipv6_cidr_details=m.RemoveVcnIpv6CidrDetails(
                ipv6_cidr_block="fd00:1::/48"
            ),
        ),
    )
    for step in steps:
        step()
        eventually(lambda: network.get_vcn(vcn.id), "AVAILABLE")
    assert network.get_vcn(vcn.id).data.cidr_blocks == ["10.0.0.0/16"]
    there = m.ChangeVcnCompartmentDetails(compartment_id=scene.elsewhere)
    network.change_vcn_compartment(vcn.id, there)
    assert network.get_vcn(vcn.id).data.compartment_id == scene.elsewhere


def subnets(scene: Scene, vcn: m.Vcn) -> None:
    network = scene.network
    outer = vcn.ipv6_cidr_blocks[0]
    subnet = scene.subnet(vcn, "10.0.1.0/24")
    listed = network.list_subnets(scene.home, vcn_id=vcn.id).data
    assert [one.id for one in listed] == [subnet.id]
    network.update_subnet(subnet.id, m.UpdateSubnetDetails(display_name="quay"))
    first = m.AddIpv4SubnetCidrDetails(ipv4_cidr_block="10.0.2.0/24")
    other = m.ModifyIpv4SubnetCidrDetails(
        ipv4_cidr_block="10.0.2.0/24", updated_ipv4_cidr_block="10.0.2.0/25"
    )
    last = m.RemoveIpv4SubnetCidrDetails(ipv4_cidr_block="10.0.2.0/25")
    prefixes = [outer.replace("/56", "/64"), outer.replace("00::/56", "01::/64")]
    steps = [
        lambda: network.add_ipv4_subnet_cidr(subnet.id, first),
        lambda: network.modify_ipv4_subnet_cidr(subnet.id, other),
        lambda: network.remove_ipv4_subnet_cidr(subnet.id, last),
        *(
            lambda prefix=prefix: network.add_ipv6_subnet_cidr(
                subnet.id, m.AddSubnetIpv6CidrDetails(ipv6_cidr_block=prefix)
            )
            for prefix in prefixes
        ),
        lambda: network.remove_ipv6_subnet_cidr(
            subnet.id, m.RemoveSubnetIpv6CidrDetails(ipv6_cidr_block=prefixes[0])
        ),
    ]
    for step in steps:
        step()
        eventually(lambda: network.get_subnet(subnet.id), "AVAILABLE")
    shown = network.get_subnet(subnet.id).data
    assert (shown.display_name, shown.ipv6_cidr_blocks) == ("quay", prefixes[1:])
    there = m.ChangeSubnetCompartmentDetails(compartment_id=scene.elsewhere)
    network.change_subnet_compartment(subnet.id, there)
    assert network.get_subnet(subnet.id).data.compartment_id == scene.elsewhere
    network.delete_subnet(subnet.id)


def tables_and_options(scene: Scene, vcn: m.Vcn) -> None:
    network, inside = scene.network, scene.inside(vcn)
    table = network.create_route_table(
        m.CreateRouteTableDetails(**inside, route_rules=[])
    ).data
    network.update_route_table(
        table.id, m.UpdateRouteTableDetails(display_name="chart", route_rules=[])
    )
    assert network.get_route_table(table.id).data.display_name == "chart"
    listed = network.list_route_tables(scene.home, vcn_id=vcn.id).data
    assert {one.id for one in listed} == {table.id, vcn.default_route_table_id}
    network.change_route_table_compartment(
        table.id, m.ChangeRouteTableCompartmentDetails(compartment_id=scene.elsewhere)
    )
    network.delete_route_table(table.id)

    option = m.DhcpDnsOption(
        type="DomainNameServer", server_type="VcnLocalPlusInternet"
    )
    options = network.create_dhcp_options(
        m.CreateDhcpDetails(**inside, options=[option])
    ).data
    search = m.DhcpSearchDomainOption(search_domain_names=["example.com"])
    network.update_dhcp_options(
        options.id, m.UpdateDhcpDetails(options=[option, search])
    )
    shown = network.get_dhcp_options(options.id).data.options
    assert shown[1].search_domain_names == ["example.com"]
    listed = network.list_dhcp_options(scene.home, vcn_id=vcn.id).data
    assert options.id in [one.id for one in listed]
    network.change_dhcp_options_compartment(
        options.id,
        m.ChangeDhcpOptionsCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_dhcp_options(options.id)


def lists(scene: Scene, vcn: m.Vcn) -> None:
    network = scene.network
    rules = network.create_security_list(
        m.CreateSecurityListDetails(
            **scene.inside(vcn), ingress_security_rules=[], egress_security_rules=[]
        )
    ).data
    ping = m.IngressSecurityRule(
        protocol="1", source="0.0.0.0/0", icmp_options=m.IcmpOptions(type=8)
    )
    network.update_security_list(
        rules.id, m.UpdateSecurityListDetails(ingress_security_rules=[ping])
    )
    shown = network.get_security_list(rules.id).data
    assert shown.ingress_security_rules[0].icmp_options.type == 8
    listed = network.list_security_lists(scene.home, vcn_id=vcn.id).data
    assert rules.id in [one.id for one in listed]
    network.change_security_list_compartment(
        rules.id,
        m.ChangeSecurityListCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_security_list(rules.id)


def groups(scene: Scene, vcn: m.Vcn) -> None:
    network = scene.network
    group = network.create_network_security_group(
        m.CreateNetworkSecurityGroupDetails(**scene.inside(vcn))
    ).data
    network.update_network_security_group(
        group.id, m.UpdateNetworkSecurityGroupDetails(display_name="crew")
    )
    rule = {"direction": "EGRESS", "protocol": "all"}
    (added,) = network.add_network_security_group_security_rules(
        group.id,
        m.AddNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[m.AddSecurityRuleDetails(**rule, destination="10.0.0.0/8")]
        ),
    ).data.security_rules
    network.update_network_security_group_security_rules(
        group.id,
        m.UpdateNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[
                m.UpdateSecurityRuleDetails(
                    **rule, id=added.id, destination="0.0.0.0/0"
                )
            ]
        ),
    )
    listed = network.list_network_security_group_security_rules(group.id).data
    assert [one.destination for one in listed] == ["0.0.0.0/0"]
    network.remove_network_security_group_security_rules(
        group.id,
        m.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[added.id]),
    )
    assert network.list_network_security_group_vnics(group.id).data == []
    assert network.get_network_security_group(group.id).data.display_name == "crew"
    listed = network.list_network_security_groups(vcn_id=vcn.id).data
    assert [one.id for one in listed] == [group.id]
    network.change_network_security_group_compartment(
        group.id,
        m.ChangeNetworkSecurityGroupCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_network_security_group(group.id)


def internet_and_nat(scene: Scene, vcn: m.Vcn) -> None:
    network, inside = scene.network, scene.inside(vcn)
    gate = network.create_internet_gateway(
        m.CreateInternetGatewayDetails(**inside, is_enabled=True)
    ).data
    network.update_internet_gateway(
        gate.id, m.UpdateInternetGatewayDetails(is_enabled=False)
    )
    assert not network.get_internet_gateway(gate.id).data.is_enabled
    listed = network.list_internet_gateways(scene.home, vcn_id=vcn.id).data
    assert [one.id for one in listed] == [gate.id]
    network.change_internet_gateway_compartment(
        gate.id,
        m.ChangeInternetGatewayCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_internet_gateway(gate.id)

    nat = network.create_nat_gateway(m.CreateNatGatewayDetails(**inside)).data
    network.update_nat_gateway(nat.id, m.UpdateNatGatewayDetails(block_traffic=True))
    assert network.get_nat_gateway(nat.id).data.block_traffic
    listed = network.list_nat_gateways(scene.home, vcn_id=vcn.id).data
    assert [one.id for one in listed] == [nat.id]
    network.change_nat_gateway_compartment(
        nat.id, m.ChangeNatGatewayCompartmentDetails(compartment_id=scene.elsewhere)
    )
    network.delete_nat_gateway(nat.id)


def services(scene: Scene, vcn: m.Vcn) -> None:
    network = scene.network
    first, second = network.list_services().data
    assert network.get_service(first.id).data.name == first.name
    gateway = network.create_service_gateway(
        m.CreateServiceGatewayDetails(
            **scene.inside(vcn),
            services=[m.ServiceIdRequestDetails(service_id=first.id)],
        )
    ).data
    network.detach_service_id(
        gateway.id, m.ServiceIdRequestDetails(service_id=first.id)
    )
    network.attach_service_id(
        gateway.id, m.ServiceIdRequestDetails(service_id=second.id)
    )
    network.update_service_gateway(
        gateway.id, m.UpdateServiceGatewayDetails(display_name="stores")
    )
    shown = network.get_service_gateway(gateway.id).data
    assert [one.service_id for one in shown.services] == [second.id]
    listed = network.list_service_gateways(scene.home, vcn_id=vcn.id).data
    assert [one.display_name for one in listed] == ["stores"]
    network.change_service_gateway_compartment(
        gateway.id,
        m.ChangeServiceGatewayCompartmentDetails(compartment_id=scene.elsewhere),
    )
    network.delete_service_gateway(gateway.id)


def peers(scene: Scene, vcn: m.Vcn) -> None:
    network, other = scene.network, scene.vcn("10.9.0.0/16")
    ours, theirs = (
        network.create_local_peering_gateway(
            m.CreateLocalPeeringGatewayDetails(**scene.inside(one))
        ).data
        for one in (vcn, other)
    )
    network.connect_local_peering_gateways(
        ours.id, m.ConnectLocalPeeringGatewaysDetails(peer_id=theirs.id)
    )
    network.update_local_peering_gateway(
        ours.id, m.UpdateLocalPeeringGatewayDetails(display_name="bridge")
    )
    shown = network.get_local_peering_gateway(ours.id).data
    assert (shown.display_name, shown.peer_id) == ("bridge", theirs.id)
    listed = network.list_local_peering_gateways(scene.home, vcn_id=other.id).data
    assert [one.id for one in listed] == [theirs.id]
    network.change_local_peering_gateway_compartment(
        ours.id,
        m.ChangeLocalPeeringGatewayCompartmentDetails(compartment_id=scene.elsewhere),
    )
    for end in (ours, theirs):
        get = network.get_local_peering_gateway
        eventually(lambda end=end, get=get: get(end.id), "AVAILABLE")
        network.delete_local_peering_gateway(end.id)
    network.delete_vcn(other.id)
