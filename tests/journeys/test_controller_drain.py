"""Nodes that are drained at once: their pods find rested addresses on the others, in virtual time.

The controller has one budget of calls for all nodes, each agent tells its usage twice a second, and
who is pressed gets its turn two seconds later. The warm target is what the planner recommends.
"""

import random

from journeys.test_controller_elastic import Node, Town

from mooring.controller.gate import PacedGate
from mooring.core.cni.request import AttachmentId
from mooring.core.npn.elastic import presses, room
from mooring.core.npn.pace import allowed
from mooring.core.npn.policy import PoolPolicy, say
from mooring.core.npn.rehearsal import Moved, Terms, recommend

NODES, DRAINED, PODS, MOST = 10, 2, 20, 62
QPS, BURST = 20.0, 20
TELLS_EVERY, LOOKS_EVERY = 0.5, 2.0
CALM = [Moved(n, 1) for n in range(60, 60 + 10 * PODS, 10)]
DRAIN_AT, END = 400.0, 460.0
AGAIN = 5.0
"""Seconds after which a runtime tries a refused pod again."""
ANY = PoolPolicy(warm_target=1)


class Fleet:
    """Nodes, their pods to come, and the controller's turns; time goes by in `wait`."""

    def __init__(self, policy: PoolPolicy, arrivals: list[tuple[float, int]]) -> None:
        self.arrivals = sorted(arrivals)
        self.told_at = 0.0
        self.town = Town("10.0.0.0/18", self._gate)
        self.policy = policy
        self.nodes = [
            self.town.node(f"n{i}", say(policy), pods=MOST) for i in range(NODES)
        ]
        self.pods: list[list[AttachmentId]] = [[] for _ in self.nodes]
        self.due = [0.0] * NODES
        self.seen: list[tuple[int, int]] = [(0, 0)] * NODES

    def _gate(self, town: Town) -> PacedGate:
        pace = allowed(QPS, BURST, 0.0)
        return PacedGate(lambda: town.now, self.wait, pace, random.Random(1).random)

    def wait(self, seconds: float) -> bool:
        """Let time go by: pods come, agents follow and tell."""
        until = self.town.now + seconds
        while self.town.now < until:
            coming = self.arrivals[0][0] if self.arrivals else until
            self.town.now = min(until, max(coming, self.town.now), self.told_at)
            while self.arrivals and self.arrivals[0][0] <= self.town.now:
                self.arrive(self.arrivals.pop(0)[1])
            if self.told_at <= self.town.now:
                self.told_at = self.town.now + TELLS_EVERY
                for number, node in enumerate(self.nodes):
                    self.tell(number, node)
        return False

    def arrive(self, number: int) -> None:
        pod = self.nodes[number].add()
        if pod is not None:
            self.pods[number].append(pod)
        else:
            self.arrivals = sorted([*self.arrivals, (self.town.now + AGAIN, number)])

    def tell(self, number: int, node: Node) -> None:
        objects = self.town.objects
        before = objects.read_usage(node.name)
        if node.ledger.pool.cooling:
            node.ledger = node.ledger.reclaim(self.town.now)
        if self.seen[number] == (id(node.ledger), id(node.status)):
            return
        node.follow()
        self.seen[number] = id(node.ledger), id(node.status)
        most = room(objects.read_spec(node.name).spec)
        if presses(self.policy, most, before, objects.read_usage(node.name)):
            self.due[number] = min(self.due[number], self.town.now + LOOKS_EVERY)

    def until(self, end: float) -> None:
        """Let the controller take everybody's turns."""
        while self.town.now < end:
            first = min(range(NODES), key=self.due.__getitem__)
            if self.due[first] > self.town.now:
                self.wait(min(self.due[first], end) - self.town.now)
                continue
            self.due[first] = float("inf")
            pause = self.nodes[first].turn().pause or 0.0
            self.due[first] = min(self.due[first], self.town.now + pause)

    def drain(self) -> None:
        for node, pods in zip(self.nodes[:DRAINED], self.pods, strict=False):
            for pod in pods:
                node.delete(pod)


def drained(policy: PoolPolicy, burst: list[tuple[float, int]]) -> tuple[int, int]:
    """Fill the nodes, drain some; give the pods without an address, and with one too early."""
    calm = [(m.at, number) for m in CALM for number in range(NODES)]
    fleet = Fleet(policy, calm + burst)
    fleet.until(DRAIN_AT)
    assert [len(n.held()) for n in fleet.nodes] == [PODS] * NODES
    fleet.drain()
    fleet.until(END)
    assert sum(len(n.held()) for n in fleet.nodes) == NODES * PODS
    refused, early = (
        sum(getattr(n, x) for n in fleet.nodes) for x in ("refused", "early")
    )
    return refused, early


def a_burst(chance: random.Random) -> list[tuple[float, int]]:
    """The drained nodes' pods come to the others within a second."""
    others = range(DRAINED, NODES)
    return [
        (DRAIN_AT + chance.random(), chance.choice(others))
        for _ in range(DRAINED * PODS)
    ]


def test_rt_16_two_of_ten_nodes_drained_at_once_find_rested_addresses() -> None:
    """With what the planner recommends no pod lacks one; with the least target some do."""
    burst = a_burst(random.Random(16))
    numbers = [number for _, number in burst]
    worst = max(numbers.count(number) for number in set(numbers))
    trace = [*CALM, Moved(DRAIN_AT, worst), Moved(END, 0)]
    found = recommend(trace, ANY, Terms(most=MOST)).policy
    print(f"the worst node gets {worst} pods; recommended: {say(found)}")

    assert drained(found, burst) == (0, 0)
    refused, _ = drained(ANY, burst)
    assert refused > 0
