"""The API and the packets are one: what was answered is so, and stays when the server goes."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from journeys.local_vcn import (
    SHAPE,
    LocalVcn,
    an_estate,
    eventually,
    local_vcn,
    mooring,
)
from oci.core import models as m

from mooring.adapters import netns
from mooring.core.vcn.packets.names import node_space

FABRIC = f"srv{os.getpid()}"[-12:]


@dataclass(frozen=True)
class Node:
    """An instance and its namespace."""

    id: str
    address: str
    vnic_id: str

    @property
    def space(self) -> str:
        return node_space(FABRIC, self.id)

    def ping(self, address: str, count: int = 1) -> bool:
        return self._ping(address, count, patience=60)

    def hears_nothing_of(self, address: str) -> bool:
        return not self._ping(address, count=1, patience=1)

    def _ping(self, address: str, count: int, patience: int) -> bool:
        words = ["ip", "netns", "exec", self.space, "ping", "-nq", f"-W{patience}"]
        done = subprocess.run(
            [*words, "-c", str(count), "-i", "0.05", address],
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    def metadata(self, path: str, *headers: str) -> tuple[int, str]:
        """Ask as a program on the node does."""
        connection = HTTPConnection("169.254.169.254", 80, timeout=60)
        fd = netns.open_fd(self.space)
        try:
            with netns.inside(fd):
                connection.connect()
            pairs = (header.split(": ") for header in headers)
            connection.request("GET", path, headers=dict(pairs))
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()
            netns.close(fd)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    try:
        with local_vcn(tmp_path_factory.mktemp("vcn"), FABRIC) as started:
            yield started
    finally:
        mooring("vcn", "down", "--fabric", FABRIC)


def a_node(server: LocalVcn, subnet_id: str, **vnic: object) -> Node:
    compute, network = server.compute, server.network
    home = server.init()["tenancy"]
    instance = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=home,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(subnet_id=subnet_id, **vnic),
        )
    ).data
    eventually(lambda: compute.get_instance(instance.id), "RUNNING")
    attached = compute.list_vnic_attachments(home, instance_id=instance.id).data
    vnic_id = attached[0].vnic_id
    return Node(instance.id, network.get_vnic(vnic_id).data.private_ip, vnic_id)


@pytest.fixture(scope="module")
def group(server: LocalVcn) -> str:
    """A group of a fresh VCN, without rules; its VCN's default list lets no ping in."""
    vcn, _ = an_estate(server)
    created = server.network.create_network_security_group(
        m.CreateNetworkSecurityGroupDetails(
            compartment_id=server.init()["tenancy"], vcn_id=vcn.id
        )
    ).data
    server.network.update_security_list(
        vcn.default_security_list_id,
        m.UpdateSecurityListDetails(
            ingress_security_rules=[],
            egress_security_rules=[
                m.EgressSecurityRule(protocol="all", destination="0.0.0.0/0")
            ],
        ),
    )
    group_id: str = created.id
    return group_id


@pytest.fixture(scope="module")
def nodes(server: LocalVcn, group: str) -> tuple[Node, Node]:
    vcn_id = server.network.get_network_security_group(group).data.vcn_id
    subnet = server.network.list_subnets(server.init()["tenancy"], vcn_id=vcn_id).data[
        0
    ]
    return (
        a_node(server, subnet.id, nsg_ids=[group]),
        a_node(server, subnet.id, nsg_ids=[group]),
    )


def ours() -> set[str]:
    """This fabric's namespaces."""
    return {name for name in netns.names() if f"-{FABRIC}-" in name}


def allow_ping(server: LocalVcn, group: str) -> str:
    rules = server.network.add_network_security_group_security_rules(
        group,
        m.AddNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[
                m.AddSecurityRuleDetails(
                    direction="INGRESS",
                    protocol="1",
                    source=group,
                    source_type="NETWORK_SECURITY_GROUP",
                )
            ]
        ),
    ).data.security_rules
    rule: str = rules[0].id
    return rule


def forbid(server: LocalVcn, group: str, rule: str) -> None:
    server.network.remove_network_security_group_security_rules(
        group,
        m.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[rule]),
    )


def test_an_answered_rule_is_enforced(
    server: LocalVcn, group: str, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes

    assert one.hears_nothing_of(two.address)
    rule = allow_ping(server, group)
    assert one.ping(two.address)
    forbid(server, group, rule)
    assert one.hears_nothing_of(two.address)


def test_a_node_reads_about_itself(nodes: tuple[Node, Node]) -> None:
    for node in nodes:
        bearer = "Authorization: Bearer Oracle"
        assert node.metadata("/opc/v2/instance/id", bearer) == (200, node.id)
        status, body = node.metadata("/opc/v2/vnics/", bearer)
        assert status == 200
        assert [(v["vnicId"], v["privateIp"]) for v in json.loads(body)] == [
            (node.vnic_id, node.address)
        ]
        assert node.metadata("/opc/v2/instance/id")[0] == 403
        assert node.metadata("/opc/v1/instance/", bearer)[0] == 404


@pytest.mark.parametrize("action", ["RESET", "SOFTRESET"])
def test_a_reset_boots_an_instance_anew(
    server: LocalVcn, group: str, action: str
) -> None:
    vcn_id = server.network.get_network_security_group(group).data.vcn_id
    home = server.init()["tenancy"]
    subnet = server.network.list_subnets(home, vcn_id=vcn_id).data[0]
    node = a_node(server, subnet.id, nsg_ids=[group])
    ip = ["ip", "-n", node.space, "-4", "addr"]
    subprocess.run([*ip, "add", "192.0.2.1/32", "dev", "ens3"], check=True)

    server.compute.instance_action(node.id, action)
    get = server.compute.get_instance
    eventually(lambda: get(node.id), "RUNNING")

    shown = [*ip, "show", "dev", "ens3"]
    said = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    assert node.address in said
    assert "192.0.2.1" not in said
    assert node.ping(subnet.virtual_router_ip)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_packets_do_not_need_the_server(
    server: LocalVcn, group: str, nodes: tuple[Node, Node], end: str
) -> None:
    one, two = nodes
    rule = allow_ping(server, group)
    before = ours()
    with subprocess.Popen(
        ["ip", "netns", "exec", one.space, "ping", "-n", "-i", "0.02", two.address],
        stdout=subprocess.PIPE,
        text=True,
    ) as pinging:
        assert pinging.stdout is not None
        try:
            pinging.stdout.readline()
            assert getattr(server, end)() == (0 if end == "stop" else -9)
            assert one.ping(two.address, count=10)
            assert before == ours()
            server.start()
            # its first pass is over when a change has been answered
            forbid(server, group, allow_ping(server, group))
            assert one.ping(two.address, count=10)
        finally:
            pinging.send_signal(2)
            said = pinging.stdout.read()
    forbid(server, group, rule)

    answered = [int(n) for n in re.findall(r"icmp_seq=(\d+)", said)]
    assert answered == list(range(1, len(answered) + 1))
    assert one.hears_nothing_of(two.address)


def test_a_fabric_without_right_or_name_is_refused(tmp_path: Path) -> None:
    words = ["vcn", "serve", "--state", str(tmp_path / "s"), "--fabric"]

    for name, why in (("Upper", "1 to 12 of a-z"), ("a-vcn", "must not end in -vcn")):
        refused = mooring(*words, name)
        assert refused.returncode == 2
        assert why in refused.stderr
    assert not (tmp_path / "s").exists()
    assert mooring("vcn", "down", "--fabric", "none-such").returncode == 0


def test_down_leaves_nothing_and_serve_builds_it_again(
    server: LocalVcn, group: str, nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    server.stop()

    assert one.space in mooring("vcn", "down", "--fabric", FABRIC).stdout
    assert ours() == set()

    server.start()
    rule = allow_ping(server, group)
    assert one.ping(two.address)
    forbid(server, group, rule)
