"""The controller against a cloud that loses replies, throttles, lags and is tampered with."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import cast

import pytest
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler, Turn
from mooring.core.npn.capacity import spread
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.errors import NotFound
from mooring.core.npn.memory import FIRST_PAUSE, Memory
from mooring.core.npn.port import Cloud, Objects
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, SecondaryVnic
from mooring.core.npn.seen import VnicSeen

NAME = "abc"
INSTANCE = "ocid1.instance.oc1.test.abc"
FAULTS = ["", "throttle", "away", "lost", "busy"]


class Killed(BaseException):
    """The program dies here."""


class Story:
    """One object, one instance, and time that only pauses move."""

    def __init__(
        self,
        pods: int = 31,
        *,
        subnet: str = "10.0.0.0/20",
        prefix: str = "",
        families: tuple[str, ...] = ("IPv4",),
        **cloud: float,
    ) -> None:
        self.now = 0.0
        self.cloud = FakeCloud(now=lambda: self.now, **cloud)
        self.cloud.add_subnet("workers", "10.9.0.0/24")
        self.cloud.add_subnet("pods", *(b for b in (subnet, prefix) if b))
        self.cloud.add_instance(INSTANCE, "workers")
        self.npn = Npn(
            name=NAME,
            spec=NpnSpec(
                id=INSTANCE,
                pod_subnet_ids=("pods",),
                max_pod_count=pods,
                ip_families=families,
            ),
        )
        self.objects = FakeObjects(self.npn)
        self.memory = Memory()
        self.looker: Looker | None = None
        self.chance = random.Random(1).random
        self.turns: list[Turn] = []

    def turn(self, cloud: Cloud | None = None, objects: Objects | None = None) -> Turn:
        looker = self.looker or Looker(cloud or self.cloud, lambda: self.now)
        reconciler = Reconciler(objects or self.objects, looker, self.chance, 30.0)
        turn = reconciler.turn(NAME, self.memory)
        self.memory = turn.memory
        self.turns.append(turn)
        self.now += turn.pause or 0.0
        return turn

    def remember(self) -> None:
        """Let one Looker look from now on, as in one process: it remembers primary VNICs."""
        self.looker = Looker(self.cloud, lambda: self.now)

    def until_settled(self, most: int = 400) -> int:
        """Take turns until the object is settled; tell how many it took."""
        for count in range(1, most + 1):
            if self.turn().settled:
                return count
        raise AssertionError(f"not settled after {most} turns: {self.status}")

    def changes(self) -> list[str]:
        reads = ("Get", "List")
        return [c for c in self.cloud.calls if not c.startswith(reads)]

    @property
    def status(self) -> NpnStatus:
        return self.objects.read_status(NAME)

    def pod_addresses(self) -> list[IPv4Address | None]:
        return [p.v4 for v in self.status.vnics for p in v.pod_addresses]


def assert_exact(story: Story, pods: int) -> None:
    """Exactly the VNICs that are needed, each with exactly its addresses, all told."""
    vnics = story.cloud.secondaries(INSTANCE)
    slots = sorted(int(v.tags["mooring-slot"]) for v in vnics)
    assert slots == list(range(len(spread(pods))))
    for vnic in vnics:
        held = sum(
            a.block.num_addresses
            for a in story.cloud.addresses_of(vnic.id)
            if not a.is_primary
        )
        assert held == spread(pods)[int(vnic.tags["mooring-slot"])] + 1
    status = story.status
    assert (status.state, status.reason) == ("SUCCESS", "COMPLETED")
    assert [len(v.pod_addresses) for v in status.vnics] == list(spread(pods))
    everything = story.pod_addresses() + [v.host.v4 for v in status.vnics]
    assert len(set(everything)) == len(everything)
    if "IPv6" in story.npn.spec.ip_families:
        assert_six(status, pods)


def assert_six(status: NpnStatus, pods: int) -> None:
    """Every pod has an IPv6 address of its own, and each VNIC's host."""
    pairs = [p for v in status.vnics for p in (v.host, *v.pod_addresses)]
    assert len({p.v6 for p in pairs}) == pods + len(status.vnics)
    assert None not in {p.v6 for p in pairs}
    ready = {c.type: c.status for c in status.conditions if c.type.endswith("Ready")}
    assert ready == {"IPv4Ready": "True", "IPv6Ready": "True"}


def test_a_node_takes_two_changing_calls() -> None:
    story = Story(31)
    story.until_settled()

    assert story.changes() == ["AttachVnic", "CreateAddressBlock"]
    assert_exact(story, 31)


def test_a_node_is_looked_at_whole_at_first_and_last_and_between_only_at_what_is_new() -> (
    None
):
    story = Story(31)
    story.until_settled()

    reads = [c for c in story.cloud.calls if c not in story.changes()]
    reads = [c for c in reads if c != "GetSubnet"]  # shared by all nodes
    first = ["GetInstance", "ListVnicAttachments", "GetVnic"]
    between = ["GetVnic", "ListPrivateIps"]
    last = [*first, "GetVnic", "ListPrivateIps"]
    assert reads == [*first, *between, *last]


def test_a_wait_for_an_attachment_asks_only_for_that() -> None:
    story = Story(31, attach_seconds=10)
    story.until_settled()
    calls = story.cloud.calls

    assert calls.count("GetInstance") == calls.count("ListVnicAttachments") == 2
    assert calls.count("GetVnicAttachment") <= 8


def test_what_was_taken_away_between_two_changes_is_found_by_the_next_look() -> None:
    story = Story(62)
    while "CreateAddressBlock" not in story.changes():
        story.turn()
    story.cloud.detach(story.cloud.secondaries(INSTANCE)[0].id)
    story.until_settled()
    story.until_settled()

    assert_exact(story, 62)


@pytest.mark.parametrize("pods", [1, 3, 31, 32, 62, 110, 256])
def test_every_size_of_node_settles(pods: int) -> None:
    story = Story(pods, attach_seconds=7)
    story.until_settled()

    assert_exact(story, pods)


def test_the_status_passes_the_states_of_the_facts() -> None:
    story = Story(31, attach_seconds=3)
    story.until_settled()
    states = [(s.state, s.reason) for _, s in story.objects.written]

    assert set(states[:-1]) == {("IN_PROGRESS", "IN_PROGRESS")}
    assert states[-1] == ("SUCCESS", "COMPLETED")


def test_a_settled_object_is_not_written_again() -> None:
    story = Story(31)
    story.until_settled()
    written = len(story.objects.written)
    for _ in range(5):
        assert story.turn().settled

    assert len(story.objects.written) == written
    assert story.changes() == ["AttachVnic", "CreateAddressBlock"]


def test_profiles_get_their_vnics_by_name() -> None:
    story = Story()
    profiles = tuple(
        SecondaryVnic(display_name=n, subnet_id="pods", ip_count=c, nsg_ids=(n,))
        for n, c in (("fast", 16), ("slow", 32))
    )
    spec = NpnSpec(id=INSTANCE, max_pod_count=48, secondary_vnics=profiles)
    story.objects.write(replace(story.npn, spec=spec))
    story.until_settled()

    assert story.changes() == ["AttachVnic"] * 2 + ["CreateAddressBlock"] * 2
    assert [(len(v.pod_addresses), v.nsg_ids) for v in story.status.vnics] == [
        (16, ("fast",)),
        (32, ("slow",)),
    ]


# Both families.


BOTH = ("IPv4", "IPv6")
PREFIX = "fd00:10::/64"


def a_dual_story(*, subnet: str = "10.0.0.0/20") -> Story:
    return Story(31, subnet=subnet, prefix=PREFIX, families=BOTH)


def test_a_dual_stack_node_takes_three_changing_calls() -> None:
    story = a_dual_story()
    story.until_settled()

    assert story.changes() == ["AttachVnic", "CreateAddressBlock", "CreateIpv6Block"]
    assert_exact(story, 31)


def test_an_ipv4_node_asks_nothing_about_ipv6() -> None:
    story = Story(31, prefix=PREFIX)
    story.until_settled()
    story.turn()

    assert not [c for c in story.cloud.calls if "Ipv6" in c]
    assert story.cloud.calls.count("GetSubnet") == len(story.turns) - 1


@pytest.mark.parametrize("families", [("IPv6",), BOTH[::-1]])
def test_a_node_prefers_ipv6(families: tuple[str, ...]) -> None:
    story = Story(62, prefix=PREFIX, families=families)
    story.until_settled()

    assert story.status.vnics[0].ip_families == families
    pods = [p.v6 for v in story.status.vnics for p in v.pod_addresses]
    assert len(set(pods)) == 62


def test_a_dual_profile_comes_with_its_hosts_address() -> None:
    story = a_dual_story()
    profile = SecondaryVnic(
        display_name="fast", subnet_id="pods", ip_count=16, assign_ipv6_ip=True
    )
    spec = NpnSpec(id=INSTANCE, max_pod_count=16, secondary_vnics=(profile,))
    story.objects.write(replace(story.npn, spec=spec))
    story.until_settled()

    assert story.changes() == ["AttachVnic", "CreateAddressBlock", "CreateIpv6Block"]
    assert_six(story.status, 16)


def test_a_profile_in_a_subnet_of_ipv6_alone_needs_no_ipv4() -> None:
    story = Story(subnet="", prefix=PREFIX)
    profile = SecondaryVnic(display_name="six", subnet_id="pods", ip_count=16)
    spec = NpnSpec(id=INSTANCE, max_pod_count=16, secondary_vnics=(profile,))
    story.objects.write(replace(story.npn, spec=spec))
    story.until_settled()

    (vnic,) = story.status.vnics
    assert vnic.ip_families == ("IPv6",)
    assert len(vnic.pod_addresses) == 16
    assert [c.type for c in story.status.conditions] == ["IPv6Ready"]


def until_backoff(story: Story) -> None:
    while not story.turn().said.startswith("backoff"):
        assert len(story.turns) < 200


def kinds(story: Story) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in story.status.conditions}


def test_rt_09_a_subnet_without_a_prefix_serves_ipv4_and_is_no_success() -> None:
    story = Story(31, families=BOTH)
    until_backoff(story)

    assert story.status.state == "BACKOFF"
    assert story.status.message == "subnet pods has no IPv6 prefix"
    assert kinds(story) == {
        "IPv4Ready": ("True", "Complete"),
        "IPv6Ready": ("False", "NotInSubnet"),
    }
    assert len(story.status.vnics[0].pod_addresses) == 31


@pytest.mark.parametrize("out", BOTH)
def test_rt_09_a_family_that_runs_out_does_not_break_the_other(out: str) -> None:
    subnet = "10.0.0.0/29" if out == "IPv4" else "10.0.0.0/20"
    story = a_dual_story(subnet=subnet)
    story.cloud.subnets["pods"].largest6 = 0 if out == "IPv6" else 1 << 48
    until_backoff(story)

    (other,) = set(BOTH) - {out}
    assert kinds(story)[f"{out}Ready"] == ("False", "Exhausted")
    assert kinds(story)[f"{other}Ready"] == ("True", "Complete")
    pods = story.status.vnics[0].pod_addresses
    held = [p.v4 if other == "IPv4" else p.v6 for p in pods]
    assert None not in held
    assert len(held) == 31


def test_rt_09_a_family_that_comes_back_makes_it_a_success() -> None:
    story = a_dual_story()
    subnet = story.cloud.subnets["pods"]
    subnet.largest6 = 0
    until_backoff(story)
    before = story.pod_addresses()
    subnet.largest6 = 1 << 48
    story.until_settled()

    assert story.pod_addresses() == before
    assert_exact(story, 31)


def test_no_large_block_of_ipv6_is_met_with_smaller_ones_and_single_ones() -> None:
    for largest, changes in ((16, {"CreateIpv6Block"}), (1, {"CreateIpv6"})):
        story = a_dual_story()
        story.cloud.subnets["pods"].largest6 = largest
        story.until_settled()
        told = {c.type for c in story.status.conditions}
        assert told == {"IPv4Ready", "IPv6Ready", "Fragmented"}
        assert changes <= set(story.changes())
        assert story.status.state == "SUCCESS"


@pytest.mark.parametrize("fault", ["away", "throttle"])
def test_rt_09_ipv6_calls_that_fail_for_long_are_said_so(fault: str) -> None:
    story = a_dual_story()
    story.cloud.fault = lambda call: fault if call.startswith("CreateIpv6") else ""
    for _ in range(12):
        story.turn()
    away = story.status
    story.cloud.fault = lambda _call: ""
    story.until_settled()

    assert (away.state, away.reason) == ("BACKOFF", "FailedToCreateIPv6")
    assert [(c.type, c.status, c.reason) for c in away.conditions] == [
        ("IPv4Ready", "True", "Complete"),
        ("IPv6Ready", "False", "Unavailable"),
    ]
    assert_exact(story, 31)


def test_an_ipv6_object_removed_behind_our_back_comes_back() -> None:
    story = a_dual_story()
    story.until_settled()
    four = story.pod_addresses()
    (block,) = story.cloud.ipv6_objects.values()
    story.cloud.delete_address(block.id)
    story.turn()
    assert story.status.vnics[0].host.v6 is None
    assert story.pod_addresses() == four
    story.until_settled()

    assert_exact(story, 31)


# Drift: SUCCESS is not terminal.


def test_an_address_removed_behind_our_back_comes_back() -> None:
    story = Story(31)
    story.until_settled()
    host = story.status.vnics[0].host
    (block,) = [
        a for a in story.cloud.private_ips.values() if a.block.num_addresses > 1
    ]
    story.cloud.delete_address(block.id)
    story.turn()

    assert story.status.state == "IN_PROGRESS"
    assert story.status.vnics == ()
    story.until_settled()
    assert_exact(story, 31)
    assert story.status.vnics[0].host == host


def test_the_other_addresses_stay_where_one_is_removed() -> None:
    story = Story(3, subnet="10.0.0.0/29")
    story.until_settled()
    before = story.pod_addresses()
    singles = [a for a in story.cloud.private_ips.values() if not a.is_primary]
    assert len(singles) > 1
    story.cloud.delete_address(singles[-1].id)
    story.until_settled()

    assert len(set(before) & set(story.pod_addresses())) >= 1
    assert_exact(story, 3)


def test_a_vnic_removed_behind_our_back_comes_back() -> None:
    story = Story(62)
    story.until_settled()
    kept, lost = story.status.vnics
    story.cloud.detach(lost.vnic_id)
    story.turn()

    assert [v.vnic_id for v in story.status.vnics] == [kept.vnic_id]
    story.until_settled()
    assert story.status.vnics[0] == kept
    assert_exact(story, 62)


def denied(vnic_id: str) -> VnicSeen:
    raise NotFound("GetVnic", "NotAuthorizedOrNotFound", f"{vnic_id} not found")


@pytest.mark.parametrize("pods", [31, 62])
@pytest.mark.parametrize("old_list", [False, True])
def test_a_lost_right_to_see_vnics_takes_nothing_from_the_node(
    pods: int, old_list: bool
) -> None:
    """That the primary one was seen before is no sign of it: it does not have to be asked for."""
    story = Story(pods)
    story.remember()
    story.until_settled()
    before, changes, see = story.status, story.changes(), story.cloud.vnic
    if old_list:
        (_, *mine) = story.cloud.attachments(story.cloud.instance(INSTANCE))
        story.cloud.hidden = {a.id for a in mine}
    story.cloud.vnic = denied
    for _ in range(5):
        story.turn()

    assert story.status.vnics == before.vnics
    assert (story.status.state, story.status.reason) == ("BACKOFF", "FailedToGetVNIC")
    story.cloud.vnic, story.cloud.hidden = see, set()
    story.until_settled()
    assert story.status == before
    assert story.changes() == changes


@pytest.mark.parametrize("pods", [31, 62])
def test_a_vnic_that_goes_before_its_attachment_is_taken_off_and_comes_back(
    pods: int,
) -> None:
    story = Story(pods)
    story.remember()
    story.until_settled()
    (*kept, lost) = story.status.vnics
    going = story.cloud.vnics.pop(lost.vnic_id)
    for _ in range(5):
        story.turn()
    assert list(story.status.vnics) == kept

    story.cloud.vnics[lost.vnic_id] = going
    story.cloud.detach(lost.vnic_id)
    story.until_settled()
    assert list(story.status.vnics)[: len(kept)] == kept
    assert_exact(story, pods)


def test_groups_and_the_check_are_set_right() -> None:
    story = Story(31)
    story.until_settled()
    (vnic,) = story.cloud.secondaries(INSTANCE)
    story.cloud.change_vnic(vnic.id, skip_source_dest_check=False, nsg_ids=("x",))
    story.until_settled()

    (vnic,) = story.cloud.secondaries(INSTANCE)
    assert (vnic.skip_source_dest_check, vnic.nsg_ids) == (True, ())


def test_a_status_that_was_tampered_with_is_written_anew() -> None:
    story = Story(31)
    story.until_settled()
    good = story.status
    story.objects.statuses[NAME] = replace(good, state="BACKOFF", vnics=())
    story.turn()

    assert story.status == good


def test_vnics_of_others_are_never_touched() -> None:
    story = Story(31)
    foreign = story.cloud.attach_foreign(INSTANCE, "pods", is_primary=False)
    before = story.cloud.vnics[foreign], story.cloud.addresses_of(foreign)
    assert len(story.cloud.addresses_of(foreign)) == 1
    story.until_settled()

    assert (story.cloud.vnics[foreign], story.cloud.addresses_of(foreign)) == before
    assert len(story.cloud.secondaries(INSTANCE)) == 2


# The spec changes, the instance changes.


def test_a_node_grows_with_its_spec() -> None:
    story = Story(10)
    story.until_settled()
    before = story.pod_addresses()
    story.objects.write(
        replace(story.npn, spec=replace(story.npn.spec, max_pod_count=40))
    )
    story.until_settled()

    assert set(before) <= set(story.pod_addresses())
    assert_exact(story, 40)
    assert story.status.observed_generation == 2


def test_a_node_that_shrinks_keeps_its_addresses_and_offers_fewer() -> None:
    story = Story(40)
    story.until_settled()
    before = story.pod_addresses()
    changes = len(story.changes())
    story.objects.write(
        replace(story.npn, spec=replace(story.npn.spec, max_pod_count=10))
    )
    story.until_settled()

    assert len(story.changes()) == changes
    assert set(story.pod_addresses()) <= set(before)
    assert len(story.pod_addresses()) == 10
    assert story.status.conditions[-1].type == "Surplus"


def test_an_instance_that_starts_is_waited_for() -> None:
    story = Story()
    story.cloud.set_state(INSTANCE, "PROVISIONING")
    for _ in range(3):
        assert story.turn().pause
    assert story.status.message == "the instance is PROVISIONING"
    story.cloud.set_state(INSTANCE, "RUNNING")

    assert story.turn().said.startswith("done attaching VNIC 0")
    story.until_settled()
    assert_exact(story, 31)


@pytest.mark.parametrize("fault", ["busy", ""])
def test_what_an_instance_took_to_start_is_not_counted_with_what_comes_after(
    fault: str,
) -> None:
    story = Story(attach_seconds=1.0)
    story.cloud.set_state(INSTANCE, "PROVISIONING")
    while story.now < 600:
        story.turn()
    story.cloud.set_state(INSTANCE, "RUNNING")
    story.cloud.fault = lambda call: fault if call == "AttachVnic" else ""
    begun = len(story.turns)
    while not story.turn().pause:
        assert len(story.turns) < begun + 9

    assert story.turns[-1].pause == FIRST_PAUSE
    story.cloud.fault = lambda _: ""
    story.until_settled()
    assert story.status.state == "SUCCESS"


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED"])
def test_an_object_goes_with_its_instance(state: str) -> None:
    story = Story()
    story.until_settled()
    story.cloud.set_state(INSTANCE, state)

    assert story.turn().pause is None
    assert story.objects.names() == []


def test_an_instance_that_is_not_there_is_told() -> None:
    story = Story()
    del story.cloud.instances[INSTANCE]
    turn = story.turn()

    assert (story.status.state, story.status.reason) == (
        "BACKOFF",
        "FailedToGetInstance",
    )
    assert INSTANCE in story.status.message
    assert turn.pause


def test_an_object_that_is_gone_or_going_is_left_alone() -> None:
    story = Story()
    story.objects.write(replace(story.npn, deleting=True))
    going = story.turn()
    story.objects.remove(NAME)
    gone = story.turn()

    assert story.cloud.calls == []
    assert going.pause
    assert gone.pause is None


def test_a_broken_object_is_told_what_is_wrong_with_it() -> None:
    story = Story()
    story.until_settled()
    vnics = story.status.vnics
    story.objects.broken[NAME] = Unreadable("spec.id", "", "is required")
    story.turn()

    assert story.status.state == "BACKOFF"
    assert story.status.reason == "FailedToGetNPN_CR"
    assert story.status.message == "spec.id: '': is required"
    assert story.status.vnics == vnics


# Refusals.


def test_a_fragmented_subnet_serves_in_pieces() -> None:
    story = Story(31, subnet="10.0.0.0/24")
    subnet = story.cloud.subnets["pods"]
    subnet.taken |= {a for a in subnet.seen.v4[0] if int(a) % 8 == 0}
    story.until_settled()

    assert_exact(story, 31)
    fragmented = story.status.conditions[-1]
    assert (fragmented.type, fragmented.status) == ("Fragmented", "True")
    assert set(story.changes()) == {"AttachVnic", "CreateAddressBlock"}


@pytest.mark.parametrize("bulk", [True, False])
def test_rt_15_a_checkerboard_serves_single_addresses_and_is_named(bulk: bool) -> None:
    """All by one call; one by one where the cloud does not know that call."""
    story = Story(31, subnet="10.0.0.0/24")
    story.cloud.bulk = bulk
    subnet = story.cloud.subnets["pods"]
    subnet.taken |= {a for a in subnet.seen.v4[0] if int(a) % 2 == 0}
    story.until_settled()

    assert_exact(story, 31)
    assert story.changes().count("CreateAddresses") == 1
    assert story.changes().count("CreateAddress") == (0 if bulk else 32)
    (told,) = [c for c in story.status.conditions if c.type == "Fragmented"]
    assert (told.status, told.reason) == ("True", "NoLargeBlock")
    assert "32 addresses of pods in 32 pieces" in told.message


def test_what_a_bulk_call_could_not_do_is_seen_and_told() -> None:
    story = Story(31, subnet="10.0.0.0/27")
    subnet = story.cloud.subnets["pods"]
    subnet.taken |= {a for a in subnet.seen.v4[0] if int(a) % 2 == 0}
    while not story.turn().said.startswith("backoff"):
        assert len(story.turns) < 60

    assert len(story.pod_addresses()) == 12
    assert story.status.reason == "FailedToCreatePrivateIP"


def test_a_full_subnet_is_told_and_recovers() -> None:
    story = Story(31, subnet="10.0.0.0/27")
    while not story.turn().said.startswith("backoff"):
        assert len(story.turns) < 60
    assert (story.status.state, story.status.reason) == (
        "BACKOFF",
        "FailedToCreatePrivateIP",
    )
    assert "no address free" in story.status.message
    assert len(story.status.vnics[0].pod_addresses) == 27

    story.cloud.add_subnet("more", "10.0.0.0/20")
    story.cloud.subnets["pods"].seen = replace(
        story.cloud.subnets["more"].seen, id="pods"
    )
    story.until_settled()
    assert_exact(story, 31)


def test_a_shape_that_is_too_small_serves_what_it_can() -> None:
    story = Story(62)
    story.cloud.instances[INSTANCE] = replace(
        story.cloud.instances[INSTANCE], most_vnics=2
    )
    for _ in range(20):
        story.turn()

    assert story.status.reason == "FailedToAttachVNIC"
    assert "shape allows 2 VNICs" in story.status.message
    assert len(story.status.vnics[0].pod_addresses) == 31


def test_an_attachment_that_never_comes_is_told() -> None:
    story = Story(31, attach_seconds=1e9)
    for _ in range(60):
        story.turn()

    assert (story.status.state, story.status.reason) == (
        "BACKOFF",
        "FailedToAttachVNIC",
    )
    assert len(story.cloud.secondaries(INSTANCE)) == 1


def test_a_subnet_that_updates_is_waited_for() -> None:
    story = Story(31)
    story.cloud.subnets["pods"].updating_until = 60.0
    story.cloud.instances[INSTANCE] = replace(story.cloud.instances[INSTANCE])
    story.until_settled()

    assert story.now > 60
    assert_exact(story, 31)


def test_a_list_that_lags_behind_makes_nothing_twice() -> None:
    """RT-21: what was attached is in no list for longer than attaching takes."""
    story = Story(62, list_lag=40.0)
    story.until_settled()

    assert_exact(story, 62)


def test_an_old_list_takes_nothing_from_the_node() -> None:
    """RT-21: a list from before comes after a whole one."""
    story = Story(31)
    story.until_settled()
    before = story.status
    attachments = story.cloud.attachments(story.cloud.instance(INSTANCE))
    story.cloud.hidden = {attachments[-1].id}
    for _ in range(3):
        story.turn()

    assert story.status.vnics == before.vnics
    assert "exists and is not in the list" in story.status.conditions[-1].message
    story.cloud.hidden = set()
    story.until_settled()
    assert story.status == before
    assert story.changes() == ["AttachVnic", "CreateAddressBlock"]


@pytest.mark.parametrize("list_lag", [0.0, 3.0])
def test_two_controllers_at_once_make_nothing_twice(list_lag: float) -> None:
    story, other = Story(64, list_lag=list_lag), Memory()
    for _ in range(60):
        story.turn()
        story.memory, other = other, story.memory
    story.until_settled()

    assert_exact(story, 64)


def test_a_cloud_that_only_says_yes_is_not_asked_for_ever() -> None:
    story = Story(31)
    story.until_settled()
    (vnic,) = story.cloud.secondaries(INSTANCE)
    stubborn = replace(vnic, nsg_ids=("x",))
    start, calls = story.now, len(story.changes())
    while story.now < start + 600:
        story.cloud.vnics[vnic.id] = stubborn
        story.turn()

    assert len(story.changes()) - calls < 30


def test_a_token_of_the_past_is_not_used_for_ever() -> None:
    story = Story(31)
    story.until_settled()
    (block,) = [
        a for a in story.cloud.private_ips.values() if a.block.num_addresses > 1
    ]
    story.memory = Memory()
    story.cloud.delete_address(block.id)
    story.until_settled()

    assert_exact(story, 31)


def test_a_busy_cloud_leaves_a_served_object_in_peace() -> None:
    story = Story(31)
    story.until_settled()
    story.cloud.fault = lambda _: "throttle"
    story.turn()

    assert story.status.state == "SUCCESS"
    assert story.status.conditions[-1].type == "Synced"
    story.cloud.fault = lambda _: ""
    story.until_settled()
    assert story.status.conditions[-1].type == "IPv4Ready"


def test_pauses_grow_while_the_cloud_is_away() -> None:
    story = Story()
    story.cloud.fault = lambda _: "away"
    pauses = [story.turn().pause or 0.0 for _ in range(12)]

    assert pauses[0] <= 1 < pauses[4] < pauses[-1] <= 60
    assert all(t.away and t.trouble for t in story.turns)


# Killed anywhere.


class Mortal:
    """An adapter that lets calls through until `dies` says: before a call or after it."""

    def __init__(self, inner: object, dies: Callable[[], bool]) -> None:
        self._inner, self._dies = inner, dies

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*arguments: object) -> object:
            if self._dies():
                raise Killed
            answer = method(*arguments)
            if self._dies():
                raise Killed
            return answer

        return call


def mortal(story: Story, after: int) -> tuple[Cloud, Objects]:
    """The story's adapters, which die at the same count of calls."""
    count = iter(range(10**6))

    def dies() -> bool:
        return next(count) == after

    cloud, objects = Mortal(story.cloud, dies), Mortal(story.objects, dies)
    return cast("Cloud", cloud), cast("Objects", objects)


@pytest.mark.parametrize("after", range(48))
@pytest.mark.parametrize("list_lag", [0.0, 5.0])
@pytest.mark.parametrize(
    ("prefix", "families"), [("", ("IPv4",)), (PREFIX, BOTH)], ids=["four", "both"]
)
def test_killed_at_any_point_nothing_is_lost_or_made_twice(
    after: int, list_lag: float, prefix: str, families: tuple[str, ...]
) -> None:
    story = Story(34, prefix=prefix, families=families, list_lag=list_lag)
    adapters = mortal(story, after)
    try:
        while not story.turn(*adapters).settled:
            pass
    except Killed:
        story.memory = Memory()
    story.until_settled()

    assert_exact(story, 34)
    if not list_lag:  # the cloud shows at once what it did: no call is made twice
        assert len(story.changes()) == (6 if prefix else 4)


def test_killed_in_every_turn_it_still_gets_there() -> None:
    story = Story(34)
    for after in range(200):
        try:
            story.turn(*mortal(story, 3 + after % 9))
        except Killed:
            story.memory = Memory()
    story.until_settled()

    assert_exact(story, 34)


events = st.lists(st.sampled_from([*FAULTS, "kill", "detach", "delete"]), max_size=120)


@settings(max_examples=150)
@given(
    pods=st.integers(1, 110),
    history=events,
    attach_seconds=st.sampled_from([0.0, 0.5, 20.0]),
    list_lag=st.sampled_from([0.0, 3.0]),
    holes=st.sampled_from([0, 32, 4, 2]),
    families=st.sampled_from([("IPv4",), BOTH]),
)
@example(
    pods=31,
    history=["lost"] * 9,
    attach_seconds=0.0,
    list_lag=3.0,
    holes=0,
    families=("IPv4",),
)
def test_any_history_converges_without_a_duplicate(
    *,
    pods: int,
    history: list[str],
    attach_seconds: float,
    list_lag: float,
    holes: int,
    families: tuple[str, ...],
) -> None:
    """RT-19, RT-20: throttled, away, busy, replies lost, attaches slow, lists old, in any order."""
    story = Story(
        pods,
        prefix=PREFIX,
        families=families,
        attach_seconds=attach_seconds,
        list_lag=list_lag,
    )
    if holes:
        subnet = story.cloud.subnets["pods"]
        subnet.taken |= {a for a in subnet.seen.v4[0] if int(a) % holes == 0}
    moves = iter(history)
    story.cloud.fault = lambda _call: _next_fault(story, moves)
    for _ in range(len(history)):
        try:
            story.turn()
        except Killed:
            story.memory = Memory()
    story.cloud.fault = lambda _call: ""
    story.until_settled(900)

    assert_exact(story, pods)


def _next_fault(story: Story, moves: Iterator[str]) -> str:
    """Do what the history says next: break something, die, or answer with a fault."""
    move = next(moves, "")
    if move == "kill":
        raise Killed
    if move == "detach" and story.cloud.secondaries(INSTANCE):
        story.cloud.detach(story.cloud.secondaries(INSTANCE)[0].id)
    if move == "delete":
        ours = [
            a
            for v in story.cloud.secondaries(INSTANCE)
            for a in (*story.cloud.ipv6s_of(v.id), *story.cloud.addresses_of(v.id))
            if not a.is_primary
        ]
        if ours:
            story.cloud.delete_address(ours[0].id)
    return move if move in FAULTS else ""


@pytest.mark.parametrize("after", range(0, 30, 2))
def test_rt_01_attaching_interrupted_anywhere_leaves_no_vnic_too_many(
    after: int,
) -> None:
    """Killed between attach, tag and addresses, many times: ours are exact, others' untouched."""
    story = Story(62)
    foreign = story.cloud.attach_foreign(INSTANCE, "pods", is_primary=False)
    before = story.cloud.vnics[foreign], story.cloud.addresses_of(foreign)
    for _ in range(3):
        try:
            while not story.turn(*mortal(story, after)).settled:
                pass
        except Killed:
            story.memory = Memory()
    story.until_settled()

    mine = [v for v in story.cloud.secondaries(INSTANCE) if v.id != foreign]
    assert sorted(v.tags["mooring-slot"] for v in mine) == ["0", "1"]
    assert {v.vnic_id for v in story.status.vnics} == {v.id for v in mine}
    assert (story.cloud.vnics[foreign], story.cloud.addresses_of(foreign)) == before


def test_rt_06_a_node_made_anew_under_its_old_name_gets_vnics_of_its_own() -> None:
    story = Story(31)
    story.until_settled()
    old = {v.vnic_id for v in story.status.vnics}
    story.cloud.set_state(INSTANCE, "TERMINATED")
    assert story.turn().pause is None
    other = story.cloud.add_instance("ocid1.instance.oc1.test.new", "workers")
    story.objects.write(replace(story.npn, spec=replace(story.npn.spec, id=other)))
    assert story.status == NpnStatus()
    story.until_settled()

    new = {v.vnic_id for v in story.status.vnics}
    assert new == {v.id for v in story.cloud.secondaries(other)}
    assert not new & old
    assert len(story.pod_addresses()) == 31
