"""The runtime's pods beside the ledger: leaks, and pods that the ledger does not know."""

from collections.abc import Iterator, Mapping

from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.wiring.audit.difference import Difference, EndLease, of
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.sides import PodTold, Side, Sides
from mooring.core.wiring.names import words

_BLIND = "no process is seen in the namespaces of pods that run: run it in the PID namespace of the machine"


def compare(sides: Sides) -> Iterator[Difference]:
    """Compare pods and leases, container by container."""
    for lease in sides.wired:
        if lease.lacking:
            says = {Side.LEDGER: f"{held(sides, lease)}, no {', '.join(lease.lacking)}"}
            yield Difference(
                Code.FAMILY_MISSING, address(lease), says, holder=lease.attachment
            )
    ledger = sides.believed
    if sides.pods is None or ledger is None:
        return
    known = {pod.container: pod for pod in sides.pods}
    for lease in sides.wired:
        pod = known.get(lease.attachment.container)
        yield from of(lease.attachment, _lease(sides, lease, pod))
    holders = {attachment.container for attachment in ledger.leases}
    for pod in sides.pods:
        if pod.running and pod.container not in holders:
            says = {Side.PODS: _runs(pod), Side.LEDGER: "has no lease"}
            yield Difference(Code.POD_WITHOUT_LEASE, _name(pod), says)


def held(sides: Sides, lease: Lease) -> str:
    """Say what the ledger says of a lease, with the pod's name if its runtime knows it."""
    addresses = ", ".join(map(str, parts(lease.addresses)))
    container = lease.attachment.container
    names = [p.name for p in sides.pods or () if p.container == container]
    pod = f" (pod {names[0]})" if names else ""
    return f"{addresses} held by {words(lease.attachment)}{pod}"


def address(lease: Lease) -> str:
    """Name a lease by its addresses."""
    return ",".join(map(str, parts(lease.addresses)))


def _lease(sides: Sides, lease: Lease, pod: PodTold | None) -> Iterator[Difference]:
    if pod is not None and pod.running:
        if pod.addresses and not set(pod.addresses) & set(parts(lease.addresses)):
            says = {Side.PODS: _runs(pod), Side.LEDGER: held(sides, lease)}
            yield Difference(Code.OTHER_ADDRESS, _name(pod), says)
        return
    age = sides.now - lease.since
    if age < sides.grace:
        return
    told = f"{_name(pod)} has stopped" if pod else "knows no such container"
    says = {Side.LEDGER: f"{held(sides, lease)} for {age:.0f} s", Side.PODS: told}
    if _inhabited(sides, lease):
        says[Side.KERNEL] = f"processes live in its namespace {lease.netns.inode}"
        yield Difference(Code.UNKNOWN_POD, address(lease), says)
        return
    code = Code.STOPPED_POD if pod else Code.LEAKED_LEASE
    if _sees_processes(sides, {p.container: p for p in sides.pods or ()}):
        end = EndLease(lease.attachment)
        yield Difference(code, address(lease), says, does=end)
    else:
        yield Difference(code, address(lease), says, advice=_BLIND, whose=By.YOU)


def _inhabited(sides: Sides, lease: Lease) -> bool:
    return sides.kernel is not None and lease.netns.inode in sides.kernel.inhabited


def _sees_processes(sides: Sides, pods: Mapping[str, PodTold]) -> bool:
    """Tell whether an empty namespace can be believed: every running pod's has processes."""
    running = [
        lease
        for lease in sides.wired
        if (pod := pods.get(lease.attachment.container)) and pod.running
    ]
    return sides.kernel is not None and all(_inhabited(sides, x) for x in running)


def _name(pod: PodTold) -> str:
    return f"{pod.name} ({pod.container[:12]})"


def _runs(pod: PodTold) -> str:
    addresses = ", ".join(map(str, pod.addresses))
    return f"{pod.name} runs" + (f" with {addresses}" if addresses else "")
