"""The status that a turn writes, as golden JSON and by its promises."""

import json
import os
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from core.npn.npn_builders import (
    BOTH,
    DUAL,
    a_dual_profile,
    a_look,
    a_nic,
    a_profiled_npn,
    addresses,
    an_npn,
)

from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddressBlock,
    Failed,
    Remove,
    Settled,
    UpdateVnic,
    Wait,
)
from mooring.core.npn.codec import Unreadable, parse_status, render_status
from mooring.core.npn.decide import decide
from mooring.core.npn.errors import NotFound, Refused, Throttled, Unavailable
from mooring.core.npn.memory import Memory
from mooring.core.npn.picture import draw
from mooring.core.npn.record import Condition, Npn, NpnStatus
from mooring.core.npn.seen import AttachmentSeen, Sighting
from mooring.core.npn.status import refused, report, unreadable, unseen, waiting

GOLDEN = Path(__file__).parents[2] / "golden/npn"
FULL = addresses("vnic-0", "10.0.10.32/29")
FOUR = addresses("vnic-0", "10.0.10.32/31", "10.0.10.40/32")
SIX = (*FOUR, *addresses("vnic-0", "fd00:10::1:0:0:0/124"))
NONE_LEFT = Failed(reason="FailedToCreateIPv6", message="Conflict: there is none left")
COMING = (AttachmentSeen(id="x", state="ATTACHING"), a_nic(None)[1])


def reported(npn: Npn, look: Sighting, memory: Memory | None = None) -> NpnStatus:
    memory = memory or Memory()
    picture = draw(npn, look)
    return report(picture, decide(picture, memory), memory)


CASES = {
    "classic-more-pods-than-addresses": reported(
        replace(an_npn(7), kubelet_pods=110), a_look([a_nic("0")], FULL)
    ),
    "classic-attaching": reported(an_npn(7), a_look()),
    "classic-filling": reported(an_npn(7), a_look([a_nic("0")])),
    "classic-success": reported(an_npn(7), a_look([a_nic("0")], FULL)),
    "classic-second-vnic-coming": reported(
        an_npn(34), a_look([a_nic("0"), COMING], addresses("vnic-0", "10.0.10.32/27"))
    ),
    "classic-fragmented": reported(
        an_npn(7),
        a_look([a_nic("0")], addresses("vnic-0", "10.0.10.32/30", "10.0.10.8/30")),
        Memory(caps={"pods": 4}),
    ),
    "classic-surplus": reported(an_npn(4), a_look([a_nic("0"), a_nic("1")], FULL)),
    "profiles-success": reported(
        a_profiled_npn(2, 4),
        a_look(
            [a_nic("p0", display_name="p0"), a_nic("p1", display_name="p1")],
            addresses("vnic-p0", "10.0.10.32/31", primary="10.0.10.5/32"),
            addresses("vnic-p1", "10.0.10.64/30", primary="10.0.10.6/32"),
        ),
    ),
    "dual-success": reported(
        an_npn(2, ip_families=BOTH), a_look([a_nic("0")], SIX, subnet=DUAL)
    ),
    "dual-ipv6-preferred": reported(
        an_npn(2, ip_families=BOTH[::-1]), a_look([a_nic("0")], SIX, subnet=DUAL)
    ),
    "dual-filling": reported(
        an_npn(2, ip_families=BOTH), a_look([a_nic("0")], FOUR, subnet=DUAL)
    ),
    "dual-without-a-prefix": reported(
        an_npn(2, ip_families=BOTH), a_look([a_nic("0")], FOUR)
    ),
    "dual-exhausted": reported(
        an_npn(2, ip_families=BOTH),
        a_look([a_nic("0")], FOUR, subnet=DUAL),
        Memory(held={"IPv6 address 0": NONE_LEFT}),
    ),
    "dual-profiles": reported(
        a_dual_profile(4),
        a_look(
            [a_nic("p0", display_name="p0")],
            addresses(
                "vnic-p0",
                *("10.0.10.32/30", "fd00:10::5/128", "fd00:10::1:0:0:0/124"),
                primary="10.0.10.5/32",
            ),
            subnet=DUAL,
        ),
    ),
    "ipv6-only-success": reported(
        an_npn(2, ip_families=("IPv6",)), a_look([a_nic("0")], SIX, subnet=DUAL)
    ),
    "ipv6-only-without-a-prefix": reported(an_npn(7, ip_families=("IPv6",)), a_look()),
    "unreadable": unreadable(
        NpnStatus(), Unreadable("spec.maxPodCount", 0, "must be from 1 to 256")
    ),
    "unreadable-after-success": unreadable(
        reported(an_npn(7), a_look([a_nic("0")], FULL)),
        Unreadable("metadata.annotations", "mooring/pool=x", "cannot be followed"),
    ),
    "no-such-instance": unseen(
        NpnStatus(), NotFound("GetInstance", "NotAuthorizedOrNotFound", "no instance")
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_status(case: str) -> None:
    place = GOLDEN / f"{case}.json"
    text = json.dumps(render_status(CASES[case]), indent=2) + "\n"
    if os.environ.get("MOORING_GOLDEN") == "write":
        place.write_text(text)

    assert text == place.read_text()


@pytest.mark.parametrize("case", CASES)
def test_every_status_reads_back(case: str) -> None:
    assert parse_status(render_status(CASES[case])) == CASES[case]


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(CASES)


def test_a_repair_takes_nothing_from_the_pods() -> None:
    lost = addresses("vnic-0", "10.0.10.32/30", "10.0.10.36/31", "10.0.10.38/32")
    before = reported(an_npn(7), a_look([a_nic("0")], FULL))

    status = reported(an_npn(7, status=before), a_look([a_nic("0")], lost))

    assert status.state == "IN_PROGRESS"
    (vnic,) = status.vnics
    assert vnic.host == before.vnics[0].host
    assert len(vnic.pod_addresses) == 6
    assert set(vnic.pod_addresses) < set(before.vnics[0].pod_addresses)


def test_a_vnic_without_a_host_address_is_not_offered() -> None:
    assert reported(an_npn(7), a_look([a_nic("0")])).vnics == ()


def test_the_first_block_of_the_subnet_and_its_router_are_told() -> None:
    (vnic,) = reported(an_npn(7), a_look([a_nic("0")], FULL)).vnics

    assert vnic.subnet_v4 == IPv4Network("10.0.10.0/24")
    assert vnic.router.v4 == IPv4Address("10.0.10.1")


def test_a_subnet_that_was_not_shown_leaves_its_fields_empty() -> None:
    look = replace(a_look([a_nic("0")], FULL), subnets={})

    (vnic,) = reported(an_npn(7), look).vnics

    assert (vnic.subnet_v4, vnic.router.v4) == (None, None)


def test_growing_is_not_fragmentation() -> None:
    grown = addresses("vnic-0", "10.0.10.32/30", "10.0.10.8/32", "10.0.10.9/32")

    status = reported(an_npn(5), a_look([a_nic("0")], grown))

    assert [c.type for c in status.conditions] == ["IPv4Ready"]


def test_fragmentation_stays_told_until_it_is_healed() -> None:
    pieces = addresses("vnic-0", "10.0.10.32/30", "10.0.10.8/30")
    before = NpnStatus(
        conditions=(
            Condition(
                type="Fragmented",
                status="True",
                reason="x",
                message="VNIC 0: 8 addresses of pods in 2 pieces",
            ),
        )
    )

    still = reported(an_npn(7, status=before), a_look([a_nic("0")], pieces))
    healed = reported(an_npn(7, status=before), a_look([a_nic("0")], FULL))

    assert [c.type for c in still.conditions] == ["IPv4Ready", "Fragmented"]
    assert [c.type for c in healed.conditions] == ["IPv4Ready"]


SUCCESS = reported(an_npn(7), a_look([a_nic("0")], FULL))


@pytest.mark.parametrize(
    "error", [Throttled("GetVnic", "slow"), Unavailable("GetInstance", "x", "y")]
)
def test_a_cloud_that_is_away_does_not_make_a_served_object_a_failure(
    error: Throttled | Unavailable,
) -> None:
    status = unseen(unseen(SUCCESS, error), error)

    assert replace(status, conditions=()) == replace(SUCCESS, conditions=())
    assert [c.type for c in status.conditions] == ["IPv4Ready", "Synced"]
    assert status.conditions[1].message == f"{error.code}: {error.message}"


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("GetInstance", "FailedToGetInstance"),
        ("GetVnic", "FailedToGetVNIC"),
        ("ListPrivateIps", "FailedToListPrivateIP"),
        ("SomethingElse", "FailedToGetInstance"),
    ],
)
def test_a_look_that_is_refused_is_a_failure_that_keeps_the_vnics(
    call: str, reason: str
) -> None:
    status = unseen(SUCCESS, Refused(call, "NotAuthenticated", "who are you"))

    assert (status.state, status.reason) == ("BACKOFF", reason)
    assert status.message == "NotAuthenticated: who are you"
    assert status.vnics == SUCCESS.vnics


BROKEN = Unreadable("spec.maxPodCount", 0, "must be from 1 to 256")


def test_an_object_that_breaks_a_rule_is_not_accepted_and_no_family_is_ready() -> None:
    before = unseen(SUCCESS, Unavailable("GetInstance", "x", "y"))
    once, twice = (unreadable(s, BROKEN) for s in (before, unreadable(before, BROKEN)))

    assert once == twice
    assert once.vnics == SUCCESS.vnics
    assert [(c.type, c.status, c.reason) for c in once.conditions] == [
        ("IPv4Ready", "Unknown", "NotAccepted"),
        ("Accepted", "False", "Invalid"),
    ]
    assert once.conditions[1].message.startswith(
        "spec.maxPodCount: 0: must be from 1 to 256; "
    )


def test_an_object_that_was_put_right_is_not_said_to_be_refused() -> None:
    refused_ = unreadable(SUCCESS, BROKEN)
    away = unseen(refused_, Unavailable("GetInstance", "NoAnswer", "x"))
    waits = waiting(refused_, "for its node")

    assert [c.type for c in away.conditions] == ["IPv4Ready"]
    assert (away.state, away.reason) == ("BACKOFF", "FailedToGetInstance")
    assert [c.type for c in waits.conditions] == ["IPv4Ready"]
    assert (waits.state, waits.message) == ("IN_PROGRESS", "for its node")
    assert waiting(SUCCESS, "for its node") is SUCCESS


TAKING = CreateAddressBlock(
    vnic_id="vnic-0",
    slot="0",
    subnet_id="pods",
    size=16,
    tags={},
    token="",
    family="IPv6",
)


def test_a_refused_change_is_a_failure_that_keeps_what_was_seen() -> None:
    status = refused(SUCCESS, TAKING, Throttled("CreateIpv6", "slow"), 1)

    assert (status.state, status.reason) == ("BACKOFF", "FailedToCreateIPv6")
    assert status.vnics == SUCCESS.vnics
    assert status.conditions == SUCCESS.conditions


def test_a_family_that_is_away_for_long_says_so() -> None:
    before = CASES["dual-filling"]
    status = refused(before, TAKING, Unavailable("CreateIpv6", "NoAnswer", "lost"), 3)

    assert [(c.type, c.status, c.reason) for c in status.conditions] == [
        ("IPv4Ready", "True", "Complete"),
        ("IPv6Ready", "False", "Unavailable"),
    ]
    assert status.conditions[1].message == "NoAnswer: lost"


def test_a_vnic_that_is_not_to_be_had_is_said_of_the_families_that_wait_for_it() -> (
    None
):
    """One call that went wrong says nothing of it."""
    look = a_look([a_nic("0")], addresses("vnic-0", "10.0.10.32/27"))
    picture = draw(an_npn(34), look)
    attach = decide(picture, Memory())
    assert isinstance(attach, AttachVnic)
    no = Failed(reason="FailedToAttachVNIC", message="LimitExceeded: no")
    other = Failed(reason="FailedToUpdateVNIC", message="no")
    before = report(picture, attach, Memory())
    slow = Throttled("AttachVnic", "slow")

    def said(status: NpnStatus) -> list[tuple[str, str]]:
        return [(c.reason, c.message.rpartition("; ")[2]) for c in status.conditions]

    pending = [("Incomplete", "31 of 34 pod addresses, 1 of 2 VNICs complete")]
    assert said(report(picture, no, Memory())) == [("NoVnic", "LimitExceeded: no")]
    assert said(report(picture, other, Memory())) == said(before) == pending
    assert said(refused(before, attach, slow, 2)) == pending
    assert said(refused(before, attach, slow, 3)) == [
        ("Unavailable", "TooManyRequests: slow")
    ]
    update = UpdateVnic(
        vnic_id="vnic-0", slot="0", nsg_ids=(), skip_source_dest_check=True
    )
    assert said(refused(before, update, slow, 3)) == pending


def test_states_are_those_of_the_schema() -> None:
    picture = draw(an_npn(7), a_look([a_nic("0")], FULL))
    states = [
        report(picture, decision, Memory()).state
        for decision in (
            Settled(),
            Wait(seconds=1, message="x"),
            Remove(message="x"),
        )
    ]

    assert states == ["SUCCESS", "IN_PROGRESS", "IN_PROGRESS"]
