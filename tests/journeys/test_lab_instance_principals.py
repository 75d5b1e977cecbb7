"""The SDK inside of a lab node, as in an instance of the cloud: no key, no endpoint, no patch."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oci
import pytest
from journeys.lab_cli import COMMAND_PATIENCE, Lab, a_lab, unique
from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.identity import IdentityClient
from oci.identity.models import CreateDynamicGroupDetails, CreatePolicyDetails

from mooring.core.linux.node import enter

# What runs in the node. The first thing that a program there does is what the cloud's
# documentation shows; then it looks for its own VNICs.
SCRIPT = """
import json, sys, urllib.request
import oci

signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
ask = urllib.request.Request(
    "http://169.254.169.254/opc/v2/instance/id", headers={"Authorization": "Bearer Oracle"}
)
instance = urllib.request.urlopen(ask).read().decode()
client = oci.core.ComputeClient({}, signer=signer)
try:
    found = client.list_vnic_attachments(signer.tenancy_id, instance_id=instance)
    said, asked = [each.instance_id for each in found.data], found.request.url
except oci.exceptions.ServiceError as error:
    said, asked = error.code, error.request_endpoint.split()[1]
print(json.dumps({"asked": asked, "instance": instance, "said": said}))
"""
HOSTS = Path("/etc/resolv.conf"), Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Node:
    """A node of the lab, by the process that holds it."""

    holder: int

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [*enter(self.holder), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_PATIENCE,
            env={"PATH": os.environ["PATH"], "HOME": "/root"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def probe(self) -> dict[str, Any]:
        """Run the script; give what it found."""
        found: dict[str, Any] = json.loads(self.run(sys.executable, "-c", SCRIPT))
        return found


@pytest.fixture(scope="module")
def before() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in HOSTS if file.exists()}


@pytest.fixture(scope="module")
def lab(before: dict[Path, bytes]) -> Iterator[Lab]:
    with a_lab(unique("i")) as made:
        made.do("up")
        yield made


@pytest.fixture(scope="module")
def node(lab: Lab) -> Node:
    return Node(lab.pids()["node-1/init"])


@pytest.fixture(scope="module")
def identity(lab: Lab) -> Iterator[IdentityClient]:
    """The administrator's client, on the host."""
    client = IdentityClient(
        oci.config.from_file(str(lab.path / "oci" / "config"), "MOORING"),
        service_endpoint=lab.read("status")["endpoint"],
        circuit_breaker_strategy=NoCircuitBreakerStrategy(),
    )
    yield client
    client.base_client.session.close()


def test_without_a_policy_an_instance_may_nothing(node: Node) -> None:
    found = node.probe()

    assert found["asked"].startswith("https://iaas.local-1.oraclecloud.com/")
    assert found["said"] == "NotAuthorizedOrNotFound"


def test_with_a_policy_an_instance_sees_its_own_vnics(
    node: Node, identity: IdentityClient
) -> None:
    tenancy = identity.base_client.signer.api_key.partition("/")[0]
    group = identity.create_dynamic_group(
        CreateDynamicGroupDetails(
            compartment_id=tenancy,
            name="nodes",
            description="all of them",
            matching_rule=f"ANY {{instance.compartment.id = '{tenancy}'}}",
        )
    ).data
    policy = identity.create_policy(
        CreatePolicyDetails(
            compartment_id=tenancy,
            name="nodes-look",
            description="nodes look at VNICs",
            statements=["Allow dynamic-group nodes to read instance-family in tenancy"],
        )
    ).data

    found = node.probe()
    assert set(found["said"]) == {found["instance"]}

    identity.delete_policy(policy.id)
    identity.delete_dynamic_group(group.id)
    assert node.probe()["said"] == "NotAuthorizedOrNotFound"


def test_nodes_find_each_other_and_nothing_else_by_name(node: Node, lab: Lab) -> None:
    domain = f"workers.v{lab.name}.oraclevcn.com"

    assert node.run("getent", "hosts", "node-2").split()[1:] == [f"node-2.{domain}"]
    address = node.run("getent", "ahostsv4", f"node-1.{domain}").split()[0]
    assert address in node.run("ip", "-4", "addr", "show", "dev", "ens3")
    assert node.run("getent", "hosts", address).split()[1:] == [f"node-1.{domain}"]
    unknown = "! getent hosts www.example.org"
    assert node.run("sh", "-c", unknown) == ""


def test_a_login_shell_in_a_node_believes_the_authority(node: Node) -> None:
    said = node.run("env", "-i", "sh", "-lc", "echo $SSL_CERT_FILE")

    assert said.strip() == "/etc/ssl/certs/ca-certificates.crt"


def test_up_again_changes_nothing_in_a_node(node: Node, lab: Lab) -> None:
    before = node.run("cat", *map(str, HOSTS))

    lab.do("up")

    assert node.run("cat", *map(str, HOSTS)) == before


def test_the_machines_own_files_stay_as_they_are(
    node: Node, before: dict[Path, bytes]
) -> None:
    assert {file: file.read_bytes() for file in before} == before
    assert node.run("cat", "/etc/resolv.conf").encode() != before.get(HOSTS[0])
