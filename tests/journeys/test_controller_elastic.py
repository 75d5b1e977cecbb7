"""An elastic pool between the controller and an agent, on fakes: it grows, shrinks, and nothing is lost.

The agent is played by a real ledger that follows the status, so the two meet as they do in life.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from conftest import SEED
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects

from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler, Turn
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Claimed, Freed, Ledger, Netns
from mooring.core.ipam.pool import offer, parts
from mooring.core.npn.elastic import PATIENCE, presses, room
from mooring.core.npn.memory import Memory
from mooring.core.npn.notes import notes
from mooring.core.npn.policy import parse
from mooring.core.npn.port import Gate
from mooring.core.npn.record import Condition, Npn, NpnSpec, NpnStatus
from mooring.core.npn.seen import AddressSeen
from mooring.core.npn.usage import Usage

INSTANCE = "ocid1.instance.oc1.test.abc"
COOLDOWN = 30.0


class Late(FakeCloud):
    """A cloud whose lists may go on showing what is gone."""

    def __init__(self, now: Callable[[], float], gate: Gate | None = None) -> None:
        super().__init__(now=now, gate=gate)
        self.stale: dict[str, tuple[AddressSeen, ...]] = {}

    def addresses(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        return super().addresses(vnic_id) + self.stale.get(vnic_id, ())


class Town:
    """A cloud, its controller, and the node of each object. `gate`: what all calls pass."""

    def __init__(
        self, subnet: str = "10.0.0.0/20", gate: Callable[["Town"], Gate] | None = None
    ) -> None:
        self.now = 0.0
        self.cloud = Late(lambda: self.now, gate(self) if gate else None)
        self.cloud.add_subnet("workers", "10.9.0.0/16")
        self.cloud.add_subnet("pods", subnet)
        self.objects = FakeObjects()
        looker = Looker(self.cloud, lambda: self.now)
        chance = random.Random(SEED).random
        self.reconciler = Reconciler(self.objects, looker, chance, 30.0)

    def node(
        self, name: str, pool: str, pods: int = 31, instance: str = INSTANCE
    ) -> "Node":
        instance = f"{instance}{name}"
        self.cloud.add_instance(instance, "workers")
        spec = NpnSpec(id=instance, pod_subnet_ids=("pods",), max_pod_count=pods)
        self.objects.write(Npn(name=name, spec=spec, pool=pool))
        return Node(self, name, instance)


class Node:
    """One node: the memory of its object, and its agent's ledger."""

    def __init__(self, town: Town, name: str, instance: str) -> None:
        self.town, self.name, self.instance = town, name, instance
        self.memory = Memory()
        self.ledger = Ledger()
        self.turns: list[Turn] = []
        self.reasons: list[str] = []
        self.refused = self.early = self._pods = 0

    # The controller.

    def turn(self) -> Turn:
        turn = self.town.reconciler.turn(self.name, self.memory)
        self.memory = turn.memory
        self.turns.append(turn)
        reason = self.condition.message
        if reason and (not self.reasons or self.reasons[-1] != reason):
            self.reasons.append(reason)
        return turn

    def settle(self) -> None:
        """Take turns, the agent following each status, until neither has more to do."""
        for _ in range(100):
            before = self.town.objects.read_usage(self.name)
            turn = self.turn()
            self.follow()
            now = self.town.objects.read_usage(self.name)
            spec = self.town.objects.read_spec(self.name)
            policy = parse(spec.pool or "")
            assert policy is not None
            if turn.settled and not presses(policy, room(spec.spec), before, now):
                return
        raise AssertionError([t.said for t in self.turns[-5:]])

    def wait(self, seconds: float) -> None:
        """Let time pass, with the turns that come by themselves."""
        until = self.town.now + seconds
        while self.town.now < until:
            self.town.now = min(until, self.town.now + 15.0)
            self.ledger = self.ledger.reclaim(self.town.now)
            self.follow()
            self.settle()

    # The agent.

    def follow(self) -> None:
        status = self.status
        offers = {
            v.vnic_id: offer(v.pod_addresses, v.ip_families) for v in status.vnics
        }
        self.ledger, _ = self.ledger.refill(offers)
        self.tell()

    def tell(self) -> None:
        pool = self.status.pool
        if pool is None:
            return
        free = (a for queue in self.ledger.pool.free.values() for a in queue)
        self.town.objects.write_usage(
            self.name,
            Usage(
                serial=pool.serial,
                held=frozenset(self.ledger.holders),
                cooling=frozenset(self.ledger.pool.cooling),
                free=frozenset(free),
            ),
        )

    def add(self) -> AttachmentId | None:
        self._pods += 1
        pod = AttachmentId("mooring", f"{self.name}-{self._pods}", "eth0")
        now = self.town.now
        self.ledger = self.ledger.reclaim(now)
        match self.ledger.claim(pod, Netns("", 1), now):
            case Claimed(lease, early) as claimed:
                for address in parts(lease.addresses):
                    assert address in self.in_cloud(), "the cloud does not have it"
                self.ledger = self.ledger.after(claimed.entries)
                self.early += bool(early)
                return pod
        self.refused += 1
        return None

    def delete(self, pod: AttachmentId) -> None:
        self.ledger = self.ledger.after([Freed(pod, self.town.now + COOLDOWN)])

    # What there is.

    @property
    def status(self) -> NpnStatus:
        return self.town.objects.read_status(self.name)

    @property
    def condition(self) -> Condition:
        none = Condition(type="Pool", status="", reason="")
        return next((c for c in self.status.conditions if c.type == "Pool"), none)

    def listed(self) -> list[IPv4Address | None]:
        return [p.v4 for v in self.status.vnics for p in v.pod_addresses]

    def objects(self) -> list[int]:
        """The sizes of the objects that the cloud has on this node's VNICs."""
        return sorted(
            a.block.num_addresses
            for vnic in self.town.cloud.secondaries(self.instance)
            for a in self.town.cloud.addresses_of(vnic.id)
            if not a.is_primary
        )

    def held(self) -> set[object]:
        return {a for x in self.ledger.leases.values() for a in parts(x.addresses)}

    def in_cloud(self) -> set[object]:
        return {
            address
            for vnic in self.town.cloud.secondaries(self.instance)
            for a in self.town.cloud.addresses_of(vnic.id)
            for address in a.block
        }


def a_node(pool: str = "warmTarget=7,minimum=7", pods: int = 31) -> Node:
    node = Town().node("abc", pool, pods)
    node.settle()
    return node


def test_a_pool_begins_with_its_minimum_in_one_block() -> None:
    node = a_node()

    assert node.objects() == [8]
    assert len(node.listed()) == 7
    assert node.status.state == "SUCCESS"
    assert node.reasons == [
        "grow 8: the agent has not told its usage yet",
        "grow 8: 0 below the minimum of 7 (held 0, cooling 0)",
    ]


def test_preallocation_is_the_default() -> None:
    node = Town().node("abc", "preallocate")
    while not node.turn().settled:
        pass

    assert node.objects() == [32]
    assert node.status.pool is None


def test_it_grows_in_aligned_blocks_and_says_why() -> None:
    node = a_node()
    for _ in range(6):
        assert node.add()
    node.settle()

    assert node.objects() == [8, 8]
    assert node.reasons[-1] == "grow 8: free 1 below warm target 7 (held 6, cooling 0)"
    assert len(node.listed()) == 15


def test_rt_11_what_cools_is_not_free_so_churn_at_the_edge_makes_it_grow() -> None:
    """Pool 23, target 2: at its edge, pods come and go faster than addresses cool."""
    node = a_node("warmTarget=2,minimum=23", pods=62)
    pods = [node.add() for _ in range(22)]
    node.settle()
    for _ in range(200):
        node.town.now += 1.0
        pod = pods.pop(0)
        assert pod is not None
        node.delete(pod)
        node.tell()
        pods.append(node.add())
        node.settle()

    assert (node.refused, node.early) == (0, 0)
    assert 23 < len(node.listed()) <= 62
    assert any("cooling" in reason for reason in node.reasons)


def test_it_never_goes_beyond_its_maximum_and_says_that_it_would() -> None:
    node = a_node("warmTarget=4,minimum=4,maximum=10")
    while node.add():
        node.settle()

    assert len(node.listed()) == 10
    assert len(node.ledger.holders) == 10
    assert node.condition.reason == "AtMaximum"
    assert node.status.state == "SUCCESS"


def test_it_shrinks_by_whole_objects_after_a_while_and_grows_again() -> None:
    node = a_node("warmTarget=8,minimum=4", pods=62)
    pods: list[AttachmentId | None] = []
    while len(pods) < 40:
        node.settle()
        pods.append(node.add())
    node.settle()
    most = sum(node.objects())
    for pod in pods[4:]:
        assert pod is not None
        node.delete(pod)
    node.wait(COOLDOWN + 15)
    assert sum(node.objects()) == most  # what cools is in use

    node.wait(PATIENCE + 60)
    assert sum(node.objects()) < most
    assert any(reason.startswith("shrink ") for reason in node.reasons)
    assert set(node.ledger.holders) <= node.in_cloud()
    node.wait(600)
    # Neither too many any more, nor so few that the next pod makes it grow.
    free = len(node.listed()) - 4
    assert 8 <= free <= 8 + 8 + 4
    quiet = len(node.reasons)
    node.wait(600)
    assert len(node.reasons) == quiet

    while len(node.ledger.holders) < 40:
        assert node.add()
        node.settle()


def a_draining_node() -> Node:
    """A node whose fourteen pods are gone: the controller has taken addresses off the status."""
    node = a_node("warmTarget=7,minimum=7", pods=31)
    pods = [node.add() for _ in range(7)]
    node.settle()
    pods += [node.add() for _ in range(7)]
    node.settle()
    for pod in pods:
        assert pod is not None
        node.delete(pod)
    node.ledger = node.ledger.reclaim(node.town.now + COOLDOWN)
    node.tell()
    node.turn()
    node.town.now += PATIENCE + 1
    node.turn()
    return node


def test_an_address_is_given_back_only_when_the_agent_has_let_go_of_it() -> None:
    node = a_draining_node()  # off the status; the agent is away and has not followed
    off = set(node.in_cloud()) - {
        *node.listed(),
        *(v.host.v4 for v in node.status.vnics),
    }
    assert off
    for _ in range(5):
        node.town.now += 60
        node.turn()
        assert off <= node.in_cloud()

    # It comes back with the old pool and hands one of them out before it follows.
    pod = node.add()
    taken = node.held()
    node.follow()
    node.settle()
    assert taken <= node.in_cloud()
    assert pod is not None
    node.delete(pod)
    node.wait(COOLDOWN + 60)
    assert off & node.in_cloud() == {IPv4Address("10.0.0.2")}  # the node's own
    assert set(node.listed()) <= node.in_cloud()


def test_what_drains_is_taken_back_before_the_cloud_is_asked() -> None:
    node = a_draining_node()
    assert node.condition.reason == "Draining"
    calls = len(node.town.cloud.calls)
    for _ in range(12):
        assert node.add()
    node.tell()
    node.turn()

    assert node.reasons[-1].startswith("take back 8: free 3 below warm target 7")
    made = [c for c in node.town.cloud.calls[calls:] if c.startswith(("Create", "Del"))]
    assert made == []


def test_rt_05_an_exhausted_subnet_is_healed_by_what_others_give_back() -> None:
    """Giving back is not held up by what cannot be had, and nobody is restarted."""
    town = Town("10.0.0.0/27")  # 29 addresses: two VNICs, 27 for pods and hosts
    big = town.node("big", "warmTarget=2,minimum=2", pods=31)
    big.settle()
    pods = []
    while len(pods) < 18:
        pod = big.add()
        assert pod is not None
        pods.append(pod)
        big.settle()
    small = town.node("small", "warmTarget=4,minimum=12", pods=31)
    for _ in range(60):
        small.turn()
    assert any(t.said.startswith("backoff FailedToCreate") for t in small.turns)
    assert len(small.listed()) < 12

    for pod in pods[2:]:
        big.delete(pod)
    big.wait(COOLDOWN + PATIENCE + 120)
    for _ in range(60):
        small.turn()
        small.follow()
    assert small.status.state == "SUCCESS"
    assert len(small.listed()) >= 12


def test_rt_07_what_the_cloud_lost_is_not_handed_out_and_comes_again() -> None:
    """Deleted out of band, and somebody else's by now: no ADD gets it, and an event says it."""
    node = a_node()
    for _ in range(6):
        assert node.add()
    node.settle()
    used = node.held() | {v.host.v4 for v in node.status.vnics}
    (vnic,) = node.town.cloud.secondaries(f"{INSTANCE}abc")
    (gone,) = (
        a
        for a in node.town.cloud.addresses_of(vnic.id)
        if not a.is_primary and used.isdisjoint(a.block)
    )
    lost = set(gone.block)
    assert lost <= set(node.listed())
    node.town.cloud.delete_address(gone.id)
    node.town.cloud.subnets["pods"].taken |= lost
    before = node.status
    node.turn()
    node.follow()

    assert lost.isdisjoint(node.listed())
    said = [note.reason for note in notes(before, node.status)]
    assert said == ["StartNPNReconcile"]
    while node.add():  # asserts that the cloud has it
        pass
    assert len(node.held()) == 7
    assert node.held() <= node.in_cloud() - lost
    node.settle()
    assert len(node.listed()) >= 7 + 7
    for _ in range(7):
        assert node.add()
    assert lost.isdisjoint(node.listed())


@pytest.mark.parametrize("round_", range(5))
def test_chance_never_takes_an_address_from_a_pod(round_: int) -> None:
    """Pods come and go, the agent is late or away, lists lag, the controller forgets all it knew."""
    chance = random.Random(SEED + round_)
    print(f"seed={SEED + round_}")
    node = a_node("warmTarget=4,minimum=4,maximum=40", pods=62)
    node.town.cloud.list_lag = chance.choice([0.0, 20.0])
    pods: list[AttachmentId] = []
    for _ in range(400):
        match chance.choice("aaadddttttfflm"):
            case "a":
                pod = node.add()  # asserts that the cloud has it
                pods += [pod] if pod else []
            case "d" if pods:
                node.delete(pods.pop(chance.randrange(len(pods))))
            case "t":
                node.turn()
            case "f":
                node.follow()
            case "l":
                node.town.now += chance.choice([1.0, 20.0, 90.0])
            case "m" if not node.town.cloud.list_lag:
                node.memory = Memory()
        assert node.held() <= node.in_cloud()
        assert len(node.listed()) <= 40
        assert all(r.strip() for r in node.reasons)
    node.town.now += 100
    node.settle()
    node.wait(60)
    assert len(node.listed()) >= min(40, len(pods) + 4)


def test_what_an_old_list_still_shows_is_not_listed_again() -> None:
    """Given back, the reply lost, the controller killed, and the list is an old one (RT-21)."""
    node = a_node("warmTarget=7,minimum=7", pods=31)
    pods = [node.add() for _ in range(7)]
    node.settle()
    pods += [node.add() for _ in range(7)]
    node.settle()
    for pod in pods:
        assert pod is not None
        node.delete(pod)
    node.wait(COOLDOWN + 5)
    (vnic,) = node.town.cloud.secondaries(f"{INSTANCE}abc")
    old = node.town.cloud.addresses_of(vnic.id)
    node.wait(PATIENCE + 60)
    gone = [a for a in old if a not in node.town.cloud.addresses_of(vnic.id)]
    assert gone
    node.memory = Memory()
    node.town.cloud.stale = {vnic.id: tuple(gone)}
    for _ in range(15):
        node.add()  # asserts that the cloud has it
        node.settle()

    assert set(node.listed()) <= node.in_cloud()
    assert node.refused == 0


def test_each_drawing_asks_for_what_it_lists_again() -> None:
    """Several objects were given back, nobody remembers, and lists show all of them."""
    node = a_node("warmTarget=7,minimum=7", pods=62)
    pods: list[AttachmentId | None] = []
    for _ in range(4):
        pods += [node.add() for _ in range(7)]
        node.settle()
    for pod in pods:
        assert pod is not None
        node.delete(pod)
    cloud = node.town.cloud
    old = {
        vnic.id: cloud.addresses_of(vnic.id)
        for vnic in cloud.secondaries(f"{INSTANCE}abc")
    }
    node.wait(COOLDOWN + PATIENCE * 4 + 300)
    gone = {
        vnic: tuple(a for a in had if a not in cloud.addresses_of(vnic))
        for vnic, had in old.items()
    }
    assert sum(len(some) for some in gone.values()) > 1
    node.memory = Memory()
    cloud.stale = gone
    for _ in range(10):
        node.add()
    node.tell()
    node.turn()

    assert set(node.listed()) <= node.in_cloud()


@pytest.mark.parametrize("round_", range(3))
def test_rt_06_a_node_made_anew_while_pods_churn(round_: int) -> None:
    """Of its old name: the old agent tells a last word, the new one's pods come and go at once."""
    chance = random.Random(SEED + round_)
    print(f"seed={SEED + round_}")
    old = a_node("warmTarget=4,minimum=4")
    for _ in range(6):
        old.add()
        old.settle()
    gone = old.in_cloud()
    old.town.cloud.set_state(old.instance, "TERMINATED")
    assert old.turn().pause is None
    node = old.town.node("abc", "warmTarget=4,minimum=4", instance=f"{INSTANCE}new")
    old.town.objects.write_usage("abc", old_words(old))
    pods = churn(node, chance)
    node.settle()
    assert node.status.state == "SUCCESS"
    assert set(node.listed()) <= node.in_cloud()
    assert len(node.listed()) >= min(31, len(pods) + 4)
    for _ in range(4):
        assert node.add()
    assert old.in_cloud() in (set(), gone)  # nothing was put on the old one's VNICs


def churn(node: Node, chance: random.Random) -> list[AttachmentId]:
    """Pods come and go while controller and agent take turns; give those that stay."""
    pods: list[AttachmentId] = []
    for _ in range(150):
        match chance.choice("aaddttffs"):
            case "a":
                pod = node.add()  # asserts that the cloud has it, on its own VNICs
                pods += [pod] if pod else []
            case "d" if pods:
                node.delete(pods.pop(chance.randrange(len(pods))))
            case "t":
                node.turn()
            case "f":
                node.follow()
            case "s":
                node.town.now += chance.choice([1.0, 20.0])
        assert node.held() <= node.in_cloud()
    return pods


def old_words(node: Node) -> Usage:
    """What an agent told last, of a status that is no more."""
    held = frozenset(node.ledger.holders)
    return Usage(serial=99, held=held, free=frozenset(node.ledger.pool.homes) - held)


def test_a_lost_status_takes_nothing_from_pods() -> None:
    node = a_node()
    for _ in range(12):
        node.add()
        node.settle()
    held = node.held()
    serial = node.status.pool.serial if node.status.pool else 0
    before = {v.host.v4 for v in node.status.vnics}
    node.town.objects.statuses.clear()
    node.turn()

    hosts = {v.host.v4 for v in node.status.vnics}
    assert held <= set(node.listed())
    assert hosts == before
    assert node.status.pool is not None
    assert node.status.pool.serial > serial
    node.settle()
    assert held <= node.in_cloud()


def test_from_all_at_once_to_elastic_and_back() -> None:
    node = a_node("warmTarget=4,minimum=4", pods=62)
    npn = node.town.objects.read_spec("abc")
    node.town.objects.write(replace(npn, pool="preallocate"))
    while not node.turn().settled:
        pass
    node.follow()
    assert len(node.listed()) == 62
    assert node.status.pool is None

    node.town.objects.write(replace(npn, pool="warmTarget=4,minimum=4"))
    node.memory = Memory()
    node.turn()
    node.follow()
    node.wait(PATIENCE + 300)
    assert 4 <= len(node.listed()) < 62
    assert node.listed()
