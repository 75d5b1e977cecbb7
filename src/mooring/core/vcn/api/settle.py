"""What happens by itself: passing states end when their time has come.

instance    PROVISIONING, STARTING, MOVING -> RUNNING; STOPPING -> STOPPED;
            TERMINATING -> TERMINATED, shown for a while, then gone
attachment  ATTACHING -> ATTACHED; DETACHING -> DETACHED, shown for a while, then gone
VNIC        PROVISIONING -> AVAILABLE; TERMINATING -> gone, with its primary and
            ephemeral private IPs; reserved ones stay, assigned to nobody
subnet      UPDATING -> AVAILABLE
peering     PENDING -> PEERED, at both of its ends
circuit     PROVISIONING -> PROVISIONED
public IP   PROVISIONING -> AVAILABLE; ASSIGNING -> ASSIGNED; UNASSIGNING -> AVAILABLE;
            TERMINATING -> gone
compartment DELETING -> DELETED, shown for a while, then gone
work        ACCEPTED -> IN_PROGRESS -> SUCCEEDED or FAILED (see `errands`), shown for a while,
            then gone
"""

from collections.abc import Iterator
from datetime import datetime

from mooring.core.vcn.acts.publicips import EPHEMERAL, freed, of
from mooring.core.vcn.api.errands import BROKEN, proceed
from mooring.core.vcn.api.requests import Outcome, Reply
from mooring.core.vcn.api.turns import Draft
from mooring.core.vcn.indexes import AGENDA
from mooring.core.vcn.model import (
    Instance,
    LocalPeeringGateway,
    PrivateIp,
    PublicIp,
    RemotePeeringConnection,
    Resource,
    Subnet,
    VirtualCircuit,
    Vnic,
    WorkRequest,
)
from mooring.core.vcn.world import World

NEXT = {
    "PROVISIONING": "AVAILABLE",
    "UPDATING": "AVAILABLE",
    "ASSIGNING": "ASSIGNED",
    "UNASSIGNING": "AVAILABLE",
    "ATTACHING": "ATTACHED",
    "DETACHING": "DETACHED",
    "STARTING": "RUNNING",
    "MOVING": "RUNNING",
    "STOPPING": "STOPPED",
    "TERMINATING": "TERMINATED",
    "DELETING": "DELETED",
}
# What AVAILABLE is called of some kinds.
READY: dict[type[Resource], str] = {Instance: "RUNNING", VirtualCircuit: "PROVISIONED"}
SHOWN_ENDED = ("DETACHED", "TERMINATED", "DELETED", "SUCCEEDED", "FAILED")
TOKENS_AT_ONCE = 100
NOTHING = Reply(status=204)


def settle(world: World, now: datetime) -> Outcome:
    """End every passing state whose time has come, and forget expired retry tokens.

    A record whose state cannot be ended is left as it is for ever: no other waits for it.
    """
    draft, odd = Draft(world), list[str]()
    while (due := draft.world.due()) is not None and due <= now:
        first = next(draft.world.walk(Resource, AGENDA))
        try:
            draft = _end(draft, first, due)
        except Exception as fault:  # noqa: BLE001 - what one is must not keep all others from going on
            odd.append(f"{first.id} {first.lifecycle_state}: {fault!r}")
            draft = draft.change(first, settles_at=None)
        odd += _broken(draft, first)
    for token in world.expired_tokens(now, TOKENS_AT_ONCE):
        draft = draft.drop(token)
    return Outcome(
        world=draft.world, reply=NOTHING, changes=draft.changes, odd=tuple(odd)
    )


def _broken(draft: Draft, before: Resource) -> Iterator[str]:
    """Say what broke of a work request just now."""
    work = draft.world.find(WorkRequest, before.id)
    if work is not None and isinstance(before, WorkRequest):
        for error in work.errors[len(before.errors) :]:
            if error.code == BROKEN:
                yield f"{work.id} {work.operation_type}: {error.message}"


def _end(draft: Draft, resource: Resource, due: datetime) -> Draft:
    """End one record's passing state, or its being shown after its end."""
    state = resource.lifecycle_state
    if state in SHOWN_ENDED:
        return draft.drop(resource)
    if isinstance(resource, WorkRequest):
        return proceed(draft, resource, due)
    if isinstance(resource, Vnic) and state == "TERMINATING":
        return _without(draft, resource)
    if isinstance(resource, PublicIp) and state == "TERMINATING":
        return draft.drop(resource)
    if isinstance(resource, LocalPeeringGateway | RemotePeeringConnection):
        return draft.change(resource, peering_status="PEERED", settles_at=None)
    state = NEXT[state]
    if state == "AVAILABLE":
        state = READY.get(type(resource), state)
    kept = draft.world.settings.delays.kept
    until = due + kept if state in SHOWN_ENDED else None
    return draft.change(resource, lifecycle_state=state, settles_at=until)


def _without(draft: Draft, vnic: Vnic) -> Draft:
    """Drop a VNIC; its addresses return to the pool, except the reserved ones."""
    for ip in draft.world.private_ips_of(vnic.id):
        stays = ip.lifetime == "RESERVED"
        draft = _free(draft, ip) if stays else freed(draft, ip.id).drop(ip)
    for six in draft.world.ipv6s_of(vnic.id):
        stays = six.lifetime == "RESERVED"
        draft = draft.change(six, vnic_id=None) if stays else draft.drop(six)
    return draft.drop(vnic)


def _free(draft: Draft, ip: PrivateIp) -> Draft:
    """Leave a reserved private IP in its subnet, one like any other that is not assigned.

    A reserved public IP stays with it; an ephemeral one is only ever a VNIC's primary's, and goes.
    """
    public = of(draft.world, ip.id)
    if public is not None and public.lifetime == EPHEMERAL:
        draft = freed(draft, ip.id)
    subnet = draft.world.find(Subnet, ip.subnet_id)
    domain = None if subnet is None else subnet.availability_domain
    return draft.change(ip, vnic_id=None, is_primary=False, availability_domain=domain)
