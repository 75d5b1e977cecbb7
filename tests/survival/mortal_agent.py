"""An agent on the real kernel that ends itself by SIGKILL at its n-th change of kernel, nft or disk.

    mortal_agent.py N mooring agent --npn-dir …

The program is `mooring agent`'s own, put together here with adapters that count: N of them are
let through, the next one is made whole, in part or not at all (N's remainder says which),
and then there is no process any more.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mooring.adapters import netns
from mooring.adapters.clock import Clock
from mooring.adapters.disk import StateDirectory
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.adapters.objects import ObjectDirectory
from mooring.adapters.spool import Spool
from mooring.adapters.unixsocket import AgentSocket, Arrival
from mooring.agent.host import Host
from mooring.agent.run import Agent, Settings
from mooring.core.cni.frames import Answer

CHANGES = {"carry_out", "take_back", "delete_links", "run", "set_elements"}
CHANGES |= {"append", "replace", "publish"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Steps:
    """Counts what is left to be made."""

    def __init__(self, number: int) -> None:
        self.left, self.how = number, number % 3

    def take(self, act: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Make a change, or die before it, in the middle of it or after it."""
        self.left -= 1
        if self.left:
            return act(*given, **named)
        if self.how == 0 and act.__name__ == "carry_out":
            plan, spaces = given
            facts = tuple(plan)
            act(facts[: len(facts) // 2], spaces)
        elif self.how == 1:
            act(*given, **named)
        die()
        raise AssertionError


class Mortal:
    """An adapter whose changes are counted."""

    def __init__(self, inner: object, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in CHANGES:
            return found
        return lambda *given, **named: self._steps.take(found, *given, **named)


def say(verb: str, /, **keys: object) -> None:
    words = [f"{name}={value}" for name, value in keys.items()]
    print(verb, *words, file=sys.stderr, flush=True)


async def run(number: int, options: dict[str, str]) -> None:
    steps = Steps(number)
    place = {name: Path(value) for name, value in options.items() if "/" in value}
    settings = Settings(
        npn=options["--instance"].rpartition(".")[2],
        cooldown=float(options.get("--cooldown", 30)),
        repair_every=0.2,
    )
    with Kernel() as kernel, Nft() as nft:
        host: Any = Host(Mortal(kernel, steps), Mortal(nft, steps), netns, Clock(), say)
        disk: Any = Mortal(StateDirectory(place["--state"]), steps)
        program = Agent(host, disk, ObjectDirectory(place["--npn-dir"]), settings)
        program.book.open()

        async def serve(arrival: Arrival) -> Answer:
            return await program.serve(arrival.call, arrival.netns)

        door = AgentSocket(place["--socket"], serve, print)
        await program.run(door, Spool(place["--spool"], print), asyncio.Event())


def main(argv: list[str]) -> None:
    number, words = int(argv[1]), argv[4:]
    options = dict(zip(words[::2], words[1::2], strict=True))
    asyncio.run(run(number, options))


if __name__ == "__main__":
    main(sys.argv)
