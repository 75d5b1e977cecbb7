"""IPv6 objects: chosen, made, moved, given back; what a new VNIC gets of addresses."""

import json
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.acts.ipv6 import rest, singles
from mooring.core.vcn.imds import Question, answer
from mooring.core.vcn.model import Ipv6

Json = dict[str, Any]
PRIVATE = IPv6Network("fd12:0:0:1::/64")
OTHER = IPv6Network("fd12:0:0:2::/64")


class Net:
    """A subnet with one prefix, another with two, an instance in the first."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.vcn = cloud.vcn(
            dnsLabel="net", isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/48"]
        )
        self.block = IPv6Network(f"{IPv6Network(self.vcn['ipv6CidrBlocks'][0])[0]}/64")
        self.subnet = cloud.subnet(
            self.vcn, "10.0.1.0/24", ipv6CidrBlock=str(self.block), dnsLabel="one"
        )
        self.double = cloud.subnet(
            self.vcn, "10.0.2.0/24", ipv6CidrBlocks=[str(PRIVATE), str(OTHER)]
        )
        self.plain = cloud.subnet(self.vcn, "10.0.3.0/24")
        self.instance = cloud.instance(self.subnet)
        self.vnic = cloud.primary(self.instance)

    def six(self, **more: object) -> Json:
        return self.cloud.post("/ipv6", {"vnicId": self.vnic["id"], **more})

    def free(self, **more: object) -> Json:
        return self.cloud.post("/ipv6", {"subnetId": self.subnet["id"], **more})

    def refused(self, **body: object) -> tuple[int, str, str]:
        return self.cloud.refused("POST", "/ipv6", body)

    def attach(self, **details: object) -> Json:
        return self.cloud.attach(self.instance, self.subnet, **details)

    def not_attached(self, **details: object) -> tuple[int, str, str]:
        body = {
            "instanceId": self.instance["id"],
            "createVnicDetails": {"subnetId": self.subnet["id"], **details},
        }
        return self.cloud.refused("POST", "/vnicAttachments", body)

    def end(self, vnic: Json) -> None:
        attachment = self.cloud.world.attachment_of_vnic(vnic["id"])
        assert attachment is not None
        self.cloud.delete(f"/vnicAttachments/{attachment.id}")
        self.cloud.wait()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def net(cloud: Cloud) -> Net:
    return Net(cloud)


def network(six: Json) -> IPv6Network:
    return IPv6Network(f"{six['ipAddress']}/{six['cidrPrefixLength'] or 128}")


def path(six: Json) -> str:
    return f"/ipv6/{six['id']}"


# -- which address


def test_a_prefix_is_one_part_for_singles_and_the_rest_for_blocks() -> None:
    parts = [singles(PRIVATE), *rest(PRIVATE)]

    assert sum(part.num_addresses for part in parts) == PRIVATE.num_addresses
    assert [part.prefixlen for part in parts] == [80, *range(65, 81)]
    assert len({part.network_address for part in parts}) == len(parts)


def test_a_single_address_comes_out_of_the_first_80(cloud: Cloud, net: Net) -> None:
    found = {net.six()["ipAddress"] for _ in range(20)}
    six = net.six()

    assert len(found) == 20
    assert all(IPv6Address(one) in singles(net.block) for one in found)
    assert six["cidrPrefixLength"] is None
    assert (six["ipState"], six["lifetime"]) == ("ASSIGNED", "EPHEMERAL")
    assert (six["lifecycleState"], six["vnicId"]) == ("AVAILABLE", net.vnic["id"])
    assert six["subnetId"] == net.subnet["id"]
    assert cloud.get(path(six)) == six


@pytest.mark.parametrize("prefix", [80, 96, 120, 124])
def test_a_block_comes_out_of_the_rest(net: Net, prefix: int) -> None:
    blocks = [network(net.six(cidrPrefixLength=prefix)) for _ in range(8)]

    assert all(b.subnet_of(net.block) for b in blocks)
    assert not any(b.overlaps(singles(net.block)) for b in blocks)
    assert not any(a.overlaps(b) for n, a in enumerate(blocks) for b in blocks[:n])


def test_an_address_may_be_asked_for(net: Net) -> None:
    wanted = str(net.block[0x99])
    block = str(net.block[1 << 60])

    assert net.six(ipAddress=wanted)["ipAddress"] == wanted
    assert net.six(ipAddress=block, cidrPrefixLength=96)["ipAddress"] == block


def test_what_is_taken_is_a_conflict(net: Net) -> None:
    single, block = str(net.block[0x99]), str(net.block[1 << 60])
    home = {"vnicId": net.vnic["id"]}
    one = net.six(ipAddress=single)
    net.six(ipAddress=block, cidrPrefixLength=96)

    again = net.refused(**home, ipAddress=single)
    inside = net.refused(**home, ipAddress=block, cidrPrefixLength=120)

    assert again[:2] == inside[:2] == (409, "Conflict")
    assert one["id"] in again[2]


@pytest.mark.parametrize(
    ("offset", "prefix", "words"),
    [
        (0, None, "must not be a reserved address"),
        (1 << 48, None, "must lie inside of"),
        (1 << 64, None, "must lie inside of"),
        (5, 96, "must be a multiple of the size of a /96"),
        (1 << 40, 96, "must lie outside of"),
        (1 << 60, 97, "must be a multiple of 4"),
        (1 << 60, 76, "must be from 80 to 124"),
        (1 << 60, 128, "must be from 80 to 124"),
    ],
)
def test_what_can_never_be_is_invalid(
    net: Net, offset: int, prefix: int | None, words: str
) -> None:
    address = str(net.block.network_address + offset)
    code, name, message = net.refused(
        vnicId=net.vnic["id"], ipAddress=address, cidrPrefixLength=prefix
    )

    assert (code, name) == (400, "InvalidParameter")
    assert words in message


@pytest.mark.parametrize("address", ["10.0.0.5", "fe80::1%eth0", "x", 7, True])
def test_an_address_must_be_of_ipv6(net: Net, address: object) -> None:
    refusal = net.refused(vnicId=net.vnic["id"], ipAddress=address)

    assert refusal[:2] == (400, "InvalidParameter")
    assert "must be an IPv6 address" in refusal[2]


def test_a_subnet_without_room_is_a_conflict(cloud: Cloud, net: Net) -> None:
    """Where all of the rest is taken there is still room for single addresses."""
    made = net.free(cidrPrefixLength=80)
    record = cloud.world.find(Ipv6, made["id"])
    assert record is not None
    cloud.delete(path(made))
    for n, part in enumerate(rest(net.block)):
        wide = {"ip_address": part[0], "cidr_prefix_length": part.prefixlen}
        cloud.world = cloud.world.put(replace(record, id=f"{record.id}{n}", **wide))

    refusal = net.refused(subnetId=net.subnet["id"], cidrPrefixLength=124)
    single = net.free()

    assert refusal[:2] == (409, "Conflict")
    assert "IPv6 CIDR of prefix length 124" in refusal[2]
    assert IPv6Address(single["ipAddress"]) in singles(net.block)


def test_of_several_prefixes_one_must_be_named(cloud: Cloud, net: Net) -> None:
    home = {"subnetId": net.double["id"]}

    unnamed = net.refused(**home)
    wrong = net.refused(**home, ipv6SubnetCidr=str(net.block))
    six = cloud.post("/ipv6", {**home, "ipv6SubnetCidr": str(OTHER)})

    assert unnamed[:2] == (400, "MissingParameter")
    assert "ipv6SubnetCidr" in unnamed[2]
    assert wrong[:2] == (400, "InvalidParameter")
    assert IPv6Address(six["ipAddress"]) in OTHER


def test_a_subnet_must_be_enabled_for_ipv6(net: Net) -> None:
    refusal = net.refused(subnetId=net.plain["id"])

    assert refusal[:2] == (400, "InvalidParameter")
    assert "enabled for IPv6" in refusal[2]


# -- where it lives


def test_a_home_must_be_named_and_be_there(net: Net) -> None:
    assert net.refused()[:2] == (400, "MissingParameter")
    assert net.refused(vnicId="nowhere")[:2] == (404, "NotAuthorizedOrNotFound")
    elsewhere = net.refused(vnicId=net.vnic["id"], subnetId=net.plain["id"])
    assert elsewhere[:2] == (400, "InvalidParameter")


def test_without_a_vnic_it_is_reserved(net: Net) -> None:
    six = net.free()
    refusal = net.refused(subnetId=net.subnet["id"], lifetime="EPHEMERAL")

    assert (six["lifetime"], six["ipState"]) == ("RESERVED", "AVAILABLE")
    assert six["vnicId"] is None
    assert refusal[:2] == (400, "InvalidParameter")


def test_a_vnic_has_one_and_thirty_two_more(net: Net) -> None:
    for n in range(33):
        net.six(cidrPrefixLength=124 if n % 2 else None)

    refusal = net.refused(vnicId=net.vnic["id"])

    assert refusal[:2] == (400, "LimitExceeded")
    assert "limit of 32 secondary IPv6s" in refusal[2]


def test_an_updating_subnet_gives_and_takes_nothing(cloud: Cloud, net: Net) -> None:
    six = net.six()
    add = {"ipv4CidrBlock": "10.0.9.0/24"}
    reply = cloud.send(
        "POST", f"/subnets/{net.subnet['id']}/actions/addIpv4Cidr", add
    ).reply
    assert reply.status == 202

    for refusal in (
        net.refused(vnicId=net.vnic["id"]),
        cloud.refused("DELETE", path(six)),
        cloud.refused("POST", f"{path(six)}/actions/detach"),
    ):
        assert refusal[:2] == (409, "IncorrectState")


def test_it_moves_inside_its_subnet(cloud: Cloud, net: Net) -> None:
    six = net.six(cidrPrefixLength=96)
    near, far = net.attach(), cloud.attach(net.instance, net.plain)

    moved = cloud.put(path(six), {"vnicId": near["id"]})
    refusal = cloud.refused("PUT", path(six), {"vnicId": far["id"]})

    assert moved["vnicId"] == near["id"]
    assert refusal[:2] == (400, "InvalidParameter")


def test_it_is_detached_and_stays_taken(cloud: Cloud, net: Net) -> None:
    six = net.six()
    loose = cloud.post(f"{path(six)}/actions/detach")
    again = cloud.refused("POST", f"{path(six)}/actions/detach")
    taken = net.refused(vnicId=net.vnic["id"], ipAddress=six["ipAddress"])
    ephemeral = cloud.refused("PUT", path(six), {"lifetime": "EPHEMERAL"})
    back = cloud.put(path(six), {"vnicId": net.vnic["id"], "lifetime": "RESERVED"})

    assert (loose["ipState"], loose["vnicId"]) == ("AVAILABLE", None)
    assert again[:2] == taken[:2] == (409, "Conflict")
    assert ephemeral[:2] == (400, "InvalidParameter")
    assert (back["ipState"], back["lifetime"]) == ("ASSIGNED", "RESERVED")


def test_it_is_deleted_and_free_again(cloud: Cloud, net: Net) -> None:
    six = net.six()
    cloud.delete(path(six))

    assert cloud.refused("GET", path(six))[0] == 404
    assert net.six(ipAddress=six["ipAddress"])["id"] != six["id"]


def test_names_tags_and_tables_change(cloud: Cloud, net: Net) -> None:
    table = net.vcn["defaultRouteTableId"]
    six = net.six(hostname="host", routeTableId=table, displayName="a")
    changed = cloud.put(
        path(six), {"displayName": "b", "routeTableId": "", "hostname": "other"}
    )
    same = cloud.put(path(six), {"hostname": "other"})

    assert (six["hostname"], six["routeTableId"]) == ("host", table)
    assert (changed["displayName"], changed["routeTableId"]) == ("b", None)
    assert changed["hostname"] == same["hostname"] == "other"


def test_a_host_name_is_for_one_single_address(cloud: Cloud, net: Net) -> None:
    home = {"vnicId": net.vnic["id"]}
    net.six(hostname="host")
    cloud.ip(net.vnic, hostnameLabel="host")  # the same name over IPv4
    block = net.six(cidrPrefixLength=96)

    taken = net.refused(**home, hostname="HOST")
    of_a_block = net.refused(**home, hostname="block", cidrPrefixLength=96)
    later = cloud.refused("PUT", path(block), {"hostname": "block"})
    nameless = net.refused(
        subnetId=net.double["id"], hostname="x", ipv6SubnetCidr=str(OTHER)
    )

    assert taken[:2] == (409, "Conflict")
    for refusal in (of_a_block, later, nameless):
        assert refusal[:2] == (400, "InvalidParameter")
        assert refusal[2].startswith("hostname ")


def test_a_table_that_it_uses_stays(cloud: Cloud, net: Net) -> None:
    inside = {"compartmentId": cloud.compartment, "vcnId": net.vcn["id"]}
    table = cloud.post("/routeTables", {**inside, "routeRules": []})
    net.six(routeTableId=table["id"])

    refusal = cloud.refused("DELETE", f"/routeTables/{table['id']}")

    assert refusal[:2] == (409, "Conflict")


def test_a_subnet_with_a_reserved_one_stays(cloud: Cloud, net: Net) -> None:
    subnet = cloud.subnet(
        net.vcn, "10.0.7.0/24", ipv6CidrBlock=str(IPv6Network("fd12:0:0:7::/64"))
    )
    six = cloud.post("/ipv6", {"subnetId": subnet["id"]})

    refusal = cloud.refused("DELETE", f"/subnets/{subnet['id']}")
    cloud.delete(path(six))
    cloud.delete(f"/subnets/{subnet['id']}")

    assert refusal[:2] == (409, "Conflict")
    assert six["id"] in refusal[2]


# -- lists


def test_they_are_listed_by_vnic_subnet_and_address(cloud: Cloud, net: Net) -> None:
    mine = [net.six(), net.six(cidrPrefixLength=96)]
    free = net.free()
    subnet = net.subnet["id"]

    by_vnic = cloud.get("/ipv6", vnicId=net.vnic["id"])
    by_subnet = cloud.get("/ipv6", subnetId=subnet)
    by_address = cloud.get("/ipv6", subnetId=subnet, ipAddress=mine[0]["ipAddress"])
    loose = cloud.get("/ipv6", subnetId=subnet, ipState="AVAILABLE")
    lasting = cloud.get("/ipv6", subnetId=subnet, lifetime="RESERVED")
    elsewhere = cloud.get("/ipv6", vnicId=net.vnic["id"], subnetId=net.plain["id"])

    assert [one["id"] for one in by_vnic] == [one["id"] for one in mine]
    assert [network(one) for one in by_subnet] == sorted(map(network, [*mine, free]))
    assert by_address == [mine[0]]
    assert loose == lasting == [free]
    assert elsewhere == []


def test_a_list_comes_in_pages(cloud: Cloud, net: Net) -> None:
    made = {net.six()["id"] for _ in range(5)}
    seen: list[str] = []
    query = {"subnetId": net.subnet["id"], "limit": "2"}
    while True:
        reply = cloud.send("GET", "/ipv6", query=query).reply
        seen += [one["id"] for one in json.loads(reply.body)]
        if "opc-next-page" not in reply.headers:
            break
        query["page"] = reply.headers["opc-next-page"]

    assert len(seen) == 5
    assert set(seen) == made


def test_a_list_of_nothing_in_particular_is_refused(cloud: Cloud) -> None:
    assert cloud.refused("GET", "/ipv6")[:2] == (400, "MissingParameter")
    query = {"vnicId": "x"}
    assert cloud.refused("GET", "/ipv6", query=query)[0] == 404


# -- along with a VNIC


def test_a_new_vnic_gets_an_address(cloud: Cloud, net: Net) -> None:
    vnic = net.attach(assignIpv6Ip=True)
    [six] = cloud.get("/ipv6", vnicId=vnic["id"])

    assert vnic["ipv6Addresses"] == [six["ipAddress"]]
    assert IPv6Address(six["ipAddress"]) in singles(net.block)
    assert six["lifetime"] == "EPHEMERAL"


def test_a_launched_instance_gets_addresses_of_its_choice(
    cloud: Cloud, net: Net
) -> None:
    reserved = cloud.post(
        "/ipv6", {"subnetId": net.double["id"], "ipv6SubnetCidr": str(OTHER)}
    )
    pairs = [
        {"ipv6SubnetCidr": str(OTHER)},
        {"ipv6Address": str(OTHER[0x77])},
        {"ipv6Address": str(PRIVATE[0x78]), "ipv6SubnetCidr": str(PRIVATE)},
        {},
        {"ipv6Id": reserved["id"]},
    ]
    details = {
        "subnetId": net.double["id"],
        "assignIpv6Ip": True,
        "ipv6AddressIpv6SubnetCidrPairDetails": pairs,
    }
    instance = cloud.instance(net.double, createVnicDetails=details)

    vnic = cloud.primary(instance)
    found = [IPv6Address(one) for one in vnic["ipv6Addresses"]]
    sixes = cloud.get("/ipv6", vnicId=vnic["id"])

    assert len(found) == len({s["id"] for s in sixes}) == 5
    assert {OTHER[0x77], PRIVATE[0x78], IPv6Address(reserved["ipAddress"])} < set(found)
    assert sum(one in PRIVATE for one in found) == 2
    assert sum(one in OTHER for one in found) == 3


PAIRS = "createVnicDetails.ipv6AddressIpv6SubnetCidrPairDetails[0]"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"assignIpv6Ip": False, "pairs": [{}]}, "createVnicDetails.assignIpv6Ip"),
        ({"pairs": [{"ipv6SubnetCidr": str(OTHER)}]}, f"{PAIRS}.ipv6SubnetCidr"),
        ({"pairs": [{"ipv6Address": str(OTHER[5])}]}, f"{PAIRS}.ipv6Address"),
        ({"pairs": [{"ipv6Address": "10.0.0.1"}]}, f"{PAIRS}.ipv6Address"),
        ({"pairs": [{"ipv6Id": "x"}]}, f"{PAIRS}.ipv6Id"),
        ({"pairs": [{"ipv6Id": "x", "ipv6Address": "::1"}]}, f"{PAIRS}.ipv6Id"),
        ({"pairs": [{}] * 17}, "0 to 16 elements"),
    ],
)
def test_a_vnic_with_wrong_wishes_is_refused(
    net: Net, details: Json, words: str
) -> None:
    pairs = {"ipv6AddressIpv6SubnetCidrPairDetails": details["pairs"]}
    wanted = {"assignIpv6Ip": details.get("assignIpv6Ip", True)}

    status, _, message = net.not_attached(**pairs, **wanted)

    assert status == 400
    assert words in message


def test_a_reserved_ipv6_must_fit_the_new_vnic(cloud: Cloud, net: Net) -> None:
    def with_six(six: Json) -> tuple[int, str, str]:
        pairs = [{"ipv6Id": six["id"]}]
        return net.not_attached(ipv6AddressIpv6SubnetCidrPairDetails=pairs)

    away = cloud.post(
        "/ipv6", {"subnetId": net.double["id"], "ipv6SubnetCidr": str(OTHER)}
    )

    assert with_six(net.six(lifetime="RESERVED"))[:2] == (409, "Conflict")
    for six in (away, net.six(), net.free(cidrPrefixLength=96)):
        assert with_six(six)[:2] == (400, "InvalidParameter")


def test_a_subnet_without_ipv6_gives_none(net: Net) -> None:
    refusal = net.not_attached(subnetId=net.plain["id"], assignIpv6Ip=True)

    assert refusal[:2] == (400, "InvalidParameter")
    assert "createVnicDetails.assignIpv6Ip true" in refusal[2]


def test_a_vnic_s_end_frees_what_is_not_reserved(cloud: Cloud, net: Net) -> None:
    vnic = net.attach(assignIpv6Ip=True)
    home = {"vnicId": vnic["id"]}
    stays = cloud.post("/ipv6", {**home, "lifetime": "RESERVED"})
    goes = cloud.post("/ipv6", {**home, "cidrPrefixLength": 96})
    net.end(vnic)

    left = cloud.get("/ipv6", subnetId=net.subnet["id"])

    assert [one["id"] for one in left] == [stays["id"]]
    assert (left[0]["ipState"], left[0]["vnicId"]) == ("AVAILABLE", None)
    assert cloud.refused("GET", path(goes))[0] == 404


# -- a reserved private IP as the primary one


def reserve(net: Net, **more: object) -> Json:
    return net.cloud.post("/privateIps", {"subnetId": net.subnet["id"], **more})


def test_a_reserved_private_ip_becomes_the_primary(cloud: Cloud, net: Net) -> None:
    ip = reserve(net, hostnameLabel="kept")
    vnic = net.attach(privateIpId=ip["id"])
    primary = cloud.get("/privateIps", vnicId=vnic["id"])[0]
    refusal = cloud.refused("DELETE", f"/privateIps/{ip['id']}")
    net.end(vnic)
    free = cloud.get(f"/privateIps/{ip['id']}")

    assert (vnic["privateIp"], vnic["hostnameLabel"]) == (ip["ipAddress"], "kept")
    assert (primary["id"], primary["isPrimary"]) == (ip["id"], True)
    assert primary["availabilityDomain"] == cloud.domain
    assert refusal[:2] == (400, "InvalidParameter")
    assert (free["isPrimary"], free["ipState"]) == (False, "AVAILABLE")
    assert (free["availabilityDomain"], free["lifetime"]) == (None, "RESERVED")
    cloud.delete(f"/privateIps/{ip['id']}")


def test_a_new_host_name_goes_to_the_reserved_private_ip(
    cloud: Cloud, net: Net
) -> None:
    ip = reserve(net, hostnameLabel="kept")
    vnic = net.attach(privateIpId=ip["id"], hostnameLabel="new")

    assert vnic["hostnameLabel"] == "new"
    assert cloud.get(f"/privateIps/{ip['id']}")["hostnameLabel"] == "new"


@pytest.mark.parametrize(
    "more", [{"privateIp": "10.0.1.9"}, {"subnetCidr": "10.0.1.0/24"}]
)
def test_a_reserved_private_ip_stands_alone(net: Net, more: Json) -> None:
    ip = reserve(net)

    refusal = net.not_attached(privateIpId=ip["id"], **more)

    assert refusal[:2] == (400, "InvalidParameter")
    assert "createVnicDetails.privateIpId" in refusal[2]


def test_a_private_ip_must_be_reserved_single_free_and_here(
    cloud: Cloud, net: Net
) -> None:
    used = cloud.ip(net.vnic, lifetime="RESERVED")
    away = cloud.post("/privateIps", {"subnetId": net.plain["id"]})
    block = reserve(net, cidrPrefixLength=28)
    cloud.wait()

    assert net.not_attached(privateIpId=used["id"])[:2] == (409, "Conflict")
    for ip in (away, block, cloud.ip(net.vnic)):
        refusal = net.not_attached(privateIpId=ip["id"])
        assert refusal[:2] == (400, "InvalidParameter")
    assert net.not_attached(privateIpId="x")[:2] == (
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
    )


@pytest.mark.parametrize("lifetime", ["EPHEMERAL", "RESERVED"])
def test_a_reserved_public_address_stays_with_its_reserved_private_ip(
    cloud: Cloud, lifetime: str
) -> None:
    subnet = cloud.subnet(cloud.vcn(), prohibitPublicIpOnVnic=False)
    instance = cloud.instance(subnet)
    ip = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    is_ephemeral = lifetime == "EPHEMERAL"
    wish = {"privateIpId": ip["id"], "assignPublicIp": is_ephemeral}
    fresh = cloud.attach(instance, subnet, **wish)
    attachment = cloud.world.attachment_of_vnic(fresh["id"])
    assert attachment is not None
    if not is_ephemeral:
        body = {"compartmentId": cloud.compartment, "lifetime": lifetime}
        cloud.post("/publicIps", {**body, "privateIpId": ip["id"]})
    public = cloud.get(f"/vnics/{fresh['id']}")["publicIp"]
    cloud.delete(f"/vnicAttachments/{attachment.id}")
    cloud.wait()
    again = cloud.attach(instance, subnet, **wish)["publicIp"]

    assert public is not None
    assert again is not None
    assert (again == public) is not is_ephemeral


def test_a_host_name_needs_a_dns_record(net: Net) -> None:
    refusal = net.not_attached(hostnameLabel="x", assignPrivateDnsRecord=False)

    assert refusal[:2] == (400, "InvalidParameter")
    assert "createVnicDetails.assignPrivateDnsRecord" in refusal[2]
    assert net.attach(assignPrivateDnsRecord=False)["hostnameLabel"] is None


# -- what the instance is told


def told(cloud: Cloud, net: Net, n: int) -> Json:
    source = net.vnic["privateIp"]
    headers = {"authorization": "Bearer Oracle"}
    question = Question(net.vcn["id"], source, "GET", f"/opc/v2/vnics/{n}", headers)
    return json.loads(answer(cloud.world, question).body)


def test_an_instance_is_told_its_prefixes_and_addresses(cloud: Cloud, net: Net) -> None:
    vnic = net.attach(assignIpv6Ip=True)
    cloud.post("/ipv6", {"vnicId": vnic["id"], "cidrPrefixLength": 96})
    double = cloud.attach(
        net.instance,
        net.double,
        ipv6AddressIpv6SubnetCidrPairDetails=[{"ipv6SubnetCidr": str(OTHER)}],
    )
    without, single, second = (told(cloud, net, n) for n in range(3))

    assert without["ipv6SubnetCidrBlock"] == str(net.block)
    assert without["ipv6VirtualRouterIp"] == net.subnet["ipv6VirtualRouterIp"]
    assert "ipv6Addresses" not in without
    assert single["ipv6Addresses"] == vnic["ipv6Addresses"][:1]
    assert second["ipv6SubnetCidrBlock"] == str(OTHER)
    assert second["ipv6Addresses"] == double["ipv6Addresses"]


def test_an_instance_without_ipv6_is_told_nothing_of_it(cloud: Cloud, net: Net) -> None:
    cloud.attach(net.instance, net.plain)

    assert not {key for key in told(cloud, net, 1) if "ipv6" in key}
