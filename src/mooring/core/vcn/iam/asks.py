"""What a call asks for: the rows of `needs`, with the objects that this call is about.

What is named and not there asks for nothing: the call itself will say so, in the same words in
which it would be refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.iam import needs
from mooring.core.vcn.iam.needs import Need
from mooring.core.vcn.iam.tree import homes
from mooring.core.vcn.indexes import PUBLIC
from mooring.core.vcn.model import Instance, Resource, Vnic
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.world import World

COMPARTMENTS = ("compartmentId", "compartmentList", "targetCompartmentId")

_TARGETS = {
    "internetgateway": "INTERNET_GATEWAY_{}",
    "natgateway": "NAT_GATEWAY_{}",
    "servicegateway": "SERVICE_GATEWAY_{}",
    "localpeeringgateway": "LOCAL_PEERING_GATEWAY_{}",
    "drg": "DRG_{}",
    "privateip": "PRIVATE_IP_ROUTE_TABLE_{}",
    "ipv6": "IPV6_UPDATE",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A permission, held in one of some compartments.

    `about` is the id of what it is asked for, `field` the field that names this; empty: the path does.
    """

    permission: str
    places: tuple[str, ...]
    about: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a caller wants done: the operation, the object or id in its path, fields of query and body."""

    operation: str
    target: Resource | None = None
    id: str = ""
    given: Values
    tenancy: str


@dataclass(frozen=True, slots=True)
class _Found:
    places: tuple[str, ...]
    about: str
    field: str = ""


def asks(world: World, errand: Errand) -> Iterator[Ask]:
    """Give all that an errand asks for."""
    given = errand.given.get("lifetime", str)
    lifetime = getattr(errand.target, "lifetime", given)
    for need in needs.needs(errand.operation, lifetime):
        if need.given and not _is_given(errand.given, need.given):
            continue
        if need.permission == needs.ROUTE_TARGETS:
            yield from _route_targets(world, errand)
        else:
            yield from _asked(world, errand, need)


def _asked(world: World, errand: Errand, need: Need) -> Iterator[Ask]:
    if not need.places:
        at = _home(world, errand)
        yield Ask(need.permission, at.places, at.about, at.field)
        return
    parts = [list(_first(world, errand, part)) for part in need.places]
    if len(parts) == 1:
        for one in parts[0]:
            yield Ask(need.permission, one.places, one.about, one.field)
        return
    either = [one for part in parts for one in part]
    if either:
        places = tuple(dict.fromkeys(p for one in either for p in one.places))
        yield Ask(need.permission, places, either[-1].about, either[-1].field)


def _home(world: World, errand: Errand) -> _Found:
    """Give the compartment of the path's object; without one, that which is named, or the tenancy."""
    if errand.target is not None:
        return _Found(homes(world, errand.target), errand.target.id)
    found = errand.given.get("compartmentId", str)
    if found is None:
        return _Found((errand.tenancy,), errand.id or errand.tenancy)
    return _Found((found,), errand.id or found)


def _first(
    world: World, errand: Errand, selectors: tuple[str, ...]
) -> Iterable[_Found]:
    """Follow the first of some selectors that names something."""
    for selector in selectors:
        names = list(_named(world, errand, selector))
        if names:
            return [one for one in names if one.places]
    return ()


def _named(world: World, errand: Errand, selector: str) -> Iterator[_Found]:
    if selector == "root":
        yield _Found((errand.tenancy,), errand.id or errand.tenancy)
        return
    if selector == "self":
        yield _Found((errand.id,), errand.id)
        return
    source, _, attribute = selector.partition(":")
    for record, found in _sources(world, errand, source):
        if not attribute:
            yield found
        elif record is not None:
            blamed = found.about
            for id in _ids(getattr(record, attribute, None)):
                related = world.get(id)
                if related is not None:
                    yield _Found(homes(world, related), blamed, found.field)


def _sources(
    world: World, errand: Errand, source: str
) -> Iterator[tuple[Resource | None, _Found]]:
    """Give what a selector begins with: the path's object, its VNICs, or what a field names."""
    if source == "":
        if errand.target is not None:
            yield errand.target, _Found(homes(world, errand.target), errand.target.id)
    elif source == "attached":
        yield from _attached(world, errand)
    elif source == "address":
        yield from _addressed(world, errand)
    else:
        for id in _values(errand.given, source):
            record = world.get(id)
            if source in COMPARTMENTS:
                yield None, _Found((id,), id)
            elif record is None:
                yield None, _Found((), id, source)
            else:
                yield record, _Found(homes(world, record), id, source)


def _attached(world: World, errand: Errand) -> Iterator[tuple[Resource | None, _Found]]:
    if isinstance(errand.target, Instance):
        for attachment in world.attachments_of(errand.target.id):
            vnic = world.find(Vnic, attachment.vnic_id)
            if vnic is not None:
                yield vnic, _Found(homes(world, vnic), errand.target.id)


def _addressed(
    world: World, errand: Errand
) -> Iterator[tuple[Resource | None, _Found]]:
    address = errand.given.get("ipAddress", IPv4Address)
    entry = None if address is None else world.space(PUBLIC).at(int(address))
    public = None if entry is None else world.get(entry.owner)
    if public is not None:
        yield public, _Found(homes(world, public), str(address))


def _values(given: Values, path: str) -> Iterator[str]:
    """Give the ids that stand at a path of fields; lists on the way are gone through."""
    name, _, rest = path.partition(".")
    value = given.items.get(name)
    if not rest:
        yield from _ids(value)
        return
    for inner in value if isinstance(value, tuple) else (value,):
        if isinstance(inner, Values):
            yield from _values(inner, rest)


def _is_given(given: Values, path: str) -> bool:
    """Tell whether a field of single objects is there, if only as an empty list."""
    name, _, rest = path.partition(".")
    inner = given.get(name, Values)
    return name in given if not rest else inner is not None and _is_given(inner, rest)


def _ids(value: object) -> Iterator[str]:
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, str) and one:
            yield one


def _route_targets(world: World, errand: Errand) -> Iterator[Ask]:
    """Ask for what new routes lead to, and for what the routes that go away led to."""
    rules = getattr(errand.target, "route_rules", ())
    old = {rule.network_entity_id for rule in rules}
    new = set(_values(errand.given, "routeRules.networkEntityId"))
    if errand.operation.startswith("Update") and "routeRules" not in errand.given:
        return
    for id in sorted(new - old):
        yield from _target(world, id, "ATTACH", "routeRules.networkEntityId")
    for id in sorted(old - new):
        yield from _target(world, id, "DETACH", "")


def _target(world: World, id: str, verb: str, field: str) -> Iterator[Ask]:
    record = world.get(id)
    if record is not None and word(record) in _TARGETS:
        permission = _TARGETS[word(record)].format(verb)
        yield Ask(permission, homes(world, record), id, field)
