"""The step of a call in which policies are asked; refused is as good as not there.

Who may not use an object gets the answer that would come if there were no such object: 404 for
what the path or a parent's field names, 400 for anything else that the body refers to.
"""

from mooring.core.vcn.api.errors import Refusal, not_found, unrelated
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Call
from mooring.core.vcn.iam.asks import Ask
from mooring.core.vcn.iam.evaluate import decide, sight
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import Compartment, Resource
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

ACTIVE = "ACTIVE"
PARENTS = frozenset(
    ["drgId", "groupId", "id", "instanceId", "subnetId", "userId", "vcnId", "vnicId"]
)
OF_ITEMS = frozenset(
    ["ipv6Id", "privateIpId"]
)  # of lists of addresses: what it is about


def permit(call: Call, id: str) -> None:
    """Refuse what the caller may not do; `id` is the one in the path, if any."""
    caller = call.request.caller
    if caller is None or caller.administrator:
        return
    given = Values({**call.query.items, **call.body.items})
    ask = decide(call.world, caller, call.operation, call.target or id, given)
    if ask is not None:
        conceal(call)
        raise _refused(call, ask)


def conceal(call: Call) -> None:
    """Refuse whatever is about an object on which the caller may do nothing of this operation."""
    caller, target = call.request.caller, call.target
    if target is not None and decide(
        call.world, caller, call.operation, target, Values({})
    ):
        raise not_found(target.id)


def check_place(call: Call) -> None:
    """Refuse a compartment to make something in, or to move it to, that is none or not ACTIVE.

    A compartment that was never made is good: scripts may write any text. Making compartments has
    an answer of its own.
    """
    if call.operation == "CreateCompartment":
        return
    id = call.body.get("compartmentId", str)
    place = None if id is None else call.world.get(id)
    if place is None:
        return
    if not isinstance(place, Compartment) or place.lifecycle_state != ACTIVE:
        raise not_found(place.id)


def _refused(call: Call, ask: Ask) -> Refusal:
    record, name = call.world.get(ask.about), ask.field.rpartition(".")[2]
    about = PARENTS | (
        OF_ITEMS if call.operation.startswith(("Bulk", "Get")) else set()
    )
    if record is None or name == "" or name in about:
        return not_found(ask.about)
    title = KINDS[type(record)].title
    return unrelated(ask.field, ask.about, f"is no {title} that exists.")


def may_see(world: World, caller: Principal | None, resource: Resource) -> bool:
    """Tell whether a caller may be shown what an earlier call of the same made."""
    visible = sight(world, caller, "")
    return visible is None or visible(resource)
