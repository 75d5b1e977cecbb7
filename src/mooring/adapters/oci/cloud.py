"""The cloud through the official `oci` SDK: looks and changes as core's values.

The SDK only carries: it does not retry (what was done is for the next look to tell), has no
circuit breaker (one throttled object must not silence the others for half a minute), and
every call has its timeouts. Only a 429 is asked again here, a few times, at the pace of the
gate that all calls share: nothing was done, and a look of five calls is not thrown away.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from oci.core import models

from mooring.adapters.oci import answers, bulk
from mooring.adapters.oci.calls import ATTEMPTS, Calls
from mooring.adapters.oci.principals import Access
from mooring.core.npn.capacity import prefix
from mooring.core.npn.changes import (
    AttachVnic,
    Change,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    DeleteAddresses,
    NewVnic,
    UpdateVnic,
)
from mooring.core.npn.errors import NotFound
from mooring.core.npn.permissions import GROUPS
from mooring.core.npn.port import Gate
from mooring.core.npn.seen import (
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Made,
    SubnetSeen,
    VnicSeen,
)

__all__ = ["ATTEMPTS", "OciCloud"]
T = TypeVar("T")
PAGE = 1000
"""Entries of a page, the most there can be."""


class OciCloud:
    """A `Cloud`. Threads may share it; each has clients of its own.

    `patience` is how many seconds a change waits for its work to end.
    """

    def __init__(
        self, access: Access, gate: Gate, patience: float = bulk.PATIENCE
    ) -> None:
        self._calls, self._patience = Calls(access, gate), patience
        self.auth = self._calls.principal.auth
        self.counts = self._calls.counts

    @property
    def endpoint(self) -> str:
        """Where the calls go, as far as that is known by now."""
        return self._calls.endpoint

    def close(self) -> None:
        """Close every connection."""
        self._calls.close()

    def ping(self) -> None:
        """Ask something harmless, to know that somebody answers and knows us."""
        tenancy = self._calls.principal.signed().tenancy
        if tenancy is None:  # a token that does not say it: that there is one must do
            return
        with suppress(NotFound):
            self._calls.call(
                "ListVcns", lambda c: c.network.list_vcns(tenancy, limit=1)
            )

    def instance(self, instance_id: str) -> InstanceSeen:
        """Show an instance."""
        return self._calls.get(
            "GetInstance",
            lambda c: c.compute.get_instance(instance_id),
            answers.instance,
        )

    def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
        """List the instances of a compartment; one that is gone may be among them."""
        return self._calls.all(
            "ListInstances",
            lambda c, page: c.compute.list_instances(
                compartment_id, limit=PAGE, page=page
            ),
            answers.instance,
        )

    def attachments(self, instance: InstanceSeen) -> tuple[AttachmentSeen, ...]:
        """List what is attached to an instance, or was a moment ago."""
        return self._calls.all(
            "ListVnicAttachments",
            lambda c, page: c.compute.list_vnic_attachments(
                instance.compartment_id, instance_id=instance.id, page=page
            ),
            answers.attachment,
        )

    def attachments_in(
        self, compartment_id: str
    ) -> Mapping[str, tuple[AttachmentSeen, ...]]:
        """List what is attached in a compartment, by instance."""
        return _grouped(
            self._calls.all(
                "ListVnicAttachments",
                lambda c, page: c.compute.list_vnic_attachments(
                    compartment_id, limit=PAGE, page=page
                ),
                lambda data: (str(data.instance_id), answers.attachment(data)),
            )
        )

    def addresses_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        """List the private-IP objects of a subnet, by VNIC."""
        found = self._calls.all(
            "ListPrivateIps",
            lambda c, page: c.network.list_private_ips(
                subnet_id=subnet_id, limit=PAGE, page=page
            ),
            answers.address,
        )
        return _grouped((each.vnic_id, each) for each in found)

    def ipv6s_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        """List the IPv6 objects of a subnet, by VNIC."""
        found = self._calls.all(
            "ListIpv6s",
            lambda c, page: c.network.list_ipv6s(
                subnet_id=subnet_id, limit=PAGE, page=page
            ),
            answers.ipv6,
        )
        return _grouped((each.vnic_id, each) for each in found)

    def attachment(self, attachment_id: str) -> AttachmentSeen:
        """Show an attachment."""
        return self._calls.get(
            "GetVnicAttachment",
            lambda c: c.compute.get_vnic_attachment(attachment_id),
            answers.attachment,
        )

    def vnic(self, vnic_id: str) -> VnicSeen:
        """Show a VNIC."""
        return self._calls.get(
            "GetVnic", lambda c: c.network.get_vnic(vnic_id), answers.vnic
        )

    def addresses(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's private-IP objects, the primary one too."""
        return self._calls.all(
            "ListPrivateIps",
            lambda c, page: c.network.list_private_ips(vnic_id=vnic_id, page=page),
            answers.address,
        )

    def address(self, address_id: str) -> AddressSeen:
        """Show a private-IP object."""
        return self._calls.get(
            "GetPrivateIp",
            lambda c: c.network.get_private_ip(address_id),
            answers.address,
        )

    def ipv6s(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's IPv6 objects."""
        return self._calls.all(
            "ListIpv6s",
            lambda c, page: c.network.list_ipv6s(vnic_id=vnic_id, page=page),
            answers.ipv6,
        )

    def ipv6(self, ipv6_id: str) -> AddressSeen:
        """Show an IPv6 object."""
        return self._calls.get(
            "GetIpv6", lambda c: c.network.get_ipv6(ipv6_id), answers.ipv6
        )

    def subnet(self, subnet_id: str) -> SubnetSeen:
        """Show a subnet."""
        return self._calls.get(
            "GetSubnet", lambda c: c.network.get_subnet(subnet_id), answers.subnet
        )

    def work(self, work_id: str) -> str:
        """Show how far a work request is: its state."""
        return self._calls.get(
            "GetWorkRequest",
            lambda c: c.works.get_work_request(work_id),
            lambda data: str(data.status),
        )

    def carry_out(self, change: Change) -> Made | None:
        """Make one change and tell what it made; an update makes nothing."""
        match change:
            case AttachVnic():
                return self._attach(change)
            case UpdateVnic():
                self._calls.call(
                    "UpdateVnic",
                    lambda c: c.network.update_vnic(
                        change.vnic_id,
                        models.UpdateVnicDetails(
                            nsg_ids=list(change.nsg_ids),
                            skip_source_dest_check=change.skip_source_dest_check,
                        ),
                    ),
                    without=() if change.nsg_ids else (GROUPS,),
                )
            case CreateAddressBlock():
                return self._create(change, prefix(change.size, change.family))
            case CreateAddress():
                return self._create(change, None)
            case CreateAddresses():
                self._create_several(change)
            case DeleteAddresses():
                self._delete(change)
        return None

    def _attach(self, change: AttachVnic) -> Made:
        wanted = change.vnic
        details = models.AttachVnicDetails(
            instance_id=change.instance_id,
            display_name=wanted.attachment_name,
            nic_index=wanted.nic_index,
            create_vnic_details=models.CreateVnicDetails(
                subnet_id=wanted.subnet_id,
                display_name=wanted.display_name,
                nsg_ids=list(wanted.nsg_ids),
                skip_source_dest_check=wanted.skip_source_dest_check,
                assign_public_ip=wanted.assign_public_ip,
                **_with_ipv6(wanted),
                freeform_tags=dict(wanted.tags),
                defined_tags=dict(wanted.defined_tags) or None,
                security_attributes=dict(wanted.security_attributes) or None,
            ),
        )
        response = self._calls.call(
            "AttachVnic",
            lambda c: c.compute.attach_vnic(details, opc_retry_token=change.token),
            without=() if wanted.nsg_ids else (GROUPS,),
        )
        seen = self._calls.read("AttachVnic", answers.attachment, response.data)
        return Made(kind="attachment", id=seen.id, seen=seen)

    def _create(
        self, change: CreateAddressBlock | CreateAddress, length: int | None
    ) -> Made:
        if change.family == "IPv6":
            return self._create6(change, length)
        details = models.CreatePrivateIpDetails(
            vnic_id=change.vnic_id,
            cidr_prefix_length=length,
            freeform_tags=dict(change.tags),
        )
        response = self._calls.call(
            "CreatePrivateIp",
            lambda c: c.network.create_private_ip(
                details, opc_retry_token=change.token
            ),
            block=length is not None,
        )
        seen = self._calls.read("CreatePrivateIp", answers.address, response.data)
        return Made(kind="address", id=seen.id, seen=seen)

    def _create_several(self, change: CreateAddresses) -> None:
        name, details = "BulkCreatePrivateIps", bulk.creation(change)
        response = self._calls.call(
            name,
            lambda c: c.network.bulk_create_private_ips(
                details, opc_retry_token=change.token
            ),
        )
        bulk.follow(name, response, self.work, self._patience)

    def _delete(self, change: DeleteAddresses) -> None:
        if len(change.ids) == 1:
            self._calls.call(
                "DeletePrivateIp", lambda c: c.network.delete_private_ip(change.ids[0])
            )
            return
        name, details = "BulkDeletePrivateIps", bulk.deletion(change)
        response = self._calls.call(
            name, lambda c: c.network.bulk_delete_private_ips(details)
        )
        bulk.follow(name, response, self.work, self._patience)

    def _create6(
        self, change: CreateAddressBlock | CreateAddress, length: int | None
    ) -> Made:
        details = models.CreateIpv6Details(
            vnic_id=change.vnic_id,
            cidr_prefix_length=length,
            ipv6_subnet_cidr=_text(change.ipv6_prefix),
            freeform_tags=dict(change.tags),
        )
        response = self._calls.call(
            "CreateIpv6",
            lambda c: c.network.create_ipv6(details, opc_retry_token=change.token),
            block=length is not None,
        )
        seen = self._calls.read("CreateIpv6", answers.ipv6, response.data)
        return Made(kind="ipv6", id=seen.id, seen=seen)


def _grouped(pairs: Iterable[tuple[str, T]]) -> Mapping[str, tuple[T, ...]]:
    found: dict[str, tuple[T, ...]] = {}
    for owner, each in pairs:
        found[owner] = (*found.get(owner, ()), each)
    return found


def _with_ipv6(wanted: NewVnic) -> dict[str, Any]:
    """Ask for a VNIC's own IPv6 address, or say nothing of it."""
    if not wanted.assign_ipv6_ip:
        return {}
    pairs = [
        models.Ipv6AddressIpv6SubnetCidrPairDetails(
            ipv6_address=_text(choice.address),
            ipv6_subnet_cidr=_text(choice.subnet_cidr),
        )
        for choice in wanted.ipv6_choices
    ]
    return {
        "assign_ipv6_ip": True,
        "ipv6_address_ipv6_subnet_cidr_pair_details": pairs or None,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
