"""A script as a user of the cloud would write it, with the official Python SDK and nothing else.

A VCN with two subnets, gateways and groups, two instances with secondary VNICs, prefixes of both families,
many addresses at once. Prints what it saw as JSON.

    network.py CONFIG ENDPOINT      a client of the real cloud would leave the last one out
"""

import json
import sys

import oci
from oci.core import models as m

config = oci.config.from_file(sys.argv[1])
there = {"service_endpoint": sys.argv[2]} if len(sys.argv) > 2 else {}
network = oci.core.VirtualNetworkClient(config, **there)
waiting = oci.core.VirtualNetworkClientCompositeOperations(network)
compute = oci.core.ComputeClient(config, **there)
launching = oci.core.ComputeClientCompositeOperations(compute)
identity = oci.identity.IdentityClient(config, **there)
work = oci.work_requests.WorkRequestClient(config, **there)
home = {"compartment_id": config["tenancy"]}
SOON = {"max_interval_seconds": 1}
saw: dict[str, object] = {}

# -- the network

vcn = waiting.create_vcn_and_wait_for_state(
    m.CreateVcnDetails(
        **home, cidr_blocks=["10.40.0.0/16"], is_ipv6_enabled=True, dns_label="sdk"
    ),
    ["AVAILABLE"],
    waiter_kwargs=SOON,
).data
inside = {**home, "vcn_id": vcn.id}
internet = network.create_internet_gateway(
    m.CreateInternetGatewayDetails(**inside, is_enabled=True)
).data
nat = network.create_nat_gateway(m.CreateNatGatewayDetails(**inside)).data
storage = next(
    s for s in network.list_services().data if "objectstorage" in s.cidr_block
)
services = network.create_service_gateway(
    m.CreateServiceGatewayDetails(
        **inside, services=[m.ServiceIdRequestDetails(service_id=storage.id)]
    )
).data


def a_table(*rules: tuple[str, str, str]) -> str:
    made = network.create_route_table(
        m.CreateRouteTableDetails(
            **inside,
            route_rules=[
                m.RouteRule(destination=to, destination_type=kind, network_entity_id=by)
                for to, kind, by in rules
            ],
        )
    )
    return made.data.id


def a_subnet(label: str, n: int, blocks: list[str], **more: object) -> m.Subnet:
    prefix = vcn.ipv6_cidr_blocks[0].replace("00::/56", f"{n:02x}::/64")
    details = m.CreateSubnetDetails(
        **inside,
        dns_label=label,
        ipv4_cidr_blocks=blocks,
        ipv6_cidr_blocks=[prefix],
        **more,
    )
    return network.create_subnet(details).data


public = a_subnet(
    "public",
    0,
    ["10.40.0.0/24"],
    route_table_id=a_table(
        ("0.0.0.0/0", "CIDR_BLOCK", internet.id), ("::/0", "CIDR_BLOCK", internet.id)
    ),
)
pods = a_subnet(
    "pods",
    1,
    ["10.40.16.0/24", "10.40.32.0/20"],
    prohibit_public_ip_on_vnic=True,
    route_table_id=a_table(
        ("0.0.0.0/0", "CIDR_BLOCK", nat.id),
        (storage.cidr_block, "SERVICE_CIDR_BLOCK", services.id),
    ),
)


def a_group(*rules: m.AddSecurityRuleDetails) -> str:
    group = network.create_network_security_group(
        m.CreateNetworkSecurityGroupDetails(**inside)
    ).data
    network.add_network_security_group_security_rules(
        group.id,
        m.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=list(rules)),
    )
    return group.id


group_of_nodes = a_group(
    m.AddSecurityRuleDetails(
        direction="EGRESS", protocol="all", destination="0.0.0.0/0"
    )
)
group_of_pods = a_group(
    m.AddSecurityRuleDetails(
        direction="INGRESS",
        protocol="6",
        source=group_of_nodes,
        source_type="NETWORK_SECURITY_GROUP",
        tcp_options=m.TcpOptions(destination_port_range=m.PortRange(min=80, max=443)),
    )
)

# -- two instances, each with a VNIC for pods

domain = identity.list_availability_domains(config["tenancy"]).data[0].name


def a_node(name: str) -> m.Vnic:
    """Launch an instance; give its second VNIC."""
    instance = launching.launch_instance_and_wait_for_state(
        m.LaunchInstanceDetails(
            **home,
            availability_domain=domain,
            display_name=name,
            shape="VM.Standard.E4.Flex",
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=4),
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=public.id, hostname_label=name, nsg_ids=[group_of_nodes]
            ),
        ),
        ["RUNNING"],
        waiter_kwargs=SOON,
    ).data
    attachment = launching.attach_vnic_and_wait_for_state(
        m.AttachVnicDetails(
            instance_id=instance.id,
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=pods.id, nsg_ids=[group_of_pods], skip_source_dest_check=True
            ),
        ),
        ["ATTACHED"],
        waiter_kwargs=SOON,
    ).data
    return network.get_vnic(attachment.vnic_id).data


vnics = [a_node("one"), a_node("two")]

# -- addresses: a prefix of each family, many at once

for vnic in vnics:
    block = m.CreatePrivateIpDetails(vnic_id=vnic.id, cidr_prefix_length=28)
    network.create_private_ip(block)
    prefix = m.CreateIpv6Details(vnic_id=vnic.id, cidr_prefix_length=96)
    network.create_ipv6(prefix)
accepted = network.bulk_create_private_ips(
    m.BulkCreatePrivateIpsDetails(
        vnic_id=vnics[0].id,
        bulk_create_private_ip_item=[m.BulkCreatePrivateIpItem() for _ in range(8)],
    ),
    opc_retry_token="eight-addresses",
)
done = oci.wait_until(
    work,
    work.get_work_request(accepted.headers["opc-work-request-id"]),
    "status",
    "SUCCEEDED",
    max_interval_seconds=1,
).data
saw["bulk"] = [done.operation_type, len(done.resources)]
everything = oci.pagination.list_call_get_all_results
for name, listed in (
    ("private_ips", network.list_private_ips),
    ("ipv6s", network.list_ipv6s),
):
    found = [everything(listed, vnic_id=vnic.id, limit=3).data for vnic in vnics]
    saw[name] = [sorted(ip.cidr_prefix_length or 0 for ip in ips) for ips in found]
members = network.list_network_security_group_vnics(group_of_pods).data
saw["pods"] = sorted(one.vnic_id for one in members) == sorted(v.id for v in vnics)
try:
    network.delete_subnet(pods.id, retry_strategy=oci.retry.NoneRetryStrategy())
except oci.exceptions.ServiceError as refusal:
    saw["in_use"] = [refusal.status, refusal.code]
print(json.dumps(saw))
