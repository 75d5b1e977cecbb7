"""What is remembered between turns, and for how long."""

from dataclasses import replace

import pytest
from core.npn.npn_builders import a_look, a_nic, addresses
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddressBlock,
    DeleteAddresses,
    Failed,
    NewVnic,
    UpdateVnic,
)
from mooring.core.npn.memory import (
    FRESH,
    Memory,
    after_change,
    after_failure,
    after_given,
    after_giving,
    after_look,
    after_missing,
    after_no_block,
    after_refusal,
    after_stale,
    after_trouble,
    after_wait,
    keeping,
    known_at,
    next_pause,
    pause_after,
    pause_between,
    settled,
)
from mooring.core.npn.seen import Known, Made, Sighting

ATTACH = AttachVnic(
    instance_id="i", slot="0", vnic=NewVnic(subnet_id="s", display_name="d"), token="t"
)
UPDATE = UpdateVnic(vnic_id="v", slot="0", nsg_ids=(), skip_source_dest_check=True)
VNIC = Made(kind="attachment", id="attachment-0")
ADDRESS = Made(kind="address", id="ip-10.0.10.8/30")
LOOK = a_look([a_nic("0")], addresses("vnic-0", "10.0.10.8/30"))


def gone(*made: Made) -> Sighting:
    return Sighting(instance=LOOK.instance, gone=frozenset(made))


def test_what_was_made_is_expected_until_it_is_seen() -> None:
    memory = after_change(
        after_change(Memory(waited=3, failures=2), ATTACH, VNIC), UPDATE, ADDRESS
    )

    assert memory == Memory(expected=frozenset({VNIC, ADDRESS}), last=UPDATE)
    assert after_look(memory, gone()) == memory
    assert after_look(memory, LOOK) == Memory(last=UPDATE)


def test_what_only_its_id_shows_is_expected_on() -> None:
    memory = after_change(Memory(), ATTACH, VNIC)

    assert after_look(memory, replace(LOOK, unlisted=frozenset({VNIC}))) == memory


def test_a_change_that_makes_nothing_leaves_nothing_to_expect() -> None:
    assert after_change(Memory(), UPDATE, None) == Memory(last=UPDATE)


def test_what_was_made_and_is_gone_spoils_its_token() -> None:
    memory = after_look(after_change(Memory(), ATTACH, VNIC), gone(VNIC))

    assert memory == Memory(salt=1, stuck=1, last=ATTACH)


def test_what_was_never_expected_spoils_nothing() -> None:
    assert after_look(Memory(), gone(VNIC)) == Memory()


def test_a_stale_token_is_not_used_again() -> None:
    assert after_stale(Memory()) == Memory(salt=1, stuck=1)


def test_a_vnic_that_was_made_and_is_listed_as_detached_spoils_its_token() -> None:
    attachment, vnic = a_nic("0")
    look = a_look([(replace(attachment, state="DETACHED"), vnic)])

    assert after_look(Memory(expected=frozenset({VNIC})), look) == Memory(
        salt=1, stuck=1
    )


def test_changes_that_change_nothing_come_slower_and_slower() -> None:
    memory, pauses = Memory(), []
    for _ in range(5):
        memory = after_change(memory, UPDATE, None)
        pauses.append(pause_between(memory, 0))

    assert pauses == [0, 0, 1, 2, 4]


def a_block(size: int) -> CreateAddressBlock:
    return CreateAddressBlock(
        vnic_id="vnic", slot="0", subnet_id="a", size=size, tags={}, token=""
    )


def test_blocks_are_halved_down_to_singles() -> None:
    memory = Memory()
    for size in (4, 2, 1):
        memory = after_no_block(memory, a_block(size))

    assert memory.caps == {"a": 1}


def test_a_pause_gives_everything_another_chance() -> None:
    failed = Failed(reason="FailedToAttachVNIC", message="no")
    memory = after_no_block(after_refusal(Memory(), "attach 0", failed), a_block(32))

    assert memory.held == {"attach 0": failed}
    assert after_failure(memory) == Memory(failures=1)


def test_trouble_only_counts() -> None:
    memory = Memory(caps={"a": 2})

    assert after_trouble(memory) == Memory(caps={"a": 2}, failures=1)


def test_a_settled_object_keeps_only_its_salt() -> None:
    assert settled(Memory(salt=3, caps={"a": 2}, failures=4)) == Memory(salt=3)


def test_waiting_looks_soon_at_first_and_later_every_five_seconds() -> None:
    memory, pauses = Memory(), []
    for _ in range(8):
        pauses.append(next_pause(memory))
        memory = after_wait(memory, pauses[-1])

    assert pauses == [0.25, 0.25, 0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("failures", "longest"), [(0, 1), (1, 1), (2, 2), (5, 16), (7, 60), (10_000, 60)]
)
def test_pauses_double_to_a_minute(failures: int, longest: float) -> None:
    assert pause_after(failures, 0) == longest


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_pause_by_up_to_a_half(failures: int, chance: float) -> None:
    longest = pause_after(failures, 0)

    assert longest / 2 <= pause_after(failures, chance) <= longest


def test_a_look_is_built_upon_after_a_change_that_says_what_it_made() -> None:
    known = Known(at=5.0, seen=LOOK)
    memory = keeping(Memory(), known, ATTACH)

    assert known_at(memory, 6.0) == known
    assert known_at(memory, 5.0 + FRESH) is None
    assert known_at(keeping(Memory(), known, None), 6.0) == known
    assert known_at(keeping(memory, known, UPDATE), 6.0) is None
    assert known_at(settled(memory), 6.0) is None


def test_no_look_is_built_upon_while_the_instance_is_waited_for() -> None:
    coming = replace(LOOK, instance=replace(LOOK.instance, state="PROVISIONING"))

    assert keeping(Memory(), Known(at=5.0, seen=coming), None).known is None


def test_the_wait_for_an_instance_ends_with_it() -> None:
    coming = replace(LOOK, instance=replace(LOOK.instance, state="PROVISIONING"))
    waiting = after_wait(after_look(Memory(), coming), 300.0)

    assert after_look(waiting, coming).waited == 300.0
    runs = after_look(waiting, LOOK)
    assert runs == Memory()
    assert after_look(after_wait(runs, 7.0), LOOK).waited == 7.0


def test_an_instance_is_missing_from_the_first_denial_to_the_next_look() -> None:
    memory = after_missing(after_missing(Memory(), 7.0), 9.0)

    assert memory.missing_since == 7.0
    assert after_look(memory, LOOK).missing_since is None


def test_what_is_being_given_back_is_ours_no_more_unless_it_is_there_after_all() -> (
    None
):
    changes = [
        DeleteAddresses(vnic_id="v", slot="0", ids=ids, blocks=ids)
        for ids in (("a", "b"), ("c",))
    ]
    memory = Memory()
    for number, change in enumerate(changes):
        memory = after_giving(memory, change, f"work {number}", 600.0)
    first, second = memory.giving
    after = after_given(settled(memory), first, frozenset("b"))

    assert memory.given_back == set("abc")
    assert (first.work, first.ids, first.until) == ("work 0", set("ab"), 600.0)
    assert after.giving == (second,)
    assert after.given_back == set("ac")
