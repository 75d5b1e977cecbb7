"""VCNs, subnets, DHCP options, and what may be deleted."""

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.model import DhcpOptions, RouteTable, SecurityList


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def make(
    cloud: Cloud, path: str, vcn: dict[str, str], **more: object
) -> dict[str, str]:
    return cloud.post(
        path, {"compartmentId": cloud.compartment, "vcnId": vcn["id"], **more}
    )


# -- VCNs


def test_a_vcn_comes_with_its_defaults(cloud: Cloud) -> None:
    vcn = cloud.vcn(displayName="net", dnsLabel="net")

    table = cloud.get(f"/routeTables/{vcn['defaultRouteTableId']}")
    rules = cloud.get(f"/securityLists/{vcn['defaultSecurityListId']}")
    options = cloud.get(f"/dhcps/{vcn['defaultDhcpOptionsId']}")

    assert vcn["lifecycleState"] == "AVAILABLE"
    assert vcn["vcnDomainName"] == "net.oraclevcn.com"
    assert (table["displayName"], table["routeRules"]) == (
        "Default Route Table for net",
        [],
    )
    assert [
        (rule["protocol"], rule["source"]) for rule in rules["ingressSecurityRules"]
    ] == [("6", "0.0.0.0/0"), ("1", "0.0.0.0/0"), ("1", "10.0.0.0/16")]
    assert [rule["protocol"] for rule in rules["egressSecurityRules"]] == ["all"]
    assert options["options"][0]["type"] == "DomainNameServer"


def test_a_vcn_may_have_several_blocks(cloud: Cloud) -> None:
    blocks = ["10.0.0.0/16", "10.2.0.0/16"]
    vcn = cloud.post(
        "/vcns", {"compartmentId": cloud.compartment, "cidrBlocks": blocks}
    )

    assert (vcn["cidrBlock"], vcn["cidrBlocks"]) == (blocks[0], blocks)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"cidrBlock": "10.0.0.0/16"}, "MissingParameter", "compartmentId"),
        ({"compartmentId": "c"}, "MissingParameter", "cidrBlock, cidrBlocks"),
        (
            {
                "compartmentId": "c",
                "cidrBlock": "10.0.0.0/16",
                "cidrBlocks": ["10.1.0.0/16"],
            },
            "InvalidParameter",
            "cidrBlock",
        ),
        (
            {"compartmentId": "c", "cidrBlocks": ["10.0.0.0/16", "10.0.4.0/24"]},
            "InvalidParameter",
            'cidrBlocks "10.0.4.0/24" must not overlap 10.0.0.0/16.',
        ),
        (
            {"compartmentId": "c", "cidrBlock": "10.0.0.0/8"},
            "InvalidParameter",
            'cidrBlock "10.0.0.0/8" must have a prefix from /16 to /30.',
        ),
    ],
)
def test_a_vcn_that_cannot_be_is_refused(
    cloud: Cloud, body: dict[str, object], code: str, words: str
) -> None:
    status, got, message = cloud.refused("POST", "/vcns", body)

    assert (status, got) == (400, code)
    assert words in message


def test_a_vcn_s_name_and_tags_change(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    tags = {"freeformTags": {"a": "b"}, "definedTags": {"n": {"k": 1}}}
    cloud.put(f"/vcns/{vcn['id']}", {"displayName": "new", **tags})

    got = cloud.get(f"/vcns/{vcn['id']}")

    assert (got["displayName"], got["freeformTags"], got["definedTags"]) == (
        "new",
        {"a": "b"},
        {"n": {"k": 1}},
    )


def test_a_vcn_goes_with_its_defaults(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    cloud.delete(f"/vcns/{vcn['id']}")

    assert not cloud.world.records
    assert not cloud.world.indexes


# -- subnets


def test_a_subnet_uses_the_defaults_of_its_vcn(cloud: Cloud) -> None:
    vcn = cloud.vcn(dnsLabel="net")
    subnet = cloud.subnet(vcn, "10.0.1.0/24", dnsLabel="sub")

    assert subnet["routeTableId"] == vcn["defaultRouteTableId"]
    assert subnet["securityListIds"] == [vcn["defaultSecurityListId"]]
    assert subnet["dhcpOptionsId"] == vcn["defaultDhcpOptionsId"]
    assert subnet["virtualRouterIp"] == "10.0.1.1"
    assert subnet["virtualRouterMac"].startswith("00:00:17:")
    assert subnet["subnetDomainName"] == "sub.net.oraclevcn.com"
    assert subnet["availabilityDomain"] is None


def test_a_subnet_may_use_its_own(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    table = make(cloud, "/routeTables", vcn, routeRules=[])
    rules = make(
        cloud, "/securityLists", vcn, ingressSecurityRules=[], egressSecurityRules=[]
    )
    options = make(cloud, "/dhcps", vcn, options=[])
    uses = {
        "routeTableId": table["id"],
        "securityListIds": [rules["id"]],
        "dhcpOptionsId": options["id"],
    }
    subnet = cloud.subnet(vcn, **uses, availabilityDomain=cloud.domain)

    assert {name: subnet[name] for name in uses} == uses
    assert subnet["availabilityDomain"] == cloud.domain

    changed = cloud.put(
        f"/subnets/{subnet['id']}", {"securityListIds": [], "displayName": "x"}
    )

    assert (changed["securityListIds"], changed["displayName"]) == ([], "x")


@pytest.mark.parametrize(
    ("given", "both"),
    [
        ({}, False),
        ({"prohibitPublicIpOnVnic": True}, True),
        ({"prohibitInternetIngress": True}, True),
        ({"prohibitPublicIpOnVnic": False, "prohibitInternetIngress": False}, False),
    ],
)
def test_one_prohibition_follows_the_other(
    cloud: Cloud, given: dict[str, bool], both: bool
) -> None:
    vcn = cloud.vcn()
    subnet = make(cloud, "/subnets", vcn, cidrBlock="10.0.1.0/24", **given)

    assert subnet["prohibitPublicIpOnVnic"] is both
    assert subnet["prohibitInternetIngress"] is both


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"cidrBlock": "10.1.0.0/24"}, "InvalidParameter", "inside of 10.0.0.0/16"),
        ({"cidrBlock": "10.0.1.128/25"}, "InvalidParameter", "overlap 10.0.1.0/24"),
        ({"availabilityDomain": "moon"}, "InvalidParameter", "availabilityDomain"),
        (
            {"prohibitPublicIpOnVnic": True, "prohibitInternetIngress": False},
            "InvalidParameter",
            "prohibitInternetIngress",
        ),
        ({"dnsLabel": "1x"}, "InvalidParameter", "dnsLabel"),
        (
            {"routeTableId": "ocid1.routetable.oc1..x"},
            "RelatedResourceNotAuthorizedOrNotFound",
            "routeTableId",
        ),
        ({"securityListIds": ["a", "a"]}, "InvalidParameter", "securityListIds"),
    ],
)
def test_a_subnet_that_cannot_be_is_refused(
    cloud: Cloud, more: dict[str, object], code: str, words: str
) -> None:
    vcn = cloud.vcn()
    cloud.subnet(vcn, "10.0.1.0/24")
    body = {
        "compartmentId": cloud.compartment,
        "vcnId": vcn["id"],
        "cidrBlock": "10.0.2.0/24",
        **more,
    }
    status, got, message = cloud.refused("POST", "/subnets", body)

    assert (status, got) == (400, code)
    assert words in message


def test_a_subnet_of_no_vcn_is_not_found(cloud: Cloud) -> None:
    body = {"compartmentId": "c", "vcnId": "nowhere", "cidrBlock": "10.0.2.0/24"}

    assert cloud.refused("POST", "/subnets", body)[:2] == (
        404,
        "NotAuthorizedOrNotFound",
    )


def test_a_subnet_cannot_use_another_vcn_s_table(cloud: Cloud) -> None:
    vcn, other = cloud.vcn(), cloud.vcn("10.9.0.0/16")
    subnet = cloud.subnet(vcn)
    path = f"/subnets/{subnet['id']}"

    refused = cloud.refused("PUT", path, {"routeTableId": other["defaultRouteTableId"]})

    assert refused[:2] == (400, "RelatedResourceNotAuthorizedOrNotFound")


# -- DHCP options


def test_options_are_kept_as_written(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    written = [
        {
            "type": "DomainNameServer",
            "serverType": "CustomDnsServer",
            "customDnsServers": ["10.0.0.9"],
        },
        {"type": "SearchDomain", "searchDomainNames": ["x.example"]},
    ]
    options = make(cloud, "/dhcps", vcn, options=written)

    assert options["options"] == written

    path = f"/dhcps/{options['id']}"

    assert options["domainNameType"] is None
    assert cloud.put(path, {"displayName": "x"})["options"] == written
    assert cloud.put(path, {"options": []})["options"] == []
    named = cloud.put(path, {"domainNameType": "VCN_DOMAIN"})
    assert (named["options"], named["domainNameType"]) == ([], "VCN_DOMAIN")


# -- deleting


def test_an_empty_network_can_be_taken_down(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    subnet = cloud.subnet(vcn)
    instance = cloud.instance(subnet)
    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()
    for path in (f"/subnets/{subnet['id']}", f"/vcns/{vcn['id']}"):
        cloud.delete(path)
        assert cloud.refused("GET", path)[0] == 404


@pytest.mark.parametrize(
    "kind", ["defaultRouteTableId", "defaultSecurityListId", "defaultDhcpOptionsId"]
)
def test_a_default_goes_only_with_its_vcn(cloud: Cloud, kind: str) -> None:
    vcn = cloud.vcn()
    path = {
        "defaultRouteTableId": "routeTables",
        "defaultSecurityListId": "securityLists",
        "defaultDhcpOptionsId": "dhcps",
    }[kind]

    assert cloud.refused("DELETE", f"/{path}/{vcn[kind]}")[:2] == (409, "Conflict")


def test_what_is_in_use_says_by_whom(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    subnet = cloud.subnet(vcn)
    instance = cloud.instance(subnet)
    vnic = cloud.primary(instance)

    status, code, message = cloud.refused("DELETE", f"/vcns/{vcn['id']}")

    assert (status, code) == (409, "Conflict")
    assert message.startswith(
        f"The VCN {vcn['id']} references the Subnet {subnet['id']}."
    )
    assert vnic["id"] in cloud.refused("DELETE", f"/subnets/{subnet['id']}")[2]


def test_a_subnet_with_a_reserved_address_is_in_use(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    ip = cloud.post("/privateIps", {"subnetId": subnet["id"]})

    assert ip["id"] in cloud.refused("DELETE", f"/subnets/{subnet['id']}")[2]

    cloud.delete(f"/privateIps/{ip['id']}")
    cloud.delete(f"/subnets/{subnet['id']}")


def test_others_of_a_vcn_stand_in_its_way(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    made = [
        ("routeTables", make(cloud, "/routeTables", vcn, routeRules=[])),
        (
            "securityLists",
            make(
                cloud,
                "/securityLists",
                vcn,
                ingressSecurityRules=[],
                egressSecurityRules=[],
            ),
        ),
        ("dhcps", make(cloud, "/dhcps", vcn, options=[])),
        ("networkSecurityGroups", cloud.nsg(vcn)),
        ("internetGateways", make(cloud, "/internetGateways", vcn, isEnabled=True)),
        ("natGateways", make(cloud, "/natGateways", vcn)),
    ]
    for path, resource in made:
        assert cloud.refused("DELETE", f"/vcns/{vcn['id']}")[1] == "Conflict"
        cloud.delete(f"/{path}/{resource['id']}")

    cloud.delete(f"/vcns/{vcn['id']}")

    assert not list(cloud.world.of(RouteTable))
    assert not list(cloud.world.of(SecurityList))
    assert not list(cloud.world.of(DhcpOptions))


@pytest.mark.parametrize(
    "block", ["127.0.0.0/16", "0.0.0.0/16", "169.254.0.0/16", "239.1.0.0/16"]
)
def test_a_vcn_has_no_block_that_hosts_are_not_reached_at(block: str) -> None:
    cloud = Cloud()
    body = {"compartmentId": cloud.compartment, "cidrBlocks": [block]}

    assert cloud.refused("POST", "/vcns", body)[:2] == (400, "InvalidParameter")


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\x7f", "\x9b31m"])
def test_a_display_name_has_no_control_characters(name: str) -> None:
    cloud = Cloud()
    body = {"compartmentId": cloud.compartment, "cidrBlock": "10.0.0.0/16"}
    refused = cloud.refused("POST", "/vcns", {**body, "displayName": name})

    assert refused[:2] == (400, "InvalidParameter")
    assert "displayName" in refused[2]
    assert cloud.post("/vcns", {**body, "displayName": "Zürich 🌍"})
