"""Bulk actions on addresses: accepted now, carried out by a work request.

What holds for the whole is checked at once: fields, the VNIC, the subnet. What holds for a single
item is found out when its turn comes, and then is an error of the work request.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mooring.core.vcn.acts.work import postponed, touched
from mooring.core.vcn.api.errors import invalid, missing, not_found
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.model import Resource, Subnet, Vnic
from mooring.core.vcn.model.work import Task, Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """A bulk action on one kind of address.

    `single` is the call that each item stands for, `items` the field that lists them, `id` the
    field of an item that names its address (none when it is to be made).
    """

    name: str
    single: str
    items: str
    kind: type[Resource]
    id: str = ""


def creates(bulk: Bulk) -> Callable[[Call], Answer]:
    """Make the act that makes addresses on a VNIC, or in a subnet."""

    def act(call: Call) -> Answer:
        about = _parents(call)
        if not about:
            raise missing("subnetId", "vnicId")
        names = {
            n: call.body.need(n, str) for n in ("vnicId", "subnetId") if n in call.body
        }
        tasks = [
            Task(operation=bulk.single, body={**item.written(), **names})
            for item in _items(call, bulk)
        ]
        return postponed(call, bulk.name, about, tasks)

    return act


def moves(bulk: Bulk) -> Callable[[Call], Answer]:
    """Make the act that changes addresses, and moves them when a VNIC is named."""

    def act(call: Call) -> Answer:
        names = (
            {"vnicId": call.body.need("vnicId", str)} if "vnicId" in call.body else {}
        )
        tasks = [
            Task(
                operation=bulk.single,
                target=item.need(bulk.id, str),
                body={**item.written(), **names},
            )
            for item in _items(call, bulk)
        ]
        return postponed(call, bulk.name, _concerned(call, bulk), tasks)

    return act


def takes(bulk: Bulk) -> Callable[[Call], Answer]:
    """Make the act that takes addresses off a VNIC, or gives them back."""

    def act(call: Call) -> Answer:
        holder = call.body.get("vnicId", str) or call.body.get("subnetId", str) or ""
        tasks = [
            Task(operation=bulk.single, target=item.need(bulk.id, str), holder=holder)
            for item in _items(call, bulk)
        ]
        return postponed(call, bulk.name, _concerned(call, bulk), tasks)

    return act


def _parents(call: Call) -> list[Touched]:
    """Give the VNIC and the subnet that the body names; they must agree."""
    found: list[Touched] = []
    vnic_id, subnet_id = call.body.get("vnicId", str), call.body.get("subnetId", str)
    if vnic_id is not None:
        vnic = call.parent(Vnic, vnic_id)
        if subnet_id not in (None, vnic.subnet_id):
            raise invalid("subnetId", subnet_id, f"must be that of the VNIC {vnic.id}.")
        found.append(touched(vnic, "RELATED"))
    if subnet_id is not None:
        found.append(touched(call.parent(Subnet, subnet_id), "RELATED"))
    return found


def _items(call: Call, bulk: Bulk) -> tuple[Values, ...]:
    """Give the items; one address must not be named twice."""
    items = call.body.many(bulk.items, Values) or ()
    seen: set[str] = set()
    for n, item in enumerate(items if bulk.id else ()):
        name = item.need(bulk.id, str)
        if name in seen:
            raise invalid(
                f"{bulk.items}[{n}].{bulk.id}", name, "must not be named twice."
            )
        seen.add(name)
    return items


def _concerned(call: Call, bulk: Bulk) -> list[Touched]:
    """Give the parents and the addresses that are named, as far as they are there; 404 when none is."""
    names = [item.need(bulk.id, str) for item in _items(call, bulk)]
    found = (call.world.find(bulk.kind, name) for name in names)
    about = _parents(call) + [
        touched(one, "IN_PROGRESS") for one in found if one is not None
    ]
    if not about:
        raise not_found(names[0])
    return about
