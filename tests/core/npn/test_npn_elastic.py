"""How an elastic pool is made to fit: numbers, objects, reasons."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from core.npn.npn_builders import (
    DUAL,
    a_look,
    a_nic,
    a_profiled_npn,
    addresses,
    an_npn,
)
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddressBlock,
    DeleteAddresses,
    Failed,
    Settled,
    describe,
    reason,
    subject,
)
from mooring.core.npn.decide import decide
from mooring.core.npn.elastic import (
    PATIENCE,
    Demand,
    Moment,
    Piece,
    Shelf,
    demand,
    plan,
    presses,
    room,
    step_of,
)
from mooring.core.npn.errors import Refused
from mooring.core.npn.memory import (
    MOST_KNOWN,
    Memory,
    after_change,
    after_pool,
    after_refusal,
    calm,
    settled,
    without_given_back,
)
from mooring.core.npn.picture import Picture, draw
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.poolstatus import told
from mooring.core.npn.record import Npn, NpnStatus, Pair, PoolStatus, VnicStatus
from mooring.core.npn.seen import Sighting
from mooring.core.npn.status import refused, report
from mooring.core.npn.usage import Usage

EIGHT = PoolPolicy(warm_target=8, minimum=4)


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.10.{n}")


def some(*numbers: int) -> frozenset[IPv4Address]:
    return frozenset(v4(n) for n in numbers)


def a_shelf(*pieces: tuple[str, bool], most: int = 62, host: int = 0) -> Shelf:
    """Pieces as ("10.0.10.8/29", listed); the first has the host's address."""
    made = [
        Piece(id=block, block=IPv4Network(block), listed=listed, host=i == host)
        for i, (block, listed) in enumerate(pieces)
    ]
    return Shelf(most=most, pieces=tuple(made))


def decided(
    shelf: Shelf, usage: Usage | None, policy: PoolPolicy = EIGHT, **now: float
) -> tuple[Demand, object]:
    wanted = demand(policy, usage, [shelf])
    return wanted, plan(wanted, {"0": shelf}, usage, Moment(**now))


# The numbers.


@pytest.mark.parametrize(
    ("policy", "held", "cooling", "want"),
    [
        (EIGHT, 0, 0, 8),
        (EIGHT, 14, 3, 25),
        (PoolPolicy(warm_target=2, minimum=23), 20, 0, 23),
        (PoolPolicy(warm_target=2, minimum=23), 21, 2, 25),
        (PoolPolicy(warm_target=8, maximum=20), 14, 3, 20),
        (EIGHT, 60, 0, 62),
    ],
)
def test_what_is_wanted(policy: PoolPolicy, held: int, cooling: int, want: int) -> None:
    wanted = Demand(policy=policy, have=0, room=62, step=8, held=held, cooling=cooling)
    assert wanted.want == want


@pytest.mark.parametrize(
    ("target", "most", "step"),
    [(1, 31, 1), (2, 31, 2), (8, 31, 8), (15, 31, 8), (1, 256, 8), (200, 31, 16)],
)
def test_a_step_is_a_block_and_never_too_small_for_a_vnic(
    target: int, most: int, step: int
) -> None:
    assert step_of(PoolPolicy(warm_target=target), most) == step


def test_the_reason_says_the_numbers() -> None:
    wanted = Demand(policy=EIGHT, have=18, room=62, step=8, held=14, cooling=3)
    assert wanted.because() == "free 1 below warm target 8 (held 14, cooling 3)"
    low = replace(wanted, have=3, held=0, cooling=0)
    assert low.because() == "3 below the minimum of 4 (held 0, cooling 0)"
    assert replace(wanted, told=False).because().startswith("the agent has not told")


def test_what_is_pressing() -> None:
    before = Usage(serial=1, held=some(1), free=some(2, 3))
    fine = replace(before, free=some(*range(2, 12)))

    assert not presses(EIGHT, 62, before, None)
    assert presses(EIGHT, 62, None, fine)
    assert presses(EIGHT, 62, before, replace(fine, serial=2))
    assert not presses(EIGHT, 62, before, fine)
    assert presses(EIGHT, 62, fine, before)
    assert not presses(EIGHT, 3, fine, before)
    assert not presses(replace(EIGHT, maximum=3), 62, fine, before)
    assert room(an_npn(40).spec) == 40
    assert room(a_profiled_npn(8, 16).spec) == 24


# The objects.


def test_it_grows_by_whole_steps() -> None:
    shelf = a_shelf(("10.0.10.0/28", True))
    usage = Usage(held=some(*range(1, 9)))
    _, made = decided(shelf, usage)

    assert made.grow == {"0": 8}
    assert made.why == "grow 8: free 7 below warm target 8 (held 8, cooling 0)"


def test_a_bare_vnic_gets_the_hosts_address_in_its_first_block() -> None:
    shelf = Shelf(most=62, hostless=True)
    _, made = decided(shelf, None)

    assert made.grow == {"0": 16}
    _, low = decided(shelf, None, PoolPolicy(warm_target=7))
    assert low.grow == {"0": 8}


def test_a_vnic_that_lacks_nothing_but_its_host_gets_it() -> None:
    shelf = replace(a_shelf(("10.0.10.0/28", True), host=9), hostless=True)
    _, made = decided(shelf, Usage())

    assert made.grow == {"0": 1}


def test_vnics_are_filled_one_after_the_other() -> None:
    full = a_shelf(("10.0.10.0/27", True), most=31)
    usage = Usage(held=frozenset(full.pieces[0].block) - {v4(0)})
    shelves = {"0": full, "1": Shelf(most=31, hostless=True, there=False)}
    wanted = demand(EIGHT, usage, shelves.values())
    made = plan(wanted, shelves, usage, Moment())

    assert made.grow == {"1": 16}
    assert (
        plan(demand(EIGHT, Usage(), shelves.values()), shelves, Usage(), Moment()).grow
        == {}
    )


def test_what_is_busy_is_listed_first_whatever_the_bounds() -> None:
    """A status was lost, or the maximum lowered: pods use these."""
    shelf = a_shelf(
        ("10.0.10.0/31", True), ("10.0.10.8/29", False), ("10.0.10.16/29", False)
    )
    policy = PoolPolicy(warm_target=1, maximum=3)
    _, made = decided(shelf, Usage(held=some(17)), policy)

    assert made.listed == {"0": frozenset({"10.0.10.0/31", "10.0.10.16/29"})}
    assert made.grow == {}
    assert made.back == {"10.0.10.16/29"}


def test_small_objects_go_first_and_never_the_hosts() -> None:
    shelf = a_shelf(
        ("10.0.10.0/28", True),
        ("10.0.10.16/28", True),
        ("10.0.10.40/32", True),
        ("10.0.10.44/30", True),
    )
    _, made = decided(shelf, Usage(held=some(17)), calm=PATIENCE)

    assert made.listed == {"0": frozenset({"10.0.10.0/28", "10.0.10.16/28"})}
    assert made.word == "Draining"
    assert (
        made.why == "shrink 5: free 35 above warm target 8 (held 1, cooling 0) for 60 s"
    )


def test_it_waits_before_it_shrinks() -> None:
    shelf = a_shelf(("10.0.10.0/28", True), ("10.0.10.16/28", True))
    policy = PoolPolicy(warm_target=4)
    _, early = decided(shelf, Usage(), policy, calm=PATIENCE - 1)
    _, late = decided(shelf, Usage(), policy, calm=PATIENCE)

    assert (early.slack, early.why) == (True, "")
    assert not late.slack
    assert len(early.listed["0"]) == 2
    assert len(late.listed["0"]) == 1


def test_more_than_the_maximum_goes_without_a_margin() -> None:
    shelf = a_shelf(("10.0.10.0/29", True), ("10.0.10.8/30", True))
    policy = PoolPolicy(warm_target=4, maximum=7)
    _, made = decided(shelf, Usage(), policy, calm=PATIENCE)

    assert made.listed == {"0": frozenset({"10.0.10.0/29"})}


@pytest.mark.parametrize(
    ("usage", "serial", "goes"),
    [
        (Usage(serial=3), 3, True),
        (Usage(serial=2), 3, False),
        (Usage(serial=3, held=some(9)), 3, False),
        (Usage(serial=3, cooling=some(9)), 3, False),
        (Usage(serial=3, free=some(9)), 3, False),
        (None, 3, False),
    ],
)
def test_an_object_goes_when_the_agent_that_follows_names_none_of_it(
    usage: Usage | None, serial: int, goes: bool
) -> None:
    shelf = a_shelf(("10.0.10.0/27", True), ("10.0.10.8/29", False))
    _, made = decided(shelf, usage, serial=serial)

    assert [piece.id for piece in made.leave] == (["10.0.10.8/29"] if goes else [])


def test_full_is_told_without_numbers_that_change() -> None:
    shelf = a_shelf(("10.0.10.0/28", True), most=15)
    told_ = {
        decided(shelf, Usage(held=some(*range(1, n))))[1].why for n in range(10, 14)
    }
    assert told_ == {"free below warm target 8: there are 15, all that may be"}


@given(
    sizes=st.lists(st.sampled_from([1, 2, 4, 8, 16]), min_size=1, max_size=8),
    listed=st.lists(st.booleans(), min_size=8, max_size=8),
    held=st.sets(st.integers(0, 255), max_size=40),
    cooling=st.sets(st.integers(0, 255), max_size=10),
    free=st.sets(st.integers(0, 255), max_size=10),
    policy=st.builds(
        PoolPolicy,
        warm_target=st.integers(1, 40),
        minimum=st.integers(0, 20),
        maximum=st.none() | st.integers(20, 62),
    ),
    calm_=st.sampled_from([0.0, PATIENCE]),
    serial=st.integers(0, 1),
)
def test_whatever_is_told_no_promise_is_broken(  # noqa: PLR0917 - drawn
    sizes: list[int],
    listed: list[bool],
    held: set[int],
    cooling: set[int],
    free: set[int],
    policy: PoolPolicy,
    calm_: float,
    serial: int,
) -> None:
    places = [
        (f"10.0.10.{16 * i}/{33 - size.bit_length()}", on or i == 0)
        for i, (size, on) in enumerate(zip(sizes, listed, strict=False))
    ]
    shelf = a_shelf(*places)
    usage = Usage(
        serial=1, held=some(*held), cooling=some(*cooling - held), free=some(*free)
    )
    wanted, made = decided(shelf, usage, policy, calm=calm_, serial=serial)
    pieces = {piece.id: piece for piece in shelf.pieces}
    now = {i for i, piece in pieces.items() if piece.listed}
    kept = made.listed["0"]

    # What pods use, or may be given, is neither taken off nor given back.
    for gone in now - kept:
        assert not any(a in pieces[gone].block for a in usage.busy)
        assert not pieces[gone].host
    for piece in made.leave:
        assert serial == usage.serial
        assert not piece.listed
        assert piece.id not in kept
        assert not any(a in piece.block for a in usage.busy | usage.free)
    # No bound is passed by what is asked for, and what was asked for is reached.
    have = sum(pieces[i].pods for i in kept)
    grow = sum(made.grow.values())
    if grow:
        assert have + grow <= wanted.most
        assert have + grow >= wanted.want
    if now - kept:
        assert have >= max(wanted.want, min(policy.minimum, wanted.most))
    # Nothing changes without a reason.
    assert bool(made.why) or (kept == now and not grow)
    # Growing and shrinking never follow each other without something between.
    if now - kept:
        rest = replace(shelf, pieces=tuple(p for p in shelf.pieces if p.id in kept))
        _, again = decided(rest, usage, policy)
        assert again.grow == {}


# On the way through a turn.


def status(*pods: int, serial: int = 1, **fields: object) -> NpnStatus:
    vnic = VnicStatus(
        vnic_id="vnic-0",
        mac_address="02:00:17:00:00:05",
        subnet_id="pods",
        host=Pair(v4(32)),
        pod_addresses=tuple(Pair(v4(n)) for n in pods),
    )
    pool = PoolStatus(policy=EIGHT, serial=serial)
    return NpnStatus(vnics=(vnic,), pool=pool, **fields)


def elastic(usage: Usage | None = None, **fields: object) -> Npn:
    npn = an_npn(fields.pop("pods", 62), **fields)
    return replace(npn, policy=EIGHT, usage=usage)


def the_picture(
    npn: Npn, *blocks: str, memory: Memory | None = None, **look: object
) -> Picture:
    nics = [a_nic("0")] if blocks else []
    held = addresses("vnic-0", *blocks)
    seen = a_look(nics, held, **look)
    return draw(npn, without_given_back(memory or Memory(), seen))


def test_only_vnics_that_are_needed_are_attached() -> None:
    picture = the_picture(elastic())
    decision = decide(picture, Memory())

    assert isinstance(decision, AttachVnic)
    assert [slot.key for slot in picture.slots] == ["0"]


def test_a_turn_takes_a_block_and_then_lists_it_whole() -> None:
    npn = elastic(status=status(serial=1))
    change = decide(the_picture(npn, "10.0.10.200/32"), Memory())
    assert isinstance(change, CreateAddressBlock)
    assert change.size == 8

    picture = the_picture(elastic(Usage(serial=4)), "10.0.10.32/28")
    assert decide(picture, Memory()) == Settled()
    said = report(picture, Settled(), Memory())
    assert said.vnics[0].host == Pair(v4(32))
    assert len(said.vnics[0].pod_addresses) == 15
    assert said.pool == PoolStatus(policy=EIGHT, serial=5)
    kinds = {c.type: c for c in said.conditions}
    assert kinds["IPv4Ready"].message == "15 pod addresses, 1 of 1 VNICs complete"
    assert (kinds["Pool"].reason, kinds["Pool"].status) == ("Steady", "True")


def test_the_serial_stays_while_the_same_is_listed() -> None:
    npn = elastic(Usage(serial=3), status=status(*range(33, 48), serial=3))
    picture = the_picture(npn, "10.0.10.32/28")

    assert report(picture, Settled(), Memory()).pool == npn.status.pool


def test_what_was_let_go_of_is_given_back() -> None:
    usage = Usage(serial=3, free=some(*range(33, 48)))
    npn = elastic(usage, status=status(*range(33, 48), serial=3))
    blocks = ("10.0.10.32/28", "10.0.10.64/30", "10.0.10.72/32")
    change = decide(the_picture(npn, *blocks), Memory())

    assert isinstance(change, DeleteAddresses)
    assert change.ids == ("ip-10.0.10.64/30", "ip-10.0.10.72/32")
    assert describe(change) == "giving back 10.0.10.64/30, 10.0.10.72/32 of VNIC 0"
    assert reason(change) == "FailedToDeletePrivateIP"
    assert subject(change) == "give back 0"
    picture = the_picture(npn, *blocks)
    assert report(picture, change, Memory()).state == "IN_PROGRESS"

    after = after_change(Memory(), change, None)
    assert decide(the_picture(npn, *blocks, memory=after), after) == Settled()
    assert settled(after).given_back == after.given_back
    many = Memory(given_back=frozenset(map(str, range(MOST_KNOWN))))
    assert after_change(many, change, None).given_back == set(change.ids)


def test_a_reason_stands_until_the_next_change() -> None:
    usage = Usage(serial=1, held=some(*range(33, 45)), free=some(45, 46, 47))
    npn = elastic(usage, status=status(*range(33, 48)))
    before = NpnStatus()
    grown = report(the_picture(npn, "10.0.10.32/28"), Settled(), Memory())
    sentence = "grow 8: free 3 below warm target 8 (held 12, cooling 0)"
    assert told(grown, before) == sentence

    # The block that came of it is listed for the same reason, and then nothing changes.
    blocks = ("10.0.10.32/28", "10.0.10.48/29")
    listed = report(
        the_picture(replace(npn, status=grown), *blocks), Settled(), Memory()
    )
    assert told(listed, grown) == ""
    assert len(listed.vnics[0].pod_addresses) == 23
    again = report(
        the_picture(replace(npn, status=listed), *blocks), Settled(), Memory()
    )
    assert again == listed


def test_a_host_that_lost_its_address_takes_one_that_no_pod_was_offered() -> None:
    npn = elastic(Usage(serial=1), status=status(*range(64, 72)))
    lost = the_picture(npn, "10.0.10.64/29")
    assert lost.holdings["0"]["IPv4"].host is None
    assert lost.holdings["0"]["IPv4"].missing >= 1
    spare = the_picture(npn, "10.0.10.64/29", "10.0.10.80/32")
    assert spare.holdings["0"]["IPv4"].host == v4(80)
    assert len(spare.holdings["0"]["IPv4"].pods) == 8


def test_a_profile_keeps_its_vnic_and_its_primary_address_for_the_host() -> None:
    npn = replace(a_profiled_npn(32, 32), policy=EIGHT)
    nics = [a_nic("p0", display_name="p0"), a_nic("p1", display_name="p1")]
    held = [
        addresses("vnic-p0", "10.0.10.64/29", primary="10.0.10.9/32"),
        addresses("vnic-p1", primary="10.0.10.10/32"),
    ]
    picture = draw(npn, a_look(nics, *held))

    assert picture.holdings["p0"]["IPv4"].host == v4(9)
    assert len(picture.holdings["p0"]["IPv4"].pods) == 8
    assert len(picture.slots) == 2
    assert decide(picture, Memory()) == Settled()


def test_ipv6_comes_all_at_once_as_ever() -> None:
    npn = elastic(pods=31, ip_families=("IPv6", "IPv4"))
    picture = the_picture(npn, "10.0.10.32/28", "fd00:10::100/120", subnet=DUAL)

    assert len(picture.holdings["0"]["IPv6"].pods) == 31
    assert len(picture.holdings["0"]["IPv4"].pods) == 15
    only6 = draw(elastic(pods=31, ip_families=("IPv6",)), a_look(subnet=DUAL))
    assert len(only6.slots) == 1


# Between turns.


def test_patience_begins_with_the_slack_and_ends_with_it() -> None:
    memory = after_pool(Memory(), slack=True, now=10.0)
    assert calm(Memory(), 50.0) == 0.0
    assert calm(after_pool(memory, slack=True, now=40.0), 50.0) == 40.0
    assert calm(after_pool(memory, slack=False, now=40.0), 50.0) == 0.0
    assert settled(memory).slack_since == 10.0


def test_work_that_failed_is_not_asked_for_by_the_same_token() -> None:
    failed = Failed(reason="FailedToCreatePrivateIP", message="no")

    assert after_refusal(Memory(), "several address 0", failed).salt == 1
    assert after_refusal(Memory(), "address 0", failed).salt == 0


def test_a_refusal_to_take_something_back_is_told() -> None:
    npn = elastic(Usage(serial=3), status=status(*range(33, 48), serial=3))
    change = decide(the_picture(npn, "10.0.10.32/28", "10.0.10.64/30"), Memory())
    assert isinstance(change, DeleteAddresses)
    error = Refused("DeletePrivateIp", "NotAuthorized", "no")

    said = refused(npn.status, change, error, 5)
    assert (said.state, said.reason) == ("BACKOFF", "FailedToDeletePrivateIP")


def test_what_is_not_given_back_stays_in_the_look() -> None:
    seen = a_look([a_nic("0")], addresses("vnic-0", "10.0.10.32/28"))
    shown: Sighting = without_given_back(Memory(given_back=frozenset({"x"})), seen)

    assert shown == seen
