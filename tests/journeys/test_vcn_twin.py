"""A VCN read from one cloud by the SDK, kept in a file, brought up by another server."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
from oci.identity import IdentityClient
from oci.identity.models import CreateCompartmentDetails

from mooring.core.vcn.packets.names import node_space

SERVER = "198.51.100.10"
SECOND = (
    "1"  # a seed by which the second request of all is struck, and the first is not
)
FABRIC = f"twin{os.getpid()}"[-12:]


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[tuple[LocalVcn, LocalVcn]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(local_vcn(tmp_path / "one")),
            stack.enter_context(local_vcn(tmp_path / "two")),
        )


@pytest.fixture(autouse=True)
def _places(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()


def source(cloud: LocalVcn, vcn: str) -> list[str]:
    return [
        *("--config", str(cloud.config_file), "--profile", "DEFAULT"),
        *("--endpoint", cloud.endpoint, "--vcn", vcn),
    ]


def furnished(cloud: LocalVcn) -> tuple[str, str]:
    """A VCN with a group, an instance and addresses; the ids of VCN and group."""
    vcn, subnet = an_estate(cloud)
    network, compute = cloud.network, cloud.compute
    group = network.create_network_security_group(
        m.CreateNetworkSecurityGroupDetails(
            compartment_id=vcn.compartment_id, vcn_id=vcn.id, display_name="pods"
        )
    ).data
    network.add_network_security_group_security_rules(
        group.id,
        m.AddNetworkSecurityGroupSecurityRulesDetails(
            security_rules=[
                m.AddSecurityRuleDetails(
                    direction="INGRESS",
                    protocol="6",
                    source=group.id,
                    source_type="NETWORK_SECURITY_GROUP",
                    tcp_options=m.TcpOptions(
                        destination_port_range=m.PortRange(min=80, max=81)
                    ),
                )
            ]
        ),
    )
    instance = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=vcn.compartment_id,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=subnet.id, nsg_ids=[group.id]
            ),
        )
    ).data
    eventually(lambda: compute.get_instance(instance.id), "RUNNING")
    (attachment,) = compute.list_vnic_attachments(
        vcn.compartment_id, instance_id=instance.id
    ).data
    eventually(lambda: compute.get_vnic_attachment(attachment.id), "ATTACHED")
    vnic = compute.get_vnic_attachment(attachment.id).data.vnic_id
    network.create_private_ip(
        m.CreatePrivateIpDetails(vnic_id=vnic, cidr_prefix_length=28)
    )
    eventually(lambda: network.get_subnet(subnet.id), "AVAILABLE")
    return vcn.id, group.id


def listed(cloud: LocalVcn, vcn: str) -> dict[str, Any]:
    """What the SDK shows of a VCN, without its times."""
    network = cloud.network
    compartment = network.get_vcn(vcn).data.compartment_id
    (subnet,) = network.list_subnets(compartment, vcn_id=vcn).data
    ips = network.list_private_ips(subnet_id=subnet.id).data
    (group,) = network.list_network_security_groups(vcn_id=vcn).data
    rules = network.list_network_security_group_security_rules(group.id).data
    return {
        "subnet": (subnet.id, subnet.cidr_block, subnet.virtual_router_mac),
        "ips": sorted((i.id, i.ip_address, i.cidr_prefix_length) for i in ips),
        "vnics": sorted(
            (v.id, v.mac_address)
            for v in (network.get_vnic(i.vnic_id).data for i in ips)
        ),
        "rules": [
            (r.id, r.source, r.tcp_options.destination_port_range.max) for r in rules
        ],
    }


def test_a_vcn_is_copied_with_everything_in_it(
    clouds: tuple[LocalVcn, LocalVcn], tmp_path: Path
) -> None:
    one, two = clouds
    vcn, _ = furnished(one)
    two.stop()

    brought = mooring("vcn", "import", "--state", str(two.state), *source(one, vcn))
    two.start()

    assert brought.returncode == 0, brought.stderr
    assert listed(two, vcn) == listed(one, vcn)


def test_a_change_in_the_copy_shows_as_a_difference(
    clouds: tuple[LocalVcn, LocalVcn], tmp_path: Path
) -> None:
    one, two = clouds
    vcn, group = furnished(one)
    file, twin = str(tmp_path / "vcn.json"), str(tmp_path / "twin.json")
    exported = mooring("vcn", "export", "--output", file, *source(one, vcn))
    assert exported.returncode == 0, exported.stderr
    two.stop()
    assert mooring("vcn", "import", file, "--state", str(two.state)).returncode == 0
    two.start()
    alike = mooring("vcn", "diff", file, *source(two, vcn))
    assert (alike.returncode, alike.stdout) == (0, ""), alike.stderr

    two.network.update_network_security_group(
        group, m.UpdateNetworkSecurityGroupDetails(display_name="rehearsed")
    )
    assert mooring("vcn", "export", "--output", twin, *source(two, vcn)).returncode == 0
    found = mooring("vcn", "diff", "--output", "json", twin, *source(one, vcn))

    assert found.returncode == 1, found.stderr
    assert json.loads(found.stdout) == [
        {
            "kind": "networksecuritygroup",
            "id": group,
            "name": "rehearsed",
            "side": "",
            "fields": [{"name": "displayName", "left": "rehearsed", "right": "pods"}],
        }
    ]


def test_a_second_copy_needs_a_word(
    clouds: tuple[LocalVcn, LocalVcn], tmp_path: Path
) -> None:
    one, two = clouds
    vcn, group = furnished(one)
    two.stop()
    words = ["vcn", "import", "--state", str(two.state), *source(one, vcn)]
    assert mooring(*words).returncode == 0
    one.network.update_network_security_group(
        group, m.UpdateNetworkSecurityGroupDetails(display_name="later")
    )

    refused = mooring(*words)
    taken = mooring(*words, "--replace")
    two.start()

    assert refused.returncode == 1
    assert f"has {vcn} already; --replace" in refused.stderr
    assert taken.returncode == 0, taken.stderr
    found = two.network.get_network_security_group(group).data.display_name
    assert found == "later"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["import", "--state", "s"], "say which VCN of which cloud"),
        (["diff", "no-such-file"], "No such file"),
        (
            ["export", "--config", "no-such", "--profile", "P", "--vcn", "v"],
            "no-such",
        ),
    ],
)
def test_bad_words_are_refused(words: list[str], says: str) -> None:
    refused = mooring("vcn", *words)

    assert refused.returncode in (1, 2)
    assert says in refused.stderr


def test_a_running_server_keeps_its_directory(
    clouds: tuple[LocalVcn, LocalVcn],
) -> None:
    one, two = clouds
    vcn, _ = furnished(one)

    refused = mooring("vcn", "import", "--state", str(two.state), *source(one, vcn))

    assert refused.returncode == 1
    assert "in use by another server" in refused.stderr


def test_a_file_that_is_no_copy_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")

    refused = mooring("vcn", "import", str(file), "--state", str(tmp_path / "s"))

    assert refused.returncode == 1
    assert f"{file}: format" in refused.stderr


def fault(cloud: LocalVcn, *words: str) -> None:
    made = mooring("vcn", "fault", "add", *words, "--state", str(cloud.state))
    assert made.returncode == 0, made.stderr


def asked(cloud: LocalVcn) -> set[str]:
    """The operations that were asked for since the start."""
    shown = mooring("vcn", "stats", "-o", "json", "--state", str(cloud.state))
    found = json.loads(shown.stdout)
    return set(found["operations"])


def empty(directory: Path) -> LocalVcn:
    """A state directory on which no server has run."""
    directory.mkdir()
    made = LocalVcn(directory)
    made.init()
    return made


def test_a_copy_is_read_by_gets_and_lists_and_kept_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    """Where a list is refused nothing is kept; where the cloud is busy (429) it is asked again."""
    target = empty(tmp_path / "three")
    with local_vcn(tmp_path / "one") as one:
        vcn, _ = an_estate(one)
        one.stop()
        one.start()
        words = ["--state", str(target.state), *source(one, vcn.id)]
        refusal = ("--status", "404", "--code", "NotAuthorizedOrNotFound")
        fault(one, "error", "--operation", "ListPublicIps", "--count", "1", *refusal)
        failed = mooring("vcn", "import", *words)
        fault(one, "throttle", "--operation", "ListSubnets", "--count", "1")
        again = mooring("vcn", "import", *words)
        operations = asked(one)

    assert failed.returncode == 1
    assert "list_public_ips: 404 NotAuthorizedOrNotFound" in failed.stderr
    # Had anything been kept, this would have asked for --replace.
    assert again.returncode == 0, again.stderr
    assert {"GetVcn", "ListSubnets", "ListPublicIps"} <= operations
    assert {n for n in operations if not n.startswith(("Get", "List"))} == set()


def test_what_another_compartment_hides_is_told_and_left_out(tmp_path: Path) -> None:
    """The VCN's own compartment is asked first; by this seed the second request is struck."""
    target = empty(tmp_path / "three")
    with local_vcn(tmp_path / "one") as one:
        vcn, _ = an_estate(one)
        identity = one.client(IdentityClient)
        place = identity.create_compartment(
            CreateCompartmentDetails(
                compartment_id=vcn.compartment_id, name="other", description="x"
            )
        ).data.id
        eventually(lambda: identity.get_compartment(place), "ACTIVE")
        luck = ("--rate", "0.5", "--seed", SECOND, "--count", "1")
        refusal = ("--status", "404", "--code", "NotAuthorizedOrNotFound")
        fault(one, "error", "--operation", "ListNatGateways", *refusal, *luck)

        words = ["--state", str(target.state), *source(one, vcn.id)]
        brought = mooring("vcn", "import", *words)

    assert brought.returncode == 0, brought.stderr
    assert f"left out in {place}: list_nat_gateways: 404" in brought.stderr


def launched(cloud: LocalVcn, subnet: str, address: str) -> str:
    compute, home = cloud.compute, cloud.init()["tenancy"]
    made = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=home,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=1),
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=subnet, private_ip=address
            ),
        )
    ).data
    eventually(lambda: compute.get_instance(made.id), "RUNNING")
    (attachment,) = compute.list_vnic_attachments(home, instance_id=made.id).data
    eventually(lambda: compute.get_vnic_attachment(attachment.id), "ATTACHED")
    return str(made.id)


def led_out(cloud: LocalVcn, vcn: m.Vcn) -> None:
    """Give a VCN a way out."""
    network = cloud.network
    gateway = network.create_nat_gateway(
        m.CreateNatGatewayDetails(compartment_id=vcn.compartment_id, vcn_id=vcn.id)
    ).data
    rule = m.RouteRule(destination="0.0.0.0/0", network_entity_id=gateway.id)
    network.update_route_table(
        vcn.default_route_table_id, m.UpdateRouteTableDetails(route_rules=[rule])
    )


def pings(instance: str, address: str, patience: int = 30) -> bool:
    space = node_space(FABRIC, instance)
    wait = ["-nq", "-c1", f"-W{patience}"]
    words = ["ip", "netns", "exec", space, "ping", *wait, address]
    return not subprocess.run(words, check=False, capture_output=True).returncode


def test_a_change_of_rules_and_routes_is_rehearsed_on_packets(tmp_path: Path) -> None:
    """The original is an API alone; its copy has a fabric."""
    with local_vcn(tmp_path / "one") as one:
        vcn, subnet = an_estate(one)
        near, far = (launched(one, subnet.id, f"10.0.0.{n}") for n in (10, 11))
        with local_vcn(tmp_path / "two", FABRIC) as two:
            try:
                two.stop()
                words = ["--state", str(two.state), *source(one, vcn.id)]
                assert mooring("vcn", "import", *words).returncode == 0
                two.start()
                network, rules = two.network, vcn.default_security_list_id
                assert not pings(near, "10.0.0.11", 1)  # the default list has no echo

                permit = m.IngressSecurityRule(protocol="1", source="10.0.0.0/24")
                network.update_security_list(
                    rules,
                    m.UpdateSecurityListDetails(ingress_security_rules=[permit]),
                )

                assert pings(near, "10.0.0.11")
                assert pings(far, "10.0.0.10")
                assert not pings(near, SERVER, 1)
                led_out(two, vcn)
                assert pings(near, SERVER)
            finally:
                two.stop()
                mooring("vcn", "down", "--fabric", FABRIC)
        original = one.network.get_security_list(rules).data.ingress_security_rules
    assert permit not in original
