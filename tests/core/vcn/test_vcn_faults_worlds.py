"""Earlier worlds, attachments that come to nothing, subnets in pieces."""

from datetime import timedelta
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vcn_cloud import START, Cloud, Json

from mooring.core.vcn.faults import attaching, fragments
from mooring.core.vcn.faults.past import SLOTS, Past
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.indexes import addresses
from mooring.core.vcn.model import PrivateIp, Vnic, VnicAttachment
from mooring.core.vcn.world import World

SECOND = timedelta(seconds=1)
HOLDER = "f1"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


# -- earlier worlds


def worlds(count: int) -> list[World]:
    cloud, found = Cloud(), []
    for n in range(count):
        cloud.vcn(f"10.{n}.0.0/16")
        found.append(cloud.world)
    return found


SOME = worlds(8)


def test_who_keeps_nothing_sees_the_present() -> None:
    past = Past().keeping(0 * SECOND, SOME[0]).saw(START, SOME[1])

    assert past == Past()
    assert past.at(START, SOME[2]) is SOME[2]


def test_the_past_is_what_was_then() -> None:
    past = Past().keeping(10 * SECOND, SOME[0])
    for n in range(1, 5):
        past = past.saw(START + n * SECOND, SOME[n])

    assert past.at(START, SOME[7]) is SOME[0]
    assert past.at(START + 2.5 * SECOND, SOME[7]) is SOME[2]
    assert past.at(START + 9 * SECOND, SOME[7]) is SOME[4]


def test_the_past_is_forgotten_as_far_as_nobody_wants_it() -> None:
    past = Past().keeping(SECOND, SOME[0])
    for n in range(1, 8):
        past = past.saw(START + n * SECOND, SOME[n])

    assert [world for _, world in past.worlds] == [SOME[6], SOME[7]]
    assert past.keeping(0 * SECOND, SOME[7]) == Past()
    assert past.keeping(2 * SECOND, SOME[7]).worlds == past.worlds


@given(st.lists(st.integers(0, 300), max_size=400))
def test_what_is_shown_is_at_most_a_slot_too_old(pauses: list[int]) -> None:
    keeps = SECOND
    past, now, all_of_them = Past().keeping(keeps, SOME[0]), START, [(START, SOME[0])]
    for n, pause in enumerate(pauses):
        now += pause * timedelta(milliseconds=1)
        all_of_them.append((now, SOME[n % 8]))
        past = past.saw(now, SOME[n % 8])

        shown = past.at(now - keeps, SOME[0])
        earliest = now - keeps - keeps / SLOTS
        before = [w for t, w in all_of_them if t <= earliest][-1:]
        between = [w for t, w in all_of_them if earliest <= t <= now - keeps]
        assert any(shown is w for w in [*before, *between, SOME[0]])
        assert len(past.worlds) <= SLOTS + 3


# -- attachments


def attach(cloud: Cloud, subnet: Json, instance: Json) -> Json:
    body = {
        "instanceId": instance["id"],
        "createVnicDetails": {"subnetId": subnet["id"]},
    }
    return cloud.send("POST", "/vnicAttachments", body)


def test_an_attachment_can_be_made_late(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    outcome = attach(cloud, subnet, cloud.instance(subnet))
    made = attaching.attached(outcome)[0]

    late = attaching.later(outcome, 5 * SECOND)

    vnic = late.world.find(Vnic, made.vnic_id)
    attachment = late.world.find(VnicAttachment, made.id)
    assert vnic is not None
    assert attachment is not None
    assert made.settles_at is not None
    assert vnic.settles_at == attachment.settles_at == made.settles_at + 5 * SECOND
    assert attachment.version == made.version


def test_other_calls_attach_nothing(cloud: Cloud) -> None:
    vcn = cloud.send(
        "POST", "/vcns", {"compartmentId": "c", "cidrBlock": "10.0.0.0/16"}
    )

    assert attaching.attached(vcn) == ()
    assert attaching.later(vcn, SECOND).world is vcn.world


def test_what_settles_no_more_is_not_made_late(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    outcome = attach(cloud, subnet, cloud.instance(subnet))
    cloud.wait()
    settled = type(outcome)(
        world=cloud.world, reply=outcome.reply, changes=outcome.changes
    )

    assert attaching.later(settled, SECOND).world is cloud.world


def doomed(cloud: Cloud) -> tuple[frozenset[str], str]:
    subnet = cloud.subnet(cloud.vcn())
    outcome = attach(cloud, subnet, cloud.instance(subnet))
    made = attaching.attached(outcome)[0]
    return frozenset({made.id}), made.vnic_id


def test_a_doomed_attachment_fails_when_it_is_due(cloud: Cloud) -> None:
    who, vnic_id = doomed(cloud)
    early, left = attaching.failed(cloud.world, who, cloud.now)
    assert (early.changes, left) == ((), who)

    outcome, left = attaching.failed(cloud.world, who, cloud.now + SECOND)
    cloud.world = outcome.world
    cloud.wait(1)

    assert left == frozenset()
    attachment = cloud.get(f"/vnicAttachments/{next(iter(who))}")
    assert attachment["lifecycleState"] == "DETACHED"
    assert cloud.refused("GET", f"/vnics/{vnic_id}")[0] == 404
    assert not list(cloud.world.referring(PrivateIp, vnic_id))


def test_who_is_gone_or_through_is_not_doomed_any_more(cloud: Cloud) -> None:
    who, _ = doomed(cloud)
    cloud.wait()

    outcome, left = attaching.failed(cloud.world, who | {"ocid1.none"}, cloud.now)

    assert (outcome.changes, left) == ((), frozenset())


def test_an_attachment_without_its_vnic_fails_alone(cloud: Cloud) -> None:
    who, vnic_id = doomed(cloud)

    outcome, _ = attaching.failed(cloud.world.drop(vnic_id), who, cloud.now + SECOND)

    assert len(outcome.changes) == 1


# -- subnets in pieces


def free_blocks(world: World, subnet: Json, prefix: int) -> list[str]:
    space = world.space(addresses(subnet["id"]))
    return [
        str(block)
        for cidr in subnet["ipv4CidrBlocks"]
        if IPv4Network(cidr).prefixlen <= prefix
        for block in IPv4Network(cidr).subnets(new_prefix=prefix)
        if space.first_in(int(block.network_address), 32 - prefix) is None
    ]


@pytest.mark.parametrize("prefix", [25, 28, 30])
def test_no_aligned_block_of_the_size_is_left(cloud: Cloud, prefix: int) -> None:
    subnet = cloud.subnet(cloud.vcn(), "10.0.1.0/24", "10.0.4.0/26")

    cloud.world = fragments.cut(cloud.world, subnet["id"], prefix, HOLDER)

    assert free_blocks(cloud.world, subnet, prefix) == []
    vnic = cloud.primary(cloud.instance(subnet))
    status, code, message = cloud.refused(
        "POST", "/privateIps", {"vnicId": vnic["id"], "cidrPrefixLength": prefix}
    )
    assert (status, code) == (409, "Conflict")
    assert f"prefix length {prefix}" in message
    assert cloud.ip(vnic)["ipAddress"]


def test_a_refusal_for_want_of_room_is_known(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    cloud.world = fragments.cut(cloud.world, subnet["id"], 28, HOLDER)
    vnic = cloud.primary(cloud.instance(subnet))
    body = {"vnicId": vnic["id"], "cidrPrefixLength": 28}
    outcome = cloud.send("POST", "/privateIps", body)
    other = cloud.send("GET", f"/subnets/{subnet['id']}")

    assert fragments.for_want_of_room(outcome.reply, subnet["id"])
    assert not fragments.for_want_of_room(outcome.reply, "ocid1.subnet.other")
    assert not fragments.for_want_of_room(other.reply, subnet["id"])


def test_held_addresses_are_taken_but_not_listed(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    cloud.world = fragments.cut(cloud.world, subnet["id"], 28, HOLDER)
    held = next(
        e
        for e in cloud.world.space(addresses(subnet["id"])).items()
        if e.owner == HOLDER
    )
    vnic = cloud.primary(cloud.instance(subnet))
    listed = cloud.get("/privateIps", subnetId=subnet["id"])
    wish = {"vnicId": vnic["id"], "ipAddress": str(IPv4Network((held.base, 32))[0])}

    assert [ip["vnicId"] for ip in listed] == [vnic["id"]]
    assert cloud.refused("POST", "/privateIps", wish)[:2] == (409, "Conflict")


def test_what_was_held_is_free_again(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    before = cloud.world

    cut = fragments.cut(before, subnet["id"], 28, HOLDER)

    assert fragments.cut(cut, subnet["id"], 28, HOLDER) is cut
    assert fragments.mend(cut, subnet["id"], HOLDER) == before


def test_a_subnet_that_is_deleted_in_pieces_leaves_nothing(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    before = cloud.world
    subnet = cloud.subnet(vcn)
    cloud.world = fragments.cut(cloud.world, subnet["id"], 28, HOLDER)
    cloud.delete(f"/subnets/{subnet['id']}")

    assert fragments.cut(cloud.world, subnet["id"], 28, HOLDER) is cloud.world
    cloud.world = fragments.mend(cloud.world, subnet["id"], HOLDER)

    assert cloud.world == before
    assert fragments.mend(cloud.world, subnet["id"], HOLDER) is cloud.world


def test_a_subnet_that_is_not_there_cannot_be_cut(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn(), "10.0.0.0/16")
    fragments.check(cloud.world, subnet["id"], 30)

    with pytest.raises(Unread, match="is no subnet that exists"):
        fragments.check(cloud.world, "ocid1.subnet.x", 28)


def test_more_than_can_be_held_is_refused(cloud: Cloud) -> None:
    vcn = cloud.post(
        "/vcns", {"compartmentId": "c", "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}
    )
    subnet = cloud.subnet(vcn, "10.0.0.0/16", "10.1.0.0/24")

    with pytest.raises(Unread, match="choose a shorter prefix or a smaller subnet"):
        fragments.check(cloud.world, subnet["id"], 30)
