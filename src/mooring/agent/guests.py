"""Which pod an attachment belongs to: what the runtime said at ADD, and what the API server says.

The runtime names a pod when it attaches it; that is forgotten by a restart, and then the pod
is known again by its address. A pod that the API server knew and knows no more has ended.
That alone ends no lease: a pod may run on while nobody can ask. But when its namespace is gone
from its place as well, there is nothing left to wait for, though something still holds it open
and its cables are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mooring.agent.host import Host
from mooring.core.cni.request import Add, AttachmentId
from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.kube.pod import Pod
from mooring.core.kube.port import Pods, Token
from mooring.core.linux.plan import Ip


@dataclass(frozen=True, slots=True)
class Guest:
    """A pod by its names. The runtime may not say the last two."""

    name: str
    namespace: str = ""
    uid: str = ""

    def __str__(self) -> str:
        """Read as `namespace/name`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Guests:
    """The pods of this node. `pods` are the API server's, None where there is none."""

    def __init__(self, host: Host, pods: Pods | None = None) -> None:
        self.changes = 0
        self._host = host
        self._pods = pods
        self._token: Token = {}
        self._told: dict[AttachmentId, Guest] = {}
        self._known: Mapping[str, Pod] = {}
        self._by_address: Mapping[Ip, Pod] = {}
        self._met: set[str] = set()

    def note(self, request: Add) -> None:
        """Hear from the runtime whose attachment this is."""
        args = request.args
        if name := args.get("K8S_POD_NAME", ""):
            self._told[request.id] = Guest(
                name, args.get("K8S_POD_NAMESPACE", ""), args.get("K8S_POD_UID", "")
            )

    def turn(self, leases: Mapping[AttachmentId, Lease]) -> None:
        """Follow the API server, and forget whom nobody holds an address for."""
        for attachment in self._told.keys() - leases.keys():
            self._met.discard(self._told.pop(attachment).uid)
        if self._pods is None or not self._pods.synced():
            return
        self._token, differ = self._pods.changes(self._token)
        if differ:
            self._read(self._pods.all())
        told = {guest.uid for guest in self._told.values()}
        self._met |= told & self._known.keys()

    def _read(self, pods: tuple[Pod, ...]) -> None:
        guests = [pod for pod in pods if not pod.host_network]
        self._known = {pod.uid: pod for pod in guests}
        self._by_address = {a: pod for pod in guests if not pod.ended for a in pod.ips}
        self.changes += 1

    def of(self, lease: Lease) -> Guest | None:
        """Name the pod of a lease; None when nobody said."""
        if told := self._told.get(lease.attachment):
            return told
        for address in parts(lease.addresses):
            if pod := self._by_address.get(address):
                return Guest(pod.name, pod.namespace, pod.uid)
        return None

    def has_ended(self, lease: Lease) -> bool:
        """Tell whether the API server knew the pod, knows it no more, and its namespace is gone.

        A pod that was never met there counts for nothing: we may be ahead of the API server, and
        what a kubelet runs by itself goes by another name there.
        """
        told = self._told.get(lease.attachment)
        if told is None or self._pods is None or self._pods.trouble() is not None:
            return False
        if told.uid not in self._met or told.uid in self._known:
            return False
        return bool(lease.netns.path) and self._is_gone(lease)

    def _is_gone(self, lease: Lease) -> bool:
        """Tell whether nothing or another namespace is at its place; not to see it is no sign."""
        try:
            there = self._host.namespaces.inode_at(lease.netns.path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return there != lease.netns.inode
