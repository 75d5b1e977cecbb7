"""Records as the API shows them: its field names, its forms.

Every field of a record is shown under its name in camel case, except those that its kind
hides; `shown/` adds what follows from other fields or other records. The contract test
holds every key against the SDK's models.
"""

from dataclasses import fields
from operator import attrgetter

from mooring.core.vcn.model import Resource, SecurityRule
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.shown import (
    addresses,
    compute,
    drg,
    gateways,
    identity,
    networks,
    publicips,
    rules,
    work,
)
from mooring.core.vcn.shown.forms import Json, More, camel, plain
from mooring.core.vcn.world import World

ALWAYS_HIDDEN = {"version", "settles_at"}
MORE: More = {
    **networks.MORE,
    **rules.MORE,
    **compute.MORE,
    **addresses.MORE,
    **work.MORE,
    **publicips.MORE,
    **identity.MORE,
    **gateways.MORE,
    **drg.MORE,
}
NAMES: dict[type[Resource], list[tuple[str, str]]] = {
    kind: [
        (f.name, camel(f.name))
        for f in fields(kind)
        if f.name not in ALWAYS_HIDDEN | row.hidden
    ]
    for kind, row in KINDS.items()
}
# The same for all fields at once: how to take the values, and what they are called.
_SHOWN = {
    kind: (attrgetter(*(field for field, _ in names)), tuple(name for _, name in names))
    for kind, names in NAMES.items()
}
# Values that are shown as they are.
_PLAIN = frozenset({str, type(None), bool, int, float, dict})


def render(world: World, thing: object) -> object:
    """Give anything that an answer shows as plain JSON."""
    if isinstance(thing, Resource):
        return view(world, thing)
    if isinstance(thing, SecurityRule):
        return rules.group_rule(world, thing)
    if isinstance(thing, dict):
        return {name: render(world, value) for name, value in thing.items()}
    if isinstance(thing, tuple):
        return [render(world, one) for one in thing]
    return plain(thing)


def view(world: World, resource: Resource) -> Json:
    """Show one record."""
    kind = type(resource)
    take, names = _SHOWN[kind]
    shown = {
        name: value if type(value) in _PLAIN else plain(value)
        for name, value in zip(names, take(resource), strict=True)
    }
    if more := MORE.get(kind):
        shown.update(more(resource, world))
    return shown


def etag(resource: Resource) -> str:
    """Give the mark of a record's version."""
    return f"{resource.id[-8:]}-{resource.version}"
