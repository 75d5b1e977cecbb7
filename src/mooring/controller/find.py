"""Which instance a node is, where the node does not say it: by its address.

Who has the node's name is asked first, and the name decides nothing else.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from mooring.controller.look import Looker
from mooring.core.kube.node import Address, Node
from mooring.core.net.fields import Unreadable
from mooring.core.npn.errors import NotFound
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import DEAD, GOING, AttachmentSeen, InstanceSeen, VnicSeen

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
        self._primaries: dict[str, frozenset[Address]] = {}
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
            self._refresh(self._compartment, LIFE, node)
            found = self._holder(node)
            # It may have been launched after the list was made.
            if not found and node.addresses:
                self._refresh(self._compartment, FRESH, node)
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
            if not self._primary(instance.id, node).isdisjoint(node.addresses):
                return instance.id
        return ""

    def _refresh(self, compartment: str, life: float, node: Node) -> None:
        """List anew what is that old; what is known of an instance's primary VNIC stays."""
        if self._now() - self._listed < life:
            return
        listed = self._cloud.instances_in(compartment)
        self._attached = self._cloud.attachments_in(compartment)
        self._list = tuple(i for i in listed if i.state not in GOING)
        here = {instance.id for instance in self._list}
        self._primaries = {
            id_: addresses
            for id_, addresses in self._primaries.items()
            if id_ in here and _tells(addresses, node)
        }
        self._listed = self._now()

    def _primary(self, instance_id: str, node: Node) -> frozenset[Address]:
        """Give the addresses of an instance's primary VNIC; none when none can be seen."""
        if instance_id not in self._primaries:
            self._primaries[instance_id] = self._ask(instance_id, node)
        return self._primaries[instance_id]

    def _ask(self, instance_id: str, node: Node) -> frozenset[Address]:
        for attachment in self._attached.get(instance_id, ()):
            if not attachment.vnic_id or attachment.state in DEAD:
                continue
            with suppress(NotFound):
                vnic = self._looker.vnic(attachment.vnic_id)
                if vnic.is_primary and not _tells(_addresses(vnic), node):
                    # Memory has it from before: IPv6 may have come to it since.
                    vnic = self._cloud.vnic(attachment.vnic_id)
                if vnic.is_primary:
                    return _addresses(vnic)
        return frozenset()


def _addresses(vnic: VnicSeen) -> frozenset[Address]:
    four = () if vnic.private_ip is None else (vnic.private_ip,)
    return frozenset({*four, *vnic.ipv6_addresses})


def _tells(addresses: frozenset[Address], node: Node) -> bool:
    """Tell whether these say if an instance is the node: a VNIC's IPv4 comes with it, IPv6 may later."""
    if {a.version for a in node.addresses} == {6}:
        return any(a.version == 6 for a in addresses)
    return bool(addresses)
