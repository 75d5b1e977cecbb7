"""A cloud in memory, as the controller sees it; passes the contract test of `adapters.oci`.

It allocates as the real one does: aligned blocks, three reserved addresses per subnet, single
IPv6 addresses out of the first /80 and blocks out of the rest, one attachment at a time, retry
tokens. `fault(call)` may say what happens to a call: "throttle",
"away" (not done, no answer), "lost" (done, no answer), "busy", or "" for nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from mooring.core.npn.capacity import MOST_OBJECTS, MOST_OBJECTS6, prefix
from mooring.core.npn.changes import (
    AttachVnic,
    Change,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    DeleteAddresses,
    UpdateVnic,
)
from mooring.core.npn.errors import (
    Busy,
    NoBlock,
    NotFound,
    Refused,
    Stale,
    Throttled,
    Unavailable,
    UnderWay,
)
from mooring.core.npn.port import Gate
from mooring.core.npn.seen import (
    DEAD,
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Made,
    SubnetSeen,
    VnicSeen,
)

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Subnet:
    """A subnet and what is taken in it. `updating_until` is when it takes orders again."""

    seen: SubnetSeen
    taken: set[IPv4Address] = field(default_factory=set)
    updating_until: float = 0.0
    largest6: int = 1 << 48
    next6: dict[tuple[IPv6Network, int], int] = field(default_factory=dict)
    full: dict[int, IPv4Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for block in self.seen.v4:
            self.taken |= {block[0], block[1], block[-1]}

    def free(self, size: int) -> IPv4Network | None:
        """Give the first free block; up to `full` there is none of this size."""
        for block in self.seen.v4:
            length = max(prefix(size), block.prefixlen)
            step = 1 << (32 - length)
            first = max(int(block[0]), int(self.full.get(size, block[0])))
            for number in range(first, int(block[-1]) + 1, step):
                candidate = IPv4Network((number, length))
                if self.taken.isdisjoint(candidate):
                    if block is self.seen.v4[0]:
                        self.full[size] = candidate[0]
                    return candidate
        return None

    def give_back(self, block: set[IPv4Address]) -> None:
        self.taken -= block
        self.full.clear()

    def free6(self, prefix6: IPv6Network, size: int) -> IPv6Network | None:
        """Give the next block of this size; none larger than `largest6` is free."""
        if size > self.largest6:
            return None
        part = 1 << 48  # the first /80 is for single ones, every size has its own /80
        place = 0 if size == 1 else part * size.bit_length()
        number = self.next6.get((prefix6, size), 2 if size == 1 else 0)
        self.next6[prefix6, size] = number + 1
        first = int(prefix6[0]) + place + number * size
        return IPv6Network((first, prefix(size, "IPv6")))


class FakeCloud:
    """Instances, VNICs and private IPs. `calls` names every call that was made."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = lambda: 0.0,
        attach_seconds: float = 0.0,
        list_lag: float = 0.0,
        gate: Gate | None = None,
    ) -> None:
        self.now, self.attach_seconds, self.list_lag = now, attach_seconds, list_lag
        self.gate = gate
        self.fault: Callable[[str], str] = lambda _call: ""
        self.calls: list[str] = []
        self.subnets: dict[str, Subnet] = {}
        self.instances: dict[str, InstanceSeen] = {}
        self._attachments: dict[str, tuple[str, AttachmentSeen]] = {}
        self.vnics: dict[str, VnicSeen] = {}
        self.private_ips: dict[str, AddressSeen] = {}
        self._on: defaultdict[str, set[str]] = defaultdict(set)
        self._held: defaultdict[str, list[str]] = defaultdict(list)
        self.ipv6_objects: dict[str, AddressSeen] = {}
        self.tokens: dict[str, Made] = {}
        self.works: dict[str, bool] = {}
        self.work_seconds = 0.0  # how long a work takes; half of it is done at once
        self.under_way: dict[str, tuple[float, CreateAddresses]] = {}
        self.ended: dict[str, str] = {}
        self.bulk = True
        self.shown_from: dict[str, float] = {}
        self._ready_at: dict[str, float] = {}
        self.hidden: set[str] = set()
        self._count = 0

    # What tests set up and break.

    def add_subnet(self, name: str, *blocks: str) -> str:
        v4 = tuple(IPv4Network(b) for b in blocks if ":" not in b)
        v6 = tuple(IPv6Network(b) for b in blocks if ":" in b)
        self.subnets[name] = Subnet(
            SubnetSeen(
                id=name,
                state="AVAILABLE",
                v4=v4,
                v6=v6,
                router_v4=v4[0][1] if v4 else None,
                router_v6=IPv6Address("fe80::200:17ff:fe00:1") if v6 else None,
            )
        )
        return name

    def add_instance(
        self,
        name: str,
        subnet: str,
        most_vnics: int | None = 24,
        state: str = "RUNNING",
    ) -> str:
        self.instances[name] = InstanceSeen(
            id=name, compartment_id="compartment", state=state, most_vnics=most_vnics
        )
        self.attach_foreign(name, subnet, is_primary=True)
        return name

    def attach_foreign(self, instance: str, subnet: str, *, is_primary: bool) -> str:
        attachment = self._attachment(instance, self._a_vnic(subnet, is_primary))
        return attachment.vnic_id or ""

    def detach(self, vnic_id: str) -> None:
        """Take a VNIC away behind everybody's back."""
        for key, (instance, attachment) in self._attachments.items():
            if attachment.vnic_id == vnic_id:
                gone = replace(attachment, state="DETACHED")
                self._attachments[key] = (instance, gone)
        del self.vnics[vnic_id]
        for address in [
            *self.addresses_of(vnic_id),
            *self.ipv6s_of(vnic_id),
        ]:
            self.delete_address(address.id)

    def delete_address(self, address_id: str) -> None:
        """Take a private-IP object away behind everybody's back."""
        if address_id in self.ipv6_objects:
            del self.ipv6_objects[address_id]
            return
        address = self.private_ips.pop(address_id)
        self._on[address.vnic_id].discard(address_id)
        self._subnet_of(address.vnic_id, address).give_back(set(_v4(address)))

    def set_state(self, instance: str, state: str) -> None:
        self.instances[instance] = replace(self.instances[instance], state=state)

    def change_vnic(self, vnic_id: str, **fields: object) -> None:
        self.vnics[vnic_id] = replace(self.vnics[vnic_id], **fields)

    def secondaries(self, instance: str) -> list[VnicSeen]:
        return [
            self.vnics[a.vnic_id]
            for a in self._of(instance)
            if a.vnic_id in self.vnics and not self.vnics[a.vnic_id].is_primary
        ]

    def addresses_of(self, vnic_id: str) -> list[AddressSeen]:
        return [self.private_ips[each] for each in sorted(self._on[vnic_id])]

    def ipv6s_of(self, vnic_id: str) -> list[AddressSeen]:
        return [a for a in list(self.ipv6_objects.values()) if a.vnic_id == vnic_id]

    # What the controller calls.

    def ping(self) -> None:
        self._enter("ListVcns")

    def instance(self, instance_id: str) -> InstanceSeen:
        self._enter("GetInstance")
        return _found("GetInstance", self.instances, instance_id)

    def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
        self._enter("ListInstances")
        return tuple(
            i for i in self.instances.values() if i.compartment_id == compartment_id
        )

    def attachments(self, instance: InstanceSeen) -> tuple[AttachmentSeen, ...]:
        self._enter("ListVnicAttachments")
        return tuple(
            self._visible(a) for a in self._of(instance.id) if self._listed(a.id)
        )

    def attachments_in(
        self, compartment_id: str
    ) -> Mapping[str, tuple[AttachmentSeen, ...]]:
        self._enter("ListVnicAttachments")
        return {
            i.id: tuple(self._visible(a) for a in self._of(i.id) if self._listed(a.id))
            for i in self.instances.values()
            if i.compartment_id == compartment_id
        }

    def addresses_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        self._enter("ListPrivateIps")
        return {
            v.id: tuple(a for a in self.addresses_of(v.id) if self._listed(a.id))
            for v in self.vnics.values()
            if v.subnet_id == subnet_id
        }

    def ipv6s_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        self._enter("ListIpv6s")
        return {
            v.id: tuple(a for a in self.ipv6s_of(v.id) if self._listed(a.id))
            for v in self.vnics.values()
            if v.subnet_id == subnet_id
        }

    def attachment(self, attachment_id: str) -> AttachmentSeen:
        self._enter("GetVnicAttachment")
        _, found = _found("GetVnicAttachment", self._attachments, attachment_id)
        return self._visible(found)

    def vnic(self, vnic_id: str) -> VnicSeen:
        self._enter("GetVnic")
        return _found("GetVnic", self.vnics, vnic_id)

    def addresses(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        self._enter("ListPrivateIps")
        _found("ListPrivateIps", self.vnics, vnic_id)
        return tuple(a for a in self.addresses_of(vnic_id) if self._listed(a.id))

    def address(self, address_id: str) -> AddressSeen:
        self._enter("GetPrivateIp")
        return _found("GetPrivateIp", self.private_ips, address_id)

    def ipv6s(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        self._enter("ListIpv6s")
        _found("ListIpv6s", self.vnics, vnic_id)
        return tuple(a for a in self.ipv6s_of(vnic_id) if self._listed(a.id))

    def ipv6(self, ipv6_id: str) -> AddressSeen:
        self._enter("GetIpv6")
        return _found("GetIpv6", self.ipv6_objects, ipv6_id)

    def subnet(self, subnet_id: str) -> SubnetSeen:
        self._enter("GetSubnet")
        subnet = _found("GetSubnet", self.subnets, subnet_id)
        updating = subnet.updating_until > self.now()
        return replace(subnet.seen, state="UPDATING" if updating else "AVAILABLE")

    def work(self, work_id: str) -> str:
        self._enter("GetWorkRequest")
        if work_id in self.under_way:
            return "IN_PROGRESS"
        return _found("GetWorkRequest", self.ended, work_id)

    def carry_out(self, change: Change) -> Made | None:
        call = type(change).__name__
        if getattr(change, "family", "IPv4") == "IPv6":
            call = call.replace("Address", "Ipv6")
        fault = self._enter(call)
        if fault == "lost":
            self._do(change)
            raise Unavailable(call, "NoAnswer", "the reply got lost")
        return self._do(change)

    def _do(self, change: Change) -> Made | None:
        match change:
            case UpdateVnic():
                self.vnics[change.vnic_id] = replace(
                    _found("UpdateVnic", self.vnics, change.vnic_id),
                    nsg_ids=change.nsg_ids,
                    skip_source_dest_check=change.skip_source_dest_check,
                )
            case CreateAddresses():
                self._take_several(change)
            case DeleteAddresses():
                for each in change.ids:
                    _found("DeletePrivateIp", self.private_ips, each)
                    self.delete_address(each)
            case _:
                return self._make(change)
        return None

    def _make(self, change: AttachVnic | CreateAddress | CreateAddressBlock) -> Made:
        match change:
            case AttachVnic():
                return self._once(change.token, lambda: self._attach(change))
            case CreateAddressBlock():
                if change.family == "IPv6":
                    return self._once(
                        change.token, lambda: self._take6(change, change.size)
                    )
                return self._once(
                    change.token, lambda: self._take(change.vnic_id, change.size)
                )
            case CreateAddress():
                if change.family == "IPv6":
                    return self._once(change.token, lambda: self._take6(change, 1))
                return self._once(change.token, lambda: self._take(change.vnic_id, 1))

    def _once(self, token: str, make: Callable[[], Made]) -> Made:
        made = self.tokens.get(token)
        if made is not None:
            if not self._exists(made):
                raise Stale("Create", "InvalidatedRetryToken", "the token is stale")
            return made
        made = make()
        self.tokens[token] = made
        self.shown_from[made.id] = self.now() + self.list_lag
        return made

    def _attach(self, change: AttachVnic) -> Made:
        instance = _found("AttachVnic", self.instances, change.instance_id)
        mine = [self._visible(a) for a in self._of(instance.id) if a.state not in DEAD]
        if any(a.state == "ATTACHING" for a in mine):
            raise Busy("AttachVnic", "IncorrectState", "another VNIC is being attached")
        if instance.most_vnics is not None and len(mine) >= instance.most_vnics:
            raise Refused("AttachVnic", "LimitExceeded", "too many VNICs")
        _found("AttachVnic", self.subnets, change.vnic.subnet_id)
        vnic = replace(
            self._a_vnic(change.vnic.subnet_id, is_primary=False),
            display_name=change.vnic.display_name,
            nsg_ids=change.vnic.nsg_ids,
            skip_source_dest_check=change.vnic.skip_source_dest_check,
            tags=dict(change.vnic.tags),
        )
        self.vnics[vnic.id] = vnic
        if change.vnic.assign_ipv6_ip:
            subnet = self.subnets[vnic.subnet_id]
            if not subnet.seen.v6:
                del self.vnics[vnic.id]
                raise Refused("AttachVnic", "InvalidParameter", "no IPv6 prefix")
            chosen = [c.address for c in change.vnic.ipv6_choices if c.address]
            self._new6(vnic.id, subnet.seen.v6[0], 1, next(iter(chosen), None))
        attachment = self._attachment(
            instance.id, vnic, change.vnic.nic_index, self.attach_seconds
        )
        seen = self._visible(attachment)
        return Made(kind="attachment", id=attachment.id, seen=seen)

    def _take(self, vnic_id: str, size: int, *, is_primary: bool = False) -> Made:
        vnic = _found("CreatePrivateIp", self.vnics, vnic_id)
        subnet = self.subnets[vnic.subnet_id]
        if subnet.updating_until > self.now():
            raise Busy("CreatePrivateIp", "IncorrectState", "the subnet is updating")
        if len(self.addresses_of(vnic_id)) > MOST_OBJECTS:
            raise Refused("CreatePrivateIp", "LimitExceeded", "too many private IPs")
        block = subnet.free(size)
        if block is None and size > 1:
            raise NoBlock(
                "CreatePrivateIp", "LimitExceeded", f"no /{prefix(size)} free"
            )
        if block is None:
            raise Refused("CreatePrivateIp", "LimitExceeded", "no address free")
        subnet.taken |= set(block)
        address = AddressSeen(
            id=self._id("privateip"),
            vnic_id=vnic_id,
            block=block,
            is_primary=is_primary,
        )
        self.private_ips[address.id] = address
        self._on[vnic_id].add(address.id)
        return Made(kind="address", id=address.id, seen=address)

    def _take_several(self, change: CreateAddresses) -> None:
        """Make single ones until one is refused; the same work is not done twice."""
        _found("BulkCreatePrivateIps", self.vnics, change.vnic_id)
        if not self.bulk:
            raise NotFound("BulkCreatePrivateIps", "NotAuthorizedOrNotFound", "unknown")
        for work_id, (_, begun) in self.under_way.items():
            if begun.token == change.token:
                raise UnderWay("BulkCreatePrivateIps", work_id, "IN_PROGRESS")
        if change.token not in self.works:
            self.works[change.token] = True
            if self.work_seconds:
                half = change.count // 2
                self._take_singles(change, half)
                work_id = self._id("workrequest")
                left = replace(change, count=change.count - half)
                self.under_way[work_id] = self.now() + self.work_seconds, left
                raise UnderWay("BulkCreatePrivateIps", work_id, "IN_PROGRESS")
            self._take_singles(change, change.count)
        if not self.works[change.token]:
            words = "the work did not do all of it"
            raise Refused("BulkCreatePrivateIps", "FAILED", words)

    def _take_singles(self, change: CreateAddresses, count: int) -> None:
        for _ in range(count):
            try:
                self._take(change.vnic_id, 1)
            except Refused:
                self.works[change.token] = False

    def _go_on(self) -> None:
        """End the works whose time is over."""
        for work_id, (at, change) in list(self.under_way.items()):
            if at <= self.now():
                del self.under_way[work_id]
                self._take_singles(change, change.count)
                done = self.works[change.token]
                self.ended[work_id] = "SUCCEEDED" if done else "FAILED"

    def _take6(self, change: CreateAddressBlock | CreateAddress, size: int) -> Made:
        vnic = _found("CreateIpv6", self.vnics, change.vnic_id)
        subnet = self.subnets[vnic.subnet_id]
        if subnet.updating_until > self.now():
            raise Busy("CreateIpv6", "IncorrectState", "the subnet is updating")
        if len(self.ipv6s_of(vnic.id)) >= MOST_OBJECTS6:
            raise Refused("CreateIpv6", "LimitExceeded", "too many IPv6 objects")
        if change.ipv6_prefix not in subnet.seen.v6:
            raise Refused("CreateIpv6", "InvalidParameter", "no such prefix")
        return self._new6(vnic.id, change.ipv6_prefix, size)

    def _new6(
        self,
        vnic_id: str,
        prefix6: IPv6Network,
        size: int,
        chosen: IPv6Address | None = None,
    ) -> Made:
        subnet = self.subnets[self.vnics[vnic_id].subnet_id]
        block = IPv6Network(chosen) if chosen else subnet.free6(prefix6, size)
        if block is None and size > 1:
            words = f"no /{prefix(size, 'IPv6')} free"
            raise NoBlock("CreateIpv6", "Conflict", words)
        if block is None:
            raise Refused("CreateIpv6", "Conflict", "no IPv6 address free")
        made = AddressSeen(id=self._id("ipv6"), vnic_id=vnic_id, block=block)
        self.ipv6_objects[made.id] = made
        return Made(kind="ipv6", id=made.id, seen=made)

    # How it works inside.

    def _of(self, instance: str) -> list[AttachmentSeen]:
        return [self._attachments[each][1] for each in self._held[instance]]

    def _a_vnic(self, subnet: str, is_primary: bool) -> VnicSeen:
        vnic = VnicSeen(
            id=self._id("vnic"),
            state="AVAILABLE",
            mac_address=f"02:00:17:00:{self._count >> 8:02x}:{self._count & 255:02x}",
            subnet_id=subnet,
            is_primary=is_primary,
        )
        self.vnics[vnic.id] = vnic
        if self.subnets[subnet].seen.v4:
            self._take(vnic.id, 1, is_primary=True)
        return vnic

    def _attachment(
        self, instance: str, vnic: VnicSeen, nic_index: int = 0, seconds: float = 0.0
    ) -> AttachmentSeen:
        attachment = AttachmentSeen(
            id=self._id("vnicattachment"),
            state="ATTACHED",
            vnic_id=vnic.id,
            nic_index=nic_index,
            created=EPOCH + timedelta(seconds=self._count),
        )
        self._attachments[attachment.id] = (instance, attachment)
        self._held[instance].append(attachment.id)
        self._ready_at[attachment.id] = self.now() + seconds
        return attachment

    def _visible(self, attachment: AttachmentSeen) -> AttachmentSeen:
        if attachment.state in DEAD or self._ready_at[attachment.id] <= self.now():
            return attachment
        return replace(attachment, state="ATTACHING", vnic_id=None)

    def _listed(self, name: str) -> bool:
        """Tell whether lists show it; `hidden` are left out by an old list."""
        return self.shown_from.get(name, 0.0) <= self.now() and name not in self.hidden

    def _exists(self, made: Made) -> bool:
        if made.kind == "address":
            return made.id in self.private_ips
        if made.kind == "ipv6":
            return made.id in self.ipv6_objects
        _, attachment = self._attachments[made.id]
        return attachment.state not in DEAD

    def _subnet_of(self, vnic_id: str, address: AddressSeen) -> Subnet:
        vnic = self.vnics.get(vnic_id)
        if vnic is not None:
            return self.subnets[vnic.subnet_id]
        first = _v4(address)[0]
        return next(
            s for s in self.subnets.values() if any(first in b for b in s.seen.v4)
        )

    def _enter(self, call: str) -> str:
        """Give a call its fault; raise what the call would raise before it did a thing."""
        self._go_on()
        fault = self._pass_gate(call)
        if fault == "throttle":
            raise Throttled(call, "too many requests")
        if fault == "away":
            raise Unavailable(call, "NoAnswer", "no answer")
        if fault == "busy":
            raise Busy(call, "IncorrectState", "something is changing")
        return fault

    def _pass_gate(self, call: str) -> str:
        """Ask a throttled call again a few times at the gate's pace, as the adapter does."""
        fault = ""
        for _ in range(4 if self.gate else 1):
            if self.gate:
                self.gate.enter()
            self.calls.append(call)
            fault = self.fault(call)
            if self.gate:
                self.gate.throttled(
                    None
                ) if fault == "throttle" else self.gate.answered()
            if fault != "throttle":
                break
        return fault

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"ocid1.{kind}.oc1.test.{self._count:06d}"


def _v4(address: AddressSeen) -> IPv4Network:
    assert isinstance(address.block, IPv4Network)
    return address.block


def _found(call: str, where: Mapping[str, T], name: str) -> T:
    if name not in where:
        raise NotFound(call, "NotAuthorizedOrNotFound", f"{name} not found")
    return where[name]
