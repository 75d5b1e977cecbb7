"""What the agent knows of its node: the primary, the VNICs that work, the table in force."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from errno import EBUSY, EEXIST, ENOENT

from mooring.agent.carry import Carrier, Scene, Terms
from mooring.agent.host import Host
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease, Phase
from mooring.core.ipam.pool import parts
from mooring.core.linux import nft
from mooring.core.linux.mould import Alike
from mooring.core.linux.plan import Plan
from mooring.core.linux.port import NftError
from mooring.core.linux.seen import Seen
from mooring.core.npn.record import NpnStatus
from mooring.core.wiring import node, pod, ruleset
from mooring.core.wiring.names import host_link
from mooring.core.wiring.node import Primary
from mooring.core.wiring.ruleset import Ground, Sources
from mooring.core.wiring.vnic import Uplink

KNOWN_CABLES = 1024
"""Plans that are kept at hand: every look at the node needs them all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the node stands; a change makes another one.

    VNICs that are `absent` have no link here. Of those that are `refused` the kernel refuses a part of
    the cables: they keep what they have, pods too, and give no address.
    """

    primary: Primary | None = None
    uplinks: Mapping[str, Uplink] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    npn: NpnStatus = field(default_factory=NpnStatus)
    trouble: str = "the agent is starting"
    refused: tuple[str, ...] = ()

    def plan(self) -> Plan:
        """Lay out all that the node and its VNICs need, pods aside."""
        return node.whole(self.primary, self.uplinks.values())


class Tracking(StrEnum):
    """Whether connections of pods are tracked; AUTO: once somebody may need it."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Node:
    """The node's standing, and the nft table that goes with it."""

    def __init__(
        self,
        host: Host,
        *,
        mtu: int,
        tracking: Tracking,
        carried: Terms,
    ) -> None:
        self.standing = Standing()
        self.carrier = Carrier(host, carried)
        self.in_force = False
        self.mtu = mtu
        self._host = host
        self._tracked = tracking is Tracking.ON
        self._tracking = tracking
        self._listed = ""
        self._cables: dict[AttachmentId, tuple[Lease, int, Alike]] = {}
        self._unstopped: dict[str, tuple[Lease, ...]] = {}

    @property
    def ready(self) -> bool:
        """Tell whether an ADD could be served, were an address free."""
        standing = self.standing
        return self.in_force and len(standing.uplinks) > len(standing.refused)

    def cables(self, lease: Lease) -> Plan:
        """Lay out a lease's cables as they belong here."""
        return self.alike(lease).facts

    def alike(self, lease: Lease) -> Alike:
        """Give a lease's cables, which are laid out when somebody looks at them."""
        mtu = self.mtu_of(lease)
        known = self._cables.get(lease.attachment)
        if known is not None and known[0] is lease and known[1] == mtu:
            return known[2]
        if len(self._cables) >= KNOWN_CABLES:
            self._cables.clear()
        cables = pod.cables(lease, mtu)
        self._cables[lease.attachment] = lease, mtu, cables
        return cables

    def mtu_of(self, lease: Lease) -> int:
        """Give the MTU of the lease's VNIC."""
        uplink = self.standing.uplinks.get(lease.vnic_id)
        return self.mtu if uplink is None else uplink.mtu

    def write_table(self, leases: Iterable[Lease]) -> None:
        """Put the whole table in force, with what these leases' pods may send.

        One that a former life wrote, and nobody has touched, is only brought up to date.
        """
        standing = self.standing
        if standing.primary is None:
            return
        if self.may_begin_to_track:
            self.track(self._host.nft.tables())
        self.carrier.track(tracked=self._tracked)
        uplinks = tuple(standing.uplinks.values())
        ground = Ground(standing.primary, uplinks, self._tracked)
        wired = [lease for lease in leases if lease.phase is Phase.WIRED]
        wanted = ruleset.sources(wired)
        self.carrier.keep(address for _, address in wanted)
        if not self._listed and self._recognise(ground, wanted):
            return
        self._host.nft.run(nft.replace(ruleset.table(ground, wanted)))
        self._unstopped.clear()
        self._listed, _ = self._look()
        self._host.nft.run(nft.replace(ruleset.memo(ground, self._listed)))

    def _recognise(self, ground: Ground, wanted: Sources) -> bool:
        frame, pods = self._look()
        (made,) = ruleset.memo(ground, frame).chains
        if made.name not in self._host.nft.listing(ruleset.FAMILY, ruleset.MEMO):
            return False
        lost = {k: v for k, v in wanted.items() if pods.get(k) != v}
        self.mend(lost, {k: v for k, v in pods.items() if k not in wanted})
        self._listed = frame
        return True

    def _look(self) -> tuple[str, Sources]:
        return ruleset.listed(self._host.nft.listing(ruleset.FAMILY, ruleset.NAME))

    @property
    def may_begin_to_track(self) -> bool:
        """Tell whether other tables would change what is done with pods' packets."""
        return self._tracking is Tracking.AUTO and not self._tracked

    def track(self, tables: Iterable[tuple[str, str]]) -> bool:
        """Track pods from now on if somebody else has a table; tell whether so.

        There is no way back before the next start: flows under way would lose their state.
        """
        others = ruleset.others(tables)
        if others:
            self._tracked = True
            self._host.say("tracking", because=", ".join(others))
        return bool(others)

    def is_written(self, frame: str) -> bool:
        """Tell whether this is the table that was put in force, its pods aside."""
        return frame == self._listed

    def let_send(self, lease: Lease, others: Iterable[Lease]) -> None:
        """Let the lease's pod send; if the table is gone, write it first."""
        try:
            for where, element in ruleset.elements_of(lease):
                self._put(where, [element])
        except NftError as why:
            if why.errno != ENOENT:
                raise
            self._host.say("table-gone", next="write it again")
            self.write_table((*others, replace(lease, phase=Phase.WIRED)))
        self.carrier.admit(lease, self.mtu_of(lease))

    def stop_sending(self, lease: Lease) -> None:
        """Let the lease's pod send no more; fine when there is no table."""
        self.carrier.cut(lease)
        self._take_out(lease)

    def stop_former(self, attachment: AttachmentId) -> None:
        """Take out what an earlier life of the container could send, if nft refused that then.

        With the name of its link it would come back to life, and others may have the address.
        """
        if self._unstopped:
            for former in self._unstopped.pop(host_link(attachment), ()):
                self._take_out(former)

    def _take_out(self, lease: Lease) -> None:
        refusals: list[NftError] = []
        for where, (key, _) in ruleset.elements_of(lease):
            try:
                self._host.nft.set_elements(where, delete=[key])
            except NftError as why:
                if why.errno != ENOENT:
                    refusals.append(why)
        if refusals:
            link = host_link(lease.attachment)
            self._unstopped[link] = (*self._unstopped.get(link, ()), lease)
            raise refusals[0]

    def carry(self, leases: Iterable[Lease], seen: Seen) -> None:
        """Have the fast path follow; what it carries is what may be sent."""
        if not self.in_force or self.standing.primary is None:
            return
        known = tuple(leases)
        pods = {
            host_link(lease.attachment): (lease, self.mtu_of(lease))
            for lease in known
            if lease.phase is Phase.WIRED
        }
        held = frozenset(a for lease in known for a in parts(lease.addresses))
        uplinks = tuple(self.standing.uplinks.values())
        scene = Scene(self.standing.primary, uplinks, pods, held)
        self.carrier.turn(scene, seen)

    def may_send(self, lease: Lease) -> bool:
        """Tell whether the table in force lets the lease's pod send."""
        _, pods = self._look()
        return ruleset.sources([lease]).items() <= pods.items()

    def mend(self, lost: Sources, extra: Sources) -> None:
        """Put elements back that are missing, and take out those nobody wants."""
        for where, elements in ruleset.elements(lost).items():
            self._put(where, elements)
        for where, elements in ruleset.elements(extra).items():
            self._host.nft.set_elements(where, delete=[key for key, _ in elements])

    def _put(self, where: nft.SetPath, some: list[nft.Element]) -> None:
        try:
            self._host.nft.set_elements(where, add=some)
        except NftError as why:
            if why.errno not in {EBUSY, EEXIST}:
                raise
            # Only then: deleting what is absent costs the kernel 10 ms.
            keys = [key for key, _ in some]
            self._host.nft.set_elements(where, add=some, delete=keys)
