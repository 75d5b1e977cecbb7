"""After a restart: claims undone, departures finished, links adopted or removed."""

from dataclasses import replace
from ipaddress import IPv4Address

from core.wiring.cables import V4, V6, a_lease, a_pod

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import (
    Cooled,
    Held,
    Lease,
    Ledger,
    Left,
    Netns,
    Phase,
    Placed,
)
from mooring.core.ipam.pool import Offer
from mooring.core.linux.seen import Link
from mooring.core.npn.record import Pair
from mooring.core.wiring.names import alias, host_link
from mooring.core.wiring.recovery import Recovery, recover
from mooring.core.wiring.strays import orphans

OTHER = IPv4Address("10.0.8.6")


def a_link(name: str, words: str = "", kind: str = "veth") -> Link:
    return Link(
        name=name,
        index=7,
        mac="02:6d:00:00:00:01",
        mtu=9000,
        up=True,
        operational=True,
        kind=kind,
        peer_index=2,
        alias=words,
        group=0,
    )


def links(*made: Link) -> dict[str, Link]:
    return {link.name: link for link in made}


def link_of(lease: Lease) -> Link:
    return a_link(host_link(lease.attachment), alias(lease))


def a_ledger(*leases: Lease) -> Ledger:
    offers = {"vnic-1": Offer((V4, OTHER, V6), (4, 6))}
    ledger, _ = Ledger().after([Placed("vnic-1", 4)]).refill(offers)
    return ledger.after(Held(lease) for lease in leases)


def lease_of(phase: Phase, attachment: AttachmentId | None = None) -> Lease:
    return replace(a_lease(attachment), vnic_id="vnic-1", slot=4, phase=phase)


def test_nothing_left_is_nothing_to_do() -> None:
    lease = lease_of(Phase.WIRED)

    assert recover(a_ledger(lease), links(link_of(lease)), 50) == Recovery((), (), ())


def test_a_claim_that_was_never_told_ends() -> None:
    lease = lease_of(Phase.CLAIMED)
    found = recover(a_ledger(lease), links(link_of(lease)), 50)

    assert found.entries == (Left(lease.attachment),)
    assert [x.attachment for x in found.ending] == [lease.attachment]
    assert found.doomed == ()


def test_a_departure_goes_on() -> None:
    lease = lease_of(Phase.LEAVING)

    assert recover(a_ledger(lease), {}, 50) == Recovery((), (lease,), ())


def test_a_link_without_a_lease_is_adopted_with_todays_number() -> None:
    lease = a_lease()
    found = recover(a_ledger(), links(link_of(lease)), 50)

    assert found.entries == (
        Held(replace(lease, vnic_id="vnic-1", slot=4, since=50, phase=Phase.WIRED)),
    )
    assert found.ending == found.doomed == ()


def test_a_withdrawn_address_is_adopted_with_the_aliases_number() -> None:
    gone = a_lease(addresses=Pair(IPv4Address("10.0.8.99")))
    known = replace(gone, slot=4)
    unknown = replace(gone, slot=9)

    for lease, vnic in ((known, "vnic-1"), (unknown, "")):
        (entry,) = recover(a_ledger(), links(link_of(lease)), 50).entries
        assert isinstance(entry, Held)
        assert (entry.lease.vnic_id, entry.lease.slot) == (vnic, lease.slot)


def test_an_adopted_path_may_be_unknown() -> None:
    lease = replace(a_lease(), netns=Netns("/a b", 5))
    (entry,) = recover(a_ledger(), links(link_of(lease)), 50).entries

    assert isinstance(entry, Held)
    assert entry.lease.netns == Netns("", 5)


def test_what_cannot_be_adopted_is_removed() -> None:
    held = lease_of(Phase.WIRED)
    thief = a_lease(a_pod("thief"), Pair(V4))
    warm = a_lease(a_pod("warm"), Pair(OTHER))
    ledger = a_ledger(held).after([Cooled(OTHER, 60)])
    found = recover(
        ledger,
        links(
            link_of(held),
            link_of(thief),
            link_of(warm),
            a_link("moornameless"),
            a_link("moorliar", alias(a_lease(a_pod("other")))),
            a_link("ens5", alias(thief)),
            a_link("moorbridge", kind="bridge"),
        ),
        50,
    )

    assert found.entries == ()
    assert set(found.doomed) == {
        host_link(thief.attachment),
        host_link(warm.attachment),
        "moornameless",
        "moorliar",
    }


def test_of_two_links_with_one_address_one_is_adopted() -> None:
    one, two = (a_lease(a_pod(name), Pair(V4)) for name in ("one", "two"))
    found = recover(a_ledger(), links(link_of(one), link_of(two)), 50)

    assert len(found.entries) == 1
    assert found.doomed == (host_link(two.attachment),)


def test_orphans_are_host_ends_that_nobody_wants() -> None:
    shown = links(a_link("moora"), a_link("moorb"), a_link("ens5"))

    assert orphans(shown, ["moora"]) == ("moorb",)
