"""What calls ask for: the table against the operations, and what objects a call asks about."""

import re
from typing import Any

import pytest
from iam_tenancy import TENANCY, Tenancy

from mooring.core.vcn.api.operation import Operation
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.iam.asks import Ask, Errand, asks
from mooring.core.vcn.iam.needs import ALL, NEEDS, ROUTE_TARGETS, SEEN, needs
from mooring.core.vcn.iam.verbs import EVERYTHING, TYPES
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS

BY_NAME: dict[str, Operation] = {o.name: o for o in OPERATIONS.values()}
KNOWN = frozenset[str]().union(*(levels[2] | levels[3] for levels in TYPES.values()))
# Fields that a query or body takes and that name something, by the operations that take them.
PLACES = ("root", "self", "attached", "address")


def test_every_operation_has_its_row() -> None:
    lifetimes = ("RESERVED", "EPHEMERAL")
    missing = sorted(
        name
        for name in BY_NAME
        if name not in NEEDS and any(f"{name}={n}" not in NEEDS for n in lifetimes)
    )

    assert missing == []


def test_every_row_has_its_operation() -> None:
    assert sorted({row.partition("=")[0] for row in NEEDS} - set(BY_NAME)) == []


def test_every_kind_can_be_seen_by_some_permission() -> None:
    missing = sorted({kind.word for kind in KINDS.values()} - set(SEEN))

    assert missing == []


def test_every_permission_is_allowed_by_some_verb() -> None:
    asked = {need.permission for row in NEEDS.values() for need in row}

    assert asked - KNOWN - {EVERYTHING, ROUTE_TARGETS} == set()
    assert set(SEEN.values()) - KNOWN == set()


def test_without_a_row_everything_is_needed() -> None:
    assert needs("PaintVcn") == ALL
    assert needs("GetService") == ()


ROWS = [row for row in NEEDS if row.partition("=")[0] in BY_NAME]


@pytest.mark.parametrize("row", sorted(ROWS))
def test_what_a_row_names_is_there(row: str) -> None:
    """Fields that are asked for are the operation's; fields of records are its kind's."""
    operation = BY_NAME[row.partition("=")[0]]
    fields = {**operation.query, **(operation.body or {})}
    for need in NEEDS[row]:
        for selector in [*(s for part in need.places for s in part), need.given]:
            source, _, attribute = selector.partition(":")
            if source == "" and attribute:
                assert operation.kind is not None
                assert attribute in operation.kind.__dataclass_fields__, selector
            elif source and source not in PLACES and len(need.places) < 2:
                alternatives = next((p for p in need.places if selector in p), ())
                assert source.split(".")[0] in fields or len(alternatives) > 1, selector


def test_sources_are_written_as_ids_are() -> None:
    text = [s for row in NEEDS.values() for n in row for p in n.places for s in p]

    assert all(re.fullmatch(r"[a-zA-Z0-9.]*(:[a-z_]+)?", one) for one in text)


# -- what calls ask about


def asked(
    place: Tenancy,
    operation: str,
    target: Resource | None = None,
    **given: Any,
) -> list[Ask]:
    errand = Errand(
        operation=operation,
        target=target,
        id="" if target is None else target.id,
        given=Values(given),
        tenancy=TENANCY,
    )
    return list(asks(place.world, errand))


def short(found: list[Ask]) -> set[tuple[str, str]]:
    return {(ask.permission, ask.field) for ask in found}


def record(place: Tenancy, id: str) -> Resource:
    return place.world.records[id]


def test_a_new_subnet_asks_for_what_it_is_put_together_of() -> None:
    place = Tenancy()
    vcn = place.vcn()
    found = asked(place, "CreateSubnet", vcnId=vcn["id"], compartmentId=place.nodes)

    assert short(found) == {
        ("SUBNET_CREATE", ""),
        ("VCN_ATTACH", "vcnId"),
        ("ROUTE_TABLE_ATTACH", "vcnId"),
        ("SECURITY_LIST_ATTACH", "vcnId"),
        ("DHCP_ATTACH", "vcnId"),
    }
    assert found[0].places == (place.nodes,)
    assert found[1].places == (place.network,)
    lists = (vcn["defaultSecurityListId"],) * 2
    more = asked(place, "CreateSubnet", vcnId=vcn["id"], securityListIds=lists)
    assert [a.field for a in more if a.permission == "SECURITY_LIST_ATTACH"] == [
        "securityListIds",
        "securityListIds",
    ]


def test_what_is_not_there_asks_for_nothing() -> None:
    place = Tenancy()

    assert short(asked(place, "CreateSubnet", vcnId="x", compartmentId="c")) == {
        ("SUBNET_CREATE", "")
    }
    assert asked(place, "CreatePrivateIp") == []
    assert asked(place, "CreatePrivateIp", vnicId="x") == []
    assert asked(place, "AttachVnic", createVnicDetails=Values({})) == []


def test_a_subnet_asks_for_other_parts_only_when_they_change() -> None:
    place = Tenancy()
    vcn = place.vcn()
    subnet = record(place, place.subnet(vcn)["id"])

    assert short(asked(place, "UpdateSubnet", subnet)) == {("SUBNET_UPDATE", "")}
    changed = asked(
        place, "UpdateSubnet", subnet, routeTableId=vcn["defaultRouteTableId"]
    )
    assert short(changed) == {
        ("SUBNET_UPDATE", ""),
        ("ROUTE_TABLE_ATTACH", "routeTableId"),
        ("ROUTE_TABLE_DETACH", ""),
    }
    emptied = asked(place, "UpdateSubnet", subnet, securityListIds=())
    assert ("SECURITY_LIST_DETACH", "") in short(emptied)


def test_a_vnic_in_groups_asks_for_the_groups() -> None:
    place = Tenancy()
    vcn, subnet, instance = place.estate()
    group = place.nsg(vcn)["id"]
    details = Values({"subnetId": subnet["id"], "nsgIds": (group,)})
    found = asked(
        place, "AttachVnic", instanceId=instance["id"], createVnicDetails=details
    )

    assert ("NETWORK_SECURITY_GROUP_UPDATE_MEMBERS", "createVnicDetails.nsgIds") in (
        short(found)
    )
    create = next(a for a in found if a.permission == "VNIC_CREATE")
    assert create.places == (place.nodes, place.network)
    assert create.field == "createVnicDetails.subnetId"
    plain = Values({"subnetId": subnet["id"]})
    without = asked(
        place, "AttachVnic", instanceId=instance["id"], createVnicDetails=plain
    )
    assert "VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP" not in {
        a.permission for a in without
    }
    assert asked(place, "AttachVnic", instanceId="x", createVnicDetails=details)


def test_an_ended_instance_asks_for_its_vnics_and_their_subnets() -> None:
    place = Tenancy()
    _, _, instance = place.estate()
    found = asked(place, "TerminateInstance", record(place, instance["id"]))

    assert [(a.permission, a.places) for a in found] == [
        ("INSTANCE_DELETE", (place.nodes,)),
        ("VNIC_DELETE", (place.nodes, place.network)),
        ("SUBNET_DETACH", (place.network,)),
    ]
    attachment = next(place.world.attachments_of(instance["id"]))
    gone = place.world.drop(attachment.vnic_id)
    place.world = gone
    assert len(asked(place, "TerminateInstance", record(place, instance["id"]))) == 1
    assert asked(place, "TerminateInstance", record(place, place.nodes))


def test_routes_ask_for_what_they_lead_to_and_led_to() -> None:
    place = Tenancy()
    vcn = place.vcn()
    inside = {"compartmentId": place.network, "vcnId": vcn["id"]}
    igw = place.post("/internetGateways", {**inside, "isEnabled": True})["id"]
    nat = place.post("/natGateways", inside)["id"]
    rule = {"destination": "0.0.0.0/0", "networkEntityId": igw}
    made = place.post("/routeTables", {**inside, "routeRules": [rule]})
    table = record(place, made["id"])
    to_nat = (Values({"networkEntityId": nat}), Values({"networkEntityId": "x"}))

    assert short(asked(place, "UpdateRouteTable", table)) == {
        ("ROUTE_TABLE_UPDATE", "")
    }
    changed = asked(place, "UpdateRouteTable", table, routeRules=to_nat)
    assert short(changed) == {
        ("ROUTE_TABLE_UPDATE", ""),
        ("NAT_GATEWAY_ATTACH", "routeRules.networkEntityId"),
        ("INTERNET_GATEWAY_DETACH", ""),
    }
    same = (Values({"networkEntityId": igw}),)
    assert len(asked(place, "UpdateRouteTable", table, routeRules=same)) == 1
    assert ("INTERNET_GATEWAY_DETACH", "") in short(
        asked(place, "DeleteRouteTable", table)
    )
    vcn_id = vcn["id"]
    wrong = (Values({"networkEntityId": vcn_id}),)
    assert short(asked(place, "CreateRouteTable", vcnId=vcn_id, routeRules=wrong)) == {
        ("ROUTE_TABLE_CREATE", ""),
        ("VCN_ATTACH", "vcnId"),
    }


def test_rules_ask_for_the_groups_that_they_name() -> None:
    place = Tenancy()
    vcn = place.vcn()
    group = record(place, place.nsg(vcn)["id"])
    rules = (Values({"source": group.id}), Values({"source": "10.0.0.0/8"}))
    found = asked(
        place, "AddNetworkSecurityGroupSecurityRules", group, securityRules=rules
    )

    assert short(found) == {
        ("NETWORK_SECURITY_GROUP_UPDATE_SECURITY_RULES", ""),
        ("NETWORK_SECURITY_GROUP_INSPECT", "securityRules.source"),
    }


def test_a_private_ip_without_a_vnic_asks_for_no_vnic() -> None:
    place = Tenancy()
    _, subnet, instance = place.estate()
    body = {"subnetId": subnet["id"], "lifetime": "RESERVED"}
    ip = record(place, place.post("/privateIps", body)["id"])

    assert {a.permission for a in asked(place, "DeletePrivateIp", ip)} == {
        "PRIVATE_IP_DELETE",
        "PRIVATE_IP_UNASSIGN",
        "SUBNET_DETACH",
    }
    vnic = place.primary(instance)["id"]
    moved = asked(place, "UpdatePrivateIp", ip, vnicId=vnic)
    assert ("VNIC_ASSIGN", "vnicId") in short(moved)


def test_what_lists_without_a_place_ask_for_is_asked_of_the_tenancy() -> None:
    place = Tenancy()
    (ask,) = asked(place, "ListNetworkSecurityGroups")

    assert (ask.permission, ask.places) == ("NETWORK_SECURITY_GROUP_READ", (TENANCY,))
    (ask,) = asked(place, "ListRegions")
    assert ask.about == TENANCY


@pytest.mark.parametrize(
    ("operation", "items"),
    [
        ("BulkCreatePrivateIps", "bulkCreatePrivateIpItem"),
        ("BulkUpdatePrivateIps", "bulkUpdatePrivateIpItem"),
        ("BulkCreateIpv6s", "bulkCreateIpv6sItem"),
        ("BulkUpdateIpv6s", "bulkUpdateIpv6sItem"),
    ],
)
def test_the_tables_of_bulk_items_are_asked_for(operation: str, items: str) -> None:
    place = Tenancy()
    table = place.vcn()["defaultRouteTableId"]
    given = {items: (Values({"routeTableId": table}), Values({}))}

    assert ("ROUTE_TABLE_ATTACH", f"{items}.routeTableId") in short(
        asked(place, operation, **given)
    )
