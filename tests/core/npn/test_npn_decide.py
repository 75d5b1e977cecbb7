"""The decision table: what is seen, and the one thing that is done about it."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from core.npn.npn_builders import (
    INSTANCE,
    SUBNET,
    a_look,
    a_nic,
    a_profiled_npn,
    addresses,
    an_instance,
    an_npn,
)

from mooring.core.npn.capacity import spread
from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    Decision,
    Failed,
    Remove,
    Settled,
    UpdateVnic,
    Wait,
    describe,
    reason,
)
from mooring.core.npn.decide import decide
from mooring.core.npn.memory import Memory
from mooring.core.npn.picture import draw
from mooring.core.npn.record import Npn, NpnStatus, Pair, VnicStatus
from mooring.core.npn.seen import AttachmentSeen, Sighting, VnicSeen
from mooring.core.npn.slots import ours

FULL = addresses("vnic-0", "10.0.10.32/27", primary="10.0.10.5/32")


def decided(npn: Npn, look: Sighting, memory: Memory | None = None) -> Decision:
    return decide(draw(npn, look), memory or Memory())


# The instance.


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED"])
def test_an_object_goes_with_its_instance(state: str) -> None:
    decision = decided(an_npn(), a_look(instance=an_instance(state)))

    assert isinstance(decision, Remove)


@pytest.mark.parametrize("state", ["PROVISIONING", "STARTING", "MOVING"])
def test_an_instance_that_comes_is_waited_for(state: str) -> None:
    decision = decided(an_npn(), a_look(instance=an_instance(state)))

    assert decision == Wait(seconds=1.0, message=f"the instance is {state}")


@pytest.mark.parametrize(
    ("state", "waited"), [("STOPPED", 0.0), ("STOPPING", 0.0), ("STARTING", 1200.0)]
)
def test_an_instance_that_does_not_come_is_a_failure(state: str, waited: float) -> None:
    decision = decided(
        an_npn(), a_look(instance=an_instance(state)), Memory(waited=waited)
    )

    assert isinstance(decision, Failed)
    assert decision.reason == "FailedToGetRunningInstance"


# VNICs.


def test_a_node_without_a_vnic_gets_one() -> None:
    decision = decided(an_npn(network_security_group_ids=("nsg",)), a_look())

    assert isinstance(decision, AttachVnic)
    assert (decision.instance_id, decision.slot) == (INSTANCE, "0")
    assert decision.vnic.subnet_id == "pods"
    assert decision.vnic.nsg_ids == ("nsg",)
    assert decision.vnic.skip_source_dest_check
    assert decision.vnic.tags == {"mooring-npn": "abc", "mooring-slot": "0"}


def test_the_same_intention_has_the_same_token() -> None:
    first, again = decided(an_npn(), a_look()), decided(an_npn(), a_look())
    salted = decided(an_npn(), a_look(), Memory(salt=1))
    detached = (AttachmentSeen(id="old", state="DETACHED"), a_nic(None)[1])
    after_a_loss = decided(an_npn(), a_look([detached]))

    assert isinstance(first, AttachVnic)
    assert first == again
    assert isinstance(salted, AttachVnic)
    assert isinstance(after_a_loss, AttachVnic)
    assert len({first.token, salted.token, after_a_loss.token}) == 3
    assert len(first.token) <= 64


def test_a_foreign_vnic_is_not_taken_for_ours() -> None:
    decision = decided(an_npn(), a_look([a_nic(None)]))

    assert isinstance(decision, AttachVnic)


def test_the_second_vnic_waits_until_the_first_is_attached() -> None:
    coming = (AttachmentSeen(id="x", state="ATTACHING"), a_nic(None)[1])

    decision = decided(an_npn(62), a_look([coming]))

    assert decision == Wait(seconds=0.25, message="attachment x is under way")


def test_the_first_vnic_gets_its_addresses_while_the_second_comes() -> None:
    coming = (AttachmentSeen(id="x", state="ATTACHING"), a_nic(None)[1])

    decision = decided(an_npn(62), a_look([a_nic("0"), coming]))

    assert isinstance(decision, CreateAddressBlock)
    assert decision.vnic_id == "vnic-0"


def test_the_second_vnic_is_attached_before_the_first_is_filled() -> None:
    decision = decided(an_npn(62), a_look([a_nic("0")]))

    assert isinstance(decision, AttachVnic)
    assert decision.slot == "1"


def test_a_vnic_that_is_not_available_yet_is_waited_for() -> None:
    nic = a_nic("0", state="ATTACHED")
    provisioning = (nic[0], replace(nic[1], state="PROVISIONING"))

    decision = decided(an_npn(), a_look([provisioning]))

    assert decision == Wait(seconds=0.25, message="VNIC 0 is ATTACHED, PROVISIONING")


def test_waiting_ends_in_a_failure() -> None:
    nic = a_nic("0")
    look = a_look([(nic[0], replace(nic[1], state="PROVISIONING"))])

    decision = decided(an_npn(), look, Memory(waited=120.0))

    assert isinstance(decision, Failed)
    assert decision.reason == "FailedToAttachVNIC"
    assert "for 120 s now" in decision.message


def test_a_vnic_that_is_terminating_is_replaced() -> None:
    nic = a_nic("0")

    decision = decided(
        an_npn(), a_look([(nic[0], replace(nic[1], state="TERMINATING"))])
    )

    assert isinstance(decision, AttachVnic)


def test_a_shape_without_room_is_a_failure_that_says_so() -> None:
    decision = decided(
        an_npn(62), a_look([a_nic("0")], FULL, instance=an_instance(most=2))
    )

    assert decision == Failed(
        reason="FailedToAttachVNIC",
        message="the instance's shape allows 2 VNICs and has 2; 2 for pods are asked for"
        " (it can serve 31 pods in classic mode)",
    )


def test_a_vnic_that_fits_is_filled_before_the_failure_is_told() -> None:
    decision = decided(an_npn(62), a_look([a_nic("0")], instance=an_instance(most=2)))

    assert isinstance(decision, CreateAddressBlock)


def test_room_that_a_detaching_vnic_gives_is_waited_for() -> None:
    leaving = (AttachmentSeen(id="x", state="DETACHING"), a_nic(None)[1])

    decision = decided(an_npn(), a_look([leaving], instance=an_instance(most=2)))

    assert decision == Wait(seconds=0.25, message="a VNIC is being detached")


def test_an_unknown_limit_is_no_limit() -> None:
    assert isinstance(
        decided(an_npn(), a_look(instance=an_instance(most=None))), AttachVnic
    )


def test_a_detached_vnic_counts_for_nothing() -> None:
    gone = (AttachmentSeen(id="x", state="DETACHED"), a_nic(None)[1])

    decision = decided(an_npn(), a_look([gone], instance=an_instance(most=2)))

    assert isinstance(decision, AttachVnic)


@pytest.mark.parametrize(
    "fields", [{"skip_source_dest_check": False}, {"nsg_ids": ("other",)}]
)
def test_a_vnic_that_strays_is_set_right(fields: dict[str, object]) -> None:
    decision = decided(an_npn(), a_look([a_nic("0", **fields)], FULL))

    assert decision == UpdateVnic(
        vnic_id="vnic-0", slot="0", nsg_ids=(), skip_source_dest_check=True
    )


def test_of_two_vnics_for_one_slot_the_older_serves() -> None:
    older, younger = a_nic("0"), a_nic("0")
    younger = (
        replace(younger[0], id="attachment-z", vnic_id="vnic-z"),
        replace(younger[1], id="vnic-z"),
    )
    picture = draw(an_npn(), a_look([younger, older], FULL))

    assert picture.match.placed["0"].vnic.id == "vnic-0"
    assert [n.vnic.id for n in picture.match.surplus] == ["vnic-z"]
    assert decide(picture, Memory()) == Settled()


def listed(**fields: object) -> NpnStatus:
    vnic = VnicStatus(
        vnic_id="vnic-0", mac_address="02:00:17:00:00:01", subnet_id="pods"
    )
    return NpnStatus(vnics=(replace(vnic, **fields),))


def test_a_vnic_whose_tags_were_removed_is_known_from_the_status() -> None:
    look = a_look([a_nic("0", tags={})], FULL)

    assert decided(an_npn(status=listed()), look) == Settled()
    assert isinstance(decided(an_npn(), look), AttachVnic)


def test_a_vnic_of_a_slot_that_is_no_more_wanted_is_left_alone() -> None:
    look = a_look([a_nic("0"), a_nic("1")], FULL)

    assert decided(an_npn(31), look) == Settled()


# Addresses in classic mode (vectors of the facts, 1.7).


def singles(vnic: str, count: int, first: int = 16) -> tuple[str, ...]:
    return tuple(f"10.0.10.{first + i}/32" for i in range(count))


@pytest.mark.parametrize(
    ("existing", "pods", "added"),
    [
        ([1], 2, [2]),
        ([18], 31, [14]),
        ([0], 31, [32]),
        ([32], 31, [0]),
        ([30, 18], 62, [2, 14]),
        ([0, 0], 34, [32, 4]),
        ([0, 0], 32, [32, 2]),
        ([0, 0, 0], 64, [32, 32, 3]),
    ],
)
def test_addresses_to_add_per_vnic(
    existing: list[int], pods: int, added: list[int]
) -> None:
    nics = [a_nic(str(i)) for i in range(len(existing))]
    held = [
        addresses(f"vnic-{i}", *singles(f"vnic-{i}", count, 16 + 64 * i))
        for i, count in enumerate(existing)
    ]

    picture = draw(an_npn(pods), a_look(nics, *held))

    assert [picture.holdings[str(i)]["IPv4"].missing for i in range(len(nics))] == added
    assert len(spread(pods)) == len(nics)


@pytest.mark.parametrize(
    ("existing", "size"), [((), 32), (("10.0.10.16/28",), 16), (("10.0.10.8/30",), 16)]
)
def test_the_largest_block_of_what_is_missing_comes_first(
    existing: tuple[str, ...], size: int
) -> None:
    look = a_look([a_nic("0")], addresses("vnic-0", *existing))

    decision = decided(an_npn(), look)

    assert isinstance(decision, CreateAddressBlock)
    assert decision.size == size


def test_one_missing_address_is_a_single() -> None:
    look = a_look([a_nic("0")], addresses("vnic-0", *singles("vnic-0", 31)))

    decision = decided(an_npn(), look)

    assert isinstance(decision, CreateAddress)


def test_a_fragmented_subnet_is_asked_for_less() -> None:
    look = a_look([a_nic("0")])

    half = decided(an_npn(), look, Memory(caps={"pods": 16}))
    several = decided(an_npn(), look, Memory(caps={"pods": 1}))

    assert isinstance(half, CreateAddressBlock)
    assert half.size == 16
    assert isinstance(several, CreateAddresses)
    assert several.count == 32


def test_single_addresses_come_one_by_one_when_several_at_once_are_refused() -> None:
    look = a_look([a_nic("0")])
    refused = Failed(reason="FailedToCreatePrivateIP", message="no")
    memory = Memory(caps={"pods": 1}, held={"several address 0": refused})

    assert isinstance(decided(an_npn(), look, memory), CreateAddress)
    # That it was refused is no failure when all came one by one.
    assert decided(an_npn(), a_look([a_nic("0")], FULL), memory) == Settled()


def test_no_more_are_asked_for_at_once_than_the_vnic_has_room_for() -> None:
    nic = a_nic("p0", display_name="p0")
    held = addresses("vnic-p0", *singles("vnic-p0", 62))
    look = a_look([nic], held)
    decision = decided(a_profiled_npn(80), look, Memory(caps={"pods": 1}))

    assert isinstance(decision, CreateAddresses)
    assert decision.count == 2


def test_an_updating_subnet_is_waited_for() -> None:
    look = a_look([a_nic("0")], subnet=replace(SUBNET, state="UPDATING"))

    waited = decided(an_npn(), look)
    failed = decided(an_npn(), look, Memory(waited=121.0))

    assert isinstance(waited, Wait)
    assert waited.message == "subnet pods is being updated"
    assert isinstance(failed, Failed)
    assert failed.reason == "FailedToCreatePrivateIP"


def test_a_subnet_without_ipv4_is_a_failure() -> None:
    decision = decided(an_npn(), a_look([a_nic("0")], subnet=replace(SUBNET, v4=())))

    assert isinstance(decision, Failed)
    assert decision.reason == "FailedToGetNPN_IPFamilies"


def test_a_vnic_full_of_objects_is_a_failure() -> None:
    npn = a_profiled_npn(80)
    nic = a_nic("p0", display_name="p0")
    held = addresses("vnic-p0", *singles("vnic-p0", 64))

    decision = decided(npn, a_look([nic], held))

    assert isinstance(decision, Failed)
    assert decision.reason == "FailedToAllocatePrivateIP"
    assert "still lacks 16 addresses" in decision.message


def test_a_complete_node_is_settled() -> None:
    assert decided(an_npn(), a_look([a_nic("0")], FULL)) == Settled()


def test_what_is_beyond_the_need_is_left_alone() -> None:
    held = addresses("vnic-0", "10.0.10.32/27", "10.0.10.64/27")

    assert decided(an_npn(20), a_look([a_nic("0")], held)) == Settled()


# Addresses with profiles.


def test_a_profile_needs_exactly_its_count_beside_the_primary_address() -> None:
    nic = a_nic("p0", display_name="p0")

    decision = decided(
        a_profiled_npn(32), a_look([nic], addresses("vnic-p0", primary="10.0.10.5/32"))
    )

    assert isinstance(decision, CreateAddressBlock)
    assert decision.size == 32


@pytest.mark.parametrize(
    ("existing", "count", "missing"),
    [
        (("10.0.10.8/30",), 16, 12),
        (singles("", 20), 20, 0),
        (singles("", 18), 31, 13),
        ((), 14, 14),
    ],
)
def test_a_block_counts_as_its_size(
    existing: tuple[str, ...], count: int, missing: int
) -> None:
    nic = a_nic("p0", display_name="p0")
    held = addresses("vnic-p0", *existing, primary="10.0.10.5/32")

    picture = draw(a_profiled_npn(count), a_look([nic], held))

    assert picture.holdings["p0"]["IPv4"].missing == missing
    assert picture.holdings["p0"]["IPv4"].host == IPv4Address("10.0.10.5")


def test_profiles_are_found_by_name_in_any_order() -> None:
    nics = [a_nic("p1", display_name="p1"), a_nic("p0", display_name="p0")]
    held = [
        addresses("vnic-p0", "10.0.10.32/28", primary="10.0.10.5/32"),
        addresses("vnic-p1", "10.0.10.64/27", primary="10.0.10.6/32"),
    ]

    assert decided(a_profiled_npn(16, 32), a_look(nics, *held)) == Settled()


# The host's address.


def test_the_first_secondary_is_the_hosts() -> None:
    holding = draw(an_npn(), a_look([a_nic("0")], FULL)).holdings["0"]["IPv4"]

    assert holding.host == IPv4Address("10.0.10.32")
    assert holding.pods[0] == IPv4Address("10.0.10.33")
    assert len(holding.pods) == 31


def test_the_host_and_the_pods_keep_what_the_status_gave_them() -> None:
    before = listed(
        host=Pair(IPv4Address("10.0.10.40")),
        pod_addresses=(Pair(IPv4Address("10.0.10.50")),),
    )

    holding = draw(an_npn(1, status=before), a_look([a_nic("0")], FULL)).holdings["0"][
        "IPv4"
    ]

    assert holding.host == IPv4Address("10.0.10.40")
    assert holding.pods == (IPv4Address("10.0.10.50"),)
    assert holding.spare == 30


def test_a_lost_host_address_is_not_replaced_by_one_a_pod_may_use() -> None:
    pods = tuple(Pair(IPv4Address(f"10.0.10.{32 + i}")) for i in range(31))
    before = listed(host=Pair(IPv4Address("10.0.10.200")), pod_addresses=pods)
    held = addresses("vnic-0", *singles("vnic-0", 31, 32))
    npn = an_npn(20, status=before)

    holding = draw(npn, a_look([a_nic("0")], held)).holdings["0"]["IPv4"]

    assert (holding.host, holding.missing) == (None, 1)
    assert isinstance(decided(npn, a_look([a_nic("0")], held)), CreateAddress)


# Refusals.


def test_what_was_refused_is_held_back_while_there_is_something_else_to_do() -> None:
    no = Failed(reason="FailedToAttachVNIC", message="LimitExceeded: no")
    held = Memory(held={"attach 1": no})

    first = decided(an_npn(62), a_look([a_nic("0")]), held)
    then = decided(an_npn(62), a_look([a_nic("0")], FULL), held)

    assert isinstance(first, CreateAddressBlock)
    assert then == no


@pytest.mark.parametrize(
    ("look", "why", "what"),
    [
        (a_look(), "FailedToAttachVNIC", "attaching VNIC 0 in pods"),
        (a_look([a_nic("0")]), "FailedToCreatePrivateIP", "taking a /27 for VNIC 0"),
        (
            a_look([a_nic("0")], addresses("vnic-0", *singles("", 31))),
            "FailedToCreatePrivateIP",
            "taking an address for VNIC 0",
        ),
        (
            a_look([a_nic("0", nsg_ids=("x",))], FULL),
            "FailedToUpdateVNIC",
            "setting groups and source/destination check of VNIC 0",
        ),
    ],
)
def test_every_change_has_a_reason_and_words(
    look: Sighting, why: str, what: str
) -> None:
    change = decided(an_npn(), look)

    assert isinstance(
        change, AttachVnic | UpdateVnic | CreateAddress | CreateAddressBlock
    )
    assert (reason(change), describe(change)) == (why, what)


@pytest.mark.parametrize(
    ("nic", "listed_ids", "is_ours"),
    [
        (a_nic("0"), (), True),
        (a_nic("0", tags={"mooring-npn": "other"}), (), False),
        (a_nic("0", tags={}), ("vnic-0",), True),
        (a_nic("0", is_primary=True), ("vnic-0",), False),
    ],
)
def test_a_look_shows_the_addresses_of_what_may_be_ours(
    nic: tuple[AttachmentSeen, VnicSeen], listed_ids: tuple[str, ...], is_ours: bool
) -> None:
    assert ours("abc", nic[1], frozenset(listed_ids)) is is_ours
