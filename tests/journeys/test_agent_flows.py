"""An address is used again only when nobody speaks with it any more: the agent, on fakes."""

from dataclasses import dataclass, field
from errno import EPERM
from ipaddress import IPv4Address

from fakes.conntrack import FakeConntrack
from journeys.agent_fakes import NAME, Machine, a_vnic, play, v4

from mooring.agent.host import Host
from mooring.agent.run import Agent, Settings
from mooring.core.ipam.flows import SILENCE
from mooring.core.linux.ctnetlink import Flow

PEER = IPv4Address("203.0.113.7")


@dataclass
class Tracked(Machine):
    """A machine whose kernel tells of flows."""

    conntrack: FakeConntrack = field(default_factory=FakeConntrack)

    def new_agent(self) -> Agent:
        host = Host(
            self.kernel,
            self.nft,
            self.namespaces,
            self.clock,
            self.say,
            self.conntrack,
        )
        return Agent(host, self.disk, self.objects, self.settings)

    async def look(self, seconds: float = 0.0) -> None:
        """Let time pass as the loops see it: looks come twice a second."""
        until = self.clock.now() + seconds
        while True:
            await self.agent.flows.turn()
            self.agent.book.reclaim()
            if self.clock.now() >= until:
                return
            self.clock.forward(0.5)

    def knock(self, n: int, timeout: int = 120) -> None:
        name = bytes([n, len(self.conntrack.known), timeout & 255])
        flow = Flow(frozenset({PEER, v4(n)}), 6, timeout, name)
        self.conntrack.known.append(flow)

    def cooling(self) -> set[object]:
        return set(self.agent.book.ledger.pool.cooling)


async def a_machine(*addresses: int) -> Tracked:
    machine = Tracked(Settings(npn=NAME))
    machine.cloud(a_vnic(addresses or range(10, 14)))
    await machine.start()
    await machine.look()
    return machine


async def gone(machine: Tracked, name: str = "c1") -> None:
    """A pod comes and goes."""
    await machine.delete(await machine.run_pod(name))
    await machine.agent.reaper.reap()


def test_rt_39_flows_of_a_pod_are_forgotten_when_it_goes() -> None:
    async def story() -> None:
        machine = await a_machine()
        machine.knock(10)
        machine.knock(11)
        await gone(machine)
        await machine.look()

        assert [PEER, v4(11)] == sorted(machine.conntrack.known[0].ends, reverse=True)
        assert len(machine.conntrack.known) == 1

    play(story())


def test_an_address_without_flows_is_free_after_its_cool_down() -> None:
    async def story() -> None:
        machine = await a_machine()
        await gone(machine)
        await machine.look(29)
        assert machine.cooling() == {v4(10)}
        await machine.look(2)
        assert machine.cooling() == set()
        assert machine.heard("resting") == []

    play(story())


def test_rt_38_an_address_rests_as_long_as_somebody_knocks() -> None:
    async def story() -> None:
        machine = await a_machine()
        await gone(machine)
        await machine.look()
        for _ in range(10):
            machine.conntrack.known.clear()
            machine.knock(10)
            await machine.look(9)
        assert machine.cooling() == {v4(10)}
        (said,) = machine.heard("resting")
        assert "address=10.0.8.10" in said
        assert "203.0.113.7" in said
        assert machine.agent.book.kept == 1

        machine.conntrack.known.clear()
        await machine.look(10)
        assert machine.cooling() == set()
        assert machine.agent.book.kept == 0

    play(story())


def test_a_flow_that_fell_silent_is_forgotten_and_the_address_free() -> None:
    async def story() -> None:
        machine = await a_machine()
        await gone(machine)
        await machine.look()
        machine.knock(10, timeout=120)
        flow = machine.conntrack.known[0]
        for second in range(int(SILENCE) + 60):
            await machine.look(1)
            left = 432000 - second
            machine.conntrack.known = [
                Flow(f.ends, 6, left, f.name) for f in machine.conntrack.known
            ]
        assert flow.name not in {f.name for f in machine.conntrack.known}
        assert machine.cooling() == set()

    play(story())


def test_rt_59_what_rests_because_of_a_flow_does_so_over_a_restart() -> None:
    async def story() -> None:
        machine = await a_machine()
        await gone(machine)
        await machine.look()
        machine.knock(10)
        await machine.look(33)
        await machine.start()
        assert machine.cooling() == {v4(10)}
        # Before the first look of its new life nothing is let go, whatever the time is.
        machine.clock.forward(60)
        machine.agent.book.reclaim()
        assert machine.cooling() == {v4(10)}
        await machine.look()
        assert machine.cooling() == {v4(10)}
        machine.conntrack.known.clear()
        await machine.look(10)
        assert machine.cooling() == set()

    play(story())


def test_a_full_node_takes_the_one_that_nobody_knocks_at() -> None:
    async def story() -> None:
        machine = await a_machine(10, 11)
        await gone(machine, "c1")
        await gone(machine, "c2")
        await machine.look()
        machine.knock(10)
        await machine.look(29)

        assert await machine.add(machine.a_pod("c3")) == "10.0.8.11"
        assert machine.heard("reused-early")

    play(story())


def test_without_an_answer_of_the_kernel_the_cool_down_decides() -> None:
    async def story() -> None:
        machine = await a_machine()
        machine.conntrack.refusal = EPERM
        await gone(machine)
        await machine.look(31)

        assert machine.cooling() == set()
        assert len(machine.heard("flows-unseen")) == 1

    play(story())


def test_one_look_is_made_for_all_and_none_without_need() -> None:
    async def story() -> None:
        machine = await a_machine()
        before = machine.conntrack.looks
        await machine.look(20)
        assert machine.conntrack.looks == before
        for name in ("c1", "c2", "c3"):
            await machine.delete(await machine.run_pod(name))
        await machine.agent.reaper.reap()
        await machine.look()
        assert machine.conntrack.looks == before + 1
        await machine.look(20)
        assert machine.conntrack.looks == before + 1

    play(story())


def test_a_full_node_takes_one_with_a_live_flow_last_and_forgets_its_flows() -> None:
    async def story() -> None:
        machine = await a_machine(10, 11)
        await gone(machine, "c1")
        await machine.look()
        machine.knock(10)
        await machine.look(29)
        machine.conntrack.known.clear()
        machine.knock(10)
        assert machine.agent.book.held_back == {v4(10)}
        await gone(machine, "c2")
        await machine.look()

        assert await machine.add(machine.a_pod("c3")) == "10.0.8.11"
        assert await machine.add(machine.a_pod("c4")) == "10.0.8.10"
        # What was sent to the former pod does not go on to the new one.
        assert machine.conntrack.known == []
        assert len(machine.heard("reused-early")) == 2

    play(story())


def test_an_early_pod_comes_though_the_kernel_refuses_to_forget() -> None:
    async def story() -> None:
        machine = await a_machine(10)
        await gone(machine)
        machine.conntrack.refusal = EPERM

        assert await machine.add(machine.a_pod("c2")) == "10.0.8.10"
        assert len(machine.heard("flows-unseen")) == 1

    play(story())


def test_what_was_not_forgotten_is_asked_for_again() -> None:
    async def story() -> None:
        machine = await a_machine()
        machine.knock(10)
        (flow,) = machine.conntrack.known
        machine.conntrack.stays = {flow.name}
        await gone(machine)
        await machine.look()
        assert machine.conntrack.known == [flow]
        machine.conntrack.stays = set()
        await machine.look(0.5)

        assert machine.conntrack.known == []
        assert len(machine.heard("flows-unseen")) == 1

    play(story())


def test_flows_of_a_pod_that_went_just_before_a_kill_are_forgotten() -> None:
    async def story() -> None:
        machine = await a_machine()
        machine.knock(10)
        await gone(machine)
        await machine.start()
        await machine.look()

        assert machine.conntrack.known == []

    play(story())
