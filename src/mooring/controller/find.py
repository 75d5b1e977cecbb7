"""Which instance a node is, where the node does not say it: by its name and its address."""

from collections.abc import Callable

from mooring.controller.look import Looker
from mooring.core.kube.node import Node
from mooring.core.net.fields import Unreadable
from mooring.core.npn.errors import NotFound
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import DEAD, GOING, InstanceSeen

LIFE = 30.0
"""Seconds that a list of instances is taken as it was: every node without an id asks for it."""


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
        self._until = float("-inf")
        self._list: tuple[InstanceSeen, ...] = ()

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
        known = [i for i in self._instances(self._compartment) if i.state not in GOING]
        named = [i for i in known if i.display_name == node.name]
        for instance in [*named, *(i for i in known if i not in named)]:
            if self._is(node, instance):
                return instance.id
        addresses = ", ".join(map(str, node.addresses)) or "none"
        rule = f"is no primary address of an instance in {self._compartment}"
        raise Unreadable(f"node {node.name}: InternalIP", addresses, rule)

    def _instances(self, compartment: str) -> tuple[InstanceSeen, ...]:
        if self._now() >= self._until:
            self._list = self._cloud.instances_in(compartment)
            self._until = self._now() + LIFE
        return self._list

    def _is(self, node: Node, instance: InstanceSeen) -> bool:
        for attachment in self._cloud.attachments(instance):
            if not attachment.vnic_id or attachment.state in DEAD:
                continue
            try:
                vnic = self._looker.vnic(attachment.vnic_id)
            except NotFound:
                continue
            if vnic.is_primary:
                return vnic.private_ip is not None and vnic.private_ip in node.addresses
        return False
