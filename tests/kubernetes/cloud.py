"""The lab's cloud as its operator reaches it: the official SDK with the lab's own profile."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import oci
from oci.circuit_breaker import NoCircuitBreakerStrategy
from patience import until

from mooring.cli.lab import opened
from mooring.lab.record import PROFILE, config_file

GONE = {"TERMINATED", "TERMINATING"}


@dataclass(frozen=True)
class Machine:
    """An instance that is no node of the cluster, and the VNICs that it has."""

    id: str
    cloud: "Cloud"

    @property
    def name(self) -> str:
        """Name its NativePodNetwork object."""
        return self.id.rpartition(".")[2]


class Cloud:
    """The cloud of one lab."""

    def __init__(self, lab: str) -> None:
        here = opened(lab)
        standing = here.needed()
        config = oci.config.from_file(str(config_file(here.files.path)), PROFILE)
        given = {
            "service_endpoint": standing.endpoint,
            "circuit_breaker_strategy": NoCircuitBreakerStrategy(),
            "retry_strategy": oci.retry.DEFAULT_RETRY_STRATEGY,
        }
        self.network = oci.core.VirtualNetworkClient(config, **given)
        self.compute = oci.core.ComputeClient(config, **given)
        self.machines = dict(standing.machines)
        self._pattern = next(iter(standing.instances.values()))

    def close(self) -> None:
        """Leave no connection open."""
        for client in (self.network, self.compute):
            client.base_client.session.close()

    def subnet(self, role: str) -> str:
        """Give a subnet of the lab by its role."""
        node = self.compute.get_instance(self._pattern).data
        subnets = self.network.list_subnets(node.compartment_id).data
        return next(s.id for s in subnets if role in s.display_name)

    def _objects(self, vnic: str) -> list[Any]:
        pages = oci.pagination.list_call_get_all_results
        return list(pages(self.network.list_private_ips, vnic_id=vnic).data)

    def addresses(self, vnic: str) -> set[str]:
        """Give the IPv4 addresses that a VNIC has beside its primary one."""
        return {a for each in self._objects(vnic) for a in _members(each)}

    def delete_an_address(self, vnic: str, keep: set[str]) -> set[str]:
        """Delete an object of which no pod has an address; give its addresses."""
        for each in self._objects(vnic):
            members = _members(each)
            if not each.is_primary and not members & keep:
                self.network.delete_private_ip(each.id)
                return members
        raise AssertionError(f"no address of {vnic} is unused")

    def delete_the_object_of(self, vnic: str, address: str) -> set[str]:
        """Delete the object that has this address; give its addresses, none when there is none."""
        for each in self._objects(vnic):
            members = _members(each)
            if not each.is_primary and address in members:
                self.network.delete_private_ip(each.id)
                return members
        return set()

    @contextlib.contextmanager
    def machine(self, name: str) -> Iterator[Machine]:
        """Launch an instance like a worker; terminated after the block."""
        node = self.compute.get_instance(self._pattern).data
        details = oci.core.models.LaunchInstanceDetails(
            availability_domain=node.availability_domain,
            compartment_id=node.compartment_id,
            display_name=name,
            shape=node.shape,
            shape_config=oci.core.models.LaunchInstanceShapeConfigDetails(
                ocpus=node.shape_config.ocpus
            ),
            source_details=oci.core.models.InstanceSourceViaImageDetails(
                image_id=node.image_id
            ),
            create_vnic_details=oci.core.models.CreateVnicDetails(
                subnet_id=self.subnet("workers"), assign_public_ip=False
            ),
        )
        ident = self.compute.launch_instance(details).data.id
        try:
            until(lambda: self._state(ident) == "RUNNING", f"{name} running")
            yield Machine(ident, self)
        finally:
            self.compute.terminate_instance(ident)
            until(lambda: self._state(ident) in GONE, f"{name} terminated")

    def _state(self, ident: str) -> str:
        return str(self.compute.get_instance(ident).data.lifecycle_state)


def _members(private_ip: Any) -> set[str]:
    prefix = private_ip.cidr_prefix_length or 32
    return {str(a) for a in ip_network(f"{private_ip.ip_address}/{prefix}")}
