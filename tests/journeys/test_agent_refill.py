"""From a NativePodNetwork's status to VNICs that work; and what a restart finds, on fakes."""

import json
from dataclasses import replace
from ipaddress import IPv4Interface

import pytest
from journeys.agent_fakes import (
    NAME,
    OTHER_MAC,
    Machine,
    a_machine,
    a_vnic,
    play,
    success,
    v4,
)

from mooring.core.ipam import journal
from mooring.core.ipam.journal import TooNew
from mooring.core.ipam.ledger import Phase
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    LinkUp,
    Route,
    Rule,
    Veth,
)
from mooring.core.linux.port import KernelError
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.record import NpnStatus, Pair
from mooring.core.wiring.names import host_link
from mooring.core.wiring.ruleset import PODS4


async def started(**settings: float) -> Machine:
    machine = a_machine(**settings)
    await machine.start()
    return machine


def with_second_nic(machine: Machine) -> Machine:
    machine.kernel.add_hardware(None, "ens6", OTHER_MAC, 1500)
    return machine


SECOND = a_vnic(range(20, 24), "vnic-2", OTHER_MAC)


def rules(machine: Machine) -> set[int | None]:
    return {r.mark for r in machine.kernel.look(HOST, None).rules if r.priority == 510}


def test_a_vnic_is_found_by_its_mac_and_set_up() -> None:
    async def story() -> None:
        machine = await started()
        link = machine.kernel.link(None, "ens5")

        assert link is not None
        assert (link.up, link.mtu) == (True, 9000)
        assert machine.kernel.sysctl(None, "net/ipv4/conf/all/rp_filter") == "0"
        assert machine.kernel.sysctl(None, "net/ipv4/conf/ens5/arp_ignore") == "1"
        assert rules(machine) == {0x10000}
        machine.assert_consistent()

    play(story())


def test_the_source_check_is_in_force_before_any_source_is_accepted() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.nft.refuse_next("no nft here")
        await machine.agent.follow()

        assert machine.kernel.sysctl(None, "net/ipv4/conf/all/accept_local") is None
        assert not machine.agent.node.ready
        assert "no nft here" in machine.agent.node.standing.trouble
        await machine.settle()
        assert machine.agent.node.ready

    play(story())


def test_a_status_that_is_not_reached_yet_does_not_count() -> None:
    async def story() -> None:
        machine = a_machine()
        coming = NpnStatus(
            state="IN_PROGRESS", reason="WaitingForVnic", vnics=(a_vnic(),)
        )
        machine.objects.write_status(NAME, coming)
        await machine.settle()

        assert not machine.agent.node.ready
        assert "WaitingForVnic" in machine.agent.node.standing.trouble
        assert machine.nft.scripts == []
        machine.cloud(a_vnic())
        await machine.settle()
        assert machine.agent.node.ready
        assert machine.agent.ready.is_set()

    play(story())


def test_a_status_under_repair_counts_once_it_was_reached() -> None:
    async def story() -> None:
        machine = await started()
        coming = NpnStatus(state="IN_PROGRESS", vnics=(a_vnic([10, 11]),))
        machine.objects.write_status(NAME, coming)
        await machine.settle()

        assert machine.agent.node.ready
        assert machine.free() == 2

    play(story())


def test_an_object_that_cannot_be_read_changes_nothing() -> None:
    async def story() -> None:
        machine = await started()
        machine.objects.unreachable = True
        await machine.settle()
        machine.objects.unreachable = False
        machine.objects.broken[NAME] = Unreadable("spec.id", 5, "must be text")
        await machine.settle()

        assert machine.agent.node.ready
        assert machine.free() == 4

    play(story())


def test_an_unreadable_object_is_told_at_the_start() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.objects.unreachable = True
        await machine.agent.follow()
        await machine.agent.follow()

        (line,) = machine.heard("trouble")
        assert "cannot be read" in line
        error = await machine.refused("STATUS")
        assert "cannot be read" in error["details"]

    play(story())


def test_a_vnic_without_a_link_gives_no_addresses_until_it_appears() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic(), SECOND)
        await machine.settle()
        assert machine.free() == 4
        assert "vnic-2" in machine.agent.node.standing.trouble

        with_second_nic(machine)
        await machine.settle()
        assert machine.free() == 8
        assert rules(machine) == {0x10000, 0x20000}
        assert machine.agent.node.standing.trouble == ""
        machine.assert_consistent()

    play(story())


def test_a_link_that_comes_a_moment_after_the_status_is_used_at_once() -> None:
    """By the loop that follows the status, not by the look at the whole node."""

    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic(), SECOND)
        await machine.agent.follow()
        assert machine.free() == 4
        with_second_nic(machine)
        await machine.agent.follow()

        assert machine.free() == 8

    play(story())


def test_pods_leave_by_the_vnic_that_has_their_address() -> None:
    async def story() -> None:
        machine = with_second_nic(a_machine())
        machine.cloud(a_vnic([10]), SECOND)
        await machine.start()
        await machine.run_pod("c1")
        await machine.run_pod("c2")
        by_address = {x.addresses.v4: x.slot for x in machine.leases.values()}

        assert by_address == {v4(20): 2, v4(21): 2}
        machine.assert_consistent()

    play(story())


def test_a_vnic_that_is_gone_takes_its_cables_along() -> None:
    async def story() -> None:
        machine = with_second_nic(a_machine())
        machine.cloud(a_vnic(), SECOND)
        await machine.start()
        machine.cloud(a_vnic())
        await machine.settle()
        seen = machine.kernel.look(HOST, None)

        assert rules(machine) == {0x10000}
        assert not [r for r in seen.routes if r.table == 7002]
        assert not [a for a in seen.addresses if a.link == "ens6"]
        machine.assert_consistent()

    play(story())


def test_a_withdrawn_address_drains_and_is_told() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.cloud(a_vnic([11, 12]))
        await machine.settle()
        await machine.agent.report()

        (line,) = machine.heard("withdrawn")
        assert "10.0.8.10" in line
        status = json.loads(machine.disk.files["status.json"])
        assert status["pool"]["draining"] == 1
        assert status["attachments"][0]["draining"]
        machine.assert_consistent()

        await machine.delete(pod)
        machine.clock.forward(60)
        await machine.settle()
        assert machine.free() == 2

    play(story())


def test_the_status_file_is_written_when_something_changes() -> None:
    async def story() -> None:
        machine = await started()
        await machine.agent.report()
        status = json.loads(machine.disk.files["status.json"])
        assert status["ready"]
        assert status["primary"] == {"link": "ens3", "address": "10.0.2.7"}
        assert status["pool"] == {
            "offered": 4,
            "free": 4,
            "held": 0,
            "cooling": 0,
            "draining": 0,
            "kept": 0,
            "early": 0,
        }
        machine.disk.files.clear()
        await machine.agent.report()
        assert machine.disk.files == {}

        machine.disk.full = True
        machine.cloud(a_vnic([10]))
        await machine.agent.follow()
        await machine.agent.report()
        assert machine.heard("status-refused")

    play(story())


def test_a_changed_primary_address_is_followed() -> None:
    async def story() -> None:
        machine = await started()
        old = Address(HOST, "ens3", IPv4Interface("10.0.2.7/24"))
        machine.make(Address(HOST, "ens3", IPv4Interface("10.0.2.9/24")))
        machine.unmake(old)
        await machine.settle()

        rule = machine.nft.rules("inet", "mooring", "postrouting")
        assert "snat ip to 10.0.2.9" in rule

    play(story())


def test_a_node_without_a_default_route_waits_for_one() -> None:
    async def story() -> None:
        machine = a_machine()
        (default,) = (
            r
            for r in machine.kernel.look(HOST, None).routes
            if r.destination.prefixlen == 0
        )
        machine.unmake(default)
        await machine.settle()
        assert not machine.agent.node.ready
        assert "no default route" in machine.agent.node.standing.trouble

        machine.make(default)
        await machine.settle()
        assert machine.agent.node.ready

    play(story())


def test_a_restart_changes_nothing() -> None:
    async def story() -> None:
        machine = await started()
        pods = [await machine.run_pod(f"c{n}") for n in range(2)]
        before = dict(machine.leases)
        await machine.start()

        assert machine.leases == before
        assert not machine.heard("adopted")
        for pod in pods:
            assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()

    play(story())


def test_rt_59_cooling_goes_on_over_a_restart() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic([10, 11, 12]))
        await machine.settle()
        await machine.delete(await machine.run_pod("c1"))
        await machine.agent.reaper.reap()
        machine.clock.step_wall(86400)
        await machine.start()

        assert await machine.add(machine.a_pod("c2")) == "10.0.8.11"
        machine.clock.forward(30)
        assert await machine.add(machine.a_pod("c3")) == "10.0.8.12"
        assert await machine.add(machine.a_pod("c4")) == "10.0.8.10"
        assert machine.heard("reused-early") == []

    play(story())


def test_a_restart_of_the_machine_frees_all() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.end(pod)
        machine.clock.reboot()
        await machine.start()

        assert machine.leases == {}
        assert (
            machine.free() == 0
        )  # any of the next ones may have been handed out as well
        machine.clock.forward(30)
        await machine.settle()
        assert machine.free() == 4

    play(story())


def test_after_an_orderly_end_only_what_was_held_rests() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.agent.book.rest()
        machine.end(pod)
        machine.clock.reboot()
        await machine.start()

        assert machine.free() == 3

    play(story())


def test_a_host_gets_no_address_that_a_pod_holds() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        spoilt = replace(a_vnic(range(11, 14)), host=Pair(v4(10)))
        machine.cloud(spoilt)
        await machine.settle()

        def hosts() -> set[str]:
            return {
                str(a.address.ip) for a in machine.kernel.look(HOST, None).addresses
            }

        assert "10.0.8.10" not in hosts()
        assert "10.0.8.2" not in hosts()
        assert len(machine.heard("host-refused")) == 1
        await machine.delete(pod)
        await machine.settle()
        assert "10.0.8.10" in hosts()

    play(story())


def test_nor_one_of_which_only_the_kernel_knows_that_a_pod_holds_it() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.cloud(replace(a_vnic(range(11, 14)), host=Pair(v4(10))))
        machine.disk.journal = machine.disk.journal.replace(b"held", b"hold", 1)
        await machine.start()

        assert machine.heard("journal-damaged")
        assert machine.leases[pod.id].addresses == Pair(v4(10))
        assert len(machine.heard("host-refused")) == 1
        # Not even for a moment.
        made = [f for f in machine.kernel.done if isinstance(f, Address)]
        assert v4(10) not in {fact.address.ip for fact in made if fact.space == HOST}
        assert (await machine.check(pod)).exit_code == 0

    play(story())


def test_an_orderly_end_leaves_a_journal_that_an_older_mooring_reads() -> None:
    async def story() -> None:
        machine = await started()
        await machine.run_pod()
        machine.agent.book.rest()

        assert b'"ahead"' not in bytes(machine.disk.journal)

    play(story())


def test_a_damaged_journal_is_set_aside_and_the_kernel_believed() -> None:
    async def story() -> None:
        machine = await started()
        await machine.delete(await machine.run_pod("gone"))
        await machine.settle()
        pod = await machine.run_pod("c1")
        before = machine.leases[pod.id]
        machine.disk.journal = machine.disk.journal.replace(b"held", b"hold", 1)
        await machine.start()

        assert list(machine.disk.aside) == ["ledger.journal.damaged-1"]
        after = machine.leases[pod.id]
        assert replace(after, since=before.since) == before
        assert machine.heard("adopted")
        machine.assert_consistent()
        assert (await machine.check(pod)).exit_code == 0

        # Which addresses were cooling is not known any more: all of them are.
        assert machine.free() == 0
        assert len(machine.agent.book.ledger.pool.cooling) == 3
        machine.clock.forward(30)
        await machine.run_pod("c3")
        assert machine.heard("reused-early") == []

    play(story())


def test_a_pod_of_a_withdrawn_address_is_adopted_by_its_number() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod("c1")
        machine.disk.journal = b""
        machine.cloud(a_vnic([11]))
        await machine.start()

        assert machine.leases[pod.id].slot == 1
        assert machine.leases[pod.id].vnic_id == "vnic-1"
        assert len(machine.nft.elements(PODS4)) == 1

    play(story())


def test_a_link_whose_address_is_anothers_is_removed() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod("c1")
        other = machine.a_pod("c9")
        for name, alias in (
            (host_link(other.id), "mooring:mooring/c9/eth0 10.0.8.10 1 5"),
            ("moornoalias", ""),
        ):
            veth = Veth(
                End(HOST, name, "02:00:00:00:00:01", 1500, alias=alias),
                End(POD, name, "02:00:00:00:00:02", 1500),
            )
            machine.kernel.carry_out((veth,), {HOST: None, POD: other.fd})
        await machine.start()

        assert machine.host_ends() == {host_link(pod.id)}
        assert len(machine.heard("orphan")) == 2
        machine.assert_consistent()

    play(story())


def test_a_newer_journal_is_refused() -> None:
    async def story() -> None:
        machine = await started()
        machine.disk.journal = journal._line(
            {"mooring": "ledger", "format": 2, "boot": "b"}
        )
        with pytest.raises(TooNew):
            await machine.start()

        assert b'"format":2' in machine.disk.journal

    play(story())


def test_a_start_with_a_full_disk_lets_pods_go() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.disk.full = True
        await machine.start()

        assert pod.id in machine.leases
        await machine.delete(pod)
        await machine.settle()
        assert machine.leases == {}
        assert len(machine.heard("journal-refused")) == 1

        machine.disk.full = False
        await machine.settle()
        await machine.run_pod("c2")
        machine.assert_consistent()

    play(story())


def test_a_long_journal_is_written_anew() -> None:
    async def story() -> None:
        machine = await started(cooldown=0)
        for n in range(400):
            pod = await machine.run_pod(f"c{n}")
            await machine.delete(pod)
            await machine.agent.reaper.reap()
            await machine.agent.look_after()
            machine.clock.forward(1)

        assert machine.disk.journal.count(b"\n") < 1200
        machine.assert_consistent()

    play(story())


def test_nothing_is_touched_while_the_store_is_out_of_reach() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.objects.unreachable = True
        scripts, done = len(machine.nft.scripts), len(machine.kernel.done)
        await machine.start()

        assert (len(machine.nft.scripts), len(machine.kernel.done)) == (scripts, done)
        assert pod.id in machine.leases
        await machine.delete(pod)
        await machine.agent.reaper.reap()
        assert machine.leases == {}
        machine.objects.unreachable = False
        await machine.settle()
        machine.assert_consistent()

    play(story())


def test_the_facts_of_a_vnic_are_made_again_when_its_link_comes_back() -> None:
    async def story() -> None:
        machine = await started()
        machine.kernel.delete_links(None, ["ens5"])
        await machine.settle()
        assert not machine.agent.node.ready

        machine.kernel.add_hardware(None, "ens7", a_vnic().mac_address, 1500)
        await machine.settle()
        assert machine.agent.node.ready
        assert LinkUp(HOST, "ens7", 9000) in machine.agent.node.standing.plan()
        machine.assert_consistent()

    play(story())


def test_a_claim_that_nobody_was_told_of_is_undone() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        lease = replace(machine.leases[pod.id], phase=Phase.CLAIMED)
        ledger = replace(machine.agent.book.ledger, leases={pod.id: lease})
        machine.disk.journal = journal.snapshot(ledger, machine.clock.boot())
        await machine.start()

        assert machine.leases == {}
        assert machine.host_ends() == set()
        machine.assert_consistent()

    play(story())


def test_a_restart_with_a_status_of_another_order_keeps_the_numbers() -> None:
    async def story() -> None:
        machine = with_second_nic(a_machine())
        machine.cloud(a_vnic(), SECOND)
        await machine.start()
        before = dict(machine.agent.book.ledger.slots)
        machine.objects.write_status(NAME, success(SECOND, a_vnic()))
        await machine.start()

        assert machine.agent.book.ledger.slots == before
        machine.assert_consistent()

    play(story())


def test_nothing_of_a_foreign_table_is_touched() -> None:
    async def story() -> None:
        machine = a_machine()
        foreign = (
            Rule(HOST, 512, 4, 100, mark=1, mask=1),
            Route(HOST, IPv4Interface("10.99.0.0/16").network, "ens3", table=100),
            Route(HOST, IPv4Interface("10.98.0.1/32").network, "ens3"),
        )
        machine.make(*foreign)
        await machine.start()
        await machine.settle()
        seen = machine.kernel.look(HOST, None)

        assert foreign[0] in seen.rules
        assert set(foreign[1:]) <= seen.routes

    play(story())


def test_why_a_node_is_not_set_up_stays_known_and_is_told_once() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.kernel.refuse(Rule)
        for _ in range(3):
            await machine.agent.follow()
            await machine.agent.look_after()
            await machine.agent.follow()

        assert "could not be set up" in machine.agent.node.standing.trouble
        assert len(machine.heard("trouble")) == 1
        machine.kernel.relent()
        await machine.agent.look_after()

        assert machine.agent.node.ready

    play(story())


def test_a_status_that_could_not_be_followed_is_followed_later() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic(range(10, 20)))
        machine.kernel.blind = True
        with pytest.raises(KernelError):
            await machine.agent.follow()
        machine.kernel.blind = False
        await machine.agent.follow()

        assert machine.agent.book.ledger.pool.free["vnic-1", 4]
        assert machine.agent.book.ledger.pool.count(4).offered == 10

    play(story())


def test_a_restart_recognises_its_table_and_brings_only_the_pods_up_to_date() -> None:
    async def story() -> None:
        machine = await started()
        stays, goes = await machine.run_pod("c1"), await machine.run_pod("c2")
        machine.end(goes)
        machine.nft.scripts.clear()
        await machine.start()

        assert machine.nft.scripts == []
        assert (await machine.check(stays)).exit_code == 0
        machine.assert_consistent()

    play(story())


def test_a_restart_replaces_a_table_that_was_changed_meanwhile() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.nft.run("flush chain inet mooring from_pod")
        machine.nft.scripts.clear()
        await machine.start()

        assert any("delete table inet mooring\n" in s for s in machine.nft.scripts)
        assert (await machine.check(pod)).exit_code == 0

    play(story())


def test_rt_07_a_status_without_vnics_gives_nothing_out_and_touches_no_pod() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod("c1")
        good = machine.objects.read_status(NAME)
        machine.objects.write_status(NAME, NpnStatus(state="IN_PROGRESS"))
        await machine.agent.follow()
        await machine.refused("ADD", machine.a_pod("c2"))
        await machine.settle()

        assert len(machine.heard("withheld")) == 1
        assert (await machine.check(pod)).exit_code == 0
        machine.assert_consistent()
        machine.objects.write_status(NAME, good)
        await machine.settle()
        await machine.run_pod("c3")

    play(story())
