"""The cloud through the official `oci` SDK: looks and changes as core's values.

The SDK only carries: it does not retry (what was done is for the next look to tell), has no
circuit breaker (one throttled object must not silence the others for half a minute), and
every call has its timeouts. Only a 429 is asked again here, a few times, at the pace of the
gate that all calls share: nothing was done, and a look of five calls is not thrown away.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from oci.core import models
from oci.exceptions import ServiceError

from mooring.adapters.oci import answers, bulk
from mooring.adapters.oci.clients import (
    Access,
    Clients,
    MisconfiguredError,
    settings,
    short,
)
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
from mooring.core.npn.errors import (
    NotFound,
    Throttled,
    Unavailable,
    family,
)
from mooring.core.npn.port import Gate
from mooring.core.npn.seen import (
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Made,
    SubnetSeen,
    VnicSeen,
)

T = TypeVar("T")
ATTEMPTS = 4
"""How often a throttled call is asked in all."""


class OciCloud:
    """A `Cloud`. Threads may share it; each has clients of its own."""

    def __init__(self, access: Access, gate: Gate) -> None:
        self._access, self._gate = access, gate
        self._settings = settings(access)
        self._own = threading.local()
        self._made: list[Any] = []
        self._clients()

    @property
    def endpoint(self) -> str:
        """Where the calls go."""
        return str(self._clients().compute.base_client.endpoint)

    def close(self) -> None:
        """Close every connection."""
        for client in self._made:
            client.base_client.session.close()

    def ping(self) -> None:
        """Ask something harmless, to know that somebody answers and knows us."""
        tenancy = self._settings.get("tenancy")
        if tenancy is None:  # an instance principal's profile: its token knows it
            return
        with suppress(NotFound):
            self._call("ListVcns", lambda c: c.network.list_vcns(tenancy, limit=1))

    def instance(self, instance_id: str) -> InstanceSeen:
        """Show an instance."""
        return self._get(
            "GetInstance",
            lambda c: c.compute.get_instance(instance_id),
            answers.instance,
        )

    def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
        """List the instances of a compartment; one that is gone may be among them."""
        return self._list(
            "ListInstances",
            lambda c, page: c.compute.list_instances(compartment_id, page=page),
            answers.instance,
        )

    def attachments(self, instance: InstanceSeen) -> tuple[AttachmentSeen, ...]:
        """List what is attached to an instance, or was a moment ago."""
        return self._list(
            "ListVnicAttachments",
            lambda c, page: c.compute.list_vnic_attachments(
                instance.compartment_id, instance_id=instance.id, page=page
            ),
            answers.attachment,
        )

    def attachment(self, attachment_id: str) -> AttachmentSeen:
        """Show an attachment."""
        return self._get(
            "GetVnicAttachment",
            lambda c: c.compute.get_vnic_attachment(attachment_id),
            answers.attachment,
        )

    def vnic(self, vnic_id: str) -> VnicSeen:
        """Show a VNIC."""
        return self._get("GetVnic", lambda c: c.network.get_vnic(vnic_id), answers.vnic)

    def addresses(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's private-IP objects, the primary one too."""
        return self._list(
            "ListPrivateIps",
            lambda c, page: c.network.list_private_ips(vnic_id=vnic_id, page=page),
            answers.address,
        )

    def address(self, address_id: str) -> AddressSeen:
        """Show a private-IP object."""
        return self._get(
            "GetPrivateIp",
            lambda c: c.network.get_private_ip(address_id),
            answers.address,
        )

    def ipv6s(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's IPv6 objects."""
        return self._list(
            "ListIpv6s",
            lambda c, page: c.network.list_ipv6s(vnic_id=vnic_id, page=page),
            answers.ipv6,
        )

    def ipv6(self, ipv6_id: str) -> AddressSeen:
        """Show an IPv6 object."""
        return self._get("GetIpv6", lambda c: c.network.get_ipv6(ipv6_id), answers.ipv6)

    def subnet(self, subnet_id: str) -> SubnetSeen:
        """Show a subnet."""
        return self._get(
            "GetSubnet", lambda c: c.network.get_subnet(subnet_id), answers.subnet
        )

    def carry_out(self, change: Change) -> Made | None:
        """Make one change and tell what it made; an update makes nothing."""
        match change:
            case AttachVnic():
                return self._attach(change)
            case UpdateVnic():
                self._call(
                    "UpdateVnic",
                    lambda c: c.network.update_vnic(
                        change.vnic_id,
                        models.UpdateVnicDetails(
                            nsg_ids=list(change.nsg_ids),
                            skip_source_dest_check=change.skip_source_dest_check,
                        ),
                    ),
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

    def _get(
        self, name: str, ask: Callable[["Clients"], Any], read: Callable[[Any], T]
    ) -> T:
        """Ask for one thing and read it."""
        return self._read(name, read, self._call(name, ask).data)

    def _list(
        self,
        name: str,
        ask: Callable[["Clients", str | None], Any],
        read: Callable[[Any], T],
    ) -> tuple[T, ...]:
        """Read a list to its last page."""
        found: list[T] = []
        page: str | None = None
        while True:
            response = self._call(name, partial(_on_page, ask, page))
            found += [self._read(name, read, item) for item in response.data]
            last, page = page, response.headers.get("opc-next-page")
            if not page or page == last:
                return tuple(found)

    def _read(self, name: str, read: Callable[[Any], T], data: object) -> T:
        """Make a value of an answer; one that cannot be read is no answer."""
        try:
            return read(data)
        except (AttributeError, TypeError, ValueError) as error:
            raise Unavailable(name, "Malformed", short(error)) from error

    def _call(
        self, name: str, ask: Callable[["Clients"], Any], *, block: bool = False
    ) -> Any:  # noqa: ANN401 - a response of the SDK
        """Make one call at the gate's pace; raise only CloudErrors."""
        for attempt in range(1, ATTEMPTS + 1):
            self._gate.enter()
            try:
                response = ask(self._clients())
            except ServiceError as error:
                answer = family(answers.answer_of(name, error, block=block))
                if not isinstance(answer, Throttled):
                    raise answer from None
                self._gate.throttled(answer.retry_after)
                if attempt == ATTEMPTS:
                    raise answer from None
            except Exception as error:
                # Nobody lists what the SDK and its HTTP library raise.
                kind = type(error).__name__
                raise Unavailable(name, kind, short(error)) from error
            else:
                self._gate.answered()
                return response
        raise AssertionError("the last attempt returns or raises")

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
        response = self._call(
            "AttachVnic",
            lambda c: c.compute.attach_vnic(details, opc_retry_token=change.token),
        )
        seen = self._read("AttachVnic", answers.attachment, response.data)
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
        response = self._call(
            "CreatePrivateIp",
            lambda c: c.network.create_private_ip(
                details, opc_retry_token=change.token
            ),
            block=length is not None,
        )
        seen = self._read("CreatePrivateIp", answers.address, response.data)
        return Made(kind="address", id=seen.id, seen=seen)

    def _create_several(self, change: CreateAddresses) -> None:
        name, details = "BulkCreatePrivateIps", bulk.creation(change)
        response = self._call(
            name,
            lambda c: c.network.bulk_create_private_ips(
                details, opc_retry_token=change.token
            ),
        )
        bulk.follow(name, response, self._work, time.sleep)

    def _delete(self, change: DeleteAddresses) -> None:
        if len(change.ids) == 1:
            self._call(
                "DeletePrivateIp", lambda c: c.network.delete_private_ip(change.ids[0])
            )
            return
        name, details = "BulkDeletePrivateIps", bulk.deletion(change)
        response = self._call(
            name, lambda c: c.network.bulk_delete_private_ips(details)
        )
        bulk.follow(name, response, self._work, time.sleep)

    def _work(self, work_id: str) -> Any:  # noqa: ANN401 - a model of the SDK
        return self._call(
            "GetWorkRequest", lambda c: c.works.get_work_request(work_id)
        ).data

    def _create6(
        self, change: CreateAddressBlock | CreateAddress, length: int | None
    ) -> Made:
        details = models.CreateIpv6Details(
            vnic_id=change.vnic_id,
            cidr_prefix_length=length,
            ipv6_subnet_cidr=_text(change.ipv6_prefix),
            freeform_tags=dict(change.tags),
        )
        response = self._call(
            "CreateIpv6",
            lambda c: c.network.create_ipv6(details, opc_retry_token=change.token),
            block=length is not None,
        )
        seen = self._read("CreateIpv6", answers.ipv6, response.data)
        return Made(kind="ipv6", id=seen.id, seen=seen)

    def _clients(self) -> "Clients":
        """Give this thread's clients."""
        found: Clients | None = getattr(self._own, "clients", None)
        if found is None:
            try:
                found = Clients(self._settings, self._access.endpoint)
            except Exception as error:
                raise MisconfiguredError(
                    f"profile {self._access.profile} of {self._access.config}:"
                    f" {short(error)}"
                ) from error
            self._made += [found.compute, found.network, found.works]
            self._own.clients = found
        return found


def _on_page(
    ask: Callable[[Clients, str | None], Any], page: str | None, clients: Clients
) -> Any:  # noqa: ANN401 - a response of the SDK
    return ask(clients, page)


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
