"""From a snapshot to the records that show the same: identifiers, addresses and rules kept.

A record's visible fields are read back from the names under which the API shows them; what it
shows in another form (`shown/`) is read here, by kind. Objects that are ending are left out, and
passing states count as passed: nothing waits for a cloud that is not this one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from typing import TypeAlias

from mooring.core.vcn.api.settle import NEXT, READY
from mooring.core.vcn.api.views import NAMES
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.rows import from_row
from mooring.core.vcn.shown.forms import camel
from mooring.core.vcn.twin.network import NETWORK
from mooring.core.vcn.twin.peering import PEERING
from mooring.core.vcn.twin.snapshot import TAKEN, Json, Snapshot, UnreadableError
from mooring.core.vcn.twin.sources import Source

Plain: TypeAlias = dict[str, object]
Reader: TypeAlias = Callable[[Json, Source], Plain]

ENDED = frozenset({"TERMINATED", "TERMINATING", "DETACHED", "DETACHING", "DELETED"})
READERS: Mapping[type[Resource], Reader] = {**NETWORK, **PEERING}
__all__ = ["ENDED", "records_of"]


def records_of(snapshot: Snapshot, region: str) -> tuple[Resource, ...]:
    """Read every object's record; UnreadableError names the object that is none.

    Names of the Oracle services network become those of `region`, where the copy will live.
    """
    source = Source(snapshot, region)
    return tuple(
        _record(kind, shown, source)
        for kind in TAKEN
        for shown in snapshot.of(KINDS[kind].word)
        if shown.get("lifecycleState") not in ENDED
    )


def _record(kind: type[Resource], shown: Json, source: Source) -> Resource:
    word = KINDS[kind].word
    fields: Plain = {
        field: shown[name] for field, name in NAMES[kind] if shown.get(name) is not None
    }
    fields["id"] = shown["id"]
    state = str(shown.get("lifecycleState") or "AVAILABLE")
    fields["lifecycle_state"] = _settled(kind, state)
    try:
        fields.update(READERS.get(kind, _nothing)(shown, source))
        _check_whole(kind, fields)
        found = from_row((word, str(shown["id"]), json.dumps(fields)))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        where = f"{word} {str(shown['id'])[:255]}"
        raise UnreadableError(f"{where}: {_said(fault)}") from None
    assert isinstance(found, Resource)  # noqa: S101 - the word is a record's
    return found


def _check_whole(kind: type[Resource], found: Plain) -> None:
    for field in dataclass_fields(kind):
        has_default = not (
            field.default is MISSING and field.default_factory is MISSING
        )
        if not has_default and field.name not in found:
            raise KeyError(camel(field.name))


def _settled(kind: type[Resource], state: str) -> str:
    """Give the state to which a passing one leads."""
    if state == "PROVISIONING" and kind in READY:
        return READY[kind]
    return NEXT.get(state, state)


def _nothing(_: Json, __: Source) -> Plain:
    return {}


def _said(fault: Exception) -> str:
    if isinstance(fault, KeyError):
        return f"{fault.args[0]} is missing"
    return str(fault)[:200]
