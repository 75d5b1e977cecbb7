"""One budget of calls for the whole cluster (RT-18), in time that only the gate moves."""

import random
from dataclasses import dataclass, field, replace

import pytest
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects

from mooring.controller.gate import PacedGate
from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler
from mooring.core.npn.errors import NotFound
from mooring.core.npn.memory import Memory
from mooring.core.npn.pace import allowed
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus
from mooring.core.npn.seen import InstanceSeen
from mooring.core.npn.turns import Place, after_turn, anew, rank

INTERVAL = 30.0
BURST = 20


@dataclass
class Node:
    """An object in the queue, as the controller's loop keeps it."""

    place: Place
    due: float = 0.0
    memory: Memory = field(default_factory=Memory)
    done: float | None = None
    turns: int = 0


class Fleet:
    """Many nodes at once, one turn after another, each when the queue says so."""

    def __init__(
        self, qps: float = 20.0, *, limit: float = 0.0, **cloud: float
    ) -> None:
        self.now, self.tokens, self.filled, self.refused = 0.0, float(BURST), 0.0, 0
        self.limit, self.lost, self.dice = limit, 0.0, random.Random(1)
        pace = allowed(qps, BURST, 0.0)
        self.gate = PacedGate(lambda: self.now, self.wait, pace, self.dice.random)
        self.cloud = FakeCloud(now=lambda: self.now, gate=self.gate, **cloud)
        self.cloud.fault = self.fault
        self.cloud.add_subnet("workers", "10.9.0.0/16")
        self.cloud.add_subnet("pods", "10.0.0.0/14")
        self.objects = FakeObjects()
        self.nodes: dict[str, Node] = {}
        self.looker = Looker(self.cloud, lambda: self.now, INTERVAL)
        self.reconciler = Reconciler(
            self.objects, self.looker, self.dice.random, INTERVAL
        )

    def add(self, *names: str, pods: int = 31) -> None:
        for name in names:
            self.cloud.add_instance(f"i-{name}", "workers")
            spec = NpnSpec(id=f"i-{name}", pod_subnet_ids=("pods",), max_pod_count=pods)
            self.objects.write(Npn(name=name, spec=spec))
            place = anew(Place(number=len(self.nodes)), rounds=self.rounds())
            self.nodes[name] = Node(place, due=self.now)

    def forget(self) -> None:
        """Begin anew, as after a change of leader: the objects' statuses are all that is known."""
        self.looker = Looker(self.cloud, lambda: self.now, INTERVAL)
        self.reconciler = Reconciler(
            self.objects, self.looker, self.dice.random, INTERVAL
        )
        known, self.nodes = list(self.nodes), {}
        for name in known:
            place = Place(number=len(self.nodes))
            served = self.objects.read_status(name).state == "SUCCESS"
            place = anew(place, rounds=self.rounds(), settled=served)
            self.nodes[name] = Node(place, due=self.now)

    def rounds(self) -> int:
        waiting = (n for n in self.nodes.values() if not n.place.settled)
        return min((n.place.rounds for n in waiting), default=0)

    def start(self) -> None:
        """Go on until all have been settled; who is keeps being compared meanwhile."""
        while any(node.done is None for node in self.nodes.values()):
            due = [(rank(n.place, n.due, self.now), name) for name, n in self.due()]
            if due:
                self.turn(min(due)[1])
            else:
                self.now = min(node.due for node in self.nodes.values())

    def due(self) -> list[tuple[str, Node]]:
        return [(name, n) for name, n in self.nodes.items() if n.due <= self.now]

    def rest(self, seconds: float) -> None:
        """Let time pass in which nodes are only compared."""
        end = self.now + seconds
        while self.now < end:
            due = [(rank(n.place, n.due, self.now), name) for name, n in self.due()]
            if due:
                self.turn(min(due)[1])
            else:
                self.now = min(end, *(node.due for node in self.nodes.values()))

    def turn(self, name: str) -> None:
        node = self.nodes[name]
        self.looker.survey.crowd = len(self.nodes)
        turn = self.reconciler.turn(name, node.memory)
        if turn.pause is None:
            del self.nodes[name]
            return
        node.memory, node.due = turn.memory, self.now + turn.pause
        waits = bool(turn.pause)
        node.place = after_turn(
            node.place, settled=turn.settled, waits=waits, rounds=self.rounds()
        )
        node.turns += 1
        if turn.settled and node.done is None:
            node.done = self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def fault(self, call: str) -> str:
        """What the cloud does: so many calls a second, and some answers get lost."""
        if self.limit:
            grown = (self.now - self.filled) * self.limit
            self.tokens, self.filled = min(float(BURST), self.tokens + grown), self.now
            if self.tokens < 1:
                self.refused += 1
                return "throttle"
            self.tokens -= 1
        changes = not call.startswith(("Get", "List"))
        return "lost" if changes and self.dice.random() < self.lost else ""

    @property
    def finished(self) -> list[float]:
        return sorted(node.done or 0.0 for node in self.nodes.values())

    def statuses(self) -> list[NpnStatus]:
        return [self.objects.read_status(name) for name in self.nodes]


def undisturbed(**cloud: float) -> int:
    """How many calls a single node makes, reads included."""
    alone = Fleet(**cloud)
    alone.add("alone")
    alone.start()
    return len(alone.cloud.calls)


def show(fleet: Fleet, ideal: float) -> None:
    times = fleet.finished
    spread = [times[len(times) * n // 10] for n in (0, 1, 5, 9)] + [times[-1]]
    said = " ".join(f"{t:.0f}" for t in spread)
    print(
        f"{len(times)} nodes: settled after {said} s (first, 10 %, half, 90 %, last);"
        f" ideal {ideal:.0f} s, ratio {times[-1] / ideal:.3f},"
        f" calls {len(fleet.cloud.calls)}, of them refused {fleet.refused}"
    )


def test_rt_18_a_thousand_nodes_take_what_a_thousand_single_ones_would() -> None:
    rate, count = 20.0, 1000
    fleet = Fleet(rate, limit=rate)
    fleet.lost = 0.01
    fleet.add(*(f"n{i:03}" for i in range(count)))
    fleet.start()
    ideal = count * undisturbed() / rate

    show(fleet, ideal)
    assert {status.state for status in fleet.statuses()} == {"SUCCESS"}
    assert fleet.finished[-1] <= 1.3 * ideal
    # The first are ready while the last wait, and nobody takes another's share.
    assert fleet.finished[count // 2] <= 0.7 * fleet.finished[-1]
    assert max(node.turns for node in fleet.nodes.values()) <= 40


@pytest.mark.parametrize("limit", [10.0, 20.0, 50.0])
def test_rt_18_two_hundred_nodes_boot_at_the_pace_of_a_cloud_that_throttles(
    limit: float,
) -> None:
    """The operator allows more than the cloud bears: the cloud's answers find the rate."""
    fleet = Fleet(100.0, limit=limit, attach_seconds=3)
    fleet.add(*(f"n{i:03}" for i in range(200)))
    fleet.start()
    ideal = 200 * undisturbed(attach_seconds=3) / limit

    show(fleet, ideal)
    statuses = fleet.statuses()
    assert {status.state for status in statuses} == {"SUCCESS"}
    assert fleet.finished[-1] <= 1.3 * ideal
    assert replace(statuses[0], vnics=()) == replace(statuses[-1], vnics=())


def test_a_node_of_many_needs_does_not_hold_up_the_others() -> None:
    alone = Fleet()
    alone.add(*(f"n{i}" for i in range(50)))
    alone.start()
    fleet = Fleet()
    fleet.add(*(f"big{i}" for i in range(10)), pods=256)
    fleet.add(*(f"n{i}" for i in range(50)))
    fleet.start()

    show(fleet, alone.finished[-1])
    small = [n.done or 0.0 for name, n in fleet.nodes.items() if name.startswith("n")]
    big = [n.done or 0.0 for name, n in fleet.nodes.items() if name.startswith("big")]
    assert max(small) <= 2 * alone.finished[-1]
    assert max(small) < max(big)


def test_a_new_node_does_not_wait_for_the_resync_of_a_thousand() -> None:
    fleet = Fleet()
    fleet.add(*(f"old{i:03}" for i in range(300)))
    fleet.start()
    fleet.now += 3 * INTERVAL
    before = fleet.now
    fleet.add("new")
    fleet.start()

    assert (fleet.nodes["new"].done or 0.0) - before <= 2.0


def test_a_new_node_does_not_wait_for_the_first_looks_after_a_change_of_leader() -> (
    None
):
    fleet = Fleet()
    fleet.add(*(f"old{i:03}" for i in range(300)))
    fleet.start()
    fleet.forget()
    began = fleet.now
    fleet.add("new")
    fleet.start()

    assert (fleet.nodes["new"].done or 0.0) - began <= 2.0
    # The others are looked at all the same, at the pace of the budget.
    assert max(n.done or 0.0 for n in fleet.nodes.values()) - began <= 300 * 6 / 20
    assert {status.state for status in fleet.statuses()} == {"SUCCESS"}


def test_a_node_that_cannot_be_had_does_not_hold_up_the_others() -> None:
    fleet = Fleet()
    fleet.add(*(f"bad{i}" for i in range(30)))
    fleet.add(*(f"n{i}" for i in range(30)))
    for name in fleet.nodes:
        if name.startswith("bad"):
            fleet.cloud.set_state(f"i-{name}", "STOPPED")
            fleet.nodes[name].done = 0.0
    fleet.start()
    alone = Fleet()
    alone.add(*(f"n{i}" for i in range(30)))
    alone.start()

    assert fleet.finished[-1] <= 2 * alone.finished[-1]


def settled_fleet(count: int) -> Fleet:
    fleet = Fleet()
    fleet.add(*(f"n{i:03}" for i in range(count)))
    fleet.start()
    fleet.rest(2 * INTERVAL)
    return fleet


def test_comparing_many_settled_nodes_leaves_most_of_the_budget() -> None:
    fleet = settled_fleet(150)
    began, calls = fleet.now, len(fleet.cloud.calls)
    fleet.rest(240)
    rate = (len(fleet.cloud.calls) - calls) / (fleet.now - began)

    print(
        f"{rate:.1f} calls a second for 150 settled nodes; 20 if looked at one by one"
    )
    assert rate <= 8


def broken(fleet: Fleet, what: str) -> None:
    """Change something of one node behind the controller's back."""
    vnic = fleet.cloud.secondaries("i-n007")[0]
    mine = fleet.cloud.addresses_of(vnic.id)
    if what == "an address":
        fleet.cloud.delete_address(next(a.id for a in mine if not a.is_primary))
    elif what == "a VNIC":
        fleet.cloud.detach(vnic.id)
    else:
        fleet.cloud.change_vnic(vnic.id, skip_source_dest_check=False)


@pytest.mark.parametrize(
    ("what", "within"), [("an address", 2), ("a VNIC", 2), ("a check", 4)]
)
def test_drift_among_many_is_repaired(what: str, within: int) -> None:
    """A VNIC's own attributes stand in no list: a whole look finds them, more seldom."""
    fleet = settled_fleet(100)
    broken(fleet, what)
    fleet.rest(within * INTERVAL)

    (vnic,) = fleet.cloud.secondaries("i-n007")
    held = [a for a in fleet.cloud.addresses_of(vnic.id) if not a.is_primary]
    assert vnic.skip_source_dest_check
    assert sum(a.block.num_addresses for a in held) == 32
    assert fleet.objects.read_status("n007").state == "SUCCESS"


def test_an_instance_that_ends_among_many_takes_its_object_along() -> None:
    fleet = settled_fleet(60)
    fleet.cloud.set_state("i-n007", "TERMINATED")
    fleet.rest(2 * INTERVAL)

    assert "n007" not in fleet.objects.names()


def test_a_cloud_without_lists_of_all_is_looked_at_one_by_one() -> None:
    fleet = settled_fleet(60)
    whole = fleet.cloud.instances_in
    fleet.cloud.instances_in = refuse
    fleet.rest(2 * INTERVAL)
    fleet.cloud.instances_in = whole

    assert {status.state for status in fleet.statuses()} == {"SUCCESS"}


def refuse(compartment_id: str) -> tuple[InstanceSeen, ...]:
    raise NotFound("ListInstances", "NotAuthorizedOrNotFound", compartment_id)
