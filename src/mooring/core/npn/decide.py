"""Journey 2: what is wanted and what the cloud shows give at most one change of the cloud.

Nobody follows a script here. Every turn computes the whole list of what is missing from the
whole of what is seen, and does the first thing on it; then comes a new look. So a turn that
was cut off anywhere, a lost reply and a VNIC removed behind our back are all the same case.

    instance gone ............................... Remove
    instance not running ........................ Wait, or Failed when it will not come by itself
    a VNIC of ours with wrong groups or check ... UpdateVnic
    a slot without a VNIC, none under way ....... AttachVnic
    a ready VNIC that lacks addresses ........... CreateAddressBlock, the largest that fits;
                                                  CreateAddress where no block is free;
                                                  the preferred family first (`addressing`)
                                                  CreateAddresses, several single ones at once
    something of it refused ..................... the next one; Failed when none is left
    an object that an elastic pool let go of .... DeleteAddresses
    a VNIC or a subnet under way ................ Wait
    nothing of this ............................. Settled

What is there beyond the spec is left alone: a pod may be using it (decision 0031).
"""

from collections.abc import Iterator

from mooring.core.npn.addressing import newborn, obstacles, pieces
from mooring.core.npn.capacity import pods
from mooring.core.npn.changes import (
    SEVERAL,
    AttachVnic,
    Change,
    Decision,
    DeleteAddresses,
    Failed,
    Remove,
    Settled,
    UpdateVnic,
    Wait,
    subject,
    token,
)
from mooring.core.npn.memory import Memory, next_pause
from mooring.core.npn.picture import Picture
from mooring.core.npn.seen import GOING
from mooring.core.npn.slots import Nic, Slot, lives

COMES = frozenset({"PROVISIONING", "STARTING", "MOVING", "CREATING_IMAGE"})
"""States of an instance that becomes RUNNING by itself."""
INSTANCE_PAUSE = 10.0
INSTANCE_PATIENCE = 1200.0
"""Seconds that a node may take to come up."""
PATIENCE = 120.0
"""Seconds that an attachment, or a subnet's update, may take."""


def decide(picture: Picture, memory: Memory) -> Decision:
    """Say what to do now."""
    early = _instance(picture, memory)
    if early:
        return early
    attach = _attach(picture, memory)
    blocked = [attach] if isinstance(attach, Failed) else []
    blocked += [o for o in obstacles(picture, memory) if isinstance(o, Failed)]
    for change in _changes(picture, memory, attach):
        if subject(change) not in memory.held:
            return change
    pending = [attach] if isinstance(attach, Wait) else list(_pending(picture, memory))
    if pending:
        return _patient(pending[0], memory)
    # That several single addresses could not be had at once is no failure: one could.
    refused = [f for s, f in memory.held.items() if not s.startswith(SEVERAL)]
    return next(iter([*refused, *blocked]), Settled())


def _instance(picture: Picture, memory: Memory) -> Decision | None:
    """Decide what the instance alone decides."""
    instance = picture.seen.instance
    if instance.state in GOING:
        return Remove(message=f"instance {instance.id} is {instance.state}")
    if instance.state == "RUNNING":
        return None
    if instance.state in COMES and memory.waited < INSTANCE_PATIENCE:
        pause = min(INSTANCE_PAUSE, max(1.0, memory.waited))
        return Wait(seconds=pause, message=f"the instance is {instance.state}")
    return Failed(
        reason="FailedToGetRunningInstance",
        message=f"instance {instance.id} is {instance.state}, not RUNNING",
        retry_after=INSTANCE_PAUSE,
    )


def _changes(
    picture: Picture, memory: Memory, attach: AttachVnic | Wait | Failed | None
) -> Iterator[Change]:
    """Give every change that is due, the slowest first: a VNIC comes while others fill."""
    for slot in picture.slots:
        nic = picture.match.placed.get(slot.key)
        if nic and nic.ready and _strays(slot, nic):
            yield UpdateVnic(
                vnic_id=nic.vnic.id,
                slot=slot.key,
                nsg_ids=slot.vnic.nsg_ids,
                skip_source_dest_check=slot.vnic.skip_source_dest_check,
            )
    if isinstance(attach, AttachVnic):
        yield attach
    yield from pieces(picture, memory)
    yield from _left(picture)


def _left(picture: Picture) -> Iterator[DeleteAddresses]:
    """Give back what an elastic pool does not need and the agent does not use."""
    leave = picture.pool.leave if picture.pool else ()
    for slot in picture.slots:
        nic = picture.match.placed.get(slot.key)
        if nic is None:
            continue
        seen = picture.seen.addresses.get(nic.vnic.id, ())
        here = {address.id for address in seen}
        mine = [piece for piece in leave if piece.id in here]
        if mine:
            yield DeleteAddresses(
                vnic_id=nic.vnic.id,
                slot=slot.key,
                ids=tuple(piece.id for piece in mine),
                blocks=tuple(str(piece.block) for piece in mine),
            )


def _strays(slot: Slot, nic: Nic) -> bool:
    """Tell whether a VNIC differs from its slot in what can be changed."""
    return (
        set(nic.vnic.nsg_ids) != set(slot.vnic.nsg_ids)
        or nic.vnic.skip_source_dest_check != slot.vnic.skip_source_dest_check
    )


def _attach(picture: Picture, memory: Memory) -> AttachVnic | Wait | Failed | None:
    """Say how the first slot without a VNIC gets one; None when there is no such slot.

    One whose subnet has none of its families would be of no use.
    """
    match, seen = picture.match, picture.seen
    bare = (s for s in picture.slots if s.key not in match.placed)
    slot = next((s for s in bare if picture.served(s)), None)
    if slot is None:
        return None
    if match.coming:
        # The cloud attaches one after another; and whose it is we see only when it is there.
        return _wait(f"attachment {match.coming[0].id} is under way", memory)
    limit = seen.instance.most_vnics
    if limit is not None and match.live >= limit:
        if any(a.state == "DETACHING" for a in seen.attachments):
            return _wait("a VNIC is being detached", memory)
        return Failed(
            reason="FailedToAttachVNIC",
            message=f"the instance's shape allows {limit} VNICs and has {match.live};"
            f" {len(picture.slots)} for pods are asked for (it can serve {pods(limit)} pods"
            " in classic mode)",
        )
    dead = sorted(a.id for a in seen.attachments if not lives(a, seen))
    return AttachVnic(
        instance_id=seen.instance.id,
        slot=slot.key,
        vnic=newborn(picture, slot).vnic,
        token=token(
            *("attach", picture.npn.name, picture.npn.spec.id, slot.key),
            *(*dead, memory.salt),
        ),
    )


def _pending(picture: Picture, memory: Memory) -> Iterator[Wait]:
    """Say what is under way."""
    for slot in picture.slots:
        nic = picture.match.placed.get(slot.key)
        if nic and not nic.ready:
            states = f"{nic.attachment.state}, {nic.vnic.state}"
            yield _wait(f"VNIC {slot.key} is {states}", memory)
    yield from (o for o in obstacles(picture, memory) if isinstance(o, Wait))


def _wait(message: str, memory: Memory) -> Wait:
    return Wait(seconds=next_pause(memory), message=message)


def _patient(wait: Wait, memory: Memory) -> Wait | Failed:
    """Wait, but not for ever."""
    if memory.waited < PATIENCE:
        return wait
    message = f"{wait.message}, for {memory.waited:.0f} s now"
    return Failed(reason=wait.reason, message=message, retry_after=INSTANCE_PAUSE)
