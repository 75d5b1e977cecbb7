"""Both families: who asks for which, what is taken next, and that neither hinders the other.

The vectors are the facts' (1.6 step 10, 1.7). RT-09: a status is never SUCCESS while a family
that was asked for is not served.
"""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from core.npn.npn_builders import (
    BOTH,
    DUAL,
    SUBNET,
    a_dual_profile,
    a_look,
    a_nic,
    a_profiled_npn,
    addresses,
    an_npn,
)

from mooring.core.npn.capacity import blocks6, objects, prefix, smaller
from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddress,
    CreateAddressBlock,
    Decision,
    Failed,
    Settled,
    Wait,
    reason,
    subject,
)
from mooring.core.npn.decide import decide
from mooring.core.npn.families import asked, may_want_ipv6
from mooring.core.npn.memory import Memory, after_no_block
from mooring.core.npn.picture import draw
from mooring.core.npn.record import (
    Condition,
    Ipv6Choice,
    Npn,
    NpnSpec,
    NpnStatus,
    Pair,
    SecondaryVnic,
    VnicStatus,
)
from mooring.core.npn.seen import Sighting
from mooring.core.npn.status import report

SIX_ONLY = replace(DUAL, v4=(), router_v4=None)
FOUR = addresses("vnic-0", "10.0.10.32/27")
SIX = addresses("vnic-0", "fd00:10::1:0:0:0/120")
NIC = a_nic("0")


def decided(npn: Npn, look: Sighting, memory: Memory | None = None) -> Decision:
    return decide(draw(npn, look), memory or Memory())


def dual(pods: int = 31, **spec: object) -> Npn:
    return an_npn(pods, **{"ip_families": BOTH, **spec})


def singles(vnic: str, count: int, first: int = 16) -> list[str]:
    v4 = [f"10.0.10.{first + i}/32" for i in range(count)]
    return v4 + [f"fd00:10::{first + i:x}/128" for i in range(count)]


# Which families.


@pytest.mark.parametrize(
    ("families", "assign", "found"),
    [
        (("IPv4",), False, ("IPv4",)),
        (("IPv4",), True, BOTH),
        (("IPv6",), False, ("IPv6",)),
        (("IPv6",), True, ("IPv6",)),
        (BOTH, False, ("IPv4",)),
        (BOTH, True, BOTH),
        (BOTH[::-1], True, BOTH[::-1]),
    ],
)
def test_a_profile_has_both_families_when_it_asks_for_an_ipv6_address(
    families: tuple[str, ...], assign: bool, found: tuple[str, ...]
) -> None:
    profile = SecondaryVnic(
        display_name="p", subnet_id="pods", ip_count=1, assign_ipv6_ip=assign
    )

    assert asked(NpnSpec(id="i", ip_families=families), profile) == found


@pytest.mark.parametrize(
    ("npn", "may"),
    [
        (an_npn(), False),
        (a_profiled_npn(16), False),
        (a_dual_profile(16), True),
        (an_npn(ip_families=BOTH), True),
    ],
)
def test_a_look_asks_for_ipv6_only_where_it_may_be_wanted(npn: Npn, may: bool) -> None:
    assert may_want_ipv6(npn.spec) is may


def test_a_profile_in_a_subnet_of_ipv6_alone_means_ipv6() -> None:
    picture = draw(a_profiled_npn(16), a_look(subnet=SIX_ONLY))

    assert picture.families == ("IPv6",)
    change = decide(picture, Memory())
    assert isinstance(change, AttachVnic)
    assert change.vnic.assign_ipv6_ip


def test_an_object_in_classic_mode_that_asks_for_ipv4_means_it() -> None:
    decision = decided(an_npn(), a_look([NIC], subnet=SIX_ONLY))

    assert isinstance(decision, Failed)
    assert decision.message == "subnet pods has no IPv4 block"


# What a new VNIC comes with.


@pytest.mark.parametrize(
    ("npn", "assign"),
    [
        (an_npn(), False),
        (dual(), False),
        (an_npn(ip_families=("IPv6",)), True),
        (a_dual_profile(16), True),
        (a_profiled_npn(16), False),
    ],
    ids=["classic", "dual", "six", "dual profile", "profile"],
)
def test_a_vnic_comes_with_an_ipv6_address_where_its_host_needs_a_single_one(
    npn: Npn, assign: bool
) -> None:
    change = decided(npn, a_look(subnet=DUAL))

    assert isinstance(change, AttachVnic)
    assert change.vnic.assign_ipv6_ip is assign


def test_a_choice_of_address_goes_only_where_there_is_ipv6() -> None:
    choice = Ipv6Choice(subnet_cidr=IPv6Network("fd00:10::/64"))
    npn = a_dual_profile(16)
    (profile,) = npn.spec.secondary_vnics
    chosen = replace(profile, ipv6_choices=(choice,))
    npn = replace(npn, spec=replace(npn.spec, secondary_vnics=(chosen,)))

    with_six = decided(npn, a_look(subnet=DUAL))
    without = decided(npn, a_look())

    assert isinstance(with_six, AttachVnic)
    assert with_six.vnic.ipv6_choices == (choice,)
    assert isinstance(without, AttachVnic)
    assert (without.vnic.assign_ipv6_ip, without.vnic.ipv6_choices) == (False, ())


def test_no_vnic_is_attached_that_could_serve_nothing() -> None:
    decision = decided(an_npn(ip_families=("IPv6",)), a_look())

    assert isinstance(decision, Failed)
    assert decision.reason == "FailedToGetNPN_IPFamilies"
    assert decision.message == "subnet pods has no IPv6 prefix"


def test_a_subnet_that_was_not_shown_is_believed() -> None:
    look = replace(a_look(), subnets={})

    assert isinstance(decided(dual(), look), AttachVnic)


# How many addresses: the facts' vectors.


@pytest.mark.parametrize(
    ("existing", "pods", "added"),
    [
        ([18], 31, [14]),
        ([30, 18], 62, [2, 14]),
        ([0, 0], 34, [32, 4]),
        ([0, 0], 32, [32, 2]),
        ([0, 0, 0], 64, [32, 32, 3]),
    ],
)
def test_classic_vectors_hold_for_each_family(
    existing: list[int], pods: int, added: list[int]
) -> None:
    nics = [a_nic(str(i)) for i in range(len(existing))]
    held = [
        addresses(f"vnic-{i}", *singles("", count, 16 + 64 * i))
        for i, count in enumerate(existing)
    ]

    picture = draw(dual(pods), a_look(nics, *held, subnet=DUAL))

    for family in BOTH:
        missing = [picture.holdings[str(i)][family].missing for i in range(len(nics))]
        assert missing == added


@pytest.mark.parametrize(
    ("existing", "count", "missing"),
    [
        (("10.0.10.5/32", *singles("", 17)[:17], *singles("", 18)[18:]), 31, (14, 14)),
        (("10.0.10.5/32",), 31, (31, 32)),
        (("10.0.10.5/32",), 14, (14, 15)),
        (("10.0.10.5/32",), 32, (32, 33)),
        (("10.0.10.5/32", "10.0.10.8/30", "fd00:10::1:0:0:0/124"), 16, (12, 1)),
        (
            ("10.0.10.5/32", "10.0.10.8/30", "fd00:10::1:0:0:0/124", "fd00:10::5/128"),
            16,
            (12, 0),
        ),
    ],
)
def test_profile_vectors_hold_for_each_family(
    existing: Sequence[str], count: int, missing: tuple[int, int]
) -> None:
    primary, *more = existing
    held = addresses("vnic-p0", *more, primary=primary)
    nic = a_nic("p0", display_name="p0")

    picture = draw(a_dual_profile(count), a_look([nic], held, subnet=DUAL))

    holdings = picture.holdings["p0"]
    assert (holdings["IPv4"].missing, holdings["IPv6"].missing) == missing
    assert holdings["IPv4"].host == IPv4Address("10.0.10.5")


def test_a_larger_block_is_cut_to_the_count_and_leaves_the_host_to_a_single_one() -> (
    None
):
    nic = a_nic("p0", display_name="p0")
    held = addresses("vnic-p0", "fd00:10::1:0:0:0/124")
    npn = a_dual_profile(2, ip_families=("IPv6",))

    look = a_look([nic], held, subnet=SIX_ONLY)
    holding = draw(npn, look).holdings["p0"]["IPv6"]
    change = decided(npn, look)

    assert (holding.missing, len(holding.pods), holding.host) == (1, 2, None)
    assert isinstance(change, CreateAddress)
    assert change.family == "IPv6"


@pytest.mark.parametrize(
    ("addresses_wanted", "largest", "sizes"),
    [
        (1, None, (1,)),
        (2, None, (16,)),
        (16, None, (16,)),
        (17, None, (256,)),
        (256, None, (256,)),
        (257, None, (4096,)),
        (32, 16, (16, 16)),
        (33, 16, (16, 16, 1)),
        (3, 1, (1, 1, 1)),
    ],
)
def test_one_ipv6_block_holds_them_all_unless_none_is_free(
    addresses_wanted: int, largest: int | None, sizes: tuple[int, ...]
) -> None:
    assert blocks6(addresses_wanted, largest) == sizes


def test_lengths_of_ipv6_blocks_are_multiples_of_four() -> None:
    assert [prefix(s, "IPv6") for s in (1, 16, 256, 1 << 48)] == [128, 124, 120, 80]
    assert [smaller(s, "IPv6") for s in (256, 16, 1)] == [16, 1, 1]
    assert smaller(32, "IPv4") == 16
    assert objects((16, 16), "IPv6") == 1


def test_a_block_of_the_largest_size_is_not_counted_address_by_address() -> None:
    held = (*FOUR, *addresses("vnic-0", "fd00:10:0:0:1::/80"))

    picture = draw(dual(), a_look([NIC], held, subnet=DUAL))

    holding = picture.holdings["0"]["IPv6"]
    assert holding.host == IPv6Address("fd00:10:0:0:1::")
    assert len(holding.pods) == 31
    assert decide(picture, Memory()) == Settled()


# What comes next.


def test_both_families_take_three_changes() -> None:
    first = decided(dual(), a_look([NIC], subnet=DUAL))
    second = decided(dual(), a_look([NIC], FOUR, subnet=DUAL))

    assert isinstance(first, CreateAddressBlock)
    assert (first.family, first.size) == ("IPv4", 32)
    assert isinstance(second, CreateAddressBlock)
    assert (second.family, second.size) == ("IPv6", 256)
    assert second.ipv6_prefix == DUAL.v6[0]
    assert decided(dual(), a_look([NIC], (*FOUR, *SIX), subnet=DUAL)) == Settled()
    assert first.token != second.token


def test_the_preferred_family_comes_first_on_every_vnic() -> None:
    nics = [NIC, a_nic("1")]
    npn = dual(62, ip_families=BOTH[::-1])
    change = decided(npn, a_look(nics, SIX, subnet=DUAL))

    assert isinstance(change, CreateAddressBlock)
    assert (change.slot, change.family) == ("1", "IPv6")


def test_the_prefix_that_the_profile_names_is_used() -> None:
    two = replace(DUAL, v6=(IPv6Network("fd00:1::/64"), IPv6Network("fd00:2::/64")))
    npn = a_dual_profile(16)
    (profile,) = npn.spec.secondary_vnics
    choice = Ipv6Choice(subnet_cidr=two.v6[1])
    chosen = replace(profile, ipv6_choices=(Ipv6Choice(), choice))
    named = replace(npn, spec=replace(npn.spec, secondary_vnics=(chosen,)))
    held = addresses("vnic-p0", "10.0.10.16/28", primary="10.0.10.5/32")
    look = a_look([a_nic("p0", display_name="p0")], held, subnet=two)

    for each, block in ((npn, two.v6[0]), (named, two.v6[1])):
        change = decided(each, look)
        assert isinstance(change, CreateAddress)
        assert change.ipv6_prefix == block


def test_no_free_block_of_one_family_leaves_the_other_its_size() -> None:
    look = a_look([NIC], FOUR, subnet=DUAL)
    change = decided(dual(), look)
    assert isinstance(change, CreateAddressBlock)
    memory = after_no_block(Memory(), change)

    then = decided(dual(), look, memory)
    assert isinstance(then, CreateAddressBlock)
    assert then.size == 16
    single = decided(dual(), look, after_no_block(memory, then))
    assert isinstance(single, CreateAddress)
    four = decided(dual(), a_look([NIC], SIX, subnet=DUAL), memory)
    assert isinstance(four, CreateAddressBlock)
    assert four.size == 32


def test_changes_of_the_families_are_different_subjects() -> None:
    four = decided(dual(), a_look([NIC], subnet=DUAL))
    six = decided(dual(), a_look([NIC], FOUR, subnet=DUAL))

    assert isinstance(four, CreateAddressBlock)
    assert isinstance(six, CreateAddressBlock)
    assert (subject(four), subject(six)) == ("address 0", "IPv6 address 0")
    assert (reason(four), reason(six)) == (
        "FailedToCreatePrivateIP",
        "FailedToCreateIPv6",
    )


# One that cannot be had.


def no(subject_of: str, message: str = "Conflict: none is left") -> Memory:
    return Memory(
        held={subject_of: Failed(reason="FailedToCreateIPv6", message=message)}
    )


def reported(npn: Npn, look: Sighting, memory: Memory) -> NpnStatus:
    picture = draw(npn, look)
    return report(picture, decide(picture, memory), memory)


@pytest.mark.parametrize(
    ("refused", "goes_on"), [("address 0", "IPv6"), ("IPv6 address 0", "IPv4")]
)
def test_rt_09_a_family_that_is_refused_does_not_hinder_the_other(
    refused: str, goes_on: str
) -> None:
    change = decided(dual(), a_look([NIC], subnet=DUAL), no(refused))

    assert isinstance(change, CreateAddressBlock)
    assert change.family == goes_on


@pytest.mark.parametrize(
    ("npn", "look", "memory", "why"),
    [
        (dual(), a_look([NIC], FOUR), Memory(), "NotInSubnet"),
        (
            dual(),
            a_look([NIC], FOUR, subnet=DUAL),
            no("IPv6 address 0"),
            "Exhausted",
        ),
        (
            dual(),
            a_look([NIC], FOUR, subnet=DUAL),
            no("IPv6 address 0", "NotAuthorizedOrNotFound: who are you"),
            "Refused",
        ),
        (dual(), a_look([NIC], FOUR, subnet=DUAL), Memory(), "Incomplete"),
        (dual(), a_look(subnet=DUAL), Memory(), "Incomplete"),
        (
            replace(
                a_profiled_npn(32),
                spec=replace(a_profiled_npn(32).spec, ip_families=BOTH),
            ),
            a_look(
                [a_nic("p0", display_name="p0")],
                addresses("vnic-p0", "10.0.10.32/27", primary="10.0.10.5/32"),
                subnet=DUAL,
            ),
            Memory(),
            "NotAssigned",
        ),
    ],
    ids=["no prefix", "used up", "refused", "under way", "no VNIC", "not assigned"],
)
def test_rt_09_no_success_without_every_family_and_the_status_says_why(
    npn: Npn, look: Sighting, memory: Memory, why: str
) -> None:
    status = reported(npn, look, memory)

    assert status.state != "SUCCESS"
    found = {c.type: c for c in status.conditions}
    assert (found["IPv6Ready"].status, found["IPv6Ready"].reason) == ("False", why)


def test_rt_09_a_vnic_full_of_ipv6_objects_is_said_to_be() -> None:
    full = addresses("vnic-0", *(f"fd00:10::{n:x}/128" for n in range(16, 49)))
    npn = dual(31, max_pod_count=40, ip_families=("IPv6",))
    npn = a_dual_profile(40, ip_families=("IPv6",))
    nic = a_nic("p0", display_name="p0")
    host = addresses("vnic-p0", "fd00:10::5/128")
    full = addresses("vnic-p0", *(f"fd00:10::{n:x}/128" for n in range(16, 49)))

    status = reported(npn, a_look([nic], (*host, *full), subnet=SIX_ONLY), Memory())

    assert (status.state, status.reason) == ("BACKOFF", "FailedToAllocatePrivateIP")
    assert "33 IPv6 objects" in status.message
    assert status.conditions[0].reason == "Exhausted"
    assert len(status.vnics[0].pod_addresses) == 33


def test_a_subnet_that_updates_holds_up_both() -> None:
    look = a_look([NIC], FOUR, subnet=replace(DUAL, state="UPDATING"))
    decision = decided(dual(), look)

    assert isinstance(decision, Wait)
    assert decision.reason == "FailedToCreateIPv6"


# The status.


def test_the_first_of_the_vnics_families_is_the_preferred_one() -> None:
    held = (*FOUR, *SIX)
    for families in (BOTH, BOTH[::-1]):
        npn = dual(ip_families=families)
        status = reported(npn, a_look([NIC], held, subnet=DUAL), Memory())
        assert status.state == "SUCCESS"
        assert status.vnics[0].ip_families == families
        kinds = [c.type.removesuffix("Ready") for c in status.conditions]
        assert tuple(kinds) == families


def test_pods_of_one_family_stay_listed_while_the_other_is_short() -> None:
    short = (*FOUR, *addresses("vnic-0", "fd00:10::5/128", "fd00:10::6/128"))
    (vnic,) = reported(dual(), a_look([NIC], short, subnet=DUAL), Memory()).vnics

    assert [p.v6 is not None for p in vnic.pod_addresses] == [True] + [False] * 30
    assert all(p.v4 for p in vnic.pod_addresses)
    assert vnic.host == Pair(IPv4Address("10.0.10.32"), IPv6Address("fd00:10::5"))


def test_a_family_without_its_host_address_is_not_offered() -> None:
    pods = (Pair(v6=IPv6Address("fd00:10::5")),)
    before = NpnStatus(
        vnics=(
            VnicStatus(
                vnic_id="vnic-0",
                mac_address="02:00:17:00:00:01",
                subnet_id="pods",
                pod_addresses=pods,
            ),
        )
    )
    held = (*FOUR, *addresses("vnic-0", "fd00:10::5/128"))
    npn = replace(dual(), status=before)
    (vnic,) = reported(npn, a_look([NIC], held, subnet=DUAL), Memory()).vnics

    assert vnic.host == Pair(IPv4Address("10.0.10.32"))
    assert not any(p.v6 for p in vnic.pod_addresses)


def test_ipv6_addresses_beyond_the_need_are_no_surplus_but_whole_objects_are() -> None:
    more = addresses("vnic-0", "fd00:10::2:0:0:0/124")
    for held, kinds in ((SIX, BOTH), ((*SIX, *more), (*BOTH, "Surplus"))):
        look = a_look([NIC], (*FOUR, *held), subnet=DUAL)
        status = reported(dual(), look, Memory())
        assert status.state == "SUCCESS"
        assert [c.type.removesuffix("Ready") for c in status.conditions] == list(kinds)
    assert status.conditions[-1].message == (
        "VNIC 0 has 1 IPv6 objects more than asked for"
    )


def test_ipv6_in_pieces_is_told_apart_from_ipv4_in_pieces() -> None:
    held = (*FOUR, *addresses("vnic-0", "fd00:10::1:0:0:0/124", "fd00:10::2:0:0:0/124"))
    told = Condition(
        type="Fragmented",
        status="True",
        reason="x",
        message="VNIC 0: 32 addresses of pods in 2 pieces",
    )
    npn = dual(status=NpnStatus(conditions=(told,)))
    look = a_look([NIC], held, subnet=DUAL)

    quiet = reported(npn, look, Memory())
    said = reported(npn, look, Memory(caps={"pods IPv6": 16}))

    assert [c.type for c in quiet.conditions] == ["IPv4Ready", "IPv6Ready"]
    assert "32 addresses in IPv6 of pods in 2 pieces" in said.conditions[-1].message


def test_what_the_status_gave_to_host_and_pods_they_keep_in_ipv6_too() -> None:
    late = IPv6Address("fd00:10::1:0:0:a0")
    before = VnicStatus(
        vnic_id="vnic-0",
        mac_address="02:00:17:00:00:01",
        subnet_id="pods",
        host=Pair(v6=IPv6Address("fd00:10::1:0:0:b0")),
        pod_addresses=(Pair(v6=late),),
    )
    npn = dual(1, status=NpnStatus(vnics=(before,)))
    look = a_look([NIC], (*FOUR, *SIX), subnet=DUAL)

    holding = draw(npn, look).holdings["0"]["IPv6"]

    assert (holding.host, holding.pods) == (before.host.v6, (late,))


def test_a_nic_in_another_subnet_than_the_slots_is_judged_by_its_own() -> None:
    away = a_nic("0", subnet_id="elsewhere")
    look = a_look([away], FOUR)
    look = replace(
        look, subnets={"pods": DUAL, "elsewhere": replace(SUBNET, id="elsewhere")}
    )

    status = reported(dual(), look, Memory())

    assert status.message == "subnet elsewhere has no IPv6 prefix"
