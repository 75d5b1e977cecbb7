"""A VCN with everything in it as the API shows it: what `export` writes and `import` takes.

The file is JSON: `{"format": "mooring-vcn", "version": 1, "vcns": [OCID, …], "objects": {kind: [object, …]}}`.
Kinds are the words of `model.kinds`; objects are what the API's get calls show, with what it
shows only in lists of its own added under these names: a group's `securityRules`, a DRG route
table's `routeRules`, a distribution's `statements`, a tunnel's `connectionId`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.core.vcn import model
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS

FORMAT, VERSION = "mooring-vcn", 1
# What belongs to a VCN, in the order in which one may need the other.
TAKEN: tuple[type[Resource], ...] = (
    model.Vcn,
    model.DhcpOptions,
    model.SecurityList,
    model.NetworkSecurityGroup,
    model.RouteTable,
    model.Subnet,
    model.InternetGateway,
    model.NatGateway,
    model.ServiceGateway,
    model.LocalPeeringGateway,
    model.Instance,
    model.VnicAttachment,
    model.Vnic,
    model.PrivateIp,
    model.Ipv6,
    model.PublicIp,
    model.Drg,
    model.DrgRouteTable,
    model.DrgRouteDistribution,
    model.DrgAttachment,
    model.Cpe,
    model.IpSecConnection,
    model.IpSecTunnel,
    model.VirtualCircuit,
    model.RemotePeeringConnection,
)
# What does not, and why a copy can do without.
LEFT_OUT: Mapping[type[Resource], str] = {
    model.WorkRequest: "tells of what is over",
    **dict.fromkeys(
        (
            model.Compartment,
            model.User,
            model.ApiKey,
            model.Group,
            model.UserGroupMembership,
            model.DynamicGroup,
            model.Policy,
        ),
        "is the tenancy's: who may do what here is said here",
    ),
}
WORDS = frozenset(KINDS[kind].word for kind in TAKEN)

Json = Mapping[str, object]


class UnreadableError(Exception):
    """A text is no snapshot; the message names the place and the rule."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects by their kind's word, in the order in which they were read."""

    vcns: tuple[str, ...]
    objects: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)

    def of(self, word: str) -> tuple[Json, ...]:
        """Give the objects of a kind."""
        return self.objects.get(word, ())


def write(snapshot: Snapshot) -> str:
    """Write a snapshot down; the same one gives the same text."""
    objects = {
        word: sorted(some, key=lambda each: str(each.get("id")))
        for word, some in sorted(snapshot.objects.items())
        if some
    }
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "vcns": list(snapshot.vcns),
        "objects": objects,
    }
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def read(text: str) -> Snapshot:
    """Read what `write` wrote; raises UnreadableError."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise UnreadableError(f"no JSON: {str(fault)[:200]}") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise UnreadableError(f'format: must be "{FORMAT}"')
    if whole.get("version") != VERSION:
        raise UnreadableError(
            f"version: {str(whole.get('version'))[:20]} must be {VERSION}; this file is of another mooring"
        )
    vcns = whole.get("vcns")
    if not isinstance(vcns, list) or not all(isinstance(v, str) for v in vcns):
        raise UnreadableError("vcns: must be a list of OCIDs")
    return Snapshot(tuple(vcns), _objects(whole.get("objects")))


def _objects(given: object) -> dict[str, tuple[Json, ...]]:
    if not isinstance(given, dict):
        raise UnreadableError("objects: must be an object")
    found: dict[str, tuple[Json, ...]] = {}
    for word, some in given.items():
        if word not in WORDS:
            raise UnreadableError(f"objects.{word[:40]}: is no kind of object")
        if not isinstance(some, list):
            raise UnreadableError(f"objects.{word}: must be a list")
        for n, one in enumerate(some):
            if not isinstance(one, dict) or not isinstance(one.get("id"), str):
                raise UnreadableError(
                    f"objects.{word}[{n}]: must be an object with an id"
                )
        found[word] = tuple(some)
    return found
