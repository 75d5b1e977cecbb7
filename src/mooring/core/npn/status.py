"""The status that a turn writes: state and reason of the facts, the VNICs as the node needs them.

`vnics` shows what the cloud has, whatever the state: a repair of one address takes nothing
from the pods that use the others, and the first VNIC serves while the second is attached.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import zip_longest
from typing import assert_never

from mooring.core.npn.addressing import obstacle, unserved
from mooring.core.npn.capacity import objects
from mooring.core.npn.changes import (
    AttachVnic,
    Change,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    Decision,
    DeleteAddresses,
    Failed,
    Remove,
    Settled,
    UpdateVnic,
    Wait,
    addressing,
    describe,
)
from mooring.core.npn.changes import reason as reason_of
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.errors import TRANSIENT, CloudError
from mooring.core.npn.families import IPV4, IPV6
from mooring.core.npn.memory import Memory, cap_of
from mooring.core.npn.picture import Picture
from mooring.core.npn.poolstatus import disagreement, pool_condition, pool_status
from mooring.core.npn.record import (
    UNDER_WAY,
    Condition,
    NpnStatus,
    Pair,
    VnicStatus,
)
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
    "ListIpv6s": "FailedToListPrivateIP",
    "GetIpv6": "FailedToListPrivateIP",
    "GetWorkRequest": "FailedToCreatePrivateIP",
}
"""The reason for each call of a look (oci-facts 1.6)."""

SPACE = frozenset({"Conflict", "LimitExceeded", "QuotaExceeded"})
"""Codes with which the cloud says that there is no address left, or none for us."""
LONG_AWAY = 3
"""Failed tries after which a family counts as not to be had for now."""

SYNCED, ACCEPTED = "Synced", "Accepted"
"""False where a served object was not compared, and where one cannot be followed as it stands; they
are not there otherwise."""
UNREADABLE = "FailedToGetNPN_CR"


def report(picture: Picture, decision: Decision, memory: Memory) -> NpnStatus:
    """Give the whole status after a look and the decision it led to."""
    state, reason, message = _words(decision)
    vnics = tuple(_vnics(picture))
    return NpnStatus(
        state=state,
        reason=reason,
        message=message,
        observed_generation=picture.npn.generation,
        vnics=vnics,
        conditions=tuple(_without_vnic(_conditions(picture, memory), decision)),
        pool=pool_status(picture, vnics),
        compartment=picture.seen.instance.compartment_id,
    )


def _words(decision: Decision) -> tuple[str, str, str]:
    """Give state, reason and message."""
    match decision:
        case (
            AttachVnic()
            | UpdateVnic()
            | CreateAddressBlock()
            | CreateAddress()
            | CreateAddresses()
            | DeleteAddresses()
        ):
            return "IN_PROGRESS", "IN_PROGRESS", describe(decision)
        case Wait() | Remove():
            return "IN_PROGRESS", "IN_PROGRESS", decision.message
        case Settled():
            return "SUCCESS", "COMPLETED", ""
        case Failed():
            return "BACKOFF", decision.reason, decision.message
        case _:
            assert_never(decision)


def refused(
    before: NpnStatus, change: Change, error: CloudError, failures: int
) -> NpnStatus:
    """Give the status after a change that did not succeed: what was seen stays.

    A family whose addresses, or a whole VNIC for them, could not be had some times running is
    said to be away, so that nobody waits for it who can do without.
    """
    message = f"{error.code}: {error.message}"
    conditions = before.conditions
    if failures >= LONG_AWAY:
        conditions = tuple(
            replace(c, reason="Unavailable", message=message)
            if _lacks(c, change)
            else c
            for c in conditions
        )
    return replace(
        before,
        state="BACKOFF",
        reason=reason_of(change),
        message=message,
        conditions=conditions,
    )


def _lacks(condition: Condition, change: Change) -> bool:
    """Tell whether a family is not ready for want of what the change was to bring."""
    match change:
        case CreateAddress() | CreateAddressBlock() | CreateAddresses():
            return condition.type == f"{change.family}Ready"
        case AttachVnic():
            return condition.type.endswith("Ready") and condition.reason == UNDER_WAY
        case _:
            return False


def unseen(before: NpnStatus, error: CloudError) -> NpnStatus:
    """Give the status after a look that failed: what was reached is not taken back.

    A cloud that is busy or away does not make an object that serves its pods a failure; it
    stays SUCCESS and says that it was not checked.
    """
    reason = REASONS.get(error.call, "FailedToGetInstance")
    message = f"{error.code}: {error.message}"
    before = accepted(before)
    if before.state == "SUCCESS" and isinstance(error, TRANSIENT):
        condition = Condition(
            type=SYNCED, status="False", reason=reason, message=message
        )
        others = tuple(c for c in before.conditions if c.type != SYNCED)
        return replace(before, conditions=(*others, condition))
    return replace(before, state="BACKOFF", reason=reason, message=message)


def unreadable(before: NpnStatus, error: Unreadable) -> NpnStatus:
    """Give the status of an object that breaks a rule: what was reached stays, unlooked at.

    Of what is asked for now nobody can say whether it is there, so no family is ready.
    """
    refusal = Condition(
        type=ACCEPTED,
        status="False",
        reason="Invalid",
        message=f"{error}; nothing is done for the object until that is changed",
    )
    return replace(
        before,
        state="BACKOFF",
        reason=UNREADABLE,
        message=str(error),
        conditions=(*_unsure(accepted(before).conditions), refusal),
    )


def _unsure(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    """Take back what was said of the families; that the cloud was away is no news then."""
    for condition in conditions:
        if condition.type.endswith("Ready"):
            yield replace(
                condition,
                status="Unknown",
                reason="NotAccepted",
                message="what is asked for now cannot be followed",
            )
        elif condition.type != SYNCED:
            yield condition


def accepted(status: NpnStatus) -> NpnStatus:
    """Give the status without what was said of an object that could not be followed."""
    left = tuple(c for c in status.conditions if c.type != ACCEPTED)
    return status if left == status.conditions else replace(status, conditions=left)


def waiting(before: NpnStatus, message: str) -> NpnStatus:
    """Give the status of an object that waits; what was said of another cause is taken back."""
    if accepted(before) is before:
        return before
    return replace(
        accepted(before), state="IN_PROGRESS", reason="IN_PROGRESS", message=message
    )


def _vnics(picture: Picture) -> Iterator[VnicStatus]:
    """Give every VNIC that can serve: it is there and the host has an address on it."""
    for slot in picture.slots:
        holdings = picture.holdings.get(slot.key, {})
        if any(holding.host for holding in holdings.values()):
            yield _vnic(picture, slot)


def _vnic(picture: Picture, slot: Slot) -> VnicStatus:
    """Give a VNIC; of a family whose host address is missing it offers nothing."""
    nic, families = picture.match.placed[slot.key], picture.served(slot)
    holdings = picture.holdings[slot.key]
    ready = {f: h for f, h in holdings.items() if h.host}
    empty = SubnetSeen(id=nic.vnic.subnet_id, state="")
    subnet = picture.seen.subnets.get(nic.vnic.subnet_id, empty)
    four, six = IPV4 in families, IPV6 in families
    pods4, pods6 = (ready[f].pods if f in ready else () for f in (IPV4, IPV6))
    return VnicStatus(
        vnic_id=nic.vnic.id,
        mac_address=nic.vnic.mac_address.lower(),
        subnet_id=nic.vnic.subnet_id,
        nsg_ids=nic.vnic.nsg_ids,
        ip_count=slot.pods,
        ip_families=families,
        subnet_v4=next(iter(subnet.v4), None) if four else None,
        subnet_v6=next(iter(subnet.v6), None) if six else None,
        router=Pair(
            v4=subnet.router_v4 if four else None, v6=subnet.router_v6 if six else None
        ),
        host=_pair(*(ready[f].host if f in ready else None for f in (IPV4, IPV6))),
        pod_addresses=tuple(_pair(a, b) for a, b in zip_longest(pods4, pods6)),
        application_resources=slot.application_resources,
        nic_index=nic.attachment.nic_index,
        vlan_tag=nic.attachment.vlan_tag,
    )


def _pair(
    v4: IPv4Address | IPv6Address | None, v6: IPv4Address | IPv6Address | None
) -> Pair:
    return Pair(
        v4 if isinstance(v4, IPv4Address) else None,
        v6 if isinstance(v6, IPv6Address) else None,
    )


def _conditions(picture: Picture, memory: Memory) -> Iterator[Condition]:
    """Give one condition per requested family, and what else an operator should know."""
    for family in picture.families:
        yield _family(picture, family, memory)
    fragmented = ", ".join(_fragmented(picture, memory))
    if fragmented:
        yield Condition(
            type="Fragmented",
            status="True",
            reason="NoLargeBlock",
            message=f"{fragmented}; a second CIDR block for the subnet would help",
        )
    pool = pool_condition(picture)
    if pool:
        yield pool
    disagree = disagreement(picture.npn)
    if disagree:
        yield Condition(
            type="MaxPods", status="False", reason="MorePods", message=disagree
        )
    surplus = ", ".join(_surplus(picture))
    if surplus:
        yield Condition(
            type="Surplus", status="True", reason="LeftAlone", message=surplus
        )


def _without_vnic(
    conditions: Iterable[Condition], decision: Decision
) -> Iterator[Condition]:
    """Say of families that wait for a VNIC that there will be none, when it is not to be had."""
    for condition in conditions:
        match decision:
            case Failed(reason="FailedToAttachVNIC") if condition.reason == UNDER_WAY:
                message = f"{condition.message}; {decision.message}"
                yield replace(condition, reason="NoVnic", message=message)
            case _:
                yield condition


def _family(picture: Picture, family: str, memory: Memory) -> Condition:
    """Tell of a family: whether all of it is there, else how much and why no more."""
    asking = [slot for slot in picture.slots if family in slot.families]
    held = [picture.holdings.get(slot.key, {}).get(family) for slot in asking]
    found = [holding for holding in held if holding]
    elastic = picture.pool is not None and family == IPV4
    of = "" if elastic else f" of {sum(s.pods for s in asking)}"
    message = (
        f"{sum(len(h.pods) for h in found)}{of} pod addresses,"
        f" {sum(not h.missing for h in found)} of {len(asking)} VNICs complete"
    )
    if picture.complete(family):
        return Condition(
            type=f"{family}Ready", status="True", reason="Complete", message=message
        )
    reason, cause = _cause(picture, family, memory)
    return Condition(
        type=f"{family}Ready",
        status="False",
        reason=reason,
        message=f"{message}; {cause}" if cause else message,
    )


def _cause(picture: Picture, family: str, memory: Memory) -> tuple[str, str]:
    """Say why a family is not complete: a word, and a sentence unless it is under way."""
    if not any(family in slot.families for slot in picture.slots):
        return "NotAssigned", unserved(picture, family)
    gap = unserved(picture, family)
    if gap:
        return "NotInSubnet", gap
    for slot in picture.lacking(family):
        refused = memory.held.get(addressing(slot.key, family))
        if refused:
            code = refused.message.partition(":")[0]
            return "Exhausted" if code in SPACE else "Refused", refused.message
        found = obstacle(picture, slot, family, memory)
        if isinstance(found, Failed):
            return "Exhausted", found.message
    return UNDER_WAY, ""


def _fragmented(picture: Picture, memory: Memory) -> Iterator[str]:
    """Name the VNICs whose addresses came in pieces because no block was free.

    A refusal is remembered for this turn's caps, and in the status from then on; a VNIC that
    only grew is in pieces as well, and nothing to tell.
    """
    told = [c.message for c in picture.npn.status.conditions if c.type == "Fragmented"]
    for key, holdings in picture.holdings.items():
        subnet = picture.match.placed[key].vnic.subnet_id
        for family, holding in holdings.items():
            words = f"addresses {'' if family == IPV4 else 'in IPv6 '}of {subnet}"
            known = any(words in message for message in told)
            if objects(holding.sizes, family) and (
                known or cap_of(subnet, family) in memory.caps
            ):
                yield (
                    f"VNIC {key}: {sum(holding.sizes)} {words}"
                    f" in {len(holding.sizes)} pieces"
                )


def _surplus(picture: Picture) -> Iterator[str]:
    """Name what is ours and not asked for (any more)."""
    for nic in picture.match.surplus:
        yield f"VNIC {nic.vnic.id} fills no slot"
    for key, holdings in picture.holdings.items():
        for family, holding in holdings.items():
            what = "addresses" if family == IPV4 else "IPv6 objects"
            if holding.spare:
                yield f"VNIC {key} has {holding.spare} {what} more than asked for"
