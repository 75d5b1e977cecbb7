"""The identity service: compartments, users with their keys, groups, policies, the tenancy."""

from datetime import UTC, datetime

from mooring.core.vcn.acts import compartments, identity, policies, removal
from mooring.core.vcn.api.errors import invalid
from mooring.core.vcn.api.fields import IN_COMPARTMENT, PAGE, need
from mooring.core.vcn.api.operation import Act, Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    DEFINED_TAGS,
    TAGS,
    Field,
    Fields,
    ocid,
    one_of,
    text,
    unbuilt,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import LONGEST_STATEMENT, STATEMENTS_PER_POLICY
from mooring.core.vcn.model import (
    Compartment,
    DynamicGroup,
    Group,
    Policy,
    User,
    UserGroupMembership,
)

_NAME = text(
    most=100,
    shape=r"[A-Za-z0-9._@+-]+",
    says="must be letters, digits, periods, hyphens, underscores, @ and +.",
)

_DESCRIPTION = text(most=400)

_TAGGED: Fields = {"freeformTags": Field(TAGS), "definedTags": Field(DEFINED_TAGS)}

_DESCRIBED: Fields = {**_TAGGED, "description": Field(_DESCRIPTION)}

_NEW: Fields = {
    **_TAGGED,
    "compartmentId": need(ocid),
    "name": need(_NAME),
    "description": need(_DESCRIPTION),
}


def _day(where: str, value: object) -> object:
    """Check a date, or a time that begins with one."""
    try:
        when = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid(where, value, "must be a date (YYYY-MM-DD).") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


_STATEMENTS = list_of(text(most=LONGEST_STATEMENT), 1, STATEMENTS_PER_POLICY)

CREATE_COMPARTMENT: Fields = _NEW

UPDATE_COMPARTMENT: Fields = {**_DESCRIBED, "name": Field(_NAME)}

MOVE_COMPARTMENT: Fields = {"targetCompartmentId": need(ocid)}

CREATE_USER: Fields = {**_NEW, "email": Field(text())}

UPDATE_USER: Fields = {
    **_DESCRIBED,
    "email": Field(text()),
    "dbUserName": Field(unbuilt),
}

UPLOAD_KEY: Fields = {"key": need(text(most=4096))}

CREATE_GROUP: Fields = _NEW

UPDATE_GROUP: Fields = _DESCRIBED

ADD_TO_GROUP: Fields = {"userId": need(ocid), "groupId": need(ocid)}

CREATE_DYNAMIC_GROUP: Fields = {**_NEW, "matchingRule": need(text(most=4096))}

UPDATE_DYNAMIC_GROUP: Fields = {**_DESCRIBED, "matchingRule": Field(text(most=4096))}

CREATE_POLICY: Fields = {
    **_NEW,
    "statements": need(_STATEMENTS),
    "versionDate": Field(_day),
}

UPDATE_POLICY: Fields = {
    **_DESCRIBED,
    "statements": Field(_STATEMENTS),
    "versionDate": Field(_day),
}

LIST: Fields = {
    **IN_COMPARTMENT,
    "name": Field(text()),
    "sortBy": Field(one_of("TIMECREATED", "NAME")),
    "sortOrder": Field(one_of("ASC", "DESC")),
    "lifecycleState": Field(text()),
}

LIST_COMPARTMENTS: Fields = {
    **LIST,
    "accessLevel": Field(one_of("ANY", "ACCESSIBLE")),
    "compartmentIdInSubtree": Field(one_of("true", "false", "True", "False")),
}

LIST_USERS: Fields = {
    **LIST,
    "externalIdentifier": Field(unbuilt),
    "identityProviderId": Field(unbuilt),
}

LIST_MEMBERSHIPS: Fields = {
    **IN_COMPARTMENT,
    "userId": Field(ocid),
    "groupId": Field(ocid),
}

LIST_FAULT_DOMAINS: Fields = {**IN_COMPARTMENT, "availabilityDomain": need(text())}


def _plain(name: str, act: Act, query: Fields | None = None) -> Operation:
    """Make an operation whose path names no record, or one that may be none."""
    return Operation(name=name, query=query or {}, act=act)


ROUTES = routes(
    Crud(
        path="compartments",
        name="Compartment",
        kind=Compartment,
        create=(CREATE_COMPARTMENT, compartments.create),
        update=(UPDATE_COMPARTMENT, compartments.update),
        delete=compartments.delete,
        list=(LIST_COMPARTMENTS, compartments.list_all),
    ),
    Crud(
        path="users",
        name="User",
        kind=User,
        create=(CREATE_USER, identity.create_user),
        update=(UPDATE_USER, identity.update_user),
        delete=identity.delete_user,
        list=(LIST_USERS, identity.list_users),
    ),
    Crud(
        path="groups",
        name="Group",
        kind=Group,
        create=(CREATE_GROUP, identity.create_group),
        update=(UPDATE_GROUP, identity.update_group),
        list=(LIST, identity.list_groups),
    ),
    Crud(
        path="userGroupMemberships",
        name="UserGroupMembership",
        kind=UserGroupMembership,
        names={"Create": "AddUserToGroup", "Delete": "RemoveUserFromGroup"},
        create=(ADD_TO_GROUP, identity.add_to_group),
        list=(LIST_MEMBERSHIPS, identity.list_memberships),
    ),
    Crud(
        path="dynamicGroups",
        name="DynamicGroup",
        kind=DynamicGroup,
        create=(CREATE_DYNAMIC_GROUP, policies.create_dynamic_group),
        update=(UPDATE_DYNAMIC_GROUP, policies.update_dynamic_group),
        list=(LIST, policies.list_dynamic_groups),
    ),
    Crud(
        path="policies",
        name="Policy",
        kind=Policy,
        names={"List": "ListPolicies"},
        create=(CREATE_POLICY, policies.create_policy),
        update=(UPDATE_POLICY, policies.update_policy),
        delete=removal.delete,
        list=(LIST, policies.list_policies),
    ),
) | {
    ("GET", "/compartments/{id}"): _plain("GetCompartment", compartments.get),
    ("POST", "/compartments/{id}/actions/moveCompartment"): Operation(
        name="MoveCompartment",
        kind=Compartment,
        body=MOVE_COMPARTMENT,
        act=compartments.move,
    ),
    ("GET", "/users/{id}"): _plain("GetUser", identity.get_user),
    ("GET", "/users/{id}/apiKeys"): _plain("ListApiKeys", identity.list_keys),
    ("POST", "/users/{id}/apiKeys"): Operation(
        name="UploadApiKey", body=UPLOAD_KEY, act=identity.upload_key
    ),
    ("DELETE", "/users/{id}/apiKeys/{key}"): _plain(
        "DeleteApiKey", identity.delete_key
    ),
    ("GET", "/groups/{id}"): _plain("GetGroup", identity.get_group),
    ("GET", "/tenancies/{id}"): _plain("GetTenancy", identity.get_tenancy),
    ("GET", "/tenancies/{id}/regionSubscriptions"): _plain(
        "ListRegionSubscriptions", identity.list_subscriptions
    ),
    ("GET", "/regions"): _plain("ListRegions", identity.list_regions, PAGE),
    ("GET", "/faultDomains"): _plain(
        "ListFaultDomains", identity.list_fault_domains, LIST_FAULT_DOMAINS
    ),
}
