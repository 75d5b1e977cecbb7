"""Blocks of VCNs and subnets: added, changed, taken away, and what refuses it."""

import json
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.indexes import ORACLE
from mooring.core.vcn.limits import ORACLE_PREFIXES
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World

Json = dict[str, Any]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def vcn(cloud: Cloud) -> Json:
    return cloud.vcn("10.0.0.0/16", isIpv6Enabled=True, dnsLabel="net")


def act(cloud: Cloud, thing: Json, action: str, **body: object) -> str:
    """Carry an action out, wait for its end, and give its work request."""
    reply = begun(cloud, thing, action, **body)
    cloud.wait()
    return reply.headers["opc-work-request-id"]


def begun(cloud: Cloud, thing: Json, action: str, **body: object) -> Any:
    reply = cloud.send("POST", where(thing, action), body).reply
    assert reply.status == 202, reply
    assert reply.body == b""
    return reply


def where(thing: Json, action: str) -> str:
    return f"{path(thing)}/actions/{action}"


def path(thing: Json) -> str:
    return f"/{'vcns' if '.vcn.' in thing['id'] else 'subnets'}/{thing['id']}"


def refused(cloud: Cloud, thing: Json, action: str, **body: object) -> tuple[str, str]:
    _, code, message = cloud.refused("POST", where(thing, action), body)
    return code, message


def now(cloud: Cloud, thing: Json) -> Json:
    return cloud.get(path(thing))


def prefix(vcn: Json, n: int = 0) -> str:
    """Give a /64 of a VCN's Oracle prefix."""
    outer = IPv6Network(vcn["ipv6CidrBlocks"][0])
    return str(list(outer.subnets(new_prefix=64))[n])


# -- a VCN with IPv6


def test_a_vcn_with_ipv6_gets_a_prefix_of_oracles(cloud: Cloud, vcn: Json) -> None:
    block = IPv6Network(vcn["ipv6CidrBlocks"][0])
    other = IPv6Network(cloud.vcn(isIpv6Enabled=True)["ipv6CidrBlocks"][0])

    assert block.prefixlen == 56
    assert block.subnet_of(ORACLE_PREFIXES)
    assert not block.overlaps(other)
    assert (vcn["ipv6PrivateCidrBlocks"], vcn["byoipv6CidrBlocks"]) == ([], [])


def test_a_vcn_with_ipv6_lets_it_out_and_ssh_in(cloud: Cloud, vcn: Json) -> None:
    rules = cloud.get(f"/securityLists/{vcn['defaultSecurityListId']}")

    assert [r["destination"] for r in rules["egressSecurityRules"]] == [
        "0.0.0.0/0",
        "::/0",
    ]
    assert [
        (r["protocol"], r["icmpOptions"] and r["icmpOptions"]["type"])
        for r in rules["ingressSecurityRules"]
        if r["source"] == "::/0"
    ] == [("6", None), ("58", 2)]


def test_a_vcn_may_have_private_prefixes_only(cloud: Cloud) -> None:
    private = ["fd12::/48", "fc00:1::/64"]
    vcn = cloud.vcn(
        isIpv6Enabled=True,
        isOracleGuaAllocationEnabled=False,
        ipv6PrivateCidrBlocks=private,
    )

    assert (vcn["ipv6CidrBlocks"], vcn["ipv6PrivateCidrBlocks"]) == ([], private)


def test_a_vcn_may_have_both_kinds(cloud: Cloud) -> None:
    vcn = cloud.vcn(isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/48"])

    assert len(vcn["ipv6CidrBlocks"]) == 1
    assert vcn["ipv6PrivateCidrBlocks"] == ["fd12::/48"]


def test_a_vcn_without_ipv6_has_none(cloud: Cloud) -> None:
    vcn = cloud.vcn(isIpv6Enabled=False)

    assert (vcn["ipv6CidrBlocks"], vcn["ipv6PrivateCidrBlocks"]) == ([], [])


FULL = [f"fd00:{n:x}::/48" for n in range(16)]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"ipv6PrivateCidrBlocks": ["fd12::/48"]}, "InvalidParameter", "isIpv6Enabled"),
        (
            {"isIpv6Enabled": True, "isOracleGuaAllocationEnabled": False},
            "MissingParameter",
            "ipv6PrivateCidrBlocks",
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["fe80::/64"]},
            "InvalidParameter",
            'ipv6PrivateCidrBlocks[0] "fe80::/64" must lie inside of fc00::/7.',
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["fd00:c1::/48"]},
            "InvalidParameter",
            "must not overlap fd00:c1::/32",
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["fd00::/40"]},
            "InvalidParameter",
            "must have a prefix from /48 to /64",
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["fd00::/48"] * 2},
            "InvalidParameter",
            "must not overlap",
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["2001:db8::/48"]},
            "MethodNotImplemented",
            "outside of fc00::/7",
        ),
        (
            {"isIpv6Enabled": True, "byoipv6CidrDetails": [{}]},
            "MethodNotImplemented",
            "byoipv6CidrDetails",
        ),
        (
            {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": FULL},
            "LimitExceeded",
            "16 IPv6 prefixes",
        ),
        ({"cidrBlock": "169.254.0.0/16"}, "InvalidParameter", "169.254.0.0/16"),
        ({"cidrBlock": "224.1.0.0/16"}, "InvalidParameter", "224.0.0.0/3"),
    ],
)
def test_a_vcn_with_wrong_prefixes_is_refused(
    cloud: Cloud, more: Json, code: str, words: str
) -> None:
    body = {"compartmentId": "c", "cidrBlock": "10.0.0.0/16", **more}
    _, got, message = cloud.refused("POST", "/vcns", body)

    assert got == code
    assert words in message


def test_oracle_s_prefixes_end(cloud: Cloud) -> None:
    """A VCN that has all of them leaves none; a VCN that goes gives its own back."""
    first = cloud.vcn(isIpv6Enabled=True)
    cloud.delete(path(first))
    assert cloud.world.space(ORACLE).count == 0

    vcn = cloud.vcn()
    record = cloud.world.find(Vcn, vcn["id"])
    assert record is not None
    everything = replace(record, ipv6_cidr_blocks=(ORACLE_PREFIXES,))
    cloud.world = cloud.world.put(everything)
    body = {"compartmentId": "c", "cidrBlock": "10.0.0.0/16", "isIpv6Enabled": True}

    assert cloud.refused("POST", "/vcns", body)[:2] == (409, "Conflict")


# -- a VCN's blocks


def test_a_block_is_added_while_the_vcn_is_updating(cloud: Cloud, vcn: Json) -> None:
    reply = begun(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")
    meanwhile = now(cloud, vcn)
    body = {"compartmentId": "c", "vcnId": vcn["id"], "cidrBlock": "10.1.0.0/24"}
    too_early = cloud.refused("POST", "/subnets", body)
    work = f"/workRequests/{reply.headers['opc-work-request-id']}"
    begins = cloud.get(work)
    cloud.wait()
    ends = cloud.get(work)

    assert meanwhile["lifecycleState"] == "UPDATING"
    assert too_early[:2] == (409, "IncorrectState")
    assert (begins["status"], ends["status"]) == ("ACCEPTED", "SUCCEEDED")
    assert ends["operationType"] == "ADD_VCN_CIDR"
    assert now(cloud, vcn)["lifecycleState"] == "AVAILABLE"
    assert now(cloud, vcn)["cidrBlocks"] == ["10.0.0.0/16", "10.1.0.0/16"]
    cloud.post("/subnets", body)


def test_an_updating_vcn_changes_none_of_its_subnets(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn)
    begun(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")

    changed = cloud.refused("PUT", path(subnet), {"displayName": "x"})
    again = refused(cloud, vcn, "addCidr", cidrBlock="10.2.0.0/16")
    within = refused(cloud, subnet, "addIpv4Cidr", ipv4CidrBlock="10.0.9.0/24")

    assert changed[:2] == (409, "IncorrectState")
    assert again[0] == within[0] == "IncorrectState"


def test_an_updating_vcn_changes_none_of_its_tables_and_peerings(
    cloud: Cloud, vcn: Json
) -> None:
    inside = {"compartmentId": cloud.compartment, "vcnId": vcn["id"]}
    table = vcn["defaultRouteTableId"]
    gate = cloud.post("/localPeeringGateways", inside)["id"]
    other = {
        "compartmentId": cloud.compartment,
        "vcnId": cloud.vcn("10.7.0.0/16")["id"],
    }
    facing = cloud.post("/localPeeringGateways", other)["id"]
    begun(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")

    asked = [
        ("POST", "/routeTables", {**inside, "routeRules": []}),
        ("PUT", f"/routeTables/{table}", {"displayName": "x"}),
        ("POST", "/localPeeringGateways", inside),
        ("PUT", f"/localPeeringGateways/{gate}", {"displayName": "x"}),
        ("POST", f"/localPeeringGateways/{gate}/actions/connect", {"peerId": facing}),
        ("POST", f"/localPeeringGateways/{facing}/actions/connect", {"peerId": gate}),
    ]

    assert {cloud.refused(*one)[:2] for one in asked} == {(409, "IncorrectState")}
    cloud.wait()
    for one in asked[:-1]:
        cloud.ok(*one)


def test_a_repeated_action_is_answered_with_its_first_work_request(
    cloud: Cloud, vcn: Json
) -> None:
    body = json.dumps({"cidrBlock": "10.1.0.0/16"}).encode()
    token = {"opc-retry-token": "once"}
    replies = [
        cloud.send("POST", where(vcn, "addCidr"), body, headers=token).reply
        for _ in range(2)
    ]

    assert replies[0].status == replies[1].status == 202
    assert len({r.headers["opc-work-request-id"] for r in replies}) == 1


@pytest.mark.parametrize(
    ("block", "code", "words"),
    [
        ("10.0.128.0/20", "InvalidParameter", "must not overlap 10.0.0.0/16"),
        ("10.0.0.0/8", "InvalidParameter", "from /16 to /30"),
        ("10.1.0.0/31", "InvalidParameter", "from /16 to /30"),
        ("10.1.0.1/16", "InvalidParameter", "without host bits"),
        ("169.254.8.0/24", "InvalidParameter", "must not overlap 169.254.0.0/16"),
        (None, "MissingParameter", "cidrBlock"),
    ],
)
def test_a_block_that_cannot_be_added(
    cloud: Cloud, vcn: Json, block: str | None, code: str, words: str
) -> None:
    got, message = refused(cloud, vcn, "addCidr", cidrBlock=block)

    assert got == code
    assert words in message


def test_a_vcn_has_so_many_blocks(cloud: Cloud, vcn: Json) -> None:
    for n in range(1, 16):
        act(cloud, vcn, "addCidr", cidrBlock=f"10.{n}.0.0/16")

    code, message = refused(cloud, vcn, "addCidr", cidrBlock="10.16.0.0/16")

    assert (code, "16 CIDR blocks" in message) == ("LimitExceeded", True)


def test_a_block_changes_around_what_is_used(cloud: Cloud, vcn: Json) -> None:
    cloud.subnet(vcn, "10.0.1.0/24")
    act(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")
    change = {"originalCidrBlock": "10.0.0.0/16"}

    without = refused(cloud, vcn, "modifyCidr", **change, newCidrBlock="10.0.2.0/23")
    beside = refused(cloud, vcn, "modifyCidr", **change, newCidrBlock="10.1.0.0/20")
    act(cloud, vcn, "modifyCidr", **change, newCidrBlock="10.0.0.0/20")
    unknown = refused(cloud, vcn, "modifyCidr", **change, newCidrBlock="10.0.0.0/21")

    assert without[0] == "Conflict"
    assert "must contain 10.0.1.0/24" in without[1]
    assert beside[0] == unknown[0] == "InvalidParameter"
    assert "must be a CIDR block of" in unknown[1]
    assert now(cloud, vcn)["cidrBlocks"] == ["10.0.0.0/20", "10.1.0.0/16"]


def test_a_block_changes_around_destinations_of_routes(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.1.0/24")
    target = cloud.ip({"id": None}, subnetId=subnet["id"])["id"]
    gate = cloud.post(
        "/internetGateways",
        {"compartmentId": "c", "vcnId": vcn["id"], "isEnabled": True},
    )
    rules = [
        {"destination": "10.0.9.0/24", "networkEntityId": target},
        {"destination": "::/0", "networkEntityId": gate["id"]},
        {"destination": "0.0.0.0/0", "networkEntityId": gate["id"]},
    ]
    cloud.put(f"/routeTables/{vcn['defaultRouteTableId']}", {"routeRules": rules})
    change = {"originalCidrBlock": "10.0.0.0/16"}

    code, words = refused(
        cloud, vcn, "modifyCidr", **change, newCidrBlock="10.0.0.0/21"
    )
    act(cloud, vcn, "modifyCidr", **change, newCidrBlock="10.0.0.0/20")

    assert code == "Conflict"
    assert "must contain 10.0.9.0/24" in words


def test_a_block_goes_unless_it_is_used_or_the_last(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.1.0/24")
    act(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")

    used = refused(cloud, vcn, "removeCidr", cidrBlock="10.0.0.0/16")
    unknown = refused(cloud, vcn, "removeCidr", cidrBlock="10.0.0.0/24")
    cloud.delete(path(subnet))
    act(cloud, vcn, "removeCidr", cidrBlock="10.0.0.0/16")
    last = refused(cloud, vcn, "removeCidr", cidrBlock="10.1.0.0/16")

    assert used[0] == last[0] == "Conflict"
    assert "10.0.1.0/24" in used[1]
    assert unknown[0] == "InvalidParameter"
    assert now(cloud, vcn)["cidrBlock"] == "10.1.0.0/16"


# -- a VCN's prefixes


def test_a_vcn_gets_ipv6_later_by_a_call_without_a_body(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    reply = cloud.send("POST", where(vcn, "addIpv6Cidr")).reply
    cloud.wait()
    again = refused(cloud, vcn, "addIpv6Cidr", isOracleGuaAllocationEnabled=True)

    assert reply.status == 202
    assert len(now(cloud, vcn)["ipv6CidrBlocks"]) == 1
    assert again[0] == "LimitExceeded"


def test_a_private_prefix_is_added(cloud: Cloud, vcn: Json) -> None:
    act(cloud, vcn, "addIpv6Cidr", ipv6PrivateCidrBlock="fd12::/48")
    overlap = refused(cloud, vcn, "addIpv6Cidr", ipv6PrivateCidrBlock="fd12:0:0:1::/64")
    nothing = refused(cloud, vcn, "addIpv6Cidr", isOracleGuaAllocationEnabled=False)

    assert now(cloud, vcn)["ipv6PrivateCidrBlocks"] == ["fd12::/48"]
    assert len(now(cloud, vcn)["ipv6CidrBlocks"]) == 1
    assert overlap[0] == "InvalidParameter"
    assert nothing[0] == "MissingParameter"


def test_a_vcn_has_so_many_prefixes(cloud: Cloud) -> None:
    vcn = cloud.vcn(
        isIpv6Enabled=True,
        isOracleGuaAllocationEnabled=False,
        ipv6PrivateCidrBlocks=FULL[:15],
    )
    both = {
        "ipv6PrivateCidrBlock": "fd12::/48",
        "isOracleGuaAllocationEnabled": True,
    }

    two_too_many = refused(cloud, vcn, "addIpv6Cidr", **both)
    act(cloud, vcn, "addIpv6Cidr", isOracleGuaAllocationEnabled=True)
    one_too_many = refused(cloud, vcn, "addIpv6Cidr", ipv6PrivateCidrBlock="fd12::/48")

    assert two_too_many[0] == one_too_many[0] == "LimitExceeded"


def test_a_prefix_goes_unless_it_is_used(cloud: Cloud, vcn: Json) -> None:
    block = prefix(vcn)
    subnet = cloud.subnet(vcn, ipv6CidrBlock=block)
    outer = vcn["ipv6CidrBlocks"][0]

    used = refused(cloud, vcn, "removeIpv6Cidr", ipv6CidrBlock=outer)
    bare = cloud.refused("POST", where(vcn, "removeIpv6Cidr"))
    cloud.delete(path(subnet))
    act(cloud, vcn, "removeIpv6Cidr", ipv6CidrBlock=outer)

    assert used[0] == "Conflict"
    assert block in used[1]
    assert bare[1] == "MissingParameter"
    assert now(cloud, vcn)["ipv6CidrBlocks"] == []


# -- subnets with prefixes


def test_a_subnet_has_prefixes_of_its_vcn(cloud: Cloud, vcn: Json) -> None:
    blocks = [prefix(vcn, 1), prefix(vcn, 2)]
    subnet = cloud.subnet(vcn, ipv6CidrBlocks=blocks)

    assert (subnet["ipv6CidrBlock"], subnet["ipv6CidrBlocks"]) == (blocks[0], blocks)


def test_a_subnet_s_router_has_a_link_local_address(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, ipv6CidrBlock=prefix(vcn))
    plain = cloud.subnet(vcn, "10.0.2.0/24")
    a, b, c = subnet["virtualRouterMac"].split(":")[3:]

    assert subnet["virtualRouterMac"].startswith("00:00:17:")
    words = subnet["ipv6VirtualRouterIp"]
    assert words == str(IPv6Network(f"fe80::200:17ff:fe{a}:{b}{c}/128")[0])
    assert plain["ipv6VirtualRouterIp"] is None


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"ipv6CidrBlock": "fd12::/64"}, "InvalidParameter", "must lie inside of"),
        ({"ipv6CidrBlock": "0::/56"}, "InvalidParameter", "from /64 to /64"),
        ({"ipv6CidrBlock": "0::1/64"}, "InvalidParameter", "without host bits"),
        ({"ipv6CidrBlock": "fe80::%1/64"}, "InvalidParameter", "without host bits"),
        ({"ipv6CidrBlock": "10.0.0.0/24"}, "InvalidParameter", "an IPv6 prefix"),
        ({"ipv6CidrBlock": 7}, "InvalidParameter", "an IPv6 prefix"),
        ({"dnsLabel": "one"}, "Conflict", "dnsLabel one is already in use"),
    ],
)
def test_a_subnet_with_a_wrong_prefix_is_refused(
    cloud: Cloud, vcn: Json, more: Json, code: str, words: str
) -> None:
    cloud.subnet(vcn, "10.0.1.0/24", dnsLabel="One")
    body = {"compartmentId": "c", "vcnId": vcn["id"], "cidrBlock": "10.0.2.0/24"}

    _, got, message = cloud.refused("POST", "/subnets", {**body, **more})

    assert got == code
    assert words in message


def test_subnets_share_no_prefix(cloud: Cloud, vcn: Json) -> None:
    block = prefix(vcn)
    subnet = cloud.subnet(vcn, ipv6CidrBlock=block)
    body = {"compartmentId": "c", "vcnId": vcn["id"], "cidrBlock": "10.0.2.0/24"}

    taken = cloud.refused("POST", "/subnets", {**body, "ipv6CidrBlock": block})
    twice = cloud.refused("POST", "/subnets", {**body, "ipv6CidrBlocks": [block] * 2})

    assert taken[1] == twice[1] == "InvalidParameter"
    assert subnet["id"] in taken[2]


def test_a_prefix_needs_a_vcn_with_ipv6_and_an_ipv4_block(
    cloud: Cloud, vcn: Json
) -> None:
    body = {"compartmentId": "c", "vcnId": cloud.vcn()["id"]}
    block = prefix(vcn)

    without = cloud.refused(
        "POST", "/subnets", {**body, "cidrBlock": "10.0.2.0/24", "ipv6CidrBlock": block}
    )
    alone = cloud.refused("POST", "/subnets", {**body, "ipv6CidrBlock": block})
    nothing = cloud.refused("POST", "/subnets", body)

    assert without[:2] == (400, "InvalidParameter")
    assert "enabled for IPv6" in without[2]
    assert alone[:2] == (501, "MethodNotImplemented")
    assert nothing[:2] == (400, "MissingParameter")


def test_a_dns_label_needs_that_of_the_vcn(cloud: Cloud) -> None:
    body = {"compartmentId": "c", "vcnId": cloud.vcn()["id"], "dnsLabel": "sub"}

    refusal = cloud.refused("POST", "/subnets", {**body, "cidrBlock": "10.0.2.0/24"})

    assert refusal[:2] == (400, "InvalidParameter")
    assert "dnsLabel" in refusal[2]


# -- a subnet's blocks


def held(cloud: Cloud, subnet: Json, address: str, **more: object) -> Json:
    """Reserve an address of a subnet."""
    body = {"subnetId": subnet["id"], "ipAddress": address, **more}
    return cloud.post("/privateIps", body)


def test_a_subnet_gets_a_further_block(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.1.0/24")
    begun(cloud, subnet, "addIpv4Cidr", ipv4CidrBlock="10.0.2.0/24")
    meanwhile = now(cloud, subnet)["lifecycleState"]
    body = {"subnetId": subnet["id"]}
    too_early = cloud.refused("POST", "/privateIps", body)
    cloud.wait()
    block = cloud.post("/privateIps", {**body, "cidrPrefixLength": 28})

    assert meanwhile == "UPDATING"
    assert too_early[:2] == (409, "IncorrectState")
    assert now(cloud, subnet)["ipv4CidrBlocks"] == ["10.0.1.0/24", "10.0.2.0/24"]
    assert block["ipAddress"].startswith("10.0.2.")
    assert block["ipv4SubnetCidrAtCreation"] == "10.0.2.0/24"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("10.0.1.128/25", "must not overlap 10.0.1.0/24"),
        ("10.0.3.0/24", "must not overlap 10.0.3.0/24"),
        ("10.9.0.0/24", "must lie inside of 10.0.0.0/16"),
    ],
)
def test_a_further_block_that_cannot_be(
    cloud: Cloud, vcn: Json, block: str, words: str
) -> None:
    subnet = cloud.subnet(vcn, "10.0.1.0/24")
    cloud.subnet(vcn, "10.0.3.0/24")

    code, message = refused(cloud, subnet, "addIpv4Cidr", ipv4CidrBlock=block)

    assert code == "InvalidParameter"
    assert words in message


def test_a_subnet_has_so_many_blocks(cloud: Cloud, vcn: Json) -> None:
    cidrs = [f"10.0.{n}.0/24" for n in range(16)]
    blocks = [prefix(vcn, n) for n in range(16)]
    subnet = cloud.subnet(vcn, *cidrs, ipv6CidrBlocks=blocks)

    four = refused(cloud, subnet, "addIpv4Cidr", ipv4CidrBlock="10.0.99.0/24")
    six = refused(cloud, subnet, "addIpv6Cidr", ipv6CidrBlock=prefix(vcn, 99))

    assert four[0] == six[0] == "LimitExceeded"


def test_a_block_grows_and_shrinks_around_its_addresses(
    cloud: Cloud, vcn: Json
) -> None:
    subnet = cloud.subnet(vcn, "10.0.0.0/24")
    held(cloud, subnet, "10.0.0.127")
    old = {"ipv4CidrBlock": "10.0.0.0/24"}

    outside = refused(
        cloud, subnet, "modifyIpv4Cidr", **old, updatedIpv4CidrBlock="10.0.0.128/25"
    )
    the_last = refused(
        cloud, subnet, "modifyIpv4Cidr", **old, updatedIpv4CidrBlock="10.0.0.0/25"
    )
    act(cloud, subnet, "modifyIpv4Cidr", **old, updatedIpv4CidrBlock="10.0.0.0/23")
    last = held(cloud, subnet, "10.0.0.255")
    reserved = cloud.refused(
        "POST", "/privateIps", {"subnetId": subnet["id"], "ipAddress": "10.0.1.255"}
    )

    assert outside[0] == the_last[0] == "Conflict"
    assert "10.0.0.127" in the_last[1]
    assert now(cloud, subnet)["ipv4CidrBlocks"] == ["10.0.0.0/23"]
    assert last["ipAddress"] == "10.0.0.255"
    assert reserved[1] == "InvalidParameter"


def test_a_changed_block_must_fit_beside_the_others(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.0.0/24", "10.0.1.0/24")
    cloud.subnet(vcn, "10.0.4.0/24")
    old = {"ipv4CidrBlock": "10.0.0.0/24"}

    beside = refused(
        cloud, subnet, "modifyIpv4Cidr", **old, updatedIpv4CidrBlock="10.0.0.0/23"
    )
    others = refused(
        cloud, subnet, "modifyIpv4Cidr", **old, updatedIpv4CidrBlock="10.0.4.0/23"
    )
    missing = refused(
        cloud, subnet, "modifyIpv4Cidr", updatedIpv4CidrBlock="10.0.0.0/25"
    )

    assert beside[0] == others[0] == "InvalidParameter"
    assert missing[0] == "MissingParameter"


def test_a_block_goes_unless_it_is_in_use_or_the_last(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.0.0/24", "10.0.1.0/24")
    ip = held(cloud, subnet, "10.0.0.7")

    used = refused(cloud, subnet, "removeIpv4Cidr", ipv4CidrBlock="10.0.0.0/24")
    cloud.delete(f"/privateIps/{ip['id']}")
    act(cloud, subnet, "removeIpv4Cidr", ipv4CidrBlock="10.0.0.0/24")
    last = refused(cloud, subnet, "removeIpv4Cidr", ipv4CidrBlock="10.0.1.0/24")
    cloud.subnet(vcn, "10.0.0.0/24")

    assert used[0] == last[0] == "Conflict"
    assert "10.0.0.7" in used[1]
    assert ip["id"] in used[1]
    assert now(cloud, subnet)["cidrBlock"] == "10.0.1.0/24"


def test_prefixes_come_and_go(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, ipv6CidrBlock=prefix(vcn, 0))
    act(cloud, subnet, "addIpv6Cidr", ipv6CidrBlock=prefix(vcn, 1))
    six = cloud.post(
        "/ipv6", {"subnetId": subnet["id"], "ipv6SubnetCidr": prefix(vcn, 0)}
    )

    used = refused(cloud, subnet, "removeIpv6Cidr", ipv6CidrBlock=prefix(vcn, 0))
    cloud.delete(f"/ipv6/{six['id']}")
    act(cloud, subnet, "removeIpv6Cidr", ipv6CidrBlock=prefix(vcn, 0))
    last = refused(cloud, subnet, "removeIpv6Cidr", ipv6CidrBlock=prefix(vcn, 1))

    assert used[0] == last[0] == "Conflict"
    assert six["id"] in used[1]
    assert now(cloud, subnet)["ipv6CidrBlocks"] == [prefix(vcn, 1)]


# -- the same by UpdateSubnet


def test_an_update_changes_a_subnet_s_first_block(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn, "10.0.0.0/24", "10.0.8.0/24")
    moved = cloud.refused("PUT", path(subnet), {"cidrBlock": "10.0.2.0/24"})
    changed = cloud.put(path(subnet), {"cidrBlock": "10.0.0.0/23"})
    again = cloud.refused("PUT", path(subnet), {"cidrBlock": "10.0.0.0/24"})
    cloud.put(path(subnet), {"displayName": "x", "cidrBlock": "10.0.0.0/23"})
    cloud.wait()

    assert moved[:2] == (400, "InvalidParameter")
    assert "must begin where" in moved[2]
    assert changed["lifecycleState"] == "UPDATING"
    assert changed["ipv4CidrBlocks"] == ["10.0.0.0/23", "10.0.8.0/24"]
    assert again[:2] == (409, "IncorrectState")
    assert now(cloud, subnet)["lifecycleState"] == "AVAILABLE"


def test_an_update_enables_ipv6_and_replaces_prefixes(cloud: Cloud, vcn: Json) -> None:
    subnet = cloud.subnet(vcn)
    cloud.put(path(subnet), {"ipv6CidrBlock": prefix(vcn, 0)})
    cloud.wait()
    cloud.post("/ipv6", {"subnetId": subnet["id"]})
    lost = cloud.refused("PUT", path(subnet), {"ipv6CidrBlocks": [prefix(vcn, 1)]})
    both = [prefix(vcn, 1), prefix(vcn, 0)]
    cloud.put(path(subnet), {"ipv6CidrBlocks": both})
    cloud.wait()
    same = cloud.put(path(subnet), {"ipv6CidrBlocks": both})

    assert lost[:2] == (409, "Conflict")
    assert same["lifecycleState"] == "AVAILABLE"
    assert same["ipv6CidrBlocks"] == both


def test_the_world_of_rows_is_the_same(cloud: Cloud, vcn: Json) -> None:
    """Blocks and prefixes survive being stored, with their indexes."""
    subnet = cloud.subnet(vcn, "10.0.1.0/24", ipv6CidrBlocks=[prefix(vcn)])
    act(cloud, subnet, "addIpv4Cidr", ipv4CidrBlock="10.0.2.0/24")
    cloud.post("/ipv6", {"subnetId": subnet["id"], "cidrPrefixLength": 96})
    rows = [to_row(r) for r in cloud.world.records.values()]

    loaded = World.load(rows)

    assert dict(loaded.records) == dict(cloud.world.records)
    assert dict(loaded.indexes) == dict(cloud.world.indexes)


def test_only_what_lies_inside_keeps_a_block(cloud: Cloud) -> None:
    """Subnets in other blocks of the VCN stand in nobody's way."""
    vcn = cloud.vcn(isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/48"])
    act(cloud, vcn, "addCidr", cidrBlock="10.1.0.0/16")
    cloud.subnet(vcn, "10.0.1.0/24", ipv6CidrBlock="fd12::/64")

    change = {"originalCidrBlock": "10.1.0.0/16", "newCidrBlock": "10.2.0.0/16"}
    act(cloud, vcn, "modifyCidr", **change)
    act(cloud, vcn, "removeCidr", cidrBlock="10.2.0.0/16")
    act(cloud, vcn, "removeIpv6Cidr", ipv6CidrBlock=vcn["ipv6CidrBlocks"][0])

    left = now(cloud, vcn)
    assert (left["cidrBlocks"], left["ipv6CidrBlocks"]) == (["10.0.0.0/16"], [])


def test_a_block_must_not_overlap_those_of_peered_vcns(cloud: Cloud) -> None:
    one = cloud.vcn("10.0.0.0/16")
    two = cloud.vcn(
        "10.1.0.0/16", isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/48"]
    )
    gates = [
        cloud.post(
            "/localPeeringGateways",
            {"compartmentId": cloud.compartment, "vcnId": vcn["id"]},
        )["id"]
        for vcn in (one, two)
    ]
    peerless = act(cloud, one, "addCidr", cidrBlock="10.1.64.0/20")
    act(cloud, one, "removeCidr", cidrBlock="10.1.64.0/20")
    connect = f"/localPeeringGateways/{gates[0]}/actions/connect"
    cloud.post(connect, {"peerId": gates[1]})
    cloud.wait()

    added = refused(cloud, one, "addCidr", cidrBlock="10.1.64.0/20")
    change = {"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": "10.1.64.0/20"}
    changed = refused(cloud, one, "modifyCidr", **change)
    prefixed = refused(cloud, one, "addIpv6Cidr", ipv6PrivateCidrBlock="fd12::/64")
    act(cloud, one, "addIpv6Cidr", ipv6PrivateCidrBlock="fd13::/64")

    assert peerless
    for code, message in (added, changed, prefixed):
        assert code == "InvalidParameter"
        assert f"of the peered VCN {two['id']}" in message


def test_a_block_must_not_overlap_the_premises_behind_the_drg(cloud: Cloud) -> None:
    hub, vcn = Hub(cloud), cloud.vcn("10.0.0.0/16")
    drg = hub.drg()
    hub.connection(drg, staticRoutes=["192.168.0.0/16", "0.0.0.0/0"])
    act(cloud, vcn, "addCidr", cidrBlock="192.168.4.0/24")
    act(cloud, vcn, "removeCidr", cidrBlock="192.168.4.0/24")
    hub.attached(drg, vcn)

    code, message = refused(cloud, vcn, "addCidr", cidrBlock="192.168.4.0/24")
    act(cloud, vcn, "addCidr", cidrBlock="172.16.0.0/24")

    assert code == "InvalidParameter"
    assert (
        "must not overlap 192.168.0.0/16 of the on-premises network behind" in message
    )
