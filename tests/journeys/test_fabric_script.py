"""Gateways as somebody scripts them with the official SDK, and the packets that then pass or no longer do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv6Network

import oci
import pytest
from journeys.local_vcn import (
    LocalVcn,
    an_instance,
    eventually,
    local_vcn,
    mooring,
)
from oci.core import models as m

from mooring.core.vcn.packets.names import node_space

FABRIC = f"gws{os.getpid()}"[-12:]
ANYWHERE = ("0.0.0.0/0", "::/0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    try:
        with local_vcn(tmp_path_factory.mktemp("vcn"), FABRIC) as started:
            yield started
    finally:
        gone = mooring("vcn", "down", "--fabric", FABRIC)
        assert gone.returncode == 0
    spaces = subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True)
    assert f"moor-{FABRIC}-" not in spaces.stdout


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


# A bare machine has no curl.
ASK = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode())
"""


class Net:
    """An open VCN of both families with one instance."""

    def __init__(self, server: LocalVcn, home: str, number: int) -> None:
        self.network = server.network
        self.vcn = self.network.create_vcn(
            m.CreateVcnDetails(
                compartment_id=home,
                cidr_blocks=[f"10.{number}.0.0/16"],
                is_ipv6_enabled=True,
            )
        ).data
        self.table = self.vcn.default_route_table_id
        prefix = IPv6Network(self.vcn.ipv6_cidr_blocks[0])
        self.subnet = self.network.create_subnet(
            m.CreateSubnetDetails(
                compartment_id=home,
                vcn_id=self.vcn.id,
                cidr_block=f"10.{number}.1.0/24",
                ipv6_cidr_block=str(next(prefix.subnets(new_prefix=64))),
            )
        ).data
        self.network.update_security_list(
            self.vcn.default_security_list_id,
            m.UpdateSecurityListDetails(
                ingress_security_rules=[
                    m.IngressSecurityRule(protocol="all", source=a) for a in ANYWHERE
                ],
                egress_security_rules=[
                    m.EgressSecurityRule(protocol="all", destination=a)
                    for a in ANYWHERE
                ],
            ),
        )
        instance = an_instance(server, self.subnet.id, assign_ipv6_ip=True)
        self.space = node_space(FABRIC, instance.id)
        attached = server.compute.list_vnic_attachments(
            home, instance_id=instance.id
        ).data
        self.vnic = self.network.get_vnic(attached[0].vnic_id).data

    def routes(self, *rules: tuple[str, str]) -> None:
        made = [
            m.RouteRule(
                destination=to,
                destination_type="CIDR_BLOCK" if "/" in to else "SERVICE_CIDR_BLOCK",
                network_entity_id=target,
            )
            for to, target in rules
        ]
        details = m.UpdateRouteTableDetails(route_rules=made)
        self.network.update_route_table(self.table, details)

    def pings(self, address: str, patience: int = 60) -> bool:
        """Whether a ping is answered; it is over as soon as it is."""
        ask = ("ping", "-nqc1", f"-W{patience}", address)
        words = ["ip", "netns", "exec", self.space, *ask]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0

    def asks(self, address: str, patience: int = 20) -> str:
        """What a web server there says about the caller."""
        ask = (sys.executable, "-c", ASK, f"http://{address}/", str(patience))
        words = ["ip", "netns", "exec", self.space, *ask]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        return done.stdout.partition(" ")[0]


@pytest.fixture(scope="module")
def nets(server: LocalVcn, home: str) -> tuple[Net, Net]:
    return Net(server, home, 1), Net(server, home, 2)


def test_two_vcns_talk_when_they_are_peered_and_routed(
    server: LocalVcn, home: str, nets: tuple[Net, Net]
) -> None:
    one, two = nets
    ours, theirs = (
        server.network.create_local_peering_gateway(
            m.CreateLocalPeeringGatewayDetails(compartment_id=home, vcn_id=net.vcn.id)
        ).data.id
        for net in nets
    )
    server.network.connect_local_peering_gateways(
        ours, m.ConnectLocalPeeringGatewaysDetails(peer_id=theirs)
    )
    oci.wait_until(
        server.network,
        server.network.get_local_peering_gateway(ours),
        "peering_status",
        "PEERED",
        max_interval_seconds=1,
    )
    address, address6 = two.vnic.private_ip, two.vnic.ipv6_addresses[0]
    before = one.pings(address, 1)
    one.routes(
        ("10.2.0.0/16", ours),
        (two.vcn.ipv6_cidr_blocks[0], ours),
    )
    two.routes(
        ("10.1.0.0/16", theirs),
        (one.vcn.ipv6_cidr_blocks[0], theirs),
    )
    routed = one.pings(address), one.pings(address6)
    two.routes()
    after = one.pings(address, 1)

    assert (before, routed, after) == (False, (True, True), False)


def test_an_instance_asks_premises_behind_a_drg(
    server: LocalVcn, home: str, nets: tuple[Net, Net]
) -> None:
    one, _ = nets
    network = server.network
    drg = network.create_drg(m.CreateDrgDetails(compartment_id=home)).data
    attachment = network.create_drg_attachment(
        m.CreateDrgAttachmentDetails(
            drg_id=drg.id,
            network_details=m.VcnDrgAttachmentNetworkCreateDetails(id=one.vcn.id),
        )
    ).data
    eventually(lambda: network.get_drg_attachment(attachment.id), "ATTACHED")
    cpe = network.create_cpe(
        m.CreateCpeDetails(compartment_id=home, ip_address="203.0.113.9")
    ).data
    connection = network.create_ip_sec_connection(
        m.CreateIPSecConnectionDetails(
            compartment_id=home,
            cpe_id=cpe.id,
            drg_id=drg.id,
            static_routes=["172.16.0.0/12"],
        )
    ).data
    eventually(lambda: network.get_ip_sec_connection(connection.id), "AVAILABLE")
    before = one.asks("172.16.0.1", 1)
    one.routes(("172.16.0.0/12", drg.id))
    seen = one.asks("172.16.0.1")
    one.routes()

    assert (before, seen) == ("", one.vnic.private_ip)
    assert one.asks("172.16.0.1", 1) == ""


def test_an_instance_asks_oracles_services(
    server: LocalVcn, home: str, nets: tuple[Net, Net]
) -> None:
    _, two = nets
    every = next(
        s for s in server.network.list_services().data if "all-" in s.cidr_block
    )
    gateway = server.network.create_service_gateway(
        m.CreateServiceGatewayDetails(
            compartment_id=home,
            vcn_id=two.vcn.id,
            services=[m.ServiceIdRequestDetails(service_id=every.id)],
        )
    ).data
    two.routes((every.cidr_block, gateway.id))
    seen = two.asks("198.19.16.10")
    server.network.update_service_gateway(
        gateway.id, m.UpdateServiceGatewayDetails(block_traffic=True)
    )

    assert seen == two.vnic.private_ip
    assert two.asks("198.19.16.10", 1) == ""


def test_an_instance_reaches_the_internet_over_ipv6(
    server: LocalVcn, home: str, nets: tuple[Net, Net]
) -> None:
    _, two = nets
    gateway = server.network.create_internet_gateway(
        m.CreateInternetGatewayDetails(
            compartment_id=home, vcn_id=two.vcn.id, is_enabled=True
        )
    ).data
    two.routes(("::/0", gateway.id))
    seen = two.asks("[2001:db8:ffff::10]")
    empty = m.UpdateSecurityListDetails(egress_security_rules=[])
    server.network.update_security_list(two.vcn.default_security_list_id, empty)

    assert seen == two.vnic.ipv6_addresses[0]
    assert two.asks("[2001:db8:ffff::10]", 1) == ""
