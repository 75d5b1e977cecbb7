"""What people are told as an object's status changes: the reasons of events (oci-facts 1.6)."""

from collections.abc import Iterator, Mapping

from mooring.core.kube.port import Note
from mooring.core.npn.record import Condition, NpnStatus

REASONS: Mapping[str, str] = {
    "FailedToGetInstance": "GetInstanceFailed",
    "FailedToGetRunningInstance": "InstanceNotRunning",
    "FailedToGetVNIC": "GetVNICsFailed",
    "FailedToAttachVNIC": "FailedToCreateVNIC",
    "FailedToListPrivateIP": "ListPrivateIPsFailed",
    "FailedToAllocatePrivateIP": "AllocatePrivateIPsFailed",
    "FailedToCreatePrivateIP": "CreatePrivateIPFailed",
    "FailedToCreateIPv6": "CreateIPv6Failed",
    "FailedToGetNPN_CR": "GetNPNFailed",
}
OTHERWISE = "NPNReconcileFailed"

NAMED: Mapping[str, str] = {
    "Fragmented": "FragmentedSubnet",
    "MaxPods": "MaxPodsDisagree",
    "Surplus": "SurplusLeftAlone",
}
"""Conditions that are worth an event when they come, or come to say something else."""

REMOVED = Note(
    reason="InstanceTerminated", text="the instance is gone, the object goes"
)


def notes(before: NpnStatus, after: NpnStatus) -> Iterator[Note]:
    """Give what is new."""
    if after.state == "IN_PROGRESS" and before.state in ("", "SUCCESS"):
        yield Note(reason="StartNPNReconcile", text=after.message or "begun")
    if after.state == "SUCCESS" and before.state != "SUCCESS":
        yield Note(reason="NPN_CR_Success", text=_reached(after))
    if after.state == "BACKOFF" and _words(after) != _words(before):
        reason = REASONS.get(after.reason, OTHERWISE)
        text = f"{after.reason}: {after.message}"
        yield Note(reason=reason, text=text, warning=True)
    for condition in after.conditions:
        if condition.type in NAMED and condition not in before.conditions:
            yield _named(condition)


def _words(status: NpnStatus) -> tuple[str, str, str]:
    return status.state, status.reason, status.message


def _reached(status: NpnStatus) -> str:
    addresses = sum(len(vnic.pod_addresses) for vnic in status.vnics)
    return f"{len(status.vnics)} VNICs with {addresses} pod addresses"


def _named(condition: Condition) -> Note:
    return Note(
        reason=NAMED[condition.type],
        text=condition.message,
        warning=condition.type != "Surplus",
    )
