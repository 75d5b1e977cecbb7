"""Decisions: who is asked, where permissions hold, what lists show."""

import json

import pytest
from iam_tenancy import PEM, ROOT, TENANCY, Tenancy
from vcn_cloud import Json

from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.iam.evaluate import decide, may
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.iam.standing import ADMINISTRATORS
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import UserGroupMembership, Vcn
from mooring.core.vcn.world import World

HIDDEN = (404, "NotAuthorizedOrNotFound")
UNRELATED = (400, "RelatedResourceNotAuthorizedOrNotFound")


def allow(what: str, where: str = "compartment network", more: str = "") -> str:
    return f"Allow any-user to {what} in {where} {more}"


class Town(Tenancy):
    """A tenancy with a user who may do what the policies of a test say."""

    def __init__(self, *statements: str) -> None:
        super().__init__()
        self.ann = self.user("ann", "staff")
        self.made = self.policy(*statements) if statements else None

    def asked(self, method: str, path: str, body: Json = None, **query: str) -> Json:
        """Make a call as the user; the code of a refusal, or the JSON of the answer."""
        with self.acting(self.ann):
            before = self.world
            reply = self.send(method, path, body, query=query).reply
        found = json.loads(reply.body) if reply.body else None
        if reply.status >= 400:
            assert self.world is before
            return reply.status, found["code"]
        return found


# -- who is asked


@pytest.mark.parametrize("caller", [None, ROOT])
def test_administrators_are_not_looked_at(caller: Principal | None) -> None:
    world = World.empty()

    assert decide(world, caller, "CreateVcn", None, Values({})) is None
    assert may(world, caller, "ANYTHING", TENANCY)


def test_without_a_policy_nothing_is_there() -> None:
    town = Town()
    vcn = town.vcn()

    assert town.asked("GET", f"/vcns/{vcn['id']}") == HIDDEN
    assert town.asked("GET", "/vcns", compartmentId=town.network) == HIDDEN
    body = {"compartmentId": town.network, "cidrBlock": "10.0.0.0/16"}
    assert town.asked("POST", "/vcns", body) == HIDDEN
    assert town.asked("DELETE", f"/vcns/{vcn['id']}") == HIDDEN


def test_a_refusal_says_the_same_as_what_is_not_there() -> None:
    town = Town()
    vcn = town.vcn()
    with town.acting(town.ann):
        hidden = town.refused("GET", f"/vcns/{vcn['id']}")
    gone = town.refused("GET", f"/vcns/{vcn['id'][:-1]}x")

    assert hidden[2].replace(vcn["id"], "") == gone[2].replace(vcn["id"][:-1] + "x", "")


def test_a_wrong_body_is_said_before_policies_are_asked() -> None:
    assert Town().asked("POST", "/vcns", {})[1] == "MissingParameter"


def test_users_in_the_group_administrators_may_do_everything() -> None:
    town = Town()
    both = {"userId": town.ann.id, "groupId": ADMINISTRATORS}
    town.post("/userGroupMemberships", both)

    body = {"compartmentId": town.network, "cidrBlock": "10.0.0.0/16"}
    assert town.asked("POST", "/vcns", body)["lifecycleState"] == "AVAILABLE"
    assert len(town.asked("GET", "/vcns", compartmentId=town.network)) == 1


@pytest.mark.parametrize(
    ("subject", "is_meant"),
    [
        ("group staff", True),
        ("group STAFF", True),
        ("group 'Default'/'Staff'", True),
        ("group Administrators, staff", True),
        ("group Administrators", False),
        ("any-user", True),
        ("any-group", True),
        ("dynamic-group machines", False),
        ("service staff", False),
    ],
)
def test_a_user_is_meant_by_groups(subject: str, is_meant: bool) -> None:
    town = Town()
    town.make("dynamicGroups", "machines", matchingRule="resource.type = 'user'")
    town.policy(f"Allow {subject} to inspect vcns in tenancy")

    found = town.asked("GET", "/vcns", compartmentId=town.network)
    assert found == ([] if is_meant else HIDDEN)


def test_a_group_is_meant_by_its_id() -> None:
    town = Town()
    group = town.get("/groups", compartmentId=TENANCY, name="staff")[0]["id"]
    town.policy(f"Allow group id {group} to inspect vcns in tenancy")

    assert town.asked("GET", "/vcns", compartmentId=town.network) == []


def test_a_service_is_meant_by_its_name() -> None:
    town = Town("Allow service blocks to inspect vcns in tenancy")
    town.ann = Principal(
        id="x", kind="service", tenancy=TENANCY, claims={"service": "blocks"}
    )

    assert town.asked("GET", "/vcns", compartmentId=town.network) == []


RULES = [
    ("instance.compartment.id = '<nodes>'", True),
    ("resource.compartment.id = '<nodes>'", True),
    ("instance.compartment.id = '<network>'", False),
    ("instance.id = '<instance>'", True),
    ("resource.id != '<instance>'", False),
    ("resource.type = 'instance'", True),
    ("tag.team.colour.value = 'red'", True),
    ("tag.team.colour.value", True),
    ("tag.team.size.value", False),
    (
        "Any {instance.id = 'x', All {tag.team.colour.value, resource.type='instance'}}",
        1,
    ),
]


@pytest.mark.parametrize(("rule", "is_meant"), RULES)
def test_an_instance_is_in_the_dynamic_groups_whose_rules_match(
    rule: str, is_meant: bool
) -> None:
    town = Town()
    subnet = town.subnet(town.vcn())
    tags = {"team": {"colour": "Red"}}
    made = town.instance(subnet, compartmentId=town.nodes, definedTags=tags)
    filled = {"nodes": town.nodes, "network": town.network, "instance": made["id"]}
    for name, id in filled.items():
        rule = rule.replace(f"<{name}>", id)
    town.make("dynamicGroups", "machines", matchingRule=rule)
    town.policy("Allow dynamic-group machines to inspect vcns in tenancy")
    town.ann = town.node(made)

    found = town.asked("GET", "/vcns", compartmentId=town.nodes)
    assert found == ([] if is_meant else HIDDEN)


def test_a_resource_of_another_kind_has_no_variables_of_instances() -> None:
    town = Town()
    rule = "any {instance.id = 'c', instance.compartment.id = 'c'}"
    town.make("dynamicGroups", "machines", matchingRule=rule)
    town.policy("Allow dynamic-group machines to inspect vcns in tenancy")
    town.ann = Principal(id="c", kind="cluster", tenancy=TENANCY, compartment_id="c")
    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == HIDDEN

    rule = "all {resource.type = 'cluster', resource.compartment.id = 'c'}"
    town.make("dynamicGroups", "clusters", matchingRule=rule)
    town.policy("Allow dynamic-group clusters to inspect vcns in tenancy")
    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == []


def test_an_instance_that_is_gone_is_known_by_its_token() -> None:
    town = Town()
    rule = f"instance.compartment.id = '{town.nodes}'"
    town.make("dynamicGroups", "machines", matchingRule=rule)
    town.policy("Allow dynamic-group machines to inspect vcns in tenancy")
    town.ann = town.node({"id": "ocid1.instance.gone", "compartmentId": town.nodes})

    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == []


def test_a_membership_of_a_group_that_is_gone_means_nothing() -> None:
    town = Town("Allow group staff to inspect vcns in tenancy")
    (membership,) = town.world.of(UserGroupMembership)
    town.world = town.world.drop(membership.group_id)

    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == HIDDEN


def test_a_user_without_a_record_has_no_name() -> None:
    town = Town(allow("inspect vcns", "tenancy", "where request.user.name != 'x'"))
    town.ann = Principal(id="ocid1.user.oc1..stranger", tenancy=TENANCY)

    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == HIDDEN


def test_a_caller_with_a_compartment_tells_it() -> None:
    mine = "where request.principal.compartment.id = '<nodes>'"
    town = Town()
    town.policy(allow("inspect vcns", "tenancy", mine.replace("<nodes>", town.nodes)))
    town.ann = Principal(
        id="c", kind="cluster", tenancy=TENANCY, compartment_id=town.nodes
    )

    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == []


# -- where


def test_a_statement_holds_in_and_below_its_compartment() -> None:
    town = Town(allow("inspect vcns", "compartment nodes"))
    below = town.make("compartments", "below", compartmentId=town.nodes)["id"]

    assert town.asked("GET", "/vcns", compartmentId=town.nodes) == []
    assert town.asked("GET", "/vcns", compartmentId=below) == []
    assert town.asked("GET", "/vcns", compartmentId=town.network) == HIDDEN
    assert town.asked("GET", "/vcns", compartmentId=TENANCY) == HIDDEN
    assert town.asked("GET", "/vcns", compartmentId="any text") == HIDDEN


def test_the_tenancy_is_above_every_text() -> None:
    town = Town(allow("inspect vcns", "tenancy"))

    assert town.asked("GET", "/vcns", compartmentId="any text") == []


def test_a_vnic_may_be_used_in_its_own_compartment_or_in_its_subnet_s() -> None:
    for where, found in (("nodes", 200), ("network", 200), ("other", 404)):
        town = Town()
        town.make("compartments", "other")
        _, _, instance = town.estate()
        vnic = town.primary(instance)
        assert vnic["compartmentId"] == town.nodes
        town.policy(allow("use vnics", f"compartment {where}"))
        with town.acting(town.ann):
            reply = town.send("PUT", f"/vnics/{vnic['id']}", {"displayName": "x"}).reply
        assert reply.status == found


# -- conditions

LISTED: tuple[str, ...] = (
    "request.operation = 'ListVcns'",
    "request.permission = 'VCN_READ'",
    "request.region = 'loc'",
    "request.region = 'local-1'",
    "request.principal.type = 'user'",
    "request.user.name = 'ANN'",
    "request.user.id = request.principal.id",
    "request.groups.id = '<staff>'",
    "target.compartment.name = 'network'",
    "target.compartment.id = '<network>'",
    "target.compartment.id in ('x', '<network>')",
)


@pytest.mark.parametrize("condition", LISTED)
def test_what_a_request_s_variables_say(condition: str) -> None:
    town = Town()
    staff = town.get("/groups", compartmentId=TENANCY, name="staff")[0]["id"]
    text = condition.replace("<staff>", staff).replace("<network>", town.network)
    town.policy(allow("inspect vcns", "tenancy", f"where {text}"))

    town.vcn()
    assert len(town.asked("GET", "/vcns", compartmentId=town.network)) == 1


@pytest.mark.parametrize(
    "condition",
    [
        "request.operation = 'GetVcn'",
        "request.permission != 'VCN_READ'",
        "request.region != 'loc'",
        "request.principal.compartment.id != 'x'",
        "request.principal.namespace = 'x'",
        "target.compartment.name = 'nodes'",
        "target.vcn.id != 'x'",
    ],
)
def test_what_they_do_not_say(condition: str) -> None:
    town = Town(allow("inspect vcns", "tenancy", f"where {condition}"))

    assert town.asked("GET", "/vcns", compartmentId=town.network) == HIDDEN


def test_the_tenancy_has_a_name_and_a_text_has_none() -> None:
    town = Town(
        allow("inspect vcns", "tenancy", "where target.compartment.name = 'mooring'")
    )

    assert town.asked("GET", "/vcns", compartmentId=TENANCY) == []
    assert town.asked("GET", "/vcns", compartmentId="mooring") == HIDDEN


def test_a_region_of_the_cloud_is_meant_by_its_key() -> None:
    town = Town(allow("inspect vcns", "tenancy", "where request.region = 'fra'"))
    assert town.asked("GET", "/vcns", compartmentId=TENANCY) == HIDDEN

    town.world = World(
        Settings(region="eu-frankfurt-1"),
        town.world.records,
        town.world.tokens,
        town.world.indexes,
    )
    assert town.asked("GET", "/vcns", compartmentId=TENANCY) == []


def test_everything_but_one_permission() -> None:
    town = Town(allow("manage vcns", more="where request.permission != 'VCN_DELETE'"))
    body = {"compartmentId": town.network, "cidrBlock": "10.0.0.0/16"}
    vcn = town.asked("POST", "/vcns", body)["id"]

    assert town.asked("PUT", f"/vcns/{vcn}", {"displayName": "x"})["id"] == vcn
    assert town.asked("DELETE", f"/vcns/{vcn}") == HIDDEN


def test_a_target_is_known_by_its_name_and_id() -> None:
    town = Town()
    group = town.make("groups", "A-Users")["id"]
    town.policy(
        allow("use groups", "tenancy", "where target.group.name = /a-users*/"),
        allow("use policies", "tenancy", "where target.group.name = /a-users*/"),
    )
    staff = town.get("/groups", compartmentId=TENANCY, name="staff")[0]["id"]

    assert town.asked("PUT", f"/groups/{group}", {"description": "x"})["id"] == group
    assert town.asked("PUT", f"/groups/{staff}", {"description": "x"}) == HIDDEN


# -- what


def test_all_resources() -> None:
    town = Town(allow("read all-resources", "tenancy"))
    vcn = town.vcn()["id"]
    assert town.asked("GET", f"/vcns/{vcn}")["id"] == vcn
    assert town.asked("DELETE", f"/vcns/{vcn}") == HIDDEN

    town.policy(allow("manage all-resources", "tenancy"))
    assert town.asked("DELETE", f"/vcns/{vcn}") is None


def test_an_operation_that_nobody_wrote_a_row_for_needs_everything() -> None:
    town = Town()
    made = town.vcn()["id"]
    vcn = town.world.find(Vcn, made)
    ask = decide(town.world, town.ann, "PaintVcn", vcn, Values({}))
    assert ask is not None
    assert (ask.permission, ask.places) == ("*", (town.network,))

    town.policy(allow("manage all-resources"))
    assert decide(town.world, town.ann, "PaintVcn", vcn, Values({})) is None


def test_permissions_by_name() -> None:
    town = Town(allow("{VCN_READ, VCN_CREATE}"))
    body = {"compartmentId": town.network, "cidrBlock": "10.0.0.0/16"}
    vcn = town.asked("POST", "/vcns", body)["id"]

    assert town.asked("GET", f"/vcns/{vcn}")["id"] == vcn
    assert town.asked("PUT", f"/vcns/{vcn}", {"displayName": "x"}) == HIDDEN


def test_one_permission_can_be_asked_for() -> None:
    town = Town(allow("{CLUSTER_JOIN}"))

    assert may(town.world, town.ann, "CLUSTER_JOIN", town.network)
    assert not may(town.world, town.ann, "CLUSTER_JOIN", town.nodes)
    assert not may(town.world, town.ann, "CLUSTER_READ", town.network)


# -- one's own


def test_users_see_to_their_own_keys() -> None:
    town = Town()
    other = town.make("users", "bob")["id"]
    keys = f"/users/{town.ann.id}/apiKeys"

    key = town.asked("POST", keys, {"key": PEM})
    assert town.asked("GET", f"/users/{town.ann.id}")["name"] == "ann"
    assert town.asked("GET", keys) == [key]
    assert town.asked("DELETE", f"{keys}/{key['fingerprint']}") is None
    assert town.asked("POST", f"/users/{other}/apiKeys", {"key": PEM}) == HIDDEN
    assert town.asked("GET", f"/users/{other}") == HIDDEN
    assert town.asked("PUT", f"/users/{town.ann.id}", {"email": "a@b"}) == HIDDEN


def test_accessible_compartments_need_no_policy_to_be_asked_for() -> None:
    town = Town()
    query = {"compartmentId": TENANCY, "accessLevel": "ACCESSIBLE"}
    assert town.asked("GET", "/compartments", **query) == []
    assert town.asked("GET", "/compartments", compartmentId=TENANCY) == HIDDEN

    town.policy(allow("inspect compartments", "compartment nodes"))
    (found,) = town.asked("GET", "/compartments", **query)
    assert found["name"] == "nodes"
    path = f"/compartments/{town.nodes}"
    assert town.asked("GET", path)["id"] == town.nodes
    assert town.asked("GET", f"/compartments/{town.network}") == HIDDEN
    assert town.asked("GET", f"/compartments/{TENANCY}") == HIDDEN


# -- lists


def test_a_list_shows_what_the_caller_may_see() -> None:
    town = Town(
        allow("read network-security-groups"),
        allow("inspect vcns", "tenancy"),
    )
    vcn = town.vcn()
    seen = town.nsg(vcn)
    town.nsg(vcn, compartmentId=town.nodes)
    query = {"vcnId": vcn["id"]}

    assert len(town.get("/networkSecurityGroups", **query)) == 2
    found = town.asked("GET", "/networkSecurityGroups", **query)
    assert [one["id"] for one in found] == [seen["id"]]
    page = town.asked("GET", "/networkSecurityGroups", **query, limit="1")
    assert [one["id"] for one in page] == [seen["id"]]


def test_addresses_are_listed_by_those_who_may_read_them() -> None:
    town = Town()
    _, subnet, instance = town.estate()
    vnic = town.primary(instance)["id"]
    for query in ({"subnetId": subnet["id"]}, {"vnicId": vnic}):
        assert town.asked("GET", "/privateIps", **query) == HIDDEN
    town.policy(allow("inspect private-ips"))
    for query in ({"subnetId": subnet["id"]}, {"vnicId": vnic}):
        assert len(town.asked("GET", "/privateIps", **query)) == 1


def test_what_is_no_record_is_listed_by_those_who_may_ask() -> None:
    town = Town(allow("inspect instances", "compartment nodes"))

    shapes = town.asked("GET", "/shapes", compartmentId=town.nodes)
    assert shapes == town.get("/shapes", compartmentId=town.nodes)


def test_public_ips_are_seen_by_their_lifetime() -> None:
    town = Town()
    vcn = town.vcn()
    subnet = town.subnet(vcn, prohibitPublicIpOnVnic=False)
    details = {"subnetId": subnet["id"], "assignPublicIp": False}
    vnic = town.primary(town.instance(subnet, createVnicDetails=details))
    (private,) = town.get("/privateIps", vnicId=vnic["id"])
    here = {"compartmentId": town.network}
    reserved = {**here, "lifetime": "RESERVED"}
    ephemeral = {**here, "lifetime": "EPHEMERAL", "privateIpId": private["id"]}
    listed = {**here, "scope": "REGION"}

    assert town.asked("POST", "/publicIps", reserved) == HIDDEN
    assert town.asked("POST", "/publicIps", ephemeral) == UNRELATED
    town.policy(allow("use private-ips"))
    assert town.asked("POST", "/publicIps", reserved) == HIDDEN
    made = town.asked("POST", "/publicIps", ephemeral)["id"]
    town.wait()
    path = "/publicIps/actions/getByPrivateIpId"
    assert town.asked("POST", path, {"privateIpId": private["id"]})["id"] == made
    assert town.asked("GET", "/publicIps", **listed, lifetime="RESERVED") == HIDDEN
    town.policy(allow("manage public-ips"))
    other = town.asked("POST", "/publicIps", reserved)["id"]
    ids = {one["id"] for one in town.asked("GET", "/publicIps", **listed)}
    assert other in ids
    assert town.asked("DELETE", f"/publicIps/{made}") is None


def test_what_asks_about_an_address_is_told_that_it_is_not_there() -> None:
    town = Town()
    _, _, instance = town.estate()
    vnic = town.primary(instance)["id"]
    (private,) = town.get("/privateIps", vnicId=vnic)
    path = "/publicIps/actions/getByPrivateIpId"
    assert town.asked("POST", path, {"privateIpId": private["id"]}) == HIDDEN
    items = {"bulkDeletePrivateIpItem": [{"privateIpId": private["id"]}]}
    path = "/privateIps/actions/bulkDeletePrivateIps"
    assert town.asked("POST", path, items) == HIDDEN


def test_a_public_ip_is_found_by_its_address_where_it_may_be_read() -> None:
    town = Town()
    reserved = {"compartmentId": town.network, "lifetime": "RESERVED"}
    made = town.post("/publicIps", reserved)
    asked = (
        "POST",
        "/publicIps/actions/getByIpAddress",
        {"ipAddress": made["ipAddress"]},
    )

    with town.acting(town.ann):
        message = town.refused(*asked)[2]
        assert town.refused(*asked[:2], {"ipAddress": "198.18.255.1"})[:2] == HIDDEN
    assert made["ipAddress"] in message
    assert made["id"] not in message
    town.policy(allow("read public-ips"))
    assert town.asked(*asked)["id"] == made["id"]


# -- what is taken away


def test_a_retry_token_shows_nothing_that_may_not_be_seen_any_more() -> None:
    town = Town(allow("manage vcns"))
    body = {"compartmentId": town.network, "cidrBlock": "10.0.0.0/16"}
    headers = {"opc-retry-token": "once"}
    with town.acting(town.ann):
        made = town.post("/vcns", body, headers=headers)
        assert town.post("/vcns", body, headers=headers)["id"] == made["id"]
    town.delete(f"/policies/{town.made['id']}")
    with town.acting(town.ann):
        refused = town.refused("POST", "/vcns", body, headers=headers)
    assert refused[:2] == HIDDEN
