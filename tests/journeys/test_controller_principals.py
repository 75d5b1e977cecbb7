"""Who the controller is for the cloud, what it may, and what it says when it is not let in.

The adapter against a local VCN, as a pod (workload identity) and as an instance; the services that
give them tokens are stand-ins, the tokens and certificates the local VCN's own.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from fakes.objects import FakeObjects
from fakes.tokens import HOST, Proxymux, certificate, metadata, served
from journeys.local_vcn import SHAPE, LocalVcn, eventually, local_vcn, mooring
from oci.core import models as core
from oci.identity import IdentityClient
from oci.identity import models as m

from mooring.adapters.oci import Access, MisconfiguredError, OciCloud, Pod
from mooring.adapters.oci.principals import PAUSE
from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler
from mooring.core.npn.authentication import WORKLOAD
from mooring.core.npn.errors import NotFound, Unavailable
from mooring.core.npn.memory import Memory
from mooring.core.npn.permissions import (
    NETWORK,
    NODES,
    Right,
    dynamic_group,
    matching_rule,
    needed,
    statement,
    statements,
    workload,
)
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus
from mooring.core.vcn.api.federation import subject
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import Instance
from mooring.localvcn.authority import Authority, authority

FABRIC = f"pri{os.getpid()}"[-12:]  # with one the local VCN gives tokens
CLUSTER = "ocid1.cluster.oc1.local-1.aaaaaaaacluster"
SUBJECT = workload("kube-system", "mooring-controller", CLUSTER)


class Open:
    """A gate that stands open."""

    def enter(self) -> None: ...
    def throttled(self, retry_after: float | None) -> None: ...
    def answered(self) -> None: ...


@dataclass
class Place:
    """A tenancy with an instance in one compartment and its network in another."""

    vcn: LocalVcn
    nodes: str
    network: str
    subnet: str
    group: str
    instance: Any

    @cached_property
    def ours(self) -> Authority:
        return authority(self.vcn.state, lambda: datetime.now(UTC))

    @cached_property
    def tls(self) -> Path:
        """The certificate of the pods' token service; making a key takes long."""
        return certificate(self.ours, self.vcn.directory / "tls.pem")

    @cached_property
    def tenancy(self) -> str:
        return str(self.vcn.init()["tenancy"])

    @cached_property
    def admin(self) -> IdentityClient:
        return self.vcn.client(IdentityClient)

    @contextmanager
    def policy(self, texts: tuple[str, ...]) -> Iterator[None]:
        """Let these statements be in force for a while."""
        details = m.CreatePolicyDetails(
            compartment_id=self.tenancy,
            name="controller",
            description="of the controller",
            statements=list(texts),
        )
        made = self.admin.create_policy(details).data
        try:
            yield
        finally:
            self.admin.delete_policy(made.id)

    def pod(self) -> Principal:
        claims = {
            "namespace": "kube-system",
            "service_account": "mooring-controller",
            "cluster_id": CLUSTER,
        }
        id = "ocid1.workload.oc1.local-1.aaaaaaaapod"
        return Principal(id=id, kind="workload", tenancy=self.tenancy, claims=claims)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    try:
        with local_vcn(tmp_path_factory.mktemp("principals"), FABRIC) as vcn:
            yield an_estate(vcn)
    finally:
        mooring("vcn", "down", "--fabric", FABRIC)


def an_estate(vcn: LocalVcn) -> Place:
    home = vcn.init()["tenancy"]
    admin, network = vcn.client(IdentityClient), vcn.network
    made = [
        admin.create_compartment(
            m.CreateCompartmentDetails(compartment_id=home, name=n, description=n)
        ).data.id
        for n in (NODES, NETWORK)
    ]
    net = network.create_vcn(
        core.CreateVcnDetails(
            compartment_id=made[1],
            cidr_blocks=["10.0.0.0/16"],
            is_ipv6_enabled=True,
            ipv6_private_cidr_blocks=["fd00:10::/48"],
            is_oracle_gua_allocation_enabled=False,
        )
    ).data
    subnet = network.create_subnet(
        core.CreateSubnetDetails(
            compartment_id=made[1],
            vcn_id=net.id,
            cidr_block="10.0.0.0/20",
            ipv6_cidr_block="fd00:10:0:1::/64",
        )
    ).data
    group = network.create_network_security_group(
        core.CreateNetworkSecurityGroupDetails(compartment_id=made[1], vcn_id=net.id)
    ).data
    launched = vcn.compute.launch_instance(
        core.LaunchInstanceDetails(
            compartment_id=made[0],
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=core.LaunchInstanceShapeConfigDetails(ocpus=24),
            create_vnic_details=core.CreateVnicDetails(subnet_id=subnet.id),
        )
    ).data
    compute = vcn.compute
    eventually(lambda: compute.get_instance(launched.id), "RUNNING")
    return Place(vcn, made[0], made[1], subnet.id, group.id, launched)


@dataclass
class Desk:
    """A pod in a cluster whose token service is up."""

    place: Place
    mux: Proxymux
    pod: Pod

    def cloud(self, **changed: object) -> OciCloud:
        pod = replace(self.pod, **changed)
        url = self.place.vcn.endpoint
        return OciCloud(Access(auth=WORKLOAD, endpoint=url, pod=pod), Open())

    def instance(self, **changed: object) -> str:
        """Look at the instance; its state, or why not."""
        cloud = self.cloud(**changed)
        try:
            return cloud.instance(self.place.instance.id).state
        finally:
            cloud.close()


@pytest.fixture
def desk(place: Place, tmp_path: Path) -> Iterator[Desk]:
    mux = Proxymux(place.ours, place.pod())
    account = tmp_path / "token"
    account.write_text(mux.account)
    with served(mux, place.tls) as port:
        root = place.vcn.state / "authority.pem"
        pod = Pod(token=account, authority=root, host=HOST, port=port)
        yield Desk(place, mux, pod)


def nowhere() -> int:
    """A port that nobody listens at."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


# A pod.


def test_a_pod_is_let_in_by_its_service_account(desk: Desk) -> None:
    with desk.place.policy(statements(SUBJECT, NODES, NETWORK)):
        assert desk.instance() == "RUNNING"


def test_a_token_that_expired_is_renewed(desk: Desk) -> None:
    desk.mux.lives = [timedelta(minutes=-10), timedelta(minutes=20)]
    with desk.place.policy(statements(SUBJECT, NODES, NETWORK)):
        assert desk.instance() == "RUNNING"

    assert desk.mux.given == 2


def test_a_renewal_that_fails_is_told(desk: Desk) -> None:
    desk.mux.lives = [timedelta(minutes=-10)]
    cloud = desk.cloud()
    cloud.ping()
    desk.mux.refusal = 403
    with pytest.raises(Unavailable, match="needs an enhanced OKE cluster"):
        cloud.instance(desk.place.instance.id)
    cloud.close()


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "needs an enhanced OKE cluster"), (401, "is of this cluster and not")],
)
def test_a_pod_that_gets_no_token_is_told_why(
    desk: Desk, status: int, words: str
) -> None:
    desk.mux.refusal = status

    with pytest.raises(Unavailable, match=words):
        desk.instance()


def test_a_pod_without_its_account_is_told(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="automountServiceAccountToken"):
        desk.instance(token=tmp_path / "none")


def test_a_cluster_without_a_token_service_is_told(desk: Desk) -> None:
    with pytest.raises(Unavailable, match=r"does not answer: .*instance_principal"):
        desk.instance(port=nowhere())


def test_a_token_service_that_is_not_believed_is_told(
    desk: Desk, tmp_path: Path
) -> None:
    stranger = authority(tmp_path / "other", lambda: datetime.now(UTC))

    with pytest.raises(Unavailable, match=r"CERTIFICATE_VERIFY_FAILED|certificate"):
        desk.instance(authority=stranger.directory.parent / "authority.pem")


def test_a_failure_is_not_asked_for_again_at_once(desk: Desk) -> None:
    desk.mux.refusal = 403
    cloud, clock = desk.cloud(), [0.0]
    cloud._calls.principal._now = lambda: clock[0]  # it goes when it is told to
    for clock[0] in (0.0, PAUSE - 0.1):
        with pytest.raises(Unavailable):
            cloud.instance(desk.place.instance.id)
        desk.mux.refusal = None
    before = desk.mux.given
    clock[0] = PAUSE
    cloud.ping()
    cloud.close()

    assert (before, desk.mux.given) == (0, 1)


def test_a_pod_does_not_know_its_region_by_itself(desk: Desk) -> None:
    with pytest.raises(MisconfiguredError, match="OCI_RESOURCE_PRINCIPAL_REGION"):
        OciCloud(Access(auth=WORKLOAD, pod=desk.pod), Open())
    region = replace(desk.pod, region="local-1")
    cloud = OciCloud(Access(auth=WORKLOAD, pod=region), Open())
    assert cloud.endpoint == "of the principal's region"
    cloud.close()


# What it may.


def start(desk: Desk, name: str, most: int = 60) -> NpnStatus:
    """Take a node's turns until it is settled or has given up once."""
    cloud = desk.cloud()
    spec = NpnSpec(
        id=desk.place.instance.id,
        max_pod_count=3,
        pod_subnet_ids=(desk.place.subnet,),
        network_security_group_ids=(desk.place.group,),
        ip_families=("IPv4", "IPv6"),
    )
    objects = FakeObjects(Npn(name=name, spec=spec))
    reconciler = Reconciler(objects, Looker(cloud, time.monotonic), lambda: 0.5)
    memory = Memory()
    for _ in range(most):
        turn = reconciler.turn(name, memory)
        memory = turn.memory
        if turn.settled or turn.said.startswith(("backoff", "failed")):
            break
        time.sleep(turn.pause or 0.0)
    cloud.close()
    return objects.read_status(name)


def test_with_all_statements_a_node_is_served(desk: Desk) -> None:
    with desk.place.policy(statements(SUBJECT, NODES, NETWORK)):
        status = start(desk, "all")

    assert (status.state, status.message) == ("SUCCESS", "")


@pytest.mark.parametrize("right", needed(), ids=str)
def test_a_statement_that_is_missing_is_named(desk: Desk, right: Right) -> None:
    texts = statements(SUBJECT, NODES, NETWORK)
    places = {NODES: f"compartment {NODES}", NETWORK: f"compartment {NETWORK}"}
    missing = statement(right, SUBJECT, places)
    assert missing in texts
    with desk.place.policy(tuple(text for text in texts if text != missing)):
        status = start(desk, f"without-{right.resource}-{right.verb}")

    said = status.message + "".join(c.message for c in status.conditions)
    print(f"{right}: {status.reason}: {status.message}")
    assert status.state == "BACKOFF"
    assert f"most likely missing: {right}" in said


def test_a_right_that_is_taken_away_later_is_named(desk: Desk) -> None:
    texts = statements(SUBJECT, NODES, NETWORK)
    cloud = desk.cloud()
    with desk.place.policy(texts):
        cloud.instance(desk.place.instance.id)
    with pytest.raises(NotFound, match="right was taken away: read instances in the"):
        cloud.instance(desk.place.instance.id)
    cloud.close()


# An instance. The SDK finds the metadata by its environment, so a process of its own asks.

ASK = """
import json, sys
from mooring.adapters.oci import Access, OciCloud
from mooring.core.npn.errors import CloudError

class Open:
    def enter(self): ...
    def throttled(self, retry_after): ...
    def answered(self): ...

endpoint, identity, instance = sys.argv[1:]
cloud = OciCloud(Access(auth="instance_principal", endpoint=endpoint, identity=identity), Open())
try:
    cloud.ping()
    said = cloud.instance(instance).state
except CloudError as error:
    said = str(error)
print(json.dumps(said))
"""


def as_instance(place: Place, base: str, identity: str = "") -> str:
    """Ask for the instance as the instance itself; its state, or why not."""
    url = place.vcn.endpoint
    done = subprocess.run(
        [sys.executable, "-c", ASK, url, identity or url, place.instance.id],
        env={**os.environ, "OCI_METADATA_BASE_URL": base},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    said: str = json.loads(done.stdout)
    return said


@contextmanager
def an_instance(place: Place, **changed: str) -> Iterator[str]:
    """Serve the metadata of the instance, or of one that is a little different."""
    launched = place.instance
    fields = {"id": launched.id, "compartment_id": launched.compartment_id, **changed}
    instance = Instance(
        display_name="node",
        time_created=datetime.now(UTC),
        lifecycle_state="RUNNING",
        availability_domain="ad",
        shape="VM",
        ocpus=1,
        memory_in_gbs=1,
        max_vnic_attachments=2,
        region="local-1",
        **fields,
    )
    units = subject(place.tenancy, instance)
    with served(metadata(place.ours, "local-1", instance.id, units)) as port:
        yield f"http://127.0.0.1:{port}/opc/v2"


def test_an_instance_is_let_in_by_its_dynamic_group(place: Place) -> None:
    details = m.CreateDynamicGroupDetails(
        compartment_id=place.tenancy,
        name="mooring-controller",
        description="the nodes",
        matching_rule=matching_rule(place.nodes),
    )
    texts = statements(dynamic_group("mooring-controller"), NODES, NETWORK)
    with an_instance(place) as base:
        outside = as_instance(place, base)
        made = place.admin.create_dynamic_group(details).data
        with place.policy(texts):
            inside = as_instance(place, base)
        place.admin.delete_dynamic_group(made.id)

    assert inside == "RUNNING"
    assert "most likely missing: read instances in the nodes' compartment" in outside


def test_an_instance_that_is_not_believed_is_told(place: Place) -> None:
    with an_instance(place, compartment_id=place.network) as base:
        said = as_instance(place, base)

    assert "the identity service gives this instance no token: 401" in said
    assert "next step: see that the instance is running in its compartment" in said


def test_without_metadata_or_identity_service_it_is_told(place: Place) -> None:
    gone = f"http://127.0.0.1:{nowhere()}"
    without = as_instance(place, f"{gone}/opc/v2")
    with an_instance(place) as base:
        alone = as_instance(place, base, gone)

    assert f"the instance metadata at {gone}/opc/v2 cannot be had" in without
    assert "the identity service does not answer" in alone
