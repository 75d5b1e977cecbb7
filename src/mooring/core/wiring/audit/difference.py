"""A difference between sides, and what `--repair` would do about it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mooring.core.cni.request import AttachmentId
from mooring.core.wiring.audit.kinds import KINDS, By, Code, Kind
from mooring.core.wiring.audit.sides import Side
from mooring.core.wiring.names import words


@dataclass(frozen=True, slots=True)
class AskAgent:
    """Have the agent look after its node now."""


@dataclass(frozen=True, slots=True)
class EndLease:
    """Call DEL for an attachment, as its runtime should have."""

    attachment: AttachmentId


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Delete a file of the spool that nobody reads."""

    name: str


@dataclass(frozen=True, slots=True)
class AwaitController:
    """Wait until the controller has compared its object with the cloud."""


Act = AskAgent | EndLease | RemoveFile | AwaitController
_USUAL: Mapping[By, Act | None] = {
    By.AGENT: AskAgent(),
    By.CONTROLLER: AwaitController(),
    By.AUDIT: None,
    By.YOU: None,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Who says what of which thing. What is empty is as its kind has it.

    `holder` is the attachment whose lease it is about: an address may soon be another's.
    """

    code: Code
    name: str
    says: Mapping[Side, str]
    because: str = ""
    advice: str = ""
    whose: By | None = None
    does: Act | None = None
    holder: AttachmentId | None = None

    @property
    def kind(self) -> Kind:
        """Give its row of the table."""
        return KINDS[self.code]

    @property
    def cause(self) -> str:
        """Say why it probably is so."""
        return self.because or self.kind.cause

    @property
    def remedy(self) -> str:
        """Say what makes it good."""
        return self.advice or self.kind.remedy

    @property
    def by(self) -> By:
        """Say who makes it good."""
        return self.whose or self.kind.by

    @property
    def act(self) -> Act | None:
        """Give what --repair does about it; None: nothing that is safe."""
        return self.does or _USUAL[self.by]

    @property
    def key(self) -> tuple[Code, str]:
        """Tell it from others of one look."""
        return self.code, self.name


def of(attachment: AttachmentId, found: Iterable[Difference]) -> Iterator[Difference]:
    """Say whose lease differences are about."""
    return (replace(difference, holder=attachment) for difference in found)


def lasting(
    first: Iterable[Difference], second: Iterable[Difference]
) -> tuple[Difference, ...]:
    """Give what a second look still finds: the rest was pods that came or went."""
    before = {(*difference.key, difference.holder) for difference in first}
    return tuple(d for d in second if (*d.key, d.holder) in before)


def acts(differences: Iterable[Difference]) -> tuple[Act, ...]:
    """List what is to be done, each once: leases first, so that the agent sees them end."""
    wanted = dict.fromkeys(d.act for d in differences if d.act is not None)
    return tuple(sorted(wanted, key=lambda act: _ORDER.index(type(act))))


def say(act: Act) -> str:
    """Say an act in one line."""
    match act:
        case EndLease(attachment):
            return f"call DEL for {words(attachment)} at the agent's socket"
        case AskAgent():
            return "ask the agent to look after its node now"
        case RemoveFile(name):
            return f"delete {name} from the spool"
        case AwaitController():
            return "wait for the controller's next look at the cloud"


_ORDER = (EndLease, AskAgent, RemoveFile, AwaitController)
