"""An instance without any way but a service gateway finds the API by name, as itself; and its metadata over IPv6."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from journeys.local_vcn import SHAPE, LocalVcn, eventually, local_vcn, mooring
from oci.core import models as m
from oci.identity import IdentityClient
from oci.identity.models import CreatePolicyDetails

from mooring.core.vcn.packets.names import node_space

FABRIC = f"ins{os.getpid()}"[-12:]
RESOLVE = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"'
SCRIPT = """
import oci

signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
client = oci.core.VirtualNetworkClient({}, signer=signer)
for vcn in client.list_vcns(signer.tenancy_id).data:
    print(vcn.id)
"""
ALLOWED = (
    "Allow any-user to inspect vcns in tenancy where all "
    "{{request.principal.type = 'instance', request.principal.id = '{}'}}"
)
METADATA6 = "http://[fd00:c1::a9fe:a9fe]/opc/v2/instance/id"
ASK = f"""
import urllib.request

ask = urllib.request.Request("{METADATA6}", headers={{"Authorization": "Bearer Oracle"}})
print(urllib.request.urlopen(ask, timeout=60).read().decode())
"""


@dataclass(frozen=True)
class Estate:
    """A VCN with a service gateway and an instance behind it."""

    server: LocalVcn
    vcn: str
    instance: str

    def run(self, script: str) -> str:
        """Run a program in the instance, as the page on the local VCN says."""
        resolver = self.server.directory / "resolv.conf"
        resolver.write_text("nameserver 169.254.169.254\n")
        authority = str(self.server.state / "authority.pem")
        done = subprocess.run(
            [
                *("nsenter", f"--net=/run/netns/{node_space(FABRIC, self.instance)}"),
                *("unshare", "--mount", "sh", "-c", RESOLVE, "resolve", str(resolver)),
                *(sys.executable, "-c", script),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.server.directory),
                "REQUESTS_CA_BUNDLE": authority,
            },
        )
        assert done.returncode == 0, done.stderr + self.server.log
        return done.stdout.strip()


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    directory: Path = tmp_path_factory.mktemp("vcn")
    try:
        with local_vcn(directory, FABRIC) as server:
            yield made(server)
    finally:
        mooring("vcn", "down", "--fabric", FABRIC)


def made(server: LocalVcn) -> Estate:
    network, compute, home = server.network, server.compute, server.init()["tenancy"]
    vcn = network.create_vcn(
        m.CreateVcnDetails(
            compartment_id=home, cidr_blocks=["10.0.0.0/16"], is_ipv6_enabled=True
        )
    ).data
    everything = next(
        each for each in network.list_services().data if "all-" in each.cidr_block
    )
    gateway = network.create_service_gateway(
        m.CreateServiceGatewayDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            services=[m.ServiceIdRequestDetails(service_id=everything.id)],
        )
    ).data
    table = network.create_route_table(
        m.CreateRouteTableDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            route_rules=[
                m.RouteRule(
                    destination=everything.cidr_block,
                    destination_type="SERVICE_CIDR_BLOCK",
                    network_entity_id=gateway.id,
                )
            ],
        )
    ).data
    subnet = network.create_subnet(
        m.CreateSubnetDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            cidr_block="10.0.0.0/24",
            ipv6_cidr_block=vcn.ipv6_cidr_blocks[0].replace("/56", "/64"),
            route_table_id=table.id,
        )
    ).data
    instance = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=home,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=subnet.id, assign_public_ip=False, assign_ipv6_ip=True
            ),
        )
    ).data
    eventually(lambda: compute.get_instance(instance.id), "RUNNING")
    identity = server.client(IdentityClient)
    identity.create_policy(
        CreatePolicyDetails(
            compartment_id=home,
            name="one",
            description="one instance looks at networks",
            statements=[ALLOWED.format(instance.id)],
        )
    )
    return Estate(server, vcn.id, instance.id)


def test_an_instance_behind_a_service_gateway_calls_the_api_by_name(
    estate: Estate,
) -> None:
    assert estate.run(SCRIPT) == estate.vcn


def test_a_restart_of_the_server_changes_nothing_for_it(estate: Estate) -> None:
    authority = (estate.server.state / "authority.pem").read_bytes()

    estate.server.stop()
    estate.server.start()

    assert (estate.server.state / "authority.pem").read_bytes() == authority
    assert estate.run(SCRIPT) == estate.vcn


def test_metadata_is_there_over_ipv6(estate: Estate) -> None:
    assert estate.run(ASK) == estate.instance


def test_no_secret_is_in_the_log(estate: Estate) -> None:
    estate.run(SCRIPT)

    assert "POST /v1/x509 200" in estate.server.log
    assert "PRIVATE KEY" not in estate.server.log
    assert "ST$" not in estate.server.log
