"""What the controller must be allowed: by each of its calls, and as statements of a policy.

The table is the only place where this is written down. A right is a verb on a resource type, in
the compartment of the nodes or of the network (both may be one). `only` leaves one permission of
a verb that would allow more. That the rights suffice, and that no smaller verb would do, is tested
against the local VCN's own tables (`core.vcn.iam`); that every call of the adapter has its row, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NODES, NETWORK = "nodes", "network"
VERBS = ("inspect", "read", "use", "manage")
GROUPS, IPV6S = "network-security-groups", "ipv6s"
HIDING = frozenset(
    {
        "NotAuthorizedOrNotFound",
        "RelatedResourceNotAuthorizedOrNotFound",
        "NotAuthorizedOrResourceAlreadyExists",
        "NotAuthorized",
        "NotAllowed",
    }
)
"""Codes by which the cloud refuses without saying whether a right is missing or the thing."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A verb on a resource type, in one of the two compartments."""

    resource: str
    verb: str
    place: str
    only: str = ""

    def __str__(self) -> str:
        """Say it as a statement does."""
        only = f" (only {self.only})" if self.only else ""
        where = f"in the {self.place}' compartment"
        if self.place == NETWORK:
            where = "in the network's compartment"
        return f"{self.verb} {self.resource}{only} {where}"

    def gives(self, other: "Right") -> bool:
        """Tell whether who holds this right holds the other one."""
        if (self.resource, self.place) != (other.resource, other.place) or self.only:
            return self == other
        return VERBS.index(self.verb) >= VERBS.index(other.verb)


# call ; verb resource[=PERMISSION] @place, …
_TABLE = f"""
ListVcns ;
GetWorkRequest ;
GetInstance ; read instances @{NODES}
ListInstances ; read instances @{NODES}
ListVnicAttachments ; inspect vnic-attachments @{NODES}, inspect instances @{NODES}
GetVnicAttachment ; inspect vnic-attachments @{NODES}
GetVnic ; inspect vnics @{NETWORK}
GetSubnet ; inspect subnets @{NETWORK}
ListPrivateIps ; inspect private-ips @{NETWORK}
GetPrivateIp ; inspect private-ips @{NETWORK}
ListIpv6s ; read ipv6s @{NETWORK}, inspect vnics @{NETWORK}
GetIpv6 ; read ipv6s @{NETWORK}
AttachVnic ; manage instances=INSTANCE_ATTACH_SECONDARY_VNIC @{NODES}, use vnics @{NETWORK}, use subnets @{NETWORK}, \
use {GROUPS} @{NETWORK}
UpdateVnic ; use vnics @{NETWORK}, use {GROUPS} @{NETWORK}
CreatePrivateIp ; use private-ips @{NETWORK}, use vnics @{NETWORK}, use subnets @{NETWORK}
BulkCreatePrivateIps ; use private-ips @{NETWORK}, use vnics @{NETWORK}, use subnets @{NETWORK}
DeletePrivateIp ; use private-ips @{NETWORK}, use vnics @{NETWORK}, use subnets @{NETWORK}
BulkDeletePrivateIps ; use private-ips @{NETWORK}, use vnics @{NETWORK}, use subnets @{NETWORK}
CreateIpv6 ; use ipv6s @{NETWORK}, use vnics @{NETWORK}, use subnets @{NETWORK}
"""


def _right(text: str) -> Right:
    verb, resource, place = text.split()
    name, _, only = resource.partition("=")
    return Right(resource=name, verb=verb, place=place[1:], only=only)


def _table() -> dict[str, tuple[Right, ...]]:
    rows = (line.partition(";") for line in _TABLE.strip().splitlines())
    return {
        call.strip(): tuple(_right(part) for part in rights.split(",") if part.strip())
        for call, _, rights in rows
    }


RIGHTS: Mapping[str, tuple[Right, ...]] = _table()
"""What each call needs."""


def needed(without: Iterable[str] = ()) -> tuple[Right, ...]:
    """Give all that the controller needs, each only once; `without` leaves resource types out."""
    every = {right for rights in RIGHTS.values() for right in rights}
    left = frozenset(without)
    return tuple(
        right
        for right in sorted(every, key=lambda r: (r.place != NODES, r))
        if right.resource not in left
        and not any(other != right and other.gives(right) for other in every)
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is allowed: the words of a statement, and the conditions that tell who is meant."""

    words: str
    conditions: tuple[str, ...] = ()


def group(name: str) -> Subject:
    """Name a group of users."""
    return Subject(f"group {name}")


def dynamic_group(name: str) -> Subject:
    """Name a group of instances."""
    return Subject(f"dynamic-group {name}")


def workload(namespace: str, account: str, cluster: str) -> Subject:
    """Name the pods of a service account in an OKE cluster."""
    return Subject(
        "any-user",
        (
            "request.principal.type = 'workload'",
            f"request.principal.namespace = '{namespace}'",
            f"request.principal.service_account = '{account}'",
            f"request.principal.cluster_id = '{cluster}'",
        ),
    )


def matching_rule(compartment: str) -> str:
    """Give the rule of a dynamic group that has every instance of a compartment."""
    return f"ALL {{instance.compartment.id = '{compartment}'}}"


def statements(
    subject: Subject, nodes: str, network: str, without: Iterable[str] = ()
) -> tuple[str, ...]:
    """Write the policy: `nodes` and `network` are compartments, by name, path or OCID."""
    places = {NODES: _place(nodes), NETWORK: _place(network)}
    found = [statement(right, subject, places) for right in needed(without)]
    return tuple(dict.fromkeys(found))


def statement(right: Right, subject: Subject, places: Mapping[str, str]) -> str:
    """Write one right as a statement."""
    conditions = list(subject.conditions)
    if right.only:
        conditions.append(f"request.permission = '{right.only}'")
    where = f" where all {{{', '.join(conditions)}}}" if conditions else ""
    return (
        f"Allow {subject.words} to {right.verb} {right.resource}"
        f" in {places[right.place]}{where}"
    )


def _place(compartment: str) -> str:
    if compartment.startswith("ocid1.tenancy.") or compartment == "tenancy":
        return "tenancy"
    by_id = "id " if compartment.startswith("ocid1.") else ""
    return f"compartment {by_id}{compartment}"


Proofs = Mapping[Right, int]
"""Rights that calls have shown to be held, each with the number of the last such call."""


def proven(
    proofs: Proofs, call: str, number: int, without: Iterable[str] = ()
) -> Proofs:
    """Take note of a call that was answered."""
    return {**proofs, **dict.fromkeys(_of(call, without), number)}


def hint(call: str, message: str, proofs: Proofs, without: Iterable[str] = ()) -> str:
    """Say which right is most likely missing where the cloud would not."""
    rights = _of(call, without)
    if not rights:
        return ""
    doubted = [r for r in rights if not any(p.gives(r) for p in proofs)]
    if doubted:
        words = _words(_named_first(doubted, message))
        return f"most likely missing: {words}; `mooring permissions` prints every statement"
    oldest = sorted(
        rights, key=lambda r: max(n for p, n in proofs.items() if p.gives(r))
    )
    words = _words(_named_first(oldest, message))
    return f"it is gone, or this right was taken away: {words}"


def _words(rights: Iterable[Right]) -> str:
    """Name the rights as the policy has them: who needs to inspect a VNIC has to use it later."""
    every = needed()
    stated = (next(one for one in every if one.gives(right)) for right in rights)
    first, *others = dict.fromkeys(str(right) for right in stated)
    return f"{first}, or else {' or '.join(others)}" if others else first


def _of(call: str, without: Iterable[str]) -> tuple[Right, ...]:
    left = frozenset(without)
    return tuple(r for r in RIGHTS.get(call, ()) if r.resource not in left)


_OCIDS = {
    "ocid1.subnet.": "subnets",
    "ocid1.networksecuritygroup.": GROUPS,
    "ocid1.instance.": "instances",
    "ocid1.vnicattachment.": "vnic-attachments",
    "ocid1.vnic.": "vnics",
    "ocid1.privateip.": "private-ips",
    "ocid1.ipv6.": IPV6S,
}


def _named_first(rights: list[Right], message: str) -> list[Right]:
    """Put the rights on what the message names before the others; alone when it names one."""
    kinds = {kind for begin, kind in _OCIDS.items() if begin in message}
    named = [right for right in rights if right.resource in kinds]
    return named + [right for right in rights if right not in named]
