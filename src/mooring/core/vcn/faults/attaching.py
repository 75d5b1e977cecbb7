"""Attachments that take longer, or come to nothing.

A late one only settles later. A failed one is ATTACHING for its time like any other; then,
just before the world settles, it is set on its way out, so that what is told next is
DETACHED, and the VNIC is gone with its addresses.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from mooring.core.vcn.api.requests import Outcome, Put
from mooring.core.vcn.api.settle import NOTHING
from mooring.core.vcn.api.turns import Draft
from mooring.core.vcn.model import Vnic, VnicAttachment
from mooring.core.vcn.world import World

ATTACHING = "ATTACHING"


def attached(outcome: Outcome) -> tuple[VnicAttachment, ...]:
    """Give the attachments that an outcome begins."""
    return tuple(
        change.record
        for change in outcome.changes
        if isinstance(change, Put)
        and isinstance(change.record, VnicAttachment)
        and change.record.lifecycle_state == ATTACHING
    )


def later(outcome: Outcome, delay: timedelta) -> Outcome:
    """Let what an outcome attaches settle later."""
    draft = Draft(outcome.world, outcome.changes)
    for attachment in attached(outcome):
        for name in (attachment.id, attachment.vnic_id):
            record = draft.world.records[name]
            if record.settles_at is not None:
                due = record.settles_at + delay
                draft = draft.put(replace(record, settles_at=due))
    return Outcome(world=draft.world, reply=outcome.reply, changes=draft.changes)


def failed(
    world: World, doomed: frozenset[str], now: datetime
) -> tuple[Outcome, frozenset[str]]:
    """Turn back the doomed attachments that are due; who is left is still doomed."""
    draft = Draft(world)
    left = set(doomed)
    for name in sorted(doomed):
        attachment = draft.world.find(VnicAttachment, name)
        if attachment is None or attachment.lifecycle_state != ATTACHING:
            left.discard(name)
        elif attachment.settles_at is not None and attachment.settles_at <= now:
            left.discard(name)
            draft = _turned_back(draft, attachment)
    outcome = Outcome(world=draft.world, reply=NOTHING, changes=draft.changes)
    return outcome, frozenset(left)


def _turned_back(draft: Draft, attachment: VnicAttachment) -> Draft:
    due = attachment.settles_at
    draft = draft.change(attachment, lifecycle_state="DETACHING", settles_at=due)
    vnic = draft.world.find(Vnic, attachment.vnic_id)
    if vnic is None:
        return draft
    return draft.change(vnic, lifecycle_state="TERMINATING", settles_at=due)
