"""Compartments, users with their keys, groups, policies.

The API calls `name` what other families call `displayName`; a record keeps it as `display_name`.
Users, groups and dynamic groups live in the tenancy, which is the root of the compartments' tree and no record.
"""

from dataclasses import dataclass
from datetime import datetime

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment(Resource):
    """A compartment inside of `compartment_id`; ACTIVE, DELETING, then DELETED and shown for a while."""

    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Resource):
    """Somebody who may be given keys; those of the register (`mooring vcn init`) are no records."""

    description: str = ""
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(Resource):
    """A user's public key. Its id is the `keyId` of signatures: tenancy/user/fingerprint; `key_value` is PEM."""

    user_id: str
    fingerprint: str
    key_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Resource):
    """Users who are meant together."""

    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupMembership(Resource):
    """That a user is in a group."""

    user_id: str
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicGroup(Resource):
    """Instances and other resources that a rule matches."""

    description: str = ""
    matching_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Resource):
    """Statements as they were written.

    `places` has for each statement the id of the compartment that it names: a compartment may be renamed afterwards.
    """

    description: str = ""
    statements: tuple[str, ...]
    places: tuple[str, ...]
    version_date: datetime | None = None
