"""Which instance this node is: asked of its metadata, and kept for a restart that gets no answer.

What was kept counts in the same boot only: a boot volume may be another instance's the next time.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass

from mooring.adapters import metadata
from mooring.adapters.clock import Clock
from mooring.agent.host import Say
from mooring.agent.remember import Shelf
from mooring.cli.agent.options import is_instance
from mooring.cli.agent.work import Stopped
from mooring.core.ipam.port import DiskError

FILE = "instance.json"
AGAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Where it is asked for, and where it is kept."""

    metadata: str
    shelf: Shelf
    say: Say

    async def ask(self, stop: asyncio.Event) -> str:
        """Give the instance's OCID; ask until there is one, raise Stopped when told to end."""
        told = ""
        while True:
            try:
                found = await asyncio.to_thread(metadata.instance, self.metadata)
                if is_instance(found):
                    self._keep(found)
                    return found
                why = f"{self.metadata} says that this is {found!r}: no instance's OCID"
            except OSError as error:
                why = str(error)
                if kept := self._kept():
                    self.say("instance-remembered", instance=kept, why=why)
                    return kept
            if why != told:
                self.say(
                    "metadata-refused", why=why, next="ask again; or give --instance"
                )
            told = why
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AGAIN_SECONDS)
                raise Stopped

    def _keep(self, instance: str) -> None:
        """Keep it for a restart; without the disk it is asked for again."""
        if instance != self._kept():
            with suppress(DiskError):
                self.shelf.keep(FILE, _text(instance))

    def _kept(self) -> str:
        """Give what was kept in this boot, "" where nothing can be read."""
        try:
            found = self.shelf.kept(FILE)
            document = json.loads(found[0]) if found else {}
            ours = document["boot"] == Clock().boot()
            instance = str(document["instance"])
        except (DiskError, ValueError, TypeError, LookupError):
            return ""
        return instance if ours and is_instance(instance) else ""


def _text(instance: str) -> str:
    return json.dumps({"boot": Clock().boot(), "instance": instance}) + "\n"
