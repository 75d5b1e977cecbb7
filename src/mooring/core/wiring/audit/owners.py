"""The agent, its ledger as a file, and the spool: those who keep the others equal."""

from collections.abc import Iterator

from mooring.core.cni import spool
from mooring.core.wiring.audit.difference import Difference, RemoveFile
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.sides import Side, Sides, SpoolFile

REPLAY_SECONDS = 15.0
"""A DEL that waits longer is forgotten: a running agent looks every five seconds."""
WRITING_SECONDS = 60.0
"""A file that is being written for longer has no writer any more."""


def compare(sides: Sides) -> Iterator[Difference]:
    """Look at those who repair."""
    if sides.agent is not None and not sides.agent.answers:
        says = {Side.AGENT: sides.agent.trouble or "does not answer"}
        yield Difference(Code.AGENT_AWAY, "agent", says)
    elif sides.agent is not None and sides.agent.trouble:
        says = {Side.AGENT: sides.agent.trouble}
        yield Difference(Code.AGENT_NOT_READY, "agent", says)
    if sides.ledger is not None and sides.ledger.trouble:
        says = {Side.LEDGER: sides.ledger.trouble}
        yield Difference(Code.LEDGER_DAMAGED, "journal", says)
    elif sides.ledger is not None and not sides.ledger.same_boot:
        count = len(sides.ledger.ledger.leases)
        says = {Side.LEDGER: f"{count} leases of another boot"}
        yield Difference(Code.LEDGER_OF_ANOTHER_BOOT, "journal", says)
    for file in sides.spool or ():
        yield from _file(sides, file)


def _file(sides: Sides, file: SpoolFile) -> Iterator[Difference]:
    says = {Side.SPOOL: f"it has been there for {file.age:.0f} s"}
    if spool.is_spooled(file.name):
        if file.age >= REPLAY_SECONDS:
            yield Difference(Code.SPOOL_WAITING, file.name, says)
    elif file.name.endswith(".tmp"):
        if file.age >= WRITING_SECONDS:
            does = RemoveFile(file.name)
            yield Difference(Code.SPOOL_UNFINISHED, file.name, says, does=does)
    elif file.name.endswith(".bad"):
        yield _bad(sides, file, says)


def _bad(sides: Sides, file: SpoolFile, says: dict[Side, str]) -> Difference:
    ledger = sides.believed
    holders = [a.container for a in ledger.leases] if ledger else []
    held = [c for c in holders if c[:64] == spool.container_of(file.name)]
    if ledger is not None and not held:
        says[Side.LEDGER] = "holds nothing for its container"
        does = RemoveFile(file.name)
        return Difference(Code.SPOOL_UNREADABLE, file.name, says, does=does)
    says[Side.LEDGER] = f"holds an address for {', '.join(held) or 'nobody knows whom'}"
    advice = "once the container's lease has ended the file is deleted"
    return Difference(
        Code.SPOOL_UNREADABLE, file.name, says, advice=advice, whose=By.YOU
    )
