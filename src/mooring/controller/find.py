"""Which instance a node is, where the node does not say it: by its name and its address."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import IPv4Address

from mooring.controller.look import Looker
from mooring.core.kube.node import Node
from mooring.core.net.fields import Unreadable
from mooring.core.npn.errors import NotFound
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import DEAD, GOING, AttachmentSeen, InstanceSeen

LIFE = 30.0
"""Seconds that lists are taken as they were: every node without an id asks for them."""
FRESH = 2.0
"""Seconds in which lists that lack somebody are not asked for again: once serves all whom they lack."""


class Finder:
    """Finds instances in one compartment; in none when `compartment` is None."""

    def __init__(
        self,
        cloud: Cloud,
        looker: Looker,
        now: Callable[[], float],
        compartment: str | None = None,
    ) -> None:
        self._cloud, self._looker, self._now = cloud, looker, now
        self._compartment = compartment
        self._listed = float("-inf")
        self._list: tuple[InstanceSeen, ...] = ()
        self._attached: Mapping[str, tuple[AttachmentSeen, ...]] = {}
        self._primaries: dict[str, IPv4Address | None] = {}
        self._asking = threading.Lock()

    def instance(self, instance_id: str) -> InstanceSeen:
        """Show an instance; raise NotFound."""
        return self._cloud.instance(instance_id)

    def find(self, node: Node) -> str:
        """Give the instance whose primary VNIC has the node's address; raise Unreadable."""
        if self._compartment is None:
            rule = (
                "must be the instance's OCID (kubelet --provider-id), or the controller"
                " needs --compartment to look for it"
            )
            raise Unreadable(f"node {node.name}: spec.providerID", "", rule)
        with self._asking:  # what one worker learns spares the others the call
            self._refresh(self._compartment, LIFE)
            found = self._holder(node)
            # It may have been launched after the list was made.
            if not found and node.addresses and self._refresh(self._compartment, FRESH):
                found = self._holder(node)
        if found:
            return found
        addresses = ", ".join(map(str, node.addresses)) or "none"
        rule = f"is no primary address of an instance in {self._compartment}"
        raise Unreadable(f"node {node.name}: InternalIP", addresses, rule)

    def _holder(self, node: Node) -> str:
        """Give the instance that has the node's address; "" when none of the list has it."""
        # Who has the node's name is asked first: mostly it is that one.
        for instance in sorted(self._list, key=lambda i: i.display_name != node.name):
            if self._primary(instance.id) in node.addresses:
                return instance.id
        return ""

    def _refresh(self, compartment: str, life: float) -> bool:
        """List anew what is that old; what is known of an instance's primary VNIC stays."""
        if self._now() - self._listed < life:
            return False
        listed = self._cloud.instances_in(compartment)
        self._attached = self._cloud.attachments_in(compartment)
        self._list = tuple(i for i in listed if i.state not in GOING)
        here = {instance.id for instance in self._list}
        self._primaries = {
            id_: address
            for id_, address in self._primaries.items()
            if address is not None and id_ in here
        }
        self._listed = self._now()
        return True

    def _primary(self, instance_id: str) -> IPv4Address | None:
        """Give the address of an instance's primary VNIC, None when none can be seen."""
        if instance_id not in self._primaries:
            self._primaries[instance_id] = self._ask(instance_id)
        return self._primaries[instance_id]

    def _ask(self, instance_id: str) -> IPv4Address | None:
        for attachment in self._attached.get(instance_id, ()):
            if not attachment.vnic_id or attachment.state in DEAD:
                continue
            with suppress(NotFound):
                vnic = self._looker.vnic(attachment.vnic_id)
                if vnic.is_primary:
                    return vnic.private_ip
        return None
