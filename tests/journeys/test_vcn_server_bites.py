"""Behaviour that bites: what clients of the cloud stumble over, they stumble over here."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import oci
import pytest
from journeys.local_vcn import (
    LocalVcn,
    an_estate,
    an_instance,
    eventually,
    local_vcn,
)
from oci.core import models as m
from oci.exceptions import ServiceError
from oci.limits import LimitsClient


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


def error(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ServiceError) as why:
        call()
    assert why.value.message
    return why.value.status, why.value.code


def a_vcn(home: str, **more: object) -> m.CreateVcnDetails:
    return m.CreateVcnDetails(compartment_id=home, cidr_blocks=["10.0.0.0/16"], **more)


class Site:
    """A subnet with one instance, and what is done with addresses there."""

    def __init__(self, server: LocalVcn) -> None:
        self.server, self.network, self.compute = server, server.network, server.compute
        self.vcn, self.subnet = an_estate(server)
        self.instance = an_instance(server, self.subnet.id)
        self.home = self.instance.compartment_id
        attached = self.compute.list_vnic_attachments(
            self.home, instance_id=self.instance.id
        ).data
        self.primary = attached[0]
        self.vnic_id: str = self.primary.vnic_id

    def ip(self, **details: object) -> m.PrivateIp:
        given = {"vnic_id": self.vnic_id, **details}
        return self.network.create_private_ip(m.CreatePrivateIpDetails(**given)).data

    def ips(self, **query: str) -> list[m.PrivateIp]:
        found: list[m.PrivateIp] = oci.pagination.list_call_get_all_results(
            self.network.list_private_ips, **query
        ).data
        return found

    def attach(self, **details: object) -> m.VnicAttachment:
        vnic = m.CreateVnicDetails(subnet_id=self.subnet.id, **details)
        wish = m.AttachVnicDetails(
            instance_id=self.instance.id, create_vnic_details=vnic
        )
        return self.compute.attach_vnic(wish).data

    def attached(self) -> m.VnicAttachment:
        made = self.attach()
        return eventually(
            lambda: self.compute.get_vnic_attachment(made.id), "ATTACHED"
        ).data

    def group(self) -> str:
        details = m.CreateNetworkSecurityGroupDetails(
            compartment_id=self.home, vcn_id=self.vcn.id
        )
        made: str = self.network.create_network_security_group(details).data.id
        return made


@pytest.fixture(scope="module")
def site(server: LocalVcn) -> Site:
    return Site(server)


def test_404_may_mean_not_authorised(server: LocalVcn) -> None:
    missing = "ocid1.vcn.oc1.local-1.aaaanowhere"

    assert error(lambda: server.network.get_vcn(missing)) == (
        404,
        "NotAuthorizedOrNotFound",
    )


def test_409_conflict(site: Site) -> None:
    taken = site.ip().ip_address

    assert error(lambda: site.ip(ip_address=taken)) == (409, "Conflict")
    assert error(lambda: site.network.delete_vcn(site.vcn.id)) == (409, "Conflict")


def test_409_invalidated_retry_token(server: LocalVcn, home: str) -> None:
    network = server.network
    network.create_vcn(a_vcn(home), opc_retry_token="one")
    other = a_vcn(home, display_name="another")

    refused = error(lambda: network.create_vcn(other, opc_retry_token="one"))

    assert refused == (409, "InvalidatedRetryToken")


def test_412_for_an_old_etag(server: LocalVcn, home: str) -> None:
    network = server.network
    made = network.create_vcn(a_vcn(home))
    rename = m.UpdateVcnDetails(display_name="new")
    network.update_vcn(made.data.id, rename, if_match=made.headers["etag"])

    def again() -> object:
        return network.update_vcn(made.data.id, rename, if_match=made.headers["etag"])

    assert error(again) == (412, "NoEtagMatch")
    assert error(lambda: network.delete_vcn(made.data.id, if_match="x")) == (
        412,
        "NoEtagMatch",
    )


def test_a_vnic_has_64_secondary_objects(site: Site) -> None:
    vnic_id = site.attached().vnic_id
    for _ in range(64):
        site.ip(vnic_id=vnic_id)

    assert error(lambda: site.ip(vnic_id=vnic_id)) == (400, "LimitExceeded")
    assert len(site.ips(vnic_id=vnic_id)) == 65


def test_a_vnic_has_5_groups(site: Site) -> None:
    groups = [site.group() for _ in range(6)]
    update = site.network.update_vnic

    update(site.vnic_id, m.UpdateVnicDetails(nsg_ids=groups[:5]))
    refused = error(lambda: update(site.vnic_id, m.UpdateVnicDetails(nsg_ids=groups)))

    assert refused[0] == 400
    assert len(site.network.get_vnic(site.vnic_id).data.nsg_ids) == 5


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.1", "10.0.0.255"])
def test_the_first_two_and_the_last_address_are_reserved(
    site: Site, address: str
) -> None:
    assert error(lambda: site.ip(ip_address=address)) == (400, "InvalidParameter")


def test_addresses_are_chosen_by_chance(server: LocalVcn) -> None:
    site = Site(server)

    chosen = [IPv4Address(site.ip().ip_address) for _ in range(12)]

    assert chosen != sorted(chosen)


def test_blocks_are_aligned(server: LocalVcn) -> None:
    site = Site(server)
    block = site.ip(cidr_prefix_length=28)
    eventually(lambda: site.network.get_subnet(site.subnet.id), "AVAILABLE")

    assert IPv4Network(f"{block.ip_address}/28")
    misaligned = error(lambda: site.ip(ip_address="10.0.0.17", cidr_prefix_length=28))
    assert misaligned == (400, "InvalidParameter")


def test_a_subnet_has_been_updated_once_after_its_first_block(server: LocalVcn) -> None:
    site = Site(server)
    site.ip(cidr_prefix_length=28)
    eventually(lambda: site.network.get_subnet(site.subnet.id), "AVAILABLE")
    site.ip(cidr_prefix_length=28)
    assert site.network.get_subnet(site.subnet.id).data.lifecycle_state == "AVAILABLE"


def test_primaries_cannot_be_deleted(site: Site) -> None:
    primary = next(ip for ip in site.ips(vnic_id=site.vnic_id) if ip.is_primary)

    assert error(lambda: site.network.delete_private_ip(primary.id))[0] == 400
    assert error(lambda: site.compute.detach_vnic(site.primary.id))[0] == 400


def test_a_detached_vnic_takes_its_addresses_along(server: LocalVcn) -> None:
    site = Site(server)
    before = {ip.ip_address for ip in site.ips(subnet_id=site.subnet.id)}
    attachment = site.attached()
    for _ in range(3):
        site.ip(vnic_id=attachment.vnic_id)

    site.compute.detach_vnic(attachment.id)
    eventually(lambda: site.compute.get_vnic_attachment(attachment.id), "DETACHED")

    assert {ip.ip_address for ip in site.ips(subnet_id=site.subnet.id)} == before


def test_a_terminated_instance_takes_its_vnics_along(server: LocalVcn) -> None:
    site = Site(server)
    attachment = site.attached()
    site.ip(vnic_id=attachment.vnic_id)

    site.compute.terminate_instance(site.instance.id)
    eventually(lambda: site.compute.get_instance(site.instance.id), "TERMINATED")

    assert site.ips(subnet_id=site.subnet.id) == []
    for vnic_id in (site.vnic_id, attachment.vnic_id):
        assert error(lambda name=vnic_id: site.network.get_vnic(name))[0] == 404


def test_a_retry_token_answers_the_first_result(server: LocalVcn, home: str) -> None:
    network = server.network
    first = network.create_vcn(a_vcn(home), opc_retry_token="first")
    network.update_vcn(first.data.id, m.UpdateVcnDetails(display_name="changed"))

    again = network.create_vcn(a_vcn(home), opc_retry_token="first")
    server.kill()
    server.start()
    after_a_kill = server.network.create_vcn(a_vcn(home), opc_retry_token="first")

    for repeated in (again, after_a_kill):
        assert repeated.data == first.data
        assert repeated.headers["etag"] == first.headers["etag"]
    assert server.network.get_vcn(first.data.id).data.display_name == "changed"


# -- what is settled at start


def started(server: LocalVcn, *flags: str) -> LocalVcn:
    """The same state, served with other flags."""
    server.stop()
    server.flags = flags
    server.start()
    return server


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as begun:
        yield begun


def test_429_beyond_the_budget_of_an_operation(other: LocalVcn) -> None:
    server, home = (
        started(other, "--budget", "CreateVcn=1/h:2"),
        other.init()["tenancy"],
    )
    network, stranger = server.network, server.init("OTHER")
    network.create_vcn(a_vcn(home))
    network.create_vcn(a_vcn(home))

    assert error(lambda: network.create_vcn(a_vcn(home))) == (429, "TooManyRequests")
    assert network.list_vcns(home).status == 200
    theirs = server.client(oci.core.VirtualNetworkClient, stranger)
    assert theirs.create_vcn(a_vcn(home)).status == 200


def test_a_service_limit_is_told_and_kept(other: LocalVcn) -> None:
    home = other.init()["tenancy"]
    there = len(other.network.list_vcns(home).data)
    server = started(other, "--limit", f"vcn-count={there + 1}")
    network, limits = server.network, server.client(LimitsClient)
    ask = ("vcn", "vcn-count", home)
    before = limits.get_resource_availability(*ask).data
    network.create_vcn(a_vcn(home))

    assert (before.used, before.available) == (there, 1)
    assert limits.get_resource_availability(*ask).data.available == 0
    assert error(lambda: network.create_vcn(a_vcn(home))) == (400, "LimitExceeded")


def test_lists_are_late_and_gets_are_not(other: LocalVcn) -> None:
    server, home = started(other, "--list-lag", "1h"), other.init()["tenancy"]
    network = server.network
    made = network.create_vcn(a_vcn(home, display_name="late")).data

    assert network.get_vcn(made.id).data.display_name == "late"
    assert network.list_vcns(home, display_name="late").data == []

    network = started(server, "--list-lag", "200ms").network
    late = network.create_vcn(a_vcn(home, display_name="later")).data
    listed: list[Any] = []
    while not listed:
        listed = network.list_vcns(home, display_name="later").data
    assert [vcn.id for vcn in listed] == [late.id]


def test_a_vnic_is_named_once_it_is_attached_and_that_takes_its_time(
    other: LocalVcn,
) -> None:
    server = started(
        other, "--delay", "vnic-attach=1h", "--delay", "instance-launch=1ms"
    )
    site_subnet = an_estate(server)[1]
    instance = an_instance(server, site_subnet.id)
    details = m.AttachVnicDetails(
        instance_id=instance.id,
        create_vnic_details=m.CreateVnicDetails(subnet_id=site_subnet.id),
    )
    made = server.compute.attach_vnic(details).data
    seen = server.compute.get_vnic_attachment(made.id).data

    assert (seen.lifecycle_state, seen.vnic_id) == ("ATTACHING", None)
    assert error(lambda: server.compute.detach_vnic(made.id)) == (409, "IncorrectState")


def test_409_while_a_subnet_is_updating_after_its_first_block(other: LocalVcn) -> None:
    site = Site(started(other, "--delay", "subnet-update=1h"))
    site.ip(cidr_prefix_length=28)

    assert site.network.get_subnet(site.subnet.id).data.lifecycle_state == "UPDATING"
    assert error(site.ip) == (409, "IncorrectState")
