"""Route tables and gateways."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from vcn_cloud import Cloud

from mooring.core.net.blocks import Entry, Space
from mooring.core.vcn.acts import publicips
from mooring.core.vcn.api.errors import Refusal
from mooring.core.vcn.indexes import PUBLIC
from mooring.core.vcn.limits import PUBLIC_ADDRESSES
from mooring.core.vcn.model import Vnic


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


class Net:
    """A VCN with a NAT and an internet gateway."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.vcn = cloud.vcn()
        self.inside = {"compartmentId": cloud.compartment, "vcnId": self.vcn["id"]}
        self.nat = cloud.post("/natGateways", self.inside)
        self.igw = cloud.post("/internetGateways", {**self.inside, "isEnabled": True})

    def table(self, *rules: dict[str, object]) -> dict[str, object]:
        return {**self.inside, "routeRules": list(rules)}


@pytest.fixture
def net(cloud: Cloud) -> Net:
    return Net(cloud)


def test_a_table_s_rules_come_back(cloud: Cloud, net: Net) -> None:
    every = cloud.get("/services")[0]
    services = [{"serviceId": every["id"]}]
    sgw = cloud.post("/serviceGateways", {**net.inside, "services": services})
    table = cloud.post(
        "/routeTables",
        net.table(
            {"destination": "0.0.0.0/0", "networkEntityId": net.nat["id"]},
            {"cidrBlock": "192.0.2.0/24", "networkEntityId": net.igw["id"]},
            {"destination": "::/0", "networkEntityId": net.igw["id"]},
            {
                "destination": every["cidrBlock"],
                "destinationType": "SERVICE_CIDR_BLOCK",
                "networkEntityId": sgw["id"],
                "description": "why",
            },
        ),
    )
    rules = table["routeRules"]

    assert [rule["destination"] for rule in rules] == [
        "0.0.0.0/0",
        "192.0.2.0/24",
        "::/0",
        every["cidrBlock"],
    ]
    assert rules[0]["cidrBlock"] == "0.0.0.0/0"
    assert rules[0]["routeType"] == "STATIC"
    assert (rules[3]["cidrBlock"], rules[3]["description"]) == (None, "why")
    assert (
        cloud.put(f"/routeTables/{table['id']}", {"routeRules": rules})["routeRules"]
        == rules
    )


def test_a_table_s_rules_are_replaced_or_left(cloud: Cloud, net: Net) -> None:
    rule = {"destination": "0.0.0.0/0", "networkEntityId": net.nat["id"]}
    path = f"/routeTables/{cloud.post('/routeTables', net.table(rule))['id']}"

    assert len(cloud.put(path, {"displayName": "x"})["routeRules"]) == 1
    assert cloud.put(path, {"routeRules": []})["routeRules"] == []


@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        ({"destination": "0.0.0.0"}, "InvalidParameter", "destination"),
        ({"destination": "::1/64"}, "InvalidParameter", "destination"),
        ({"destination": "fe80::%1/64"}, "InvalidParameter", "destination"),
        ({}, "MissingParameter", "routeRules[1].destination"),
        ({"destination": "10.0.0.0/8"}, "InvalidParameter", "twice"),
        (
            {"destination": "0.0.0.0/0", "networkEntityId": "x"},
            "RelatedResourceNotAuthorizedOrNotFound",
            "routeRules[1].networkEntityId",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(
    cloud: Cloud, net: Net, rule: dict[str, str], code: str, words: str
) -> None:
    first = {"destination": "10.0.0.0/8", "networkEntityId": net.nat["id"]}
    body = net.table(first, {"networkEntityId": net.nat["id"], **rule})

    status, got, message = cloud.refused("POST", "/routeTables", body)

    assert (status, got) == (400, code)
    assert words in message


def test_a_rule_cannot_lead_into_another_vcn(cloud: Cloud, net: Net) -> None:
    other = cloud.vcn("10.9.0.0/16")
    path = f"/routeTables/{other['defaultRouteTableId']}"
    rule = {"destination": "0.0.0.0/0", "networkEntityId": net.nat["id"]}

    assert cloud.refused("PUT", path, {"routeRules": [rule]})[0] == 400


def test_a_rule_may_lead_to_a_private_ip(cloud: Cloud, net: Net) -> None:
    subnet = cloud.subnet(net.vcn)
    ip = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    rule = {"destination": "192.0.2.0/24", "networkEntityId": ip["id"]}
    cloud.post("/routeTables", net.table(rule))

    cloud.delete(f"/privateIps/{ip['id']}")  # the rule then leads nowhere


def test_a_gateway_in_a_rule_is_in_use(cloud: Cloud, net: Net) -> None:
    rule = {"destination": "0.0.0.0/0", "networkEntityId": net.nat["id"]}
    table = cloud.post("/routeTables", net.table(rule))
    path = f"/natGateways/{net.nat['id']}"

    assert table["id"] in cloud.refused("DELETE", path)[2]

    cloud.delete(f"/routeTables/{table['id']}")
    cloud.delete(path)


def test_a_vcn_has_one_internet_gateway(cloud: Cloud, net: Net) -> None:
    body = {**net.inside, "isEnabled": False}

    assert cloud.refused("POST", "/internetGateways", body)[:2] == (409, "Conflict")


def test_an_internet_gateway_changes(cloud: Cloud, net: Net) -> None:
    path = f"/internetGateways/{net.igw['id']}"

    assert cloud.put(path, {"isEnabled": False})["isEnabled"] is False
    assert cloud.put(path, {"displayName": "x"})["isEnabled"] is False


def test_a_nat_gateway_changes(cloud: Cloud, net: Net) -> None:
    path = f"/natGateways/{net.nat['id']}"

    assert cloud.put(path, {"blockTraffic": True})["blockTraffic"] is True
    assert cloud.put(path, {"displayName": "x"})["blockTraffic"] is True


def test_a_gateway_s_table_is_set_and_taken_away(cloud: Cloud, net: Net) -> None:
    table = cloud.post("/routeTables", net.table())
    path = f"/natGateways/{net.nat['id']}"

    assert cloud.put(path, {"routeTableId": table["id"]})["routeTableId"] == table["id"]
    assert cloud.refused("DELETE", f"/routeTables/{table['id']}")[1] == "Conflict"
    assert cloud.put(path, {"routeTableId": ""})["routeTableId"] is None

    cloud.delete(f"/routeTables/{table['id']}")


def test_public_addresses_are_all_different(cloud: Cloud, net: Net) -> None:
    subnet = cloud.subnet(net.vcn, prohibitPublicIpOnVnic=False)
    for _ in range(3):
        cloud.instance(subnet)
    found = [vnic.public_ip for vnic in cloud.world.of(Vnic)]
    found.append(IPv4Address(net.nat["natIp"]))

    assert len(set(found)) == 4
    assert all(ip is not None and ip in PUBLIC_ADDRESSES for ip in found)


def test_public_addresses_end(cloud: Cloud) -> None:
    base = int(PUBLIC_ADDRESSES.network_address)
    full = Space(32).take(Entry(base, 32 - PUBLIC_ADDRESSES.prefixlen, "x"))
    world = replace(cloud.world, indexes=cloud.world.indexes.set(PUBLIC, full))

    with pytest.raises(Refusal, match="no public IP addresses left"):
        publicips.free_address(world, 1)
