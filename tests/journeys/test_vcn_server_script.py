"""A whole estate built and taken down by the official SDK, unmodified, over signed HTTP."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from typing import Any

import oci
import pytest
from journeys.local_vcn import SHAPE, LocalVcn, an_estate, eventually, local_vcn
from oci.core import models as m


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


def everything(function: Any, *args: Any, **kwargs: Any) -> list[Any]:
    found: list[Any] = oci.pagination.list_call_get_all_results(
        function, *args, **kwargs
    ).data
    return found


def launch(server: LocalVcn, home: str, subnet_id: str, **more: object) -> m.Instance:
    details = m.LaunchInstanceDetails(
        compartment_id=home,
        availability_domain="moor:LOCAL-1-AD-1",
        shape=SHAPE,
        shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=4, memory_in_gbs=32),
        create_vnic_details=m.CreateVnicDetails(subnet_id=subnet_id),
        **more,
    )
    instance = server.compute.launch_instance(details).data
    get = server.compute.get_instance
    return eventually(lambda: get(instance.id), "RUNNING").data


def attach(server: LocalVcn, instance_id: str, **details: object) -> m.VnicAttachment:
    attachment = server.compute.attach_vnic(
        m.AttachVnicDetails(
            instance_id=instance_id,
            create_vnic_details=m.CreateVnicDetails(**details),
        )
    ).data
    get = server.compute.get_vnic_attachment
    return eventually(lambda: get(attachment.id), "ATTACHED").data


def test_a_vcn_with_gateways_routes_and_rules_and_all_of_it_gone_again(
    server: LocalVcn, home: str
) -> None:
    network = server.network
    vcn = network.create_vcn(
        m.CreateVcnDetails(
            compartment_id=home, cidr_blocks=["10.7.0.0/16"], display_name="harbour"
        )
    ).data
    internet = network.create_internet_gateway(
        m.CreateInternetGatewayDetails(
            compartment_id=home, vcn_id=vcn.id, is_enabled=True
        )
    ).data
    nat = network.create_nat_gateway(
        m.CreateNatGatewayDetails(compartment_id=home, vcn_id=vcn.id)
    ).data
    routes = network.create_route_table(
        m.CreateRouteTableDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            route_rules=[
                m.RouteRule(
                    destination="0.0.0.0/0",
                    destination_type="CIDR_BLOCK",
                    network_entity_id=nat.id,
                )
            ],
        )
    ).data
    rules = network.create_security_list(
        m.CreateSecurityListDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            ingress_security_rules=[
                m.IngressSecurityRule(
                    protocol="6",
                    source="10.7.0.0/16",
                    tcp_options=m.TcpOptions(
                        destination_port_range=m.PortRange(min=80, max=443)
                    ),
                )
            ],
            egress_security_rules=[
                m.EgressSecurityRule(protocol="all", destination="0.0.0.0/0")
            ],
        )
    ).data
    subnet = network.create_subnet(
        m.CreateSubnetDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            cidr_block="10.7.1.0/24",
            route_table_id=routes.id,
            security_list_ids=[rules.id],
        )
    ).data

    assert vcn.lifecycle_state == "AVAILABLE"
    assert internet.is_enabled
    assert nat.nat_ip
    assert subnet.virtual_router_ip == "10.7.1.1"
    assert [r.network_entity_id for r in routes.route_rules] == [nat.id]
    assert rules.ingress_security_rules[0].tcp_options.destination_port_range.max == 443
    assert [s.id for s in everything(network.list_subnets, home, vcn_id=vcn.id)] == [
        subnet.id
    ]

    changed = network.update_route_table(
        routes.id,
        m.UpdateRouteTableDetails(
            route_rules=[
                m.RouteRule(
                    destination="0.0.0.0/0",
                    destination_type="CIDR_BLOCK",
                    network_entity_id=internet.id,
                )
            ]
        ),
    ).data
    assert [r.network_entity_id for r in changed.route_rules] == [internet.id]

    network.delete_subnet(subnet.id)
    network.delete_route_table(routes.id)
    network.delete_security_list(rules.id)
    network.delete_nat_gateway(nat.id)
    network.delete_internet_gateway(internet.id)
    network.delete_vcn(vcn.id)
    assert vcn.id not in [v.id for v in everything(network.list_vcns, home)]


def test_a_group_and_its_rules(server: LocalVcn, home: str) -> None:
    network = server.network
    vcn, _ = an_estate(server)
    group = network.create_network_security_group(
        m.CreateNetworkSecurityGroupDetails(compartment_id=home, vcn_id=vcn.id)
    ).data
    added = network.add_network_security_group_security_rules(
        group.id,
        m.AddNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[
                m.AddSecurityRuleDetails(
                    direction="INGRESS",
                    protocol="1",
                    source=group.id,
                    source_type="NETWORK_SECURITY_GROUP",
                    icmp_options=m.IcmpOptions(type=8),
                ),
                m.AddSecurityRuleDetails(
                    direction="EGRESS", protocol="all", destination="0.0.0.0/0"
                ),
            ]
        ),
    ).data.security_rules
    list_rules = network.list_network_security_group_security_rules

    assert {r.id for r in everything(list_rules, group.id)} == {r.id for r in added}

    ping = next(r for r in added if r.direction == "INGRESS")
    network.update_network_security_group_security_rules(
        group.id,
        m.UpdateNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[
                m.UpdateSecurityRuleDetails(
                    id=ping.id,
                    direction="INGRESS",
                    protocol="6",
                    source="10.0.0.0/16",
                    source_type="CIDR_BLOCK",
                )
            ]
        ),
    )
    network.remove_network_security_group_security_rules(
        group.id,
        m.RemoveNetworkSecurityGroupSecurityRulesDetails(
            security_rule_ids=[r.id for r in added if r.direction == "EGRESS"]
        ),
    )
    rules = everything(list_rules, group.id)

    assert [(r.id, r.protocol, r.source) for r in rules] == [
        (ping.id, "6", "10.0.0.0/16")
    ]


def test_an_instance_its_vnics_and_their_addresses(server: LocalVcn, home: str) -> None:
    network, compute = server.network, server.compute
    _, subnet = an_estate(server)
    instance = launch(server, home, subnet.id, metadata={"user_data": "IyE="})
    attached = everything(compute.list_vnic_attachments, home, instance_id=instance.id)
    primary = network.get_vnic(attached[0].vnic_id).data

    assert instance.shape_config.max_vnic_attachments == 4
    assert primary.is_primary
    assert primary.private_ip.startswith("10.0.0.")

    attachment = attach(
        server, instance.id, subnet_id=subnet.id, skip_source_dest_check=True
    )
    vnic = network.get_vnic(attachment.vnic_id).data

    assert vnic.skip_source_dest_check
    assert not vnic.is_primary
    assert vnic.lifecycle_state == "AVAILABLE"

    single = network.create_private_ip(
        m.CreatePrivateIpDetails(vnic_id=vnic.id, ip_address="10.0.0.77")
    ).data
    block = network.create_private_ip(
        m.CreatePrivateIpDetails(vnic_id=vnic.id, cidr_prefix_length=28)
    ).data

    assert single.ip_address == "10.0.0.77"
    assert block.cidr_prefix_length == 28
    assert IPv4Network(f"{block.ip_address}/28").subnet_of(IPv4Network("10.0.0.0/24"))

    eventually(lambda: network.get_subnet(subnet.id), "AVAILABLE")
    network.update_private_ip(single.id, m.UpdatePrivateIpDetails(vnic_id=primary.id))
    here = everything(network.list_private_ips, vnic_id=vnic.id)
    there = everything(network.list_private_ips, vnic_id=primary.id)

    assert {ip.id for ip in here} - {block.id} == {
        ip.id for ip in here if ip.is_primary
    }
    assert single.id in {ip.id for ip in there}

    with pytest.raises(oci.exceptions.ServiceError):
        network.delete_private_ip(next(ip.id for ip in here if ip.is_primary))
    network.delete_private_ip(single.id)
    network.delete_private_ip(block.id)
    compute.detach_vnic(attachment.id)
    get = compute.get_vnic_attachment
    eventually(lambda: get(attachment.id), "DETACHED")
    with pytest.raises(oci.exceptions.ServiceError) as gone:
        network.get_vnic(vnic.id)
    assert gone.value.status == 404

    compute.terminate_instance(instance.id)
    ended = compute.get_instance
    eventually(lambda: ended(instance.id), "TERMINATED")


def test_a_vnic_is_named_only_once_it_is_attached(server: LocalVcn, home: str) -> None:
    _, subnet = an_estate(server)
    instance = launch(server, home, subnet.id)
    attachment = server.compute.attach_vnic(
        m.AttachVnicDetails(
            instance_id=instance.id,
            create_vnic_details=m.CreateVnicDetails(subnet_id=subnet.id),
        )
    ).data

    assert (attachment.lifecycle_state, attachment.vnic_id) == ("ATTACHING", None)


def test_long_lists_come_in_pages(server: LocalVcn, home: str) -> None:
    network = server.network
    _, subnet = an_estate(server)
    instance = launch(server, home, subnet.id)
    vnic_id = attach(server, instance.id, subnet_id=subnet.id).vnic_id
    made = {
        network.create_private_ip(m.CreatePrivateIpDetails(vnic_id=vnic_id)).data.id
        for _ in range(7)
    }
    first = network.list_private_ips(vnic_id=vnic_id, limit=3)

    assert len(first.data) == 3
    assert first.has_next_page
    second = network.list_private_ips(vnic_id=vnic_id, limit=3, page=first.next_page)
    assert not {ip.id for ip in first.data} & {ip.id for ip in second.data}
    everyone = everything(network.list_private_ips, vnic_id=vnic_id, limit=3)
    assert {ip.id for ip in everyone if not ip.is_primary} == made


def test_an_old_etag_is_refused(server: LocalVcn, home: str) -> None:
    network = server.network
    vcn, _ = an_estate(server)
    etag = network.get_vcn(vcn.id).headers["etag"]
    rename = m.UpdateVcnDetails(display_name="new name")
    network.update_vcn(vcn.id, rename, if_match=etag)

    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        network.update_vcn(vcn.id, rename, if_match=etag)

    assert (refusal.value.status, refusal.value.code) == (412, "NoEtagMatch")


def test_a_retry_token_makes_one_object(server: LocalVcn, home: str) -> None:
    network = server.network
    details = m.CreateVcnDetails(compartment_id=home, cidr_blocks=["10.9.0.0/16"])

    first = network.create_vcn(details, opc_retry_token="once").data
    again = network.create_vcn(details, opc_retry_token="once").data

    assert again.id == first.id
    network.delete_vcn(first.id)
    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        network.create_vcn(details, opc_retry_token="once")
    assert (refusal.value.status, refusal.value.code) == (409, "InvalidatedRetryToken")


Call = Callable[[oci.core.VirtualNetworkClient], object]
MISSING = "ocid1.vcn.oc1.local-1.aaaanowhere"


def details(**changed: object) -> m.CreateVcnDetails:
    return m.CreateVcnDetails(**({"compartment_id": "ocid1.tenancy.oc1..x"} | changed))


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda n: n.get_vcn(MISSING), 404, "NotAuthorizedOrNotFound"),
        (lambda n: n.create_vcn(details()), 400, "MissingParameter"),
        (
            lambda n: n.create_vcn(details(cidr_blocks=["10.0.0.0/99"])),
            400,
            "InvalidParameter",
        ),
        (lambda n: n.get_byoip_range("ocid1.x.y"), 501, "MethodNotImplemented"),
    ],
)
def test_a_refusal_is_a_service_error(
    server: LocalVcn,
    call: Call,
    status: int,
    code: str,
) -> None:
    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        call(server.network)

    assert (refusal.value.status, refusal.value.code) == (status, code)
    assert refusal.value.message
    assert refusal.value.request_id


def test_in_use_is_a_conflict(server: LocalVcn, home: str) -> None:
    vcn, _ = an_estate(server)

    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        server.network.delete_vcn(vcn.id)

    assert refusal.value.status == 409
