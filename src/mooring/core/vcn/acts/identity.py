"""Users, their keys, groups: what lives in the tenancy, and what the tenancy is.

The tenancy itself, the group Administrators and the users of the register (`mooring vcn init`)
are shown and can be referred to, but are no records: nobody changes them over the API.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from mooring.core.net import ocid
from mooring.core.vcn.acts import removal
from mooring.core.vcn.acts.listing import by_wish
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.api.errors import (
    conflict,
    exists_already,
    invalid,
    limit,
    not_found,
)
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.iam.publickey import fingerprint
from mooring.core.vcn.iam.regions import key_of
from mooring.core.vcn.iam.standing import ADMINISTRATORS, ADMINISTRATORS_NAME
from mooring.core.vcn.iam.tree import TENANCY, TENANCY_NAME
from mooring.core.vcn.limits import API_KEYS_PER_USER
from mooring.core.vcn.model import (
    ApiKey,
    Group,
    Resource,
    User,
    UserGroupMembership,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.shown.forms import Json

ACTIVE = "ACTIVE"
FAULT_DOMAINS = 3
BEGAN = datetime(2016, 9, 18, tzinfo=UTC)  # what nobody made is as old as the API
T = TypeVar("T", bound=Resource)


def root_of(call: Call) -> str:
    """Give the tenancy that a call is made in."""
    caller = call.request.caller
    return caller.tenancy if caller and caller.tenancy else TENANCY


def path_id(call: Call, at: int = 2) -> str:
    """Give the id in the path of a call whose object may be no record."""
    return call.request.path.strip("/").split("/")[at]


def new(call: Call, kind: type[Resource], name: str) -> dict[str, Any]:
    """Give the fields that every new record of the identity service has; its OCID has no region."""
    word = KINDS[kind].word
    ids = (ocid.mint(word, "", roll) for roll in call.dice.rolls(word))
    return {
        "id": next(id for id in ids if id not in call.world.records),
        "compartment_id": call.body.get("compartmentId", str) or root_of(call),
        "display_name": name,
        "time_created": call.now,
        "lifecycle_state": ACTIVE,
        "freeform_tags": call.body.get("freeformTags", dict) or {},
        "defined_tags": call.body.get("definedTags", dict) or {},
    }


def changed(body: Values, *names: str) -> dict[str, Any]:
    """Give the changes of an update: tags, and fields by their names."""
    fields = {
        "name": "display_name",
        "freeformTags": "freeform_tags",
        "definedTags": "defined_tags",
    }
    return {
        fields.get(name, name): body.items[name]
        for name in ("freeformTags", "definedTags", *names)
        if name in body
    }


def unused(kind: type[Resource], name: str, others: Iterable[Resource]) -> str:
    """Refuse a name that another has, whatever the case of its letters."""
    if any(other.display_name.lower() == name.lower() for other in others):
        raise exists_already(KINDS[kind].title, name)
    return name


def in_tenancy(call: Call) -> str:
    """Refuse another compartment than the tenancy for what lives there."""
    given, root = call.body.need("compartmentId", str), root_of(call)
    if given != root:
        raise invalid("compartmentId", given, f"must be the tenancy {root}.")
    return root


def shown_list(call: Call, records: Iterable[T]) -> Answer:
    """Answer with a page of some records: by name, by state, in the order that is wished."""
    name, state = call.query.get("name", str), call.query.get("lifecycleState", str)
    found = [
        one
        for one in records
        if name in (None, one.display_name) and state in (None, one.lifecycle_state)
    ]
    if "sortBy" in call.query or "sortOrder" in call.query:
        return by_wish(call, found, "NAME")
    return paged(call, in_order(found))


# -- users


def administrators(call: Call) -> list[User]:
    """Give the users of the register as far as they are known here."""
    caller = call.request.caller
    ids = set(call.world.settings.administrators)
    if caller is not None and caller.administrator:
        ids.add(caller.id)
    return [
        User(
            id=id,
            compartment_id=root_of(call),
            display_name=f"administrator-{ocid.suffix(id)}",
            time_created=BEGAN,
            lifecycle_state=ACTIVE,
            description="Registered by mooring vcn init.",
        )
        for id in sorted(ids)
    ]


def _user(call: Call, id: str) -> User:
    found = call.world.find(User, id)
    every = [found] if found else administrators(call)
    user = next((one for one in every if one.id == id), None)
    if user is None:
        raise not_found(id)
    return user


def create_user(call: Call) -> Answer:
    """Make a user, who may do nothing yet."""
    in_tenancy(call)
    name = unused(User, call.body.need("name", str), call.world.of(User))
    user = User(
        **new(call, User, name),
        description=call.body.need("description", str),
        email=call.body.get("email", str),
    )
    return Answer(draft=call.draft.put(user), subject=user)


def update_user(call: Call) -> Answer:
    """Change what is said of a user."""
    user = call.about(User)
    changes = changed(call.body, "description", "email")
    return Answer(draft=call.draft.change(user, **changes), subject=user)


def delete_user(call: Call) -> Answer:
    """Delete a user who is in no group, with the keys."""
    answer = removal.delete(call)
    draft = answer.draft
    for key in call.world.referring(ApiKey, call.about(User).id):
        draft = draft.drop(key)
    return Answer(draft=draft, status=answer.status)


def get_user(call: Call) -> Answer:
    """Show a user, of the register too."""
    return _shown(call, _user(call, path_id(call)))


def _shown(call: Call, resource: Resource) -> Answer:
    """Show a record, or what looks like one."""
    if resource.id in call.world.records:
        return Answer(draft=call.draft, subject=resource)
    return Answer(draft=call.draft, shown=resource)


def list_users(call: Call) -> Answer:
    """List all users."""
    return shown_list(call, [*administrators(call), *call.world.of(User)])


# -- keys


def upload_key(call: Call) -> Answer:
    """Give a user one more key to sign with."""
    user, pem = _user(call, path_id(call)), call.body.need("key", str)
    try:
        name = fingerprint(pem)
    except ValueError as fault:
        raise invalid("key", pem, str(fault)) from None
    keys = list(call.world.referring(ApiKey, user.id))
    if any(key.fingerprint == name for key in keys):
        raise exists_already("API key", name)
    if len(keys) >= API_KEYS_PER_USER:
        raise limit(f"API keys of user {user.id}", API_KEYS_PER_USER)
    key = ApiKey(
        id=f"{root_of(call)}/{user.id}/{name}",
        compartment_id=root_of(call),
        display_name=name,
        time_created=call.now,
        lifecycle_state=ACTIVE,
        user_id=user.id,
        fingerprint=name,
        key_value=pem,
    )
    return Answer(draft=call.draft.put(key), subject=key)


def list_keys(call: Call) -> Answer:
    """List a user's keys; all on one page."""
    user = _user(call, path_id(call))
    found = tuple(call.world.referring(ApiKey, user.id))
    return Answer(draft=call.draft, shown=found)


def delete_key(call: Call) -> Answer:
    """Take a key away from a user: what it signs is not believed any more."""
    user, name = _user(call, path_id(call)), path_id(call, 4)
    for key in call.world.referring(ApiKey, user.id):
        if key.fingerprint == name:
            return Answer(draft=call.draft.drop(key), status=204)
    raise not_found(name)


# -- groups


def _administrators_group(call: Call) -> Group:
    return Group(
        id=ADMINISTRATORS,
        compartment_id=root_of(call),
        display_name=ADMINISTRATORS_NAME,
        time_created=BEGAN,
        lifecycle_state=ACTIVE,
        description="May do everything.",
    )


def groups(call: Call) -> list[Group]:
    """Give all groups, Administrators first."""
    return [_administrators_group(call), *call.world.of(Group)]


def create_group(call: Call) -> Answer:
    """Make a group without members."""
    in_tenancy(call)
    name = unused(Group, call.body.need("name", str), groups(call))
    group = Group(
        **new(call, Group, name), description=call.body.need("description", str)
    )
    return Answer(draft=call.draft.put(group), subject=group)


def update_group(call: Call) -> Answer:
    """Change what is said of a group."""
    group = call.about(Group)
    changes = changed(call.body, "description")
    return Answer(draft=call.draft.change(group, **changes), subject=group)


def get_group(call: Call) -> Answer:
    """Show a group."""
    id = path_id(call)
    for group in groups(call):
        if group.id == id:
            return _shown(call, group)
    raise not_found(id)


def list_groups(call: Call) -> Answer:
    """List all groups."""
    return shown_list(call, groups(call))


def add_to_group(call: Call) -> Answer:
    """Put a user into a group."""
    user = _user(call, call.body.need("userId", str))
    group_id = call.body.need("groupId", str)
    if all(group.id != group_id for group in groups(call)):
        raise not_found(group_id)
    for other in call.world.referring(UserGroupMembership, user.id):
        if other.group_id == group_id:
            raise conflict(f"User {user.id} is in group {group_id} already.")
    membership = UserGroupMembership(
        **new(call, UserGroupMembership, user.display_name),
        user_id=user.id,
        group_id=group_id,
    )
    return Answer(draft=call.draft.put(membership), subject=membership)


def _of_administrators(call: Call) -> list[UserGroupMembership]:
    return [
        UserGroupMembership(
            id=f"ocid1.groupmembership.oc1..{ocid.suffix(user.id)}",
            compartment_id=user.compartment_id,
            display_name=user.display_name,
            time_created=BEGAN,
            lifecycle_state=ACTIVE,
            user_id=user.id,
            group_id=ADMINISTRATORS,
        )
        for user in administrators(call)
    ]


def list_memberships(call: Call) -> Answer:
    """List who is in which group: of a user, of a group, or of both."""
    user, group = call.query.get("userId", str), call.query.get("groupId", str)
    records = [
        *_of_administrators(call),
        *(
            call.world.of(UserGroupMembership)
            if user is None and group is None
            else call.world.referring(UserGroupMembership, user or group or "")
        ),
    ]
    return shown_list(
        call,
        (
            one
            for one in records
            if user in (None, one.user_id) and group in (None, one.group_id)
        ),
    )


# -- the tenancy


def get_tenancy(call: Call) -> Answer:
    """Show the tenancy."""
    id, root = path_id(call), root_of(call)
    if id != root:
        raise not_found(id)
    shown: Json = {
        "id": root,
        "name": TENANCY_NAME,
        "description": "The tenancy of this local VCN.",
        "homeRegionKey": key_of(call.world.settings.region),
        "freeformTags": {},
        "definedTags": {},
    }
    return Answer(draft=call.draft, shown=shown)


def list_regions(call: Call) -> Answer:
    """List the one region that there is."""
    region = call.world.settings.region
    shown: Json = {"key": key_of(region), "name": region}
    return Answer(draft=call.draft, shown=(shown,))


def list_subscriptions(call: Call) -> Answer:
    """List the regions that the tenancy uses."""
    if path_id(call) != root_of(call):
        raise not_found(path_id(call))
    region = call.world.settings.region
    shown: Json = {
        "regionKey": key_of(region),
        "regionName": region,
        "status": "READY",
        "isHomeRegion": True,
    }
    return Answer(draft=call.draft, shown=(shown,))


def list_fault_domains(call: Call) -> Answer:
    """List an availability domain's fault domains."""
    domain = call.query.need("availabilityDomain", str)
    if domain not in call.world.settings.availability_domains:
        raise not_found(domain)
    shown = tuple(
        {
            "name": f"FAULT-DOMAIN-{n}",
            "id": f"ocid1.faultdomain.oc1..{domain.lower()}-{n}",
            "compartmentId": call.query.need("compartmentId", str),
            "availabilityDomain": domain,
        }
        for n in range(1, FAULT_DOMAINS + 1)
    )
    return Answer(draft=call.draft, shown=shown)
