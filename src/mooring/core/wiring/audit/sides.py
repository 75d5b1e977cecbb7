"""What each side says of one node. A side that is None was not looked at, and is not judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease, Ledger, Phase
from mooring.core.linux.plan import Ip
from mooring.core.linux.seen import Seen
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import AddressSeen, VnicSeen


class Side(StrEnum):
    """Who says something."""

    PODS = "pods"
    LEDGER = "ledger"
    KERNEL = "kernel"
    NPN = "npn"
    CLOUD = "cloud"
    AGENT = "agent"
    SPOOL = "spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTold:
    """A pod on the pods' network, as its runtime tells of it."""

    name: str
    container: str
    addresses: tuple[Ip, ...] = ()
    running: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTold:
    """The ledger on disk. `trouble` is why it cannot be believed; then it is empty."""

    ledger: Ledger
    same_boot: bool = True
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A pod's namespace is not there any more, or another one has its path."""


Inside = Seen | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTold:
    """The node's kernel.

    `table` and `memo` are nft's listings, `settings` the values of the settings that were
    asked for. `insides` has the namespaces of leases that could be looked into; those whose
    path is not known are missing. `inhabited` are the inodes of the network namespaces in
    which a process lives.
    """

    seen: Seen
    table: str = ""
    memo: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    insides: Mapping[AttachmentId, Inside] = field(default_factory=dict)
    inhabited: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NpnTold:
    """The node's NativePodNetwork object; None when there is none of that name."""

    name: str
    npn: Npn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTold:
    """The instance's VNICs that are attached, and the addresses of those that are ours."""

    vnics: Mapping[str, VnicSeen]
    addresses: Mapping[str, tuple[AddressSeen, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTold:
    """The node's agent: whether it answers, what keeps it from serving, its pods' MTU.

    `refused`: the VNICs of whose cables the kernel refuses it a part.
    """

    answers: bool
    trouble: str = ""
    mtu: int | None = None
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A file of the spool of DELs, and how many seconds it has been there."""

    name: str
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """One look at one node. `now` is seconds since boot, `grace` how old a leak must be."""

    now: float
    grace: float = 60.0
    pods: tuple[PodTold, ...] | None = None
    ledger: LedgerTold | None = None
    kernel: KernelTold | None = None
    npn: NpnTold | None = None
    cloud: CloudTold | None = None
    agent: AgentTold | None = None
    spool: tuple[SpoolFile, ...] | None = None

    @property
    def believed(self) -> Ledger | None:
        """Give the ledger, if it was read, is whole and is of this boot."""
        told = self.ledger
        if told is None or told.trouble or not told.same_boot:
            return None
        return told.ledger

    @property
    def wired(self) -> tuple[Lease, ...]:
        """Give the leases whose cables must lie."""
        ledger = self.believed
        leases = ledger.leases.values() if ledger else ()
        return tuple(lease for lease in leases if lease.phase is Phase.WIRED)
