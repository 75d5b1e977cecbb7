"""The cloud's port: one contract for the SDK against a local VCN, and for the fake."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol, TypeVar

import pytest
from fakes.cloud import FakeCloud
from journeys.local_vcn import SHAPE, LocalVcn, eventually, local_vcn
from oci.core import models as m

from mooring.adapters.oci import Access, OciCloud
from mooring.controller.gate import PacedGate
from mooring.controller.look import Looker, Question
from mooring.core.npn.capacity import MOST_OBJECTS6
from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    DeleteAddresses,
    NewVnic,
    UpdateVnic,
)
from mooring.core.npn.errors import NoBlock, NotFound, Refused, Stale
from mooring.core.npn.port import Cloud
from mooring.core.npn.record import Ipv6Choice
from mooring.core.npn.seen import DEAD, Made, VnicSeen

T = TypeVar("T")
numbers = count()


class Place(Protocol):
    """A cloud with a subnet for the nodes, and what breaks it."""

    cloud: Cloud

    def subnet(self, size: int) -> str:
        """Make a subnet of so many addresses."""

    def dual_subnet(self) -> str:
        """Make a subnet of 256 addresses with an IPv6 prefix."""

    def instance(self, vnics: int) -> str:
        """Make a running instance of a shape with so many VNICs."""

    def detach(self, attachment_id: str) -> None: ...
    def delete_address(self, address_id: str) -> None: ...
    def terminate(self, instance_id: str) -> None: ...
    def group(self) -> str: ...


@dataclass
class FakePlace:
    cloud: FakeCloud = field(default_factory=FakeCloud)

    def __post_init__(self) -> None:
        self.cloud.add_subnet("workers", "10.200.0.0/24")

    def subnet(self, size: int) -> str:
        prefix = 33 - size.bit_length()
        n = next(numbers)
        return self.cloud.add_subnet(f"subnet-{n}", f"10.{n}.0.0/{prefix}")

    def dual_subnet(self) -> str:
        n = next(numbers)
        return self.cloud.add_subnet(f"six-{n}", f"10.{n}.0.0/24", f"fd00:{n:x}::/64")

    def instance(self, vnics: int) -> str:
        return self.cloud.add_instance(f"i-{next(numbers)}", "workers", vnics)

    def detach(self, attachment_id: str) -> None:
        self.cloud.detach(self.cloud.attachment(attachment_id).vnic_id or "")

    def delete_address(self, address_id: str) -> None:
        self.cloud.delete_address(address_id)

    def terminate(self, instance_id: str) -> None:
        self.cloud.set_state(instance_id, "TERMINATED")

    def group(self) -> str:
        return f"nsg-{next(numbers)}"


class LocalPlace:
    def __init__(self, vcn: LocalVcn) -> None:
        self.compartment = vcn.init()["tenancy"]
        self.network, self.compute = vcn.network, vcn.compute
        gate = PacedGate(time.monotonic, lambda _: False)
        access = Access(
            config=str(vcn.config_file), profile="DEFAULT", endpoint=vcn.endpoint
        )
        self.cloud = OciCloud(access, gate)
        self.vcn_id = self.network.create_vcn(
            m.CreateVcnDetails(
                compartment_id=self.compartment,
                cidr_blocks=["10.0.0.0/16"],
                is_ipv6_enabled=True,
                ipv6_private_cidr_blocks=["fd00:10::/48"],
                is_oracle_gua_allocation_enabled=False,
            )
        ).data.id
        self._blocks = count(1)
        self.workers = self.subnet(256)

    def subnet(self, size: int) -> str:
        return self._subnet(size)

    def dual_subnet(self) -> str:
        return self._subnet(256, ipv6_cidr_block=f"fd00:10:0:{next(numbers):x}::/64")

    def _subnet(self, size: int, **more: str) -> str:
        block = f"10.0.{next(self._blocks)}.0/{33 - size.bit_length()}"
        made = self.network.create_subnet(
            m.CreateSubnetDetails(
                compartment_id=self.compartment,
                vcn_id=self.vcn_id,
                cidr_block=block,
                **more,
            )
        )
        made_id: str = made.data.id
        return made_id

    def instance(self, vnics: int) -> str:
        shape = m.LaunchInstanceShapeConfigDetails(ocpus=vnics, memory_in_gbs=16)
        made = self.compute.launch_instance(
            m.LaunchInstanceDetails(
                compartment_id=self.compartment,
                availability_domain="moor:LOCAL-1-AD-1",
                shape=SHAPE,
                shape_config=shape,
                create_vnic_details=m.CreateVnicDetails(subnet_id=self.workers),
            )
        ).data.id
        eventually(lambda: self.compute.get_instance(made), "RUNNING")
        made_id: str = made
        return made_id

    def detach(self, attachment_id: str) -> None:
        self.compute.detach_vnic(attachment_id)
        eventually(lambda: self.compute.get_vnic_attachment(attachment_id), "DETACHED")

    def delete_address(self, address_id: str) -> None:
        if address_id.startswith("ocid1.ipv6."):
            self.network.delete_ipv6(address_id)
        else:
            self.network.delete_private_ip(address_id)

    def terminate(self, instance_id: str) -> None:
        self.compute.terminate_instance(instance_id)
        eventually(lambda: self.compute.get_instance(instance_id), "TERMINATED")

    def group(self) -> str:
        made_id: str = self.network.create_network_security_group(
            m.CreateNetworkSecurityGroupDetails(
                compartment_id=self.compartment, vcn_id=self.vcn_id
            )
        ).data.id
        return made_id


@pytest.fixture(scope="module", params=["fake", "oci"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    if request.param == "fake":
        yield FakePlace()
        return
    with local_vcn(tmp_path_factory.mktemp("vcn")) as vcn:
        local = LocalPlace(vcn)
        yield local
        local.cloud.close()


def until(get: Callable[[], T], good: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + 300
    while not good(found := get()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def an_attach(
    instance: str, subnet: str, token: str = "", **vnic: object
) -> AttachVnic:
    return AttachVnic(
        instance_id=instance,
        slot="0",
        vnic=NewVnic(
            subnet_id=subnet,
            display_name="mooring-abc-0",
            tags={"mooring-npn": "abc", "mooring-slot": "0"},
            **vnic,
        ),
        token=token or f"token-{next(numbers)}",
    )


def attach(place: Place, change: AttachVnic) -> tuple[Made, VnicSeen]:
    made = place.cloud.carry_out(change)
    assert made is not None
    attachment = until(
        lambda: place.cloud.attachment(made.id), lambda a: a.state == "ATTACHED"
    )
    assert attachment.vnic_id
    vnic_id = attachment.vnic_id
    vnic = until(lambda: place.cloud.vnic(vnic_id), lambda v: v.state == "AVAILABLE")
    return made, vnic


def a_vnic(place: Place, size: int = 256) -> VnicSeen:
    return attach(place, an_attach(place.instance(4), place.subnet(size)))[1]


def a_block(vnic: VnicSeen, size: int, token: str = "") -> CreateAddressBlock:
    return CreateAddressBlock(
        vnic_id=vnic.id,
        slot="0",
        subnet_id=vnic.subnet_id,
        size=size,
        tags={"mooring-npn": "abc"},
        token=token or f"token-{next(numbers)}",
    )


def a_single(vnic: VnicSeen, token: str = "") -> CreateAddress:
    return CreateAddress(
        vnic_id=vnic.id,
        slot="0",
        subnet_id=vnic.subnet_id,
        tags={"mooring-npn": "abc"},
        token=token or f"token-{next(numbers)}",
    )


def in_time(place: Place, change: CreateAddressBlock | CreateAddress) -> Made:
    """Carry out, while a subnet that updates says no."""
    subnet = place.cloud.subnet
    until(lambda: subnet(change.subnet_id), lambda s: s.state == "AVAILABLE")
    made = place.cloud.carry_out(change)
    assert made is not None
    until(lambda: subnet(change.subnet_id), lambda s: s.state == "AVAILABLE")
    return made


def test_somebody_answers(place: Place) -> None:
    place.cloud.ping()


def test_what_is_unknown_is_not_found(place: Place) -> None:
    unknown = place.instance(2)[:-6] + "aaaaaa"
    for ask in (
        place.cloud.instance,
        place.cloud.attachment,
        place.cloud.vnic,
        place.cloud.address,
        place.cloud.subnet,
    ):
        with pytest.raises(NotFound):
            ask(unknown)


def test_an_instance_shows_its_state_and_limit(place: Place) -> None:
    instance = place.cloud.instance(place.instance(3))

    assert (instance.state, instance.most_vnics) == ("RUNNING", 3)


def test_a_new_instance_has_its_primary_vnic(place: Place) -> None:
    instance = place.cloud.instance(place.instance(2))

    (attachment,) = place.cloud.attachments(instance)
    vnic = place.cloud.vnic(attachment.vnic_id or "")
    (address,) = place.cloud.addresses(vnic.id)

    assert attachment.state == "ATTACHED"
    assert (vnic.state, vnic.is_primary) == ("AVAILABLE", True)
    assert (address.block.prefixlen, address.is_primary) == (32, True)


def test_an_attached_vnic_is_as_it_was_asked_for(place: Place) -> None:
    instance, subnet, group = place.instance(2), place.subnet(256), place.group()

    made, vnic = attach(place, an_attach(instance, subnet, nsg_ids=(group,)))

    assert made.kind == "attachment"
    assert vnic.subnet_id == subnet
    assert vnic.tags == {"mooring-npn": "abc", "mooring-slot": "0"}
    assert vnic.nsg_ids == (group,)
    assert vnic.skip_source_dest_check
    assert vnic.display_name == "mooring-abc-0"
    assert len(vnic.mac_address.split(":")) == 6
    shown = place.cloud.attachments(place.cloud.instance(instance))
    assert made.id in {a.id for a in shown}


def test_the_same_token_attaches_once(place: Place) -> None:
    change = an_attach(place.instance(4), place.subnet(256), f"token-{next(numbers)}")

    first, again = place.cloud.carry_out(change), place.cloud.carry_out(change)

    assert first == again
    shown = place.cloud.attachments(place.cloud.instance(change.instance_id))
    assert len(shown) == 2


def test_a_token_whose_vnic_is_gone_is_stale(place: Place) -> None:
    change = an_attach(place.instance(4), place.subnet(256), f"token-{next(numbers)}")
    made, vnic = attach(place, change)
    place.detach(made.id)

    with pytest.raises(NotFound):
        place.cloud.vnic(vnic.id)
    assert place.cloud.attachment(made.id).state in DEAD
    # While the cloud still shows the detached attachment it may point at it.
    with suppress(Stale):
        assert place.cloud.carry_out(change) == made


def test_more_vnics_than_the_shape_has_are_refused(place: Place) -> None:
    instance, subnet = place.instance(2), place.subnet(256)
    attach(place, an_attach(instance, subnet))

    with pytest.raises(Refused) as caught:
        place.cloud.carry_out(an_attach(instance, subnet))
    assert caught.value.code == "LimitExceeded"


def test_attaching_to_nothing_is_not_found(place: Place) -> None:
    instance, subnet = place.instance(2), place.subnet(256)

    with pytest.raises(NotFound):
        place.cloud.carry_out(an_attach(instance[:-6] + "aaaaaa", subnet))
    with pytest.raises(NotFound):
        place.cloud.carry_out(an_attach(instance, subnet[:-6] + "aaaaaa"))


def test_a_vnic_can_be_set_right(place: Place) -> None:
    vnic, group = a_vnic(place), place.group()

    made = place.cloud.carry_out(
        UpdateVnic(
            vnic_id=vnic.id, slot="0", nsg_ids=(group,), skip_source_dest_check=False
        )
    )

    assert made is None
    found = place.cloud.vnic(vnic.id)
    assert (found.nsg_ids, found.skip_source_dest_check) == ((group,), False)


def test_a_block_is_one_aligned_object(place: Place) -> None:
    vnic = a_vnic(place)

    made = in_time(place, a_block(vnic, 32))

    primary, block = place.cloud.addresses(vnic.id)
    assert (made.kind, made.id) == ("address", block.id)
    assert place.cloud.address(made.id) == block
    assert block.block.prefixlen == 27
    assert not block.is_primary
    assert not primary.block.overlaps(block.block)


def test_a_single_address_is_another(place: Place) -> None:
    vnic = a_vnic(place)

    made = in_time(place, a_single(vnic))

    found = place.cloud.address(made.id)
    assert (found.vnic_id, found.block.prefixlen) == (vnic.id, 32)


def test_the_same_token_takes_one_block(place: Place) -> None:
    vnic = a_vnic(place)
    change = a_block(vnic, 16, f"token-{next(numbers)}")

    assert in_time(place, change) == in_time(place, change)
    assert len(place.cloud.addresses(vnic.id)) == 2


def test_a_token_whose_block_is_gone_is_stale(place: Place) -> None:
    vnic = a_vnic(place)
    change = a_block(vnic, 16, f"token-{next(numbers)}")
    made = in_time(place, change)
    place.delete_address(made.id)

    with pytest.raises(Stale):
        place.cloud.carry_out(change)
    with pytest.raises(NotFound):
        place.cloud.address(made.id)


def test_a_block_that_does_not_fit_is_told_apart_from_a_full_subnet(
    place: Place,
) -> None:
    vnic = a_vnic(place, size=16)

    with pytest.raises(NoBlock):
        place.cloud.carry_out(a_block(vnic, 16))
    for _ in range(12):
        in_time(place, a_single(vnic))
    with pytest.raises(Refused):
        place.cloud.carry_out(a_single(vnic))
    assert len(place.cloud.addresses(vnic.id)) == 13


def several(vnic: VnicSeen, many: int, token: str = "") -> CreateAddresses:
    return CreateAddresses(
        vnic_id=vnic.id,
        slot="0",
        subnet_id=vnic.subnet_id,
        count=many,
        tags={"mooring-npn": "abc"},
        token=token or f"token-{next(numbers)}",
    )


def giving_back(vnic: VnicSeen, *ids: str) -> DeleteAddresses:
    return DeleteAddresses(vnic_id=vnic.id, slot="0", ids=ids, blocks=ids)


def test_several_single_addresses_come_by_one_call(place: Place) -> None:
    vnic = a_vnic(place)
    change = several(vnic, 5)

    assert place.cloud.carry_out(change) is None
    assert place.cloud.carry_out(change) is None  # the same work, not another
    found = [a for a in place.cloud.addresses(vnic.id) if not a.is_primary]
    assert [a.block.prefixlen for a in found] == [32] * 5


def test_several_that_are_not_all_to_be_had_are_refused(place: Place) -> None:
    vnic = a_vnic(place, size=16)
    change = several(vnic, 14)

    for _ in range(2):
        with pytest.raises(Refused):
            place.cloud.carry_out(change)
    # What there was has been taken: the next look sees it.
    assert len(place.cloud.addresses(vnic.id)) == 13
    with pytest.raises(NotFound):
        place.cloud.carry_out(several(replace(vnic, id=vnic.id[:-6] + "aaaaaa"), 2))


def test_objects_are_given_back_one_or_several(place: Place) -> None:
    vnic = a_vnic(place)
    made = [in_time(place, a_block(vnic, 8)), in_time(place, a_block(vnic, 4))]
    made += [in_time(place, a_single(vnic))]

    assert place.cloud.carry_out(giving_back(vnic, made[0].id)) is None
    assert len(place.cloud.addresses(vnic.id)) == 3
    assert place.cloud.carry_out(giving_back(vnic, made[1].id, made[2].id)) is None
    assert [a.is_primary for a in place.cloud.addresses(vnic.id)] == [True]
    with pytest.raises(NotFound):
        place.cloud.carry_out(giving_back(vnic, made[0].id))


def test_addresses_on_nothing_are_not_found(place: Place) -> None:
    vnic = a_vnic(place)
    nowhere = VnicSeen(
        id=vnic.id[:-6] + "aaaaaa",
        state="",
        mac_address="",
        subnet_id=vnic.subnet_id,
        is_primary=False,
    )

    with pytest.raises(NotFound):
        place.cloud.carry_out(a_block(nowhere, 2))
    with pytest.raises(NotFound):
        place.cloud.carry_out(a_single(nowhere))


def test_a_subnet_shows_its_blocks_and_router(place: Place) -> None:
    subnet = place.cloud.subnet(place.subnet(256))

    (block,) = subnet.v4
    assert subnet.state == "AVAILABLE"
    assert (block.prefixlen, subnet.router_v4, subnet.v6) == (24, block[1], ())


# IPv6.


def six(
    place: Place, change: CreateAddressBlock | CreateAddress
) -> CreateAddressBlock | CreateAddress:
    """Make it a wish for IPv6."""
    (prefix,) = place.cloud.subnet(change.subnet_id).v6
    return replace(change, family="IPv6", ipv6_prefix=prefix)


def a_dual_vnic(place: Place, **vnic: object) -> VnicSeen:
    return attach(place, an_attach(place.instance(4), place.dual_subnet(), **vnic))[1]


def test_a_dual_subnet_shows_its_prefix_and_router(place: Place) -> None:
    subnet = place.cloud.subnet(place.dual_subnet())

    assert [b.prefixlen for b in (*subnet.v4, *subnet.v6)] == [24, 64]
    assert subnet.router_v6 is not None
    assert subnet.router_v6.is_link_local


def test_a_vnic_comes_with_an_ipv6_address_if_it_is_asked_for(place: Place) -> None:
    bare, given = a_dual_vnic(place), a_dual_vnic(place, assign_ipv6_ip=True)

    assert place.cloud.ipv6s(bare.id) == ()
    (single,) = place.cloud.ipv6s(given.id)
    assert (single.block.version, single.block.prefixlen) == (6, 128)
    assert not single.is_primary
    assert len(place.cloud.addresses(given.id)) == 1


def test_a_vnic_is_given_the_ipv6_address_of_its_choice(place: Place) -> None:
    subnet_id = place.dual_subnet()
    (prefix,) = place.cloud.subnet(subnet_id).v6
    choice = Ipv6Choice(address=prefix[0x77], subnet_cidr=prefix)
    wish = an_attach(
        place.instance(4), subnet_id, assign_ipv6_ip=True, ipv6_choices=(choice,)
    )

    _, vnic = attach(place, wish)

    (single,) = place.cloud.ipv6s(vnic.id)
    assert single.block[0] == choice.address


def test_an_ipv6_block_is_one_aligned_object(place: Place) -> None:
    vnic = a_dual_vnic(place)

    made = in_time(place, six(place, a_block(vnic, 256)))

    (block,) = place.cloud.ipv6s(vnic.id)
    assert (made.kind, made.id) == ("ipv6", block.id)
    assert place.cloud.ipv6(made.id) == block
    assert (block.kind, block.block.prefixlen) == ("ipv6", 120)
    assert len(place.cloud.addresses(vnic.id)) == 1


def test_single_ipv6_addresses_are_others_than_those_of_blocks(place: Place) -> None:
    vnic = a_dual_vnic(place)
    block = in_time(place, six(place, a_block(vnic, 16)))
    single = in_time(place, six(place, a_single(vnic)))

    one, other = (place.cloud.ipv6(made.id).block for made in (block, single))
    assert (one.prefixlen, other.prefixlen) == (124, 128)
    assert not one.overlaps(other)


def test_the_same_token_takes_one_ipv6_block(place: Place) -> None:
    vnic = a_dual_vnic(place)
    change = six(place, a_block(vnic, 16, f"token-{next(numbers)}"))

    made = in_time(place, change)
    assert in_time(place, change) == made
    place.delete_address(made.id)
    with pytest.raises(Stale):
        place.cloud.carry_out(change)
    with pytest.raises(NotFound):
        place.cloud.ipv6(made.id)


def test_more_ipv6_objects_than_a_vnic_may_hold_are_refused(place: Place) -> None:
    vnic = a_dual_vnic(place)
    for _ in range(MOST_OBJECTS6):
        in_time(place, six(place, a_single(vnic)))

    with pytest.raises(Refused) as caught:
        place.cloud.carry_out(six(place, a_single(vnic)))
    assert caught.value.code == "LimitExceeded"


def test_ipv6_in_a_subnet_without_it_is_refused(place: Place) -> None:
    vnic = a_vnic(place)
    wish = replace(a_block(vnic, 16), family="IPv6")

    with pytest.raises((Refused, NoBlock)):
        place.cloud.carry_out(wish)
    with pytest.raises(Refused):
        place.cloud.carry_out(
            an_attach(place.instance(2), place.subnet(16), assign_ipv6_ip=True)
        )


def test_a_look_shows_ipv6_where_it_is_asked_for(place: Place) -> None:
    instance, subnet = place.instance(4), place.dual_subnet()
    _, vnic = attach(place, an_attach(instance, subnet))
    block = in_time(place, six(place, a_block(vnic, 16)))
    lost = in_time(place, six(place, a_single(vnic)))
    place.delete_address(lost.id)
    question = Question(
        name="abc",
        instance_id=instance,
        expected=frozenset({block, lost}),
        subnets=frozenset({subnet, subnet[:-6] + "aaaaaa"}),
        ipv6=True,
    )
    looker = Looker(place.cloud, time.monotonic)

    seen = looker.look(question)
    without = looker.look(replace(question, ipv6=False, expected=frozenset()))

    assert [a.kind for a in seen.addresses[vnic.id]] == ["address", "ipv6"]
    assert (seen.gone, seen.unlisted) == ({lost}, frozenset())
    assert set(seen.subnets) == {subnet}
    assert [a.kind for a in without.addresses[vnic.id]] == ["address"]


def test_lists_of_all_show_what_looks_at_one_show(place: Place) -> None:
    instance = place.instance(2)
    _, vnic = attach(place, an_attach(instance, place.dual_subnet()))
    place.cloud.carry_out(a_block(vnic, 8))
    seen = place.cloud.instance(instance)
    listed = place.cloud.attachments_in(seen.compartment_id)[instance]
    four = place.cloud.addresses_in(vnic.subnet_id)[vnic.id]

    assert seen.id in {i.id for i in place.cloud.instances_in(seen.compartment_id)}
    assert {a.id for a in listed} == {a.id for a in place.cloud.attachments(seen)}
    assert set(four) == set(place.cloud.addresses(vnic.id))
    assert not place.cloud.ipv6s_in(vnic.subnet_id).get(vnic.id)


def test_a_terminated_instance_says_so(place: Place) -> None:
    instance = place.instance(2)
    place.terminate(instance)

    assert place.cloud.instance(instance).state == "TERMINATED"


def test_a_look_shows_all_of_it(place: Place) -> None:
    instance, subnet = place.instance(2), place.subnet(256)
    _, vnic = attach(place, an_attach(instance, subnet))
    in_time(place, a_block(vnic, 4))

    seen = Looker(place.cloud, time.monotonic).look(
        Question(name="abc", instance_id=instance)
    )

    assert len(seen.attachments) == len(seen.vnics) == 2
    assert [a.block.num_addresses for a in seen.addresses[vnic.id]] == [1, 4]
    assert set(seen.subnets) == {subnet}


def test_a_look_tells_what_was_made_and_is_gone(place: Place) -> None:
    instance, subnet = place.instance(4), place.subnet(256)
    kept, vnic = attach(place, an_attach(instance, subnet))
    lost, _ = attach(place, an_attach(instance, subnet))
    block, single = in_time(place, a_block(vnic, 4)), in_time(place, a_single(vnic))
    place.detach(lost.id)
    place.delete_address(single.id)
    unknown = Made(kind="attachment", id=kept.id[:-6] + "aaaaaa")

    seen = Looker(place.cloud, time.monotonic).look(
        Question(
            name="abc",
            instance_id=instance,
            expected=frozenset({kept, block, single, unknown}),
        )
    )

    assert seen.gone == {single, unknown}
    assert seen.unlisted == set()
    assert [a.id for a in seen.addresses[vnic.id]][1:] == [block.id]
    assert lost.id not in {a.id for a in seen.attachments if a.state not in DEAD}


def test_a_look_tells_an_address_that_is_on_another_vnic(place: Place) -> None:
    elsewhere = in_time(place, a_single(a_vnic(place)))
    instance, subnet = place.instance(4), place.subnet(256)
    attach(place, an_attach(instance, subnet))

    seen = Looker(place.cloud, time.monotonic).look(
        Question(name="abc", instance_id=instance, expected=frozenset({elsewhere}))
    )

    assert seen.gone == {elsewhere}
