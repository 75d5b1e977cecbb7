"""What a runtime's user may choose of a pod: nothing but what it gets anyway.

podman and others write IP and MAC into CNI_ARGS, under IgnoreUnknown, when somebody chooses.
Ignoring that would give the pod another address than its user believes. But when podman
attaches a container once more (`podman network reload`) it repeats what the container had,
and means no wish; the MAC tells so, because it is a function of the attachment.
"""

from mooring.core.cni.conf import NO_CHOICE
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import show
from mooring.core.cni.request import Add
from mooring.core.wiring.names import macs

CHOICES = ("IP", "MAC")


def refuse(request: Add) -> None:
    """Raise what the runtime shall see when a choice cannot be granted."""
    if not any(map(request.args.get, CHOICES)):
        return
    _, own = macs(request.id)
    if request.args.get("MAC", "").lower() == own:
        return
    for choice in CHOICES:
        if wish := request.args.get(choice):
            raise CniError(
                Code.INVALID_ENVIRONMENT,
                f"CNI_ARGS: {choice}={show(wish)}: {NO_CHOICE}",
            )
