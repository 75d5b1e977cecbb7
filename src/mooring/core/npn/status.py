"""The status that a turn writes: state and reason of the facts, the VNICs as the node needs them.

`vnics` shows what the cloud has, whatever the state: a repair of one address takes nothing
from the pods that use the others, and the first VNIC serves while the second is attached.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from mooring.core.npn.capacity import objects
from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddress,
    CreateAddressBlock,
    Decision,
    Failed,
    Remove,
    Settled,
    UpdateVnic,
    Wait,
    describe,
)
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.decide import IPV6_LATER
from mooring.core.npn.errors import TRANSIENT, CloudError
from mooring.core.npn.memory import Memory
from mooring.core.npn.picture import Picture, serves_ipv4, wants_ipv6
from mooring.core.npn.record import Condition, NpnStatus, Pair, VnicStatus
from mooring.core.npn.seen import SubnetSeen
from mooring.core.npn.slots import Slot

REASONS = {
    "GetInstance": "FailedToGetInstance",
    "ListVnicAttachments": "FailedToGetVNIC",
    "GetVnicAttachment": "FailedToGetVNIC",
    "GetVnic": "FailedToGetVNIC",
    "GetSubnet": "FailedToGetSubnet",
    "ListPrivateIps": "FailedToListPrivateIP",
    "GetPrivateIp": "FailedToListPrivateIP",
}
"""The reason for each call of a look (oci-facts 1.6)."""


def report(picture: Picture, decision: Decision, memory: Memory) -> NpnStatus:
    """Give the whole status after a look and the decision it led to."""
    state, reason, message = _words(decision)
    return NpnStatus(
        state=state,
        reason=reason,
        message=message,
        observed_generation=picture.npn.generation,
        vnics=tuple(_vnics(picture)),
        conditions=tuple(_conditions(picture, memory)),
    )


def _words(decision: Decision) -> tuple[str, str, str]:
    """Give state, reason and message."""
    match decision:
        case AttachVnic() | UpdateVnic() | CreateAddressBlock() | CreateAddress():
            return "IN_PROGRESS", "IN_PROGRESS", describe(decision)
        case Wait() | Remove():
            return "IN_PROGRESS", "IN_PROGRESS", decision.message
        case Settled():
            return "SUCCESS", "COMPLETED", ""
        case Failed():
            return "BACKOFF", decision.reason, decision.message
        case _:
            assert_never(decision)


def refused(before: NpnStatus, reason: str, error: CloudError) -> NpnStatus:
    """Give the status after a change that did not succeed: what was seen stays."""
    message = f"{error.code}: {error.message}"
    return replace(before, state="BACKOFF", reason=reason, message=message)


def unseen(before: NpnStatus, error: CloudError) -> NpnStatus:
    """Give the status after a look that failed: what was reached is not taken back.

    A cloud that is busy or away does not make an object that serves its pods a failure; it
    stays SUCCESS and says that it was not checked.
    """
    reason = REASONS.get(error.call, "FailedToGetInstance")
    message = f"{error.code}: {error.message}"
    if before.state == "SUCCESS" and isinstance(error, TRANSIENT):
        condition = Condition(
            type="Synced", status="False", reason=reason, message=message
        )
        others = tuple(c for c in before.conditions if c.type != "Synced")
        return replace(before, conditions=(*others, condition))
    return replace(before, state="BACKOFF", reason=reason, message=message)


def unreadable(before: NpnStatus, error: Unreadable) -> NpnStatus:
    """Give the status of an object whose spec breaks a rule."""
    return replace(
        before, state="BACKOFF", reason="FailedToGetNPN_CR", message=str(error)
    )


def _vnics(picture: Picture) -> Iterator[VnicStatus]:
    """Give every VNIC that can serve: it is there and the host has its address on it."""
    for slot in picture.slots:
        holding = picture.holdings.get(slot.key)
        if holding and holding.host:
            yield _vnic(picture, slot)


def _vnic(picture: Picture, slot: Slot) -> VnicStatus:
    nic, holding = picture.match.placed[slot.key], picture.holdings[slot.key]
    empty = SubnetSeen(id=nic.vnic.subnet_id, state="")
    subnet = picture.seen.subnets.get(nic.vnic.subnet_id, empty)
    return VnicStatus(
        vnic_id=nic.vnic.id,
        mac_address=nic.vnic.mac_address.lower(),
        subnet_id=nic.vnic.subnet_id,
        nsg_ids=nic.vnic.nsg_ids,
        ip_count=slot.pods,
        ip_families=("IPv4",),
        subnet_v4=next(iter(subnet.v4), None),
        router=Pair(v4=subnet.router_v4),
        host=Pair(v4=holding.host),
        pod_addresses=tuple(Pair(v4=a) for a in holding.pods),
        application_resources=slot.application_resources,
        nic_index=nic.attachment.nic_index,
        vlan_tag=nic.attachment.vlan_tag,
    )


def _conditions(picture: Picture, memory: Memory) -> Iterator[Condition]:
    """Give one condition per requested family, and what else an operator should know."""
    if serves_ipv4(picture.npn):
        yield _ipv4(picture)
    if wants_ipv6(picture.npn):
        yield Condition(
            type="IPv6Ready", status="False", reason="NotServedYet", message=IPV6_LATER
        )
    fragmented = ", ".join(_fragmented(picture, memory))
    if fragmented:
        yield Condition(
            type="Fragmented",
            status="True",
            reason="NoLargeBlock",
            message=f"{fragmented}; a second CIDR block for the subnet would help",
        )
    surplus = ", ".join(_surplus(picture))
    if surplus:
        yield Condition(
            type="Surplus", status="True", reason="LeftAlone", message=surplus
        )


def _ipv4(picture: Picture) -> Condition:
    ready = [h for h in picture.holdings.values() if not h.missing]
    pods = sum(len(h.pods) for h in picture.holdings.values())
    message = (
        f"{pods} of {sum(s.pods for s in picture.slots)} pod addresses,"
        f" {len(ready)} of {len(picture.slots)} VNICs complete"
    )
    if picture.complete:
        return Condition(
            type="IPv4Ready", status="True", reason="Complete", message=message
        )
    return Condition(
        type="IPv4Ready", status="False", reason="Incomplete", message=message
    )


def _fragmented(picture: Picture, memory: Memory) -> Iterator[str]:
    """Name the VNICs whose addresses came in pieces because no block was free.

    A refusal is remembered for this turn's caps, and in the status from then on; a VNIC that
    only grew is in pieces as well, and nothing to tell.
    """
    told = any(c.type == "Fragmented" for c in picture.npn.status.conditions)
    for key, holding in picture.holdings.items():
        subnet = picture.match.placed[key].vnic.subnet_id
        if objects(holding.sizes) and (told or subnet in memory.caps):
            yield (
                f"VNIC {key}: {sum(holding.sizes)} addresses of {subnet}"
                f" in {len(holding.sizes)} pieces"
            )


def _surplus(picture: Picture) -> Iterator[str]:
    """Name what is ours and not asked for (any more)."""
    for nic in picture.match.surplus:
        yield f"VNIC {nic.vnic.id} fills no slot"
    for key, holding in picture.holdings.items():
        if holding.spare:
            yield f"VNIC {key} has {holding.spare} addresses more than asked for"
