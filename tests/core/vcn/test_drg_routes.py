"""Which way a DRG sends a packet."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from vcn_cloud import Cloud
from vcn_hub import SESSION, Hub

from mooring.core.vcn.drg_routes import (
    SITE_TAG,
    across,
    drg_routes,
    next_attachment,
    site_networks,
    told_to,
)
from mooring.core.vcn.model import (
    DrgAttachment,
    DrgRouteTable,
    IpSecConnection,
    IpSecTunnel,
    Vcn,
    VirtualCircuit,
)

Json = Any


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


def routes(cloud: Cloud, table_id: str) -> dict[str, str]:
    table = cloud.world.find(DrgRouteTable, table_id)
    assert table is not None
    return {str(net): name for net, name in drg_routes(cloud.world, table)}


def record(cloud: Cloud, attachment: Json) -> DrgAttachment:
    found = cloud.world.find(DrgAttachment, attachment["id"])
    assert found is not None
    return found


def sites(cloud: Cloud, attachment: Json) -> list[str]:
    return [str(net) for net in site_networks(cloud.world, record(cloud, attachment))]


def hop(cloud: Cloud, incoming: Json, address: str) -> str | None:
    found = next_attachment(cloud.world, record(cloud, incoming), ip_address(address))
    return found and found.id


def test_vcns_learn_from_everybody_and_sites_from_vcns(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn(isIpv6Enabled=True)
    prefix = vcn["ipv6CidrBlocks"][0].replace("/56", "/64")
    cloud.subnet(vcn, "10.0.1.0/24", "10.0.2.0/24", ipv6CidrBlock=prefix)
    attachment = hub.attached(drg, vcn)
    line = hub.attachment(hub.circuit(drg))
    tables = drg["defaultDrgRouteTables"]
    own = dict.fromkeys(("10.0.1.0/24", "10.0.2.0/24", prefix), attachment["id"])

    assert routes(cloud, tables["virtualCircuit"]) == own
    assert routes(cloud, tables["vcn"]) == {**own, "10.254.0.0/30": line["id"]}
    path = f"/drgAttachments/{attachment['id']}"
    cloud.put(path, {"networkDetails": {"type": "VCN", "vcnRouteType": "VCN_CIDRS"}})
    assert set(routes(cloud, tables["virtualCircuit"])) == {
        "10.0.0.0/16",
        vcn["ipv6CidrBlocks"][0],
    }


def test_an_attachment_routes_only_while_it_is_attached(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    cloud.subnet(vcn)
    hub.attach(drg, vcn)
    table = drg["defaultDrgRouteTables"]["vcn"]

    assert routes(cloud, table) == {}
    cloud.wait(1)
    assert set(routes(cloud, table)) == {"10.0.1.0/24"}
    cloud.world = cloud.world.put(
        replace(cloud.world.find(Vcn, vcn["id"]), id="moved")
    ).drop(vcn["id"])
    assert routes(cloud, table) == {}


def test_the_longest_prefix_wins_and_static_before_dynamic(
    cloud: Cloud, hub: Hub
) -> None:
    drg = hub.drg()
    one, two = cloud.vcn("10.1.0.0/16"), cloud.vcn("10.2.0.0/16")
    cloud.subnet(one, "10.1.1.0/24")
    first, second = hub.attached(drg, one), hub.attached(drg, two)
    table = drg["defaultDrgRouteTables"]["vcn"]

    def static(destination: str, attachment: Json) -> None:
        rule = {
            "destinationType": "CIDR_BLOCK",
            "destination": destination,
            "nextHopDrgAttachmentId": attachment["id"],
        }
        path = f"/drgRouteTables/{table}/actions/addDrgRouteRules"
        cloud.post(path, {"routeRules": [rule]})

    assert hop(cloud, second, "10.1.1.9") == first["id"]
    assert hop(cloud, second, "10.9.9.9") is None
    static("0.0.0.0/0", second)
    assert hop(cloud, second, "10.1.1.9") == first["id"]
    static("10.1.1.0/24", second)
    assert hop(cloud, second, "10.1.1.9") == second["id"]
    conflicts = {rule["routeType"]: rule["isConflict"] for rule in hub.rules(table)}
    assert conflicts == {"STATIC": False, "DYNAMIC": True}
    cloud.delete(f"/drgAttachments/{second['id']}")
    assert hop(cloud, first, "10.1.1.9") is None
    gone = replace(record(cloud, first), drg_route_table_id="x")
    assert next_attachment(cloud.world, gone, ip_address("10.1.1.9")) is None


def test_a_vcn_tells_what_its_ingress_table_routes(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    every = hub.services[0]
    gateway = hub.service_gateway(vcn, every)
    ip = cloud.post("/privateIps", {"subnetId": cloud.subnet(vcn)["id"]})
    table = hub.table(vcn, (every["cidrBlock"], gateway), ("192.0.2.0/24", ip))
    attachment = hub.attached(drg, vcn, routeTableId=table["id"])
    rules = hub.rules(drg["defaultDrgRouteTables"]["ipsecTunnel"])

    assert {(r["destination"], r["destinationType"]) for r in rules} == {
        ("10.0.1.0/24", "CIDR_BLOCK"),
        ("192.0.2.0/24", "CIDR_BLOCK"),
        (every["cidrBlock"], "SERVICE_CIDR_BLOCK"),
    }
    assert hop(cloud, attachment, "198.19.16.10") == attachment["id"]
    assert len({rule["id"] for rule in rules}) == 3


def test_a_service_of_another_region_is_told_to_nobody(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    every = hub.services[0]
    table = hub.table(vcn, (every["cidrBlock"], hub.service_gateway(vcn, every)))
    hub.attached(drg, vcn, routeTableId=table["id"])
    moved = replace(cloud.world.settings, region="elsewhere")
    cloud.world = replace(cloud.world, settings=moved)

    assert routes(cloud, drg["defaultDrgRouteTables"]["ipsecTunnel"]) == {}


# -- sites


def test_a_static_tunnel_s_site_has_the_static_routes(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    connection = hub.connection(drg, staticRoutes=["172.16.0.0/12", "fd00:9::/32"])
    first, second = (hub.attachment(one) for one in hub.tunnels(connection))
    table = drg["defaultDrgRouteTables"]["vcn"]

    assert (
        sites(cloud, first) == sites(cloud, second) == ["172.16.0.0/12", "fd00:9::/32"]
    )
    rules = hub.rules(table)
    assert [rule["isConflict"] for rule in rules].count(True) == 2
    assert {rule["routeProvenance"] for rule in rules} == {"IPSEC_TUNNEL"}
    cloud.put(f"/drgRouteTables/{table}", {"isEcmpEnabled": True})
    assert not any(rule["isConflict"] for rule in hub.rules(table))


def test_what_a_tunnel_s_site_has_depends_on_its_routing(
    cloud: Cloud, hub: Hub
) -> None:
    domains = {
        "oracleTrafficSelector": ["10.0.0.0/16"],
        "cpeTrafficSelector": ["192.168.0.0/16"],
    }
    connection = hub.connection(
        hub.drg(),
        freeformTags={SITE_TAG: "10.8.0.0/16, 10.9.0.0/16,"},
        tunnelConfiguration=[
            {"routing": "BGP", "bgpSessionConfig": SESSION},
            {"routing": "POLICY", "encryptionDomainConfig": domains},
        ],
    )
    bgp, policy = (hub.attachment(one) for one in hub.tunnels(connection))

    assert sites(cloud, bgp) == ["10.8.0.0/16", "10.9.0.0/16"]
    assert sites(cloud, policy) == ["192.168.0.0/16"]


def test_a_circuit_s_site_has_its_peerings_and_what_its_tag_says(
    cloud: Cloud, hub: Hub
) -> None:
    line = {
        "customerBgpPeeringIp": "10.254.0.2/30",
        "customerBgpPeeringIpv6": "fd00:254::2/64",
    }
    circuit = hub.circuit(
        hub.drg(),
        crossConnectMappings=[line, {}],
        freeformTags={SITE_TAG: "172.20.0.0/16"},
    )
    attachment = hub.attachment(circuit)

    assert sites(cloud, attachment) == [
        "10.254.0.0/30",
        "fd00:254::/64",
        "172.20.0.0/16",
    ]
    path = f"/virtualCircuits/{circuit['id']}"
    cloud.put(path, {"bgpAdminState": "DISABLED"})
    assert sites(cloud, attachment) == []
    cloud.put(path, {"bgpAdminState": "ENABLED", "freeformTags": {}})
    assert sites(cloud, attachment) == ["10.254.0.0/30", "fd00:254::/64"]


def test_no_site_is_behind_a_vcn_nor_behind_what_is_gone(
    cloud: Cloud, hub: Hub
) -> None:
    drg = hub.drg()
    connection = hub.connection(drg)
    tunnel = hub.tunnels(connection)[0]
    attachments = hub.attachment(tunnel), hub.attachment(hub.circuit(drg))
    vcn = hub.attached(drg, cloud.vcn())

    assert sites(cloud, vcn) == []
    for kind in (IpSecConnection, IpSecTunnel, VirtualCircuit):
        for one in list(cloud.world.of(kind)):
            cloud.world = cloud.world.drop(one.id)
        left = [sites(cloud, one) for one in attachments]
        assert left[0] == []
    assert left[1] == []


# -- between DRGs


class Peered:
    """Two DRGs peered: a VCN and a site at one, a VCN at the other."""

    def __init__(self, hub: Hub) -> None:
        cloud = hub.cloud
        self.near, self.far = hub.drg(), hub.drg()
        one, two = cloud.vcn("10.1.0.0/16"), cloud.vcn("10.2.0.0/16")
        cloud.subnet(one, "10.1.1.0/24")
        cloud.subnet(two, "10.2.1.0/24")
        self.one, self.two = hub.attached(self.near, one), hub.attached(self.far, two)
        self.connection = hub.connection(self.near)
        ends = hub.joined(self.near, self.far)
        self.ends = tuple(hub.attachment(end) for end in ends)

    def table(self, drg: Json, kind: str = "vcn") -> str:
        return str(drg["defaultDrgRouteTables"][kind])


def test_drgs_tell_each_other_their_vcns(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    near, far = net.ends

    assert hop(cloud, net.one, "10.2.1.5") == near["id"]
    other = across(cloud.world, record(cloud, near))
    assert other is not None
    assert other.id == far["id"]
    assert hop(cloud, far, "10.2.1.5") == net.two["id"]
    rules = hub.rules(net.table(net.far), routeType="DYNAMIC")
    told = {r["destination"]: r for r in rules if r["routeProvenance"] == "VCN"}
    assert told["10.1.1.0/24"]["nextHopDrgAttachmentId"] == far["id"]
    assert "172.16.0.0/12" not in told
    cloud.delete(f"/remotePeeringConnections/{net.ends[1]['networkDetails']['id']}")
    assert across(cloud.world, record(cloud, near)) is None
    assert hop(cloud, net.one, "10.2.1.5") is None


def test_a_drg_tells_what_its_distribution_lets_through(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    path = f"/drgAttachments/{net.ends[0]['id']}"
    cloud.post(f"{path}/actions/removeExportDrgRouteDistribution")

    assert hop(cloud, net.two, "10.1.1.5") is None
    cloud.put(path, {"drgRouteTableId": net.table(net.near)})
    export = net.near["defaultExportDrgRouteDistributionId"]
    cloud.put(path, {"exportDrgRouteDistributionId": export})
    assert hop(cloud, net.two, "10.1.1.5") == net.ends[1]["id"]
    assert hop(cloud, net.two, "172.16.0.1") == net.ends[1]["id"]
    provenance = {
        rule["destination"]: rule["routeProvenance"]
        for rule in hub.rules(net.table(net.far))
    }
    assert provenance["172.16.0.0/12"] == "IPSEC_TUNNEL"


def test_a_ring_of_drgs_learns_nothing_from_itself(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    third = hub.drg()
    for one, two in ((net.far, third), (third, net.near)):
        hub.joined(one, two)
    for drg in (net.near, net.far, third):
        for one in hub.cloud.get(
            "/drgAttachments",
            **hub.home,
            drgId=drg["id"],
            attachmentType="REMOTE_PEERING_CONNECTION",
        ):
            table = {"drgRouteTableId": net.table(drg)}
            cloud.put(f"/drgAttachments/{one['id']}", table)

    rules = hub.rules(net.table(third))
    to_one = [r for r in rules if r["destination"] == "10.1.1.0/24"]

    assert [rule["isConflict"] for rule in to_one] == [False, True]
    assert hop(cloud, net.one, "10.1.1.5") == net.one["id"]


def test_a_site_is_not_told_of_other_sites(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    attachment = hub.attachment(hub.circuit(net.near))
    table = {"drgRouteTableId": net.table(net.near)}
    cloud.put(f"/drgAttachments/{attachment['id']}", table)

    def told() -> set[str]:
        found = told_to(cloud.world, record(cloud, attachment))
        return {str(route.network) for route in found}

    assert told() == {"10.1.1.0/24", "10.2.1.0/24"}
    lost = replace(record(cloud, attachment), drg_route_table_id="x")
    assert list(told_to(cloud.world, lost)) == []


def test_a_static_route_is_told_to_peers(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    rule = {
        "destinationType": "CIDR_BLOCK",
        "destination": "10.77.0.0/16",
        "nextHopDrgAttachmentId": net.one["id"],
    }
    table = net.table(net.near, "remotePeeringConnection")
    cloud.post(
        f"/drgRouteTables/{table}/actions/addDrgRouteRules", {"routeRules": [rule]}
    )
    found = [
        r for r in hub.rules(net.table(net.far)) if r["destination"] == "10.77.0.0/16"
    ]

    assert [(r["routeType"], r["routeProvenance"]) for r in found] == [
        ("DYNAMIC", "STATIC")
    ]


def test_a_peer_without_an_attachment_is_not_there(cloud: Cloud, hub: Hub) -> None:
    net = Peered(hub)
    cloud.world = cloud.world.drop(net.ends[1]["id"])

    assert across(cloud.world, record(cloud, net.ends[0])) is None
