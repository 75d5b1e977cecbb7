"""A look that builds on the one before: only what is under way, or was just made, is asked for.

A node's start is a chain of changes by ourselves. What each made stands in its answer; what it did
not touch was seen a moment ago. So between two changes there is little to ask: of the calls of a
start, whose attachment takes 15 s, more than a third are spared. Whoever changes something behind
our back meanwhile is found by the next whole look: after any answer that was not expected, or when
the look is older than `memory.FRESH`.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from mooring.core.npn.errors import NotFound
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import (
    DEAD,
    AddressSeen,
    AttachmentSeen,
    Made,
    Sighting,
    VnicSeen,
)

UNDER_WAY = frozenset({"ATTACHING", "DETACHING"})


@dataclass
class Again:
    """What is added to a look. `expected` is what earlier calls made."""

    cloud: Cloud
    before: Sighting
    expected: frozenset[Made]
    gone: set[Made] = field(default_factory=set)

    def attachments(self) -> tuple[AttachmentSeen, ...]:
        """Give the known ones, those under way as they are now, and the new ones."""
        found = []
        for known in self.before.attachments:
            made = Made(kind="attachment", id=known.id)
            seen = self._now(made) if known.state in UNDER_WAY else known
            found += [seen] if seen else []
        new = self._new("attachment", {a.id for a in self.before.attachments})
        for made in new:
            shown = made.seen if isinstance(made.seen, AttachmentSeen) else None
            seen = shown or self._now(made)
            found += [seen] if seen else []
        for seen in found:
            if seen.state in DEAD:
                self._lose(Made(kind="attachment", id=seen.id))
        return tuple(found)

    def _now(self, made: Made) -> AttachmentSeen | None:
        try:
            return self.cloud.attachment(made.id)
        except NotFound:
            self._lose(made)
            return None

    def vnics(self, attachments: tuple[AttachmentSeen, ...]) -> dict[str, VnicSeen]:
        """Give the known ones that are at rest, and ask for the others."""
        found = {}
        for attachment in attachments:
            vnic_id = attachment.vnic_id
            if not vnic_id or attachment.state in DEAD:
                continue
            known = self.before.vnics.get(vnic_id)
            if known and known.state == "AVAILABLE":
                found[vnic_id] = known
            elif attachment.state == "ATTACHED":
                with suppress(NotFound):
                    found[vnic_id] = self.cloud.vnic(vnic_id)
        return found

    def add(self, found: dict[str, tuple[AddressSeen, ...]]) -> None:
        """Add the addresses that were made since."""
        listed = {a.id for on in found.values() for a in on}
        for made in (*self._new("address", listed), *self._new("ipv6", listed)):
            seen = made.seen if isinstance(made.seen, AddressSeen) else None
            if seen is None:
                ask = self.cloud.address if made.kind == "address" else self.cloud.ipv6
                with suppress(NotFound):
                    seen = ask(made.id)
            if seen is None or seen.vnic_id not in found:
                self.gone.add(made)
            else:
                found[seen.vnic_id] += (seen,)

    def unlisted(self) -> frozenset[Made]:
        """Give what no list has shown: all that is expected and not gone."""
        return self.expected - self.gone

    def _new(self, kind: str, known: set[str]) -> list[Made]:
        return [
            made
            for made in sorted(self.expected, key=lambda m: m.id)
            if made.kind == kind and made.id not in known
        ]

    def _lose(self, made: Made) -> None:
        if made in self.expected:
            self.gone.add(made)
