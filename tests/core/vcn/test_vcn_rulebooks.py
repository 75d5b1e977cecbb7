"""Security lists and network security groups."""

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.limits import RULES_PER_CALL, RULES_PER_NSG

ANY = {"protocol": "all", "source": "0.0.0.0/0"}
IN = {**ANY, "direction": "INGRESS"}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def vcn(cloud: Cloud) -> dict[str, str]:
    return cloud.vcn()


@pytest.fixture
def group(cloud: Cloud, vcn: dict[str, str]) -> str:
    return f"/networkSecurityGroups/{cloud.nsg(vcn)['id']}"


def add(cloud: Cloud, group: str, *rules: dict[str, object]) -> list[dict[str, object]]:
    body = {"securityRules": list(rules)}
    return cloud.post(f"{group}/actions/addSecurityRules", body)["securityRules"]


# -- lists


def test_a_list_s_rules_come_back_by_direction(
    cloud: Cloud, vcn: dict[str, str]
) -> None:
    ingress = {
        "protocol": "6",
        "source": "10.0.0.0/16",
        "sourceType": "CIDR_BLOCK",
        "isStateless": True,
        "description": "web",
        "tcpOptions": {
            "sourcePortRange": {"min": 1000, "max": 2000},
            "destinationPortRange": {"min": 80, "max": 80},
        },
        "udpOptions": None,
        "icmpOptions": None,
    }
    egress = {
        "protocol": "58",
        "destination": "::/0",
        "destinationType": "CIDR_BLOCK",
        "isStateless": False,
        "description": None,
        "tcpOptions": None,
        "udpOptions": None,
        "icmpOptions": {"type": 2, "code": None},
    }
    made = cloud.post(
        "/securityLists",
        {
            "compartmentId": cloud.compartment,
            "vcnId": vcn["id"],
            "ingressSecurityRules": [ingress],
            "egressSecurityRules": [egress],
        },
    )

    assert made["ingressSecurityRules"] == [ingress]
    assert made["egressSecurityRules"] == [egress]


def test_one_direction_is_replaced_and_the_other_stays(
    cloud: Cloud, vcn: dict[str, str]
) -> None:
    path = f"/securityLists/{vcn['defaultSecurityListId']}"
    before = cloud.get(path)
    after = cloud.put(path, {"ingressSecurityRules": [ANY], "displayName": "x"})

    assert after["egressSecurityRules"] == before["egressSecurityRules"]
    assert len(after["ingressSecurityRules"]) == 1
    assert after["displayName"] == "x"


# -- groups


def test_rules_are_added_with_ids_and_listed(cloud: Cloud, group: str) -> None:
    first = add(cloud, group, IN, {**IN, "protocol": "17", "udpOptions": {}})
    out = {
        "direction": "EGRESS",
        "protocol": "47",
        "destination": "oci-local-1-objectstorage",
        "destinationType": "SERVICE_CIDR_BLOCK",
    }
    second = add(cloud, group, out)

    assert cloud.get(f"{group}/securityRules") == [*first, *second]
    assert len({rule["id"] for rule in (*first, *second)}) == 3
    assert cloud.get(f"{group}/securityRules", direction="EGRESS") == second
    assert second[0]["timeCreated"]
    assert cloud.get(f"{group}/securityRules", sortOrder="DESC")[0] == second[0]


def test_a_service_in_a_rule_is_one_of_the_list(cloud: Cloud, group: str) -> None:
    peer = {"source": "oci-elsewhere-objectstorage", "sourceType": "SERVICE_CIDR_BLOCK"}
    body = {"securityRules": [{**IN, **peer}]}

    status, code, message = cloud.refused(
        "POST", f"{group}/actions/addSecurityRules", body
    )

    assert (status, code) == (400, "InvalidParameter")
    assert "securityRules[0].source" in message


def test_a_peer_of_ipv6_is_shown_in_its_plain_form(cloud: Cloud, group: str) -> None:
    shown = add(cloud, group, {**IN, "source": "2001:DB8:0::/48"})

    assert shown[0]["source"] == "2001:db8::/48"


def test_rules_are_replaced_by_id(cloud: Cloud, group: str) -> None:
    one, two = add(cloud, group, IN, IN)
    changed = {**IN, "id": two["id"], "protocol": "6", "description": "new"}
    shown = cloud.post(
        f"{group}/actions/updateSecurityRules", {"securityRules": [changed]}
    )
    rules = cloud.get(f"{group}/securityRules")

    assert rules == [one, *shown["securityRules"]]
    assert (rules[1]["id"], rules[1]["protocol"]) == (two["id"], "6")
    assert rules[1]["timeCreated"] == two["timeCreated"]


def test_rules_are_removed_by_id(cloud: Cloud, group: str) -> None:
    one, two = add(cloud, group, IN, IN)
    cloud.post(f"{group}/actions/removeSecurityRules", {"securityRuleIds": [one["id"]]})

    assert cloud.get(f"{group}/securityRules") == [two]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("updateSecurityRules", {"securityRules": [{**IN, "id": "NONE"}]}),
        ("removeSecurityRules", {"securityRuleIds": ["NONE"]}),
    ],
)
def test_an_unknown_id_refuses_all(
    cloud: Cloud, group: str, action: str, body: dict[str, object]
) -> None:
    add(cloud, group, IN)

    status, code, message = cloud.refused("POST", f"{group}/actions/{action}", body)

    assert (status, code) == (400, "InvalidParameter")
    assert '"NONE"' in message


def test_a_call_carries_so_many_rules(cloud: Cloud, group: str) -> None:
    path = f"{group}/actions/addSecurityRules"
    body = {"securityRules": [IN] * (RULES_PER_CALL + 1)}

    assert cloud.refused("POST", path, body)[1] == "InvalidParameter"


def test_a_group_holds_so_many_rules(cloud: Cloud, group: str) -> None:
    for count in (25, 25, 25, 25, 20):
        add(cloud, group, *[IN] * count)
    rules = cloud.get(f"{group}/securityRules", limit="1000")

    assert len({rule["id"] for rule in rules}) == RULES_PER_NSG
    assert cloud.refused(
        "POST", f"{group}/actions/addSecurityRules", {"securityRules": [IN]}
    )[:2] == (400, "LimitExceeded")


def test_a_rule_may_name_a_group_and_is_invalid_when_that_is_gone(
    cloud: Cloud, vcn: dict[str, str], group: str
) -> None:
    other = cloud.nsg(vcn)
    peer = {"source": other["id"], "sourceType": "NETWORK_SECURITY_GROUP"}
    add(cloud, group, {**IN, **peer})

    assert cloud.get(f"{group}/securityRules")[0]["isValid"] is True

    cloud.delete(f"/networkSecurityGroups/{other['id']}")

    assert cloud.get(f"{group}/securityRules")[0]["isValid"] is False


@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        ({"direction": "UP"}, "InvalidParameter", "securityRules[0].direction"),
        ({"direction": "EGRESS"}, "MissingParameter", "securityRules[0].destination"),
        ({"protocol": "tcp"}, "InvalidParameter", "securityRules[0].protocol"),
        ({"protocol": "256"}, "InvalidParameter", "securityRules[0].protocol"),
        ({"protocol": "06"}, "InvalidParameter", "securityRules[0].protocol"),
        ({"protocol": "²"}, "InvalidParameter", "securityRules[0].protocol"),
        ({"tcpOptions": {}}, "InvalidParameter", "must be 6 for tcpOptions"),
        (
            {"icmpOptions": {"type": 1}},
            "InvalidParameter",
            "must be 1 or 58 for icmpOptions",
        ),
        ({"source": "10.0.0.1/8"}, "InvalidParameter", "securityRules[0].source"),
        ({"source": "fd00::1"}, "InvalidParameter", "securityRules[0].source"),
        (
            {
                "protocol": "6",
                "tcpOptions": {"destinationPortRange": {"min": 2, "max": 1}},
            },
            "InvalidParameter",
            "securityRules[0].tcpOptions.destinationPortRange.min 2 must not exceed 1.",
        ),
        (
            {"source": "x", "sourceType": "NETWORK_SECURITY_GROUP"},
            "RelatedResourceNotAuthorizedOrNotFound",
            "securityRules[0].source",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(
    cloud: Cloud, group: str, rule: dict[str, object], code: str, words: str
) -> None:
    body = {"securityRules": [{**IN, **rule}]}
    path = f"{group}/actions/addSecurityRules"

    status, got, message = cloud.refused("POST", path, body)

    assert (status, got) == (400, code)
    assert words in message


def test_a_group_of_another_vcn_is_no_peer(cloud: Cloud, group: str) -> None:
    other = cloud.nsg(cloud.vcn("10.9.0.0/16"))
    peer = {"source": other["id"], "sourceType": "NETWORK_SECURITY_GROUP"}
    path = f"{group}/actions/addSecurityRules"

    assert cloud.refused("POST", path, {"securityRules": [{**IN, **peer}]})[0] == 400


def test_a_group_shows_its_vnics_and_is_in_use_by_them(
    cloud: Cloud, vcn: dict[str, str], group: str
) -> None:
    name = group.rsplit("/", 1)[1]
    subnet = cloud.subnet(vcn)
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, subnet, nsgIds=[name])
    members = cloud.get(f"{group}/vnics")

    assert [(m["vnicId"], m["resourceId"]) for m in members] == [
        (vnic["id"], instance["id"])
    ]
    assert vnic["id"] in cloud.refused("DELETE", group)[2]

    cloud.put(f"/vnics/{vnic['id']}", {"nsgIds": []})

    assert cloud.get(f"{group}/vnics") == []

    cloud.delete(group)


def test_a_group_s_name_changes(cloud: Cloud, group: str) -> None:
    assert cloud.put(group, {"displayName": "x"})["displayName"] == "x"
