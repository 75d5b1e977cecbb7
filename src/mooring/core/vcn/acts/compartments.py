"""The tree of compartments: made, renamed, moved, emptied and then deleted.

Deleting takes a moment and is a work request; that of a compartment which is not empty fails,
and the compartment stays.
"""

from collections.abc import Iterator
from dataclasses import replace

from mooring.core.vcn.acts import work
from mooring.core.vcn.acts.identity import (
    ACTIVE,
    BEGAN,
    changed,
    new,
    path_id,
    root_of,
    shown_list,
    unused,
)
from mooring.core.vcn.acts.work import touched
from mooring.core.vcn.api.errors import incorrect_state, invalid, limit, not_found
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.iam.tree import GONE, TENANCY_NAME, children, lineage
from mooring.core.vcn.limits import COMPARTMENT_LEVELS
from mooring.core.vcn.model import Compartment, Resource, WorkRequest
from mooring.core.vcn.model.work import WorkError

DELETING = "DELETING"
ENDED = ("TERMINATED", "DETACHED", GONE)


def _root(call: Call) -> Compartment:
    """Give the tenancy as a compartment, which it is to those who ask."""
    return Compartment(
        id=root_of(call),
        compartment_id=root_of(call),
        display_name=TENANCY_NAME,
        time_created=BEGAN,
        lifecycle_state=ACTIVE,
        description="The root compartment of the tenancy.",
    )


def get(call: Call) -> Answer:
    """Show a compartment; the tenancy is one."""
    id = path_id(call)
    if id == root_of(call):
        return Answer(draft=call.draft, shown=_root(call))
    return Answer(draft=call.draft, subject=call.parent(Compartment, id))


def _parent(call: Call, id: str) -> str:
    """Check the compartment in which another is to be; there are six levels below the tenancy."""
    root = root_of(call)
    if id == root:
        return id
    parent = call.parent(Compartment, id)
    if parent.lifecycle_state != ACTIVE:
        raise incorrect_state("Compartment", id, parent.lifecycle_state)
    if len(lineage(call.world, id, root)) > COMPARTMENT_LEVELS:
        raise limit("levels of compartments", COMPARTMENT_LEVELS)
    return id


def create(call: Call) -> Answer:
    """Make a compartment inside of the tenancy or of another."""
    parent = _parent(call, call.body.need("compartmentId", str))
    siblings = children(call.world, parent)
    name = unused(Compartment, call.body.need("name", str), siblings)
    compartment = Compartment(
        **new(call, Compartment, name), description=call.body.need("description", str)
    )
    return Answer(draft=call.draft.put(compartment), subject=compartment)


def _living(call: Call) -> Compartment:
    compartment = call.about(Compartment)
    if compartment.lifecycle_state != ACTIVE:
        state = compartment.lifecycle_state
        raise incorrect_state("Compartment", compartment.id, state)
    return compartment


def update(call: Call) -> Answer:
    """Rename a compartment, or change what is said of it."""
    compartment = _living(call)
    changes = changed(call.body, "name", "description")
    if "display_name" in changes:
        others = children(call.world, compartment.compartment_id)
        siblings = (other for other in others if other.id != compartment.id)
        unused(Compartment, changes["display_name"], siblings)
    return Answer(draft=call.draft.change(compartment, **changes), subject=compartment)


def move(call: Call) -> Answer:
    """Put a compartment with all that is in it into another."""
    compartment = _living(call)
    to = _parent(call, call.body.need("targetCompartmentId", str))
    if compartment.id in lineage(call.world, to, root_of(call)):
        raise invalid("targetCompartmentId", to, f"lies inside of {compartment.id}.")
    others = children(call.world, to)
    siblings = (other for other in others if other.id != compartment.id)
    unused(Compartment, compartment.display_name, siblings)
    draft = call.draft.change(compartment, compartment_id=to)
    draft, id = work.finished(call, draft, "MOVE_COMPARTMENT", [compartment])
    return Answer(draft=draft, status=202, headers=work.header(id))


def delete(call: Call) -> Answer:
    """Begin to delete a compartment; when something is in it, the work request says so."""
    compartment, takes = _living(call), call.world.settings.delays.bulk_work
    about = [touched(compartment, "DELETED")]
    left = next(_inside(call, compartment.id), None)
    draft = call.draft
    if left is None:
        until = call.now + takes
        draft = draft.change(compartment, lifecycle_state=DELETING, settles_at=until)
    draft, id = work.accepted(call, draft, "DELETE_COMPARTMENT", about, takes)
    if left is not None:
        message = f"The compartment {compartment.id} is not empty: {left.id}."
        error = WorkError(code="Conflict", message=message, timestamp=call.now)
        begun = draft.world.find(WorkRequest, id)
        assert begun is not None  # noqa: S101 - it was made a line above
        resources = (touched(compartment, "RELATED"),)
        draft = draft.put(replace(begun, errors=(error,), resources=resources))
    return Answer(draft=draft, status=202, headers=work.header(id))


def _inside(call: Call, id: str) -> Iterator[Resource]:
    """Give what a compartment holds; ended things and the tale of work do not count."""
    return (
        record
        for record in call.world.records.values()
        if record.compartment_id == id
        and record.lifecycle_state not in ENDED
        and not isinstance(record, WorkRequest)
    )


def list_all(call: Call) -> Answer:
    """List the compartments right inside of one, or all below the tenancy."""
    id, root = call.query.need("compartmentId", str), root_of(call)
    subtree = (call.query.get("compartmentIdInSubtree", str) or "").lower() == "true"
    if id != root and call.world.find(Compartment, id) is None:
        raise not_found(id)
    if subtree and id != root:
        rule = "may be true only when compartmentId is the tenancy."
        raise invalid("compartmentIdInSubtree", "true", rule)
    inside = (
        call.world.of(Compartment) if subtree else call.world.referring(Compartment, id)
    )
    return shown_list(call, inside)
