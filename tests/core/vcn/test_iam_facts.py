"""Every statement that people are told to write: in force the call passes, taken away it does not.

The statements are those of the pages on cluster policies: of clusters across compartments, of
administrators' groups, of self-managed nodes, of Karpenter, of operators that give addresses.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from iam_tenancy import CLUSTER, TENANCY, Tenancy
from vcn_cloud import Json

from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.iam.evaluate import may
from mooring.core.vcn.iam.principal import Principal


class Scene(Tenancy):
    """The estate with a caller of some kind, and the calls that statements are about."""

    def __init__(self) -> None:
        super().__init__()
        vcn = self.vcn(isIpv6Enabled=True)
        prefix = vcn["ipv6CidrBlocks"][0].replace("/56", "/64")
        self.empty = self.vcn("10.8.0.0/16")
        self.there = vcn, self.subnet(vcn, ipv6CidrBlocks=[prefix])
        self.instance_there = self.instance(self.there[1], compartmentId=self.nodes)
        self.vnic = self.primary(self.instance_there)
        self.group = self.nsg(vcn)
        self.gateway = self.post(
            "/internetGateways", {**self.inside(), "isEnabled": True}
        )
        ann = self.user("ann", "Cluster-Admins")
        rule = f"ALL {{instance.compartment.id = '{self.nodes}'}}"
        self.make("dynamicGroups", "nodes", matchingRule=rule)
        self.callers: dict[str, Principal] = {
            "cluster": self.cluster(),
            "admin": ann,
            "node": self.node(self.instance_there),
            "pod": self.workload(),
        }

    def inside(self) -> Json:
        return {"compartmentId": self.network, "vcnId": self.there[0]["id"]}

    def written(self, statement: str) -> str:
        """Fill in names and ids."""
        places = {"NODES": self.nodes, "NETWORK": self.network, "CLUSTER": CLUSTER}
        for name, id in places.items():
            statement = statement.replace(f"<{name}>", id)
        return statement


def attach(s: Scene, **details: object) -> Reply:
    body = {
        "instanceId": s.instance_there["id"],
        "createVnicDetails": {"subnetId": s.there[1]["id"], **details},
    }
    return s.send("POST", "/vnicAttachments", body).reply


def attach_in_group(s: Scene) -> Reply:
    return attach(s, nsgIds=[s.group["id"]])


def join_group(s: Scene) -> Reply:
    body = {"nsgIds": [s.group["id"]]}
    return s.send("PUT", f"/vnics/{s.vnic['id']}", body).reply


def rename_vnic(s: Scene) -> Reply:
    return s.send("PUT", f"/vnics/{s.vnic['id']}", {"displayName": "x"}).reply


def launch(s: Scene) -> Reply:
    body = s.launch_body(s.there[1], compartmentId=s.nodes)
    return s.send("POST", "/instances", body).reply


def get_instance(s: Scene) -> Reply:
    return s.send("GET", f"/instances/{s.instance_there['id']}").reply


def get_attachments(s: Scene) -> Reply:
    attachment = next(s.world.attachments_of(s.instance_there["id"]))
    return s.send("GET", f"/vnicAttachments/{attachment.id}").reply


def create_ip(s: Scene) -> Reply:
    return s.send("POST", "/privateIps", {"vnicId": s.vnic["id"]}).reply


def create_ipv6(s: Scene) -> Reply:
    return s.send("POST", "/ipv6", {"vnicId": s.vnic["id"]}).reply


def create_public_ip(s: Scene) -> Reply:
    body = {"compartmentId": s.network, "lifetime": "RESERVED"}
    return s.send("POST", "/publicIps", body).reply


def domains(s: Scene) -> Reply:
    query = {"compartmentId": s.network}
    return s.send("GET", "/availabilityDomains", query=query).reply


def create_vcn(s: Scene) -> Reply:
    body = {"compartmentId": s.network, "cidrBlock": "10.9.0.0/16"}
    return s.send("POST", "/vcns", body).reply


def create_subnet(s: Scene) -> Reply:
    return s.send("POST", "/subnets", {**s.inside(), "cidrBlock": "10.0.9.0/24"}).reply


def create(path: str, **more: object) -> Callable[[Scene], Reply]:
    """Make something in a VCN that has nothing yet."""

    def call(s: Scene) -> Reply:
        body = {"compartmentId": s.network, "vcnId": s.empty["id"], **more}
        return s.send("POST", path, body).reply

    return call


def create_routes(s: Scene) -> Reply:
    rule = {"destination": "0.0.0.0/0", "networkEntityId": s.gateway["id"]}
    return s.send("POST", "/routeTables", {**s.inside(), "routeRules": [rule]}).reply


def list_shapes(s: Scene) -> Reply:
    return s.send("GET", "/shapes", query={"compartmentId": s.nodes}).reply


def holds(permission: str, place: str = "nodes") -> Callable[[Scene], Reply]:
    """Ask for a permission that no call here needs."""

    def call(s: Scene) -> Reply:
        place_id = s.nodes if place == "nodes" else TENANCY
        if may(s.world, s.caller, permission, place_id):
            return Reply(status=200)
        body = json.dumps({"code": "NotAuthorizedOrNotFound"}).encode()
        return Reply(status=404, body=body)

    return call


@dataclass(frozen=True)
class Case:
    caller: str
    statement: str
    call: Callable[[Scene], Reply]
    beside: tuple[str, ...] = ()
    otherwise: tuple[int, str] = field(default=(404, "NotAuthorizedOrNotFound"))


UNRELATED = (400, "RelatedResourceNotAuthorizedOrNotFound")
OF_CLUSTER = "where all { request.principal.id = '<CLUSTER>' }"
ANY_CLUSTER = "where all { request.principal.type = 'cluster' }"
POD = (
    "where all { request.principal.type='workload', request.principal.namespace='karpenter', "
    "request.principal.service_account='karpenter', request.principal.cluster_id='<CLUSTER>' }"
)
C_USE = tuple(
    f"Allow any-user to use {what} in compartment network {OF_CLUSTER}"
    for what in ("vnics", "subnets")
)
C_INSTANCES = f"Allow any-user to manage instances in tenancy {OF_CLUSTER}"
A, D, P = (
    "Allow group Cluster-Admins to",
    "Allow dynamic-group Default/nodes to",
    "Allow any-user to",
)
NET, NODES = "in compartment network", "in compartment id <NODES>"
A_USE = (f"{A} use vnics {NET}", f"{A} use subnets {NET}")
D_USE = (f"{D} use vnics {NET}", f"{D} use subnets {NET}")
D_INSTANCES = f"{D} manage instances in compartment nodes"

CLUSTERS = [
    Case(
        "cluster", f"Allow any-user to use ipv6s {NET} {OF_CLUSTER}", create_ipv6, C_USE
    ),
    *(
        case
        for where, who in (("in tenancy", ANY_CLUSTER), (NET, OF_CLUSTER))
        for case in (
            Case(
                "cluster",
                f"Allow any-user to use private-ips {where} {who}",
                create_ip,
                C_USE,
            ),
            Case(
                "cluster",
                f"Allow any-user to use network-security-groups {where} {who}",
                attach_in_group,
                (*C_USE, C_INSTANCES),
                UNRELATED,
            ),
        )
    ),
    Case(
        "cluster",
        f"Allow any-user to manage instances in tenancy {ANY_CLUSTER}",
        attach,
        C_USE,
    ),
    Case(
        "cluster",
        f"Allow any-user to manage instances {NODES} {OF_CLUSTER}",
        attach,
        C_USE,
    ),
]

ADMINS = [
    Case("admin", f"{A} manage instance-family in tenancy", launch, A_USE),
    Case(
        "admin",
        f"{A} use subnets in tenancy",
        attach,
        (f"{A} manage instance-family in tenancy", f"{A} use vnics in tenancy"),
    ),
    Case("admin", f"{A} manage virtual-network-family in tenancy", create_vcn),
    Case("admin", f"{A} inspect compartments in tenancy", domains),
    Case("admin", f"{A} use vnics in tenancy", rename_vnic),
    Case(
        "admin",
        f"{A} use network-security-groups in tenancy",
        join_group,
        A_USE,
        UNRELATED,
    ),
    Case("admin", f"{A} use private-ips in tenancy", create_ip, A_USE),
    Case("admin", f"{A} manage public-ips in tenancy", create_public_ip),
    Case("admin", f"{A} manage cluster-family in tenancy", holds("CLUSTER_CREATE")),
]

_V = f"{A} manage vcns {NET}"
QUICK = [
    Case("admin", _V, create_vcn),
    Case(
        "admin",
        f"{A} manage subnets {NET}",
        create_subnet,
        (
            _V,
            f"{A} manage route-tables {NET}",
            f"{A} manage security-lists {NET}",
            f"{A} manage dhcp-options {NET}",
        ),
    ),
    Case(
        "admin",
        f"{A} manage internet-gateways {NET}",
        create("/internetGateways", isEnabled=False),
        (_V,),
    ),
    Case("admin", f"{A} manage nat-gateways {NET}", create("/natGateways"), (_V,)),
    Case(
        "admin",
        f"{A} manage service-gateways {NET}",
        create("/serviceGateways", services=[]),
        (_V,),
    ),
    Case(
        "admin",
        f"{A} manage route-tables {NET}",
        create_routes,
        (_V, f"{A} manage internet-gateways {NET}"),
    ),
    Case(
        "admin",
        f"{A} manage internet-gateways {NET}",
        create_routes,
        (_V, f"{A} manage route-tables {NET}"),
        UNRELATED,
    ),
    Case(
        "admin",
        f"{A} manage security-lists {NET}",
        create("/securityLists", ingressSecurityRules=[], egressSecurityRules=[]),
        (_V,),
    ),
]

NODES_JOIN = [
    Case(
        "node",
        "Allow dynamic-group d/nodes to {CLUSTER_JOIN} in compartment nodes",
        holds("CLUSTER_JOIN"),
    ),
]

KARPENTER = [
    Case(
        "pod",
        f"{P} manage instance-family in compartment nodes {POD}",
        launch,
        (f"{P} use vnics {NET} {POD}", f"{P} use subnets {NET} {POD}"),
    ),
    Case(
        "pod",
        f"{P} manage volumes in compartment nodes {POD}",
        holds("VOLUME_CREATE"),
    ),
    Case(
        "pod",
        f"{P} manage volume-attachments in compartment nodes {POD}",
        holds("VOLUME_ATTACHMENT_CREATE"),
    ),
    Case("pod", f"{P} manage virtual-network-family {NET} {POD}", create_vcn),
    Case("pod", f"{P} inspect compartments {NET} {POD}", domains),
    *(
        Case("pod", f"{P} use {what} in compartment nodes {POD}", holds(permission))
        for what, permission in (
            ("compute-capacity-reservations", "COMPUTE_CAPACITY_RESERVATIONS_USE"),
            ("compute-clusters", "COMPUTE_CLUSTERS_USE"),
            ("cluster-placement-groups", "CLUSTER_PLACEMENT_GROUPS_USE"),
            ("tag-namespaces", "TAG_NAMESPACES_USE"),
        )
    ),
]

OPERATORS = [
    Case("node", f"{D} read instances in compartment nodes", get_instance),
    Case("node", f"{D} inspect vnic-attachments in compartment nodes", get_attachments),
    Case("node", f"{D} manage vnic-attachments in compartment nodes", get_attachments),
    Case("node", f"{D} use vnics {NET}", rename_vnic),
    Case("node", f"{D} manage vnics {NET}", attach, (D_USE[1], D_INSTANCES)),
    Case("node", f"{D} use subnets {NET}", attach, (D_USE[0], D_INSTANCES)),
    Case("node", f"{D} use private-ips {NET}", create_ip, D_USE),
    Case("node", f"{D} manage ipv6s {NET}", create_ipv6, D_USE),
    Case("node", f"{D} use ipv6s {NET}", create_ipv6, D_USE),
    Case("node", f"{D} manage virtual-network-family {NET}", create_ip),
    Case(
        "node",
        f"{D} use network-security-groups {NET}",
        attach_in_group,
        (*D_USE, D_INSTANCES),
        UNRELATED,
    ),
]

CASES = [*CLUSTERS, *ADMINS, *QUICK, *NODES_JOIN, *KARPENTER, *OPERATORS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.statement[:100])
def test_a_statement_in_force_lets_the_call_pass_and_taken_away_does_not(
    case: Case,
) -> None:
    scene = Scene()
    for beside in case.beside:
        scene.policy(scene.written(beside))

    def ask() -> tuple[int, str]:
        with scene.acting(scene.callers[case.caller]):
            before = scene.world
            reply = case.call(scene)
            if reply.status >= 400:
                assert scene.world is before
                return reply.status, json.loads(reply.body)["code"]
            return reply.status, ""

    assert ask() == case.otherwise
    policy = scene.policy(scene.written(case.statement))
    assert ask() == (200, "")
    scene.delete(f"/policies/{policy['id']}")
    assert ask() == case.otherwise


@pytest.mark.parametrize(
    "changed",
    [
        {"namespace": "default"},
        {"service_account": "default"},
        {"cluster_id": "ocid1.cluster.oc1..other"},
    ],
)
def test_a_pod_of_another_kind_is_not_meant(changed: dict[str, str]) -> None:
    scene = Scene()
    scene.policy(scene.written(f"{P} inspect compartments {NET} {POD}"))

    with scene.acting(scene.workload(**changed)):
        assert domains(scene).status == 404


def test_shapes_are_for_those_who_may_inspect_instances() -> None:
    scene = Scene()

    with scene.acting(scene.callers["admin"]):
        assert list_shapes(scene).status == 404
    scene.policy(f"{A} inspect instances in compartment nodes")
    with scene.acting(scene.callers["admin"]):
        assert list_shapes(scene).status == 200
