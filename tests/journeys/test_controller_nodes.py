"""The nodes' journey alone, where the API server, others or chance are in its way.

The API server is the fake one, spoken to by the real adapters; a test says what else goes wrong.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

import pytest
from cluster_desk import NATIVE, SUBNET, SYSTEM, Desk, a_desk, now
from fakes.apiserver import ApiServer, an_api_server
from fakes.cloud import FakeCloud
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.adapters.kubernetes.objects import KubeObjects, following
from mooring.adapters.kubernetes.patches import KubePatches
from mooring.controller.find import FRESH, LIFE, Finder
from mooring.controller.known import LATER, REST, Known
from mooring.controller.look import Looker
from mooring.controller.meter import Meter
from mooring.controller.nodes import AGENT, Clock, Cluster, NodeKeeper
from mooring.controller.objects import ClusterObjects
from mooring.controller.pulse import STANDS, Pulse, beside
from mooring.controller.rota import Rota
from mooring.core.kube import node as nodes
from mooring.core.kube import pod as pods
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.node import Node
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import NODES, NPNS, PODS, Scope
from mooring.core.net.fields import Unreadable
from mooring.core.npn import nodepools
from mooring.core.npn.port import Absent


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        yield made


@pytest.fixture
def desk(server: ApiServer) -> Iterator[Desk]:
    with contextlib.closing(Api(Access(server=server.url))) as api, a_desk(api) as made:
        yield made


class Instead:
    """What it stands before, but for what is said otherwise."""

    def __init__(self, inner: object, **otherwise: Callable[..., object]) -> None:
        self._inner, self._otherwise = inner, otherwise

    def __getattr__(self, name: str) -> object:
        return self._otherwise.get(name) or getattr(self._inner, name)


@dataclass
class Heard:
    """Events, as they are told."""

    reasons: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, about: Reference, note: Note) -> None:
        self.reasons.append((about.name, note.reason))


@dataclass
class Rig:
    """A journey's outside. `objects` and `patches` may be another's before it begins.

    `time` goes by itself; with a compartment instances are looked for.
    """

    desk: Desk
    store: KubeObjects
    cluster: Cluster
    objects: ClusterObjects
    heard: Heard
    facts: dict[str, Node]
    time: Callable[[], float] = now
    compartment: str | None = None

    def keeper(self, wait: Callable[[float], bool]) -> NodeKeeper:
        cloud = cast("FakeCloud", self.desk.locked)
        looker = Looker(cloud, self.time)
        finder = Finder(cloud, looker, self.time, self.compartment)
        clock = Clock(now=self.time, wait=wait, chance=lambda: 0.5)
        return NodeKeeper(self.cluster, finder, clock, self.facts)

    def odd(self, what: str, **otherwise: Callable[..., object]) -> None:
        inner = Instead(getattr(self.cluster, what), **otherwise)
        self.cluster = replace(self.cluster, **cast("Any", {what: inner}))

    @contextlib.contextmanager
    def running(self) -> Iterator[NodeKeeper]:
        stop = threading.Event()
        keeper = self.keeper(stop.wait)
        with beside("nodes", keeper.run, stop.set):
            yield keeper


@pytest.fixture
def rig(desk: Desk) -> Iterator[Rig]:
    agents = Scope(namespace=SYSTEM, labels=AGENT)
    facts: dict[str, Node] = {}
    heard = Heard()
    with (
        contextlib.closing(
            Informer(desk.api, Following(resource=NODES, read=nodes.read))
        ) as all_nodes,
        contextlib.closing(
            Informer(desk.api, Following(resource=PODS, read=pods.read, scope=agents))
        ) as all_pods,
        contextlib.closing(KubeObjects(desk.api, following())) as store,
        contextlib.closing(KubePatches(desk.api)) as patches,
    ):
        assert all_nodes.wait(60)
        assert all_pods.wait(60)
        assert store.wait(60)
        pools = nodepools.parse("pool=batch -> warmTarget=4")
        objects = ClusterObjects(store, facts, lambda: pools, heard, Meter(now))
        cluster = Cluster(
            nodes=all_nodes,
            pods=all_pods,
            objects=objects,
            patches=patches,
            events=heard,
        )
        yield Rig(desk, store, cluster, objects, heard, facts)


def write(desk: Desk, name: str, **spec: object) -> None:
    body = {
        "apiVersion": NPNS.api_version,
        "kind": NPNS.kind,
        "metadata": {"name": name},
        "spec": {"id": f"ocid1.instance.oc1.test.{name}", "podSubnetIds": [SUBNET]}
        | spec,
    }
    desk.api.create(NPNS.path(), body)


LABEL = "oci.oraclecloud.com/vcn-native-ip-cni"


# What others do meanwhile.


def test_an_object_that_nobody_told_of_yet_is_left_as_it_is(
    desk: Desk, rig: Rig
) -> None:
    """It was made by another a moment ago: the watch brings it."""
    write(desk, "n1", maxPodCount=9)
    until(lambda: rig.store.names() == ["n1"])
    told, asked = threading.Event(), threading.Event()
    inner = rig.cluster.objects

    def read(name: str) -> object:
        if not told.is_set():
            raise Absent(name)
        return inner.read(name)

    def create(npn: Any) -> bool:
        made = inner.create(npn)
        asked.set()
        return made

    rig.odd("objects", read=read, create=create)
    desk.joined("n1")
    with rig.running():
        assert asked.wait(60)
        told.set()
        desk.api.patch(NPNS.path(name="n1"), {"metadata": {"annotations": {"a": "b"}}})
        until(lambda: desk.labels("n1").get(LABEL) == "true")
    document = desk.document("n1")

    assert document is not None
    assert document["spec"]["maxPodCount"] == 9
    assert ("n1", "Made") not in rig.heard.reasons


def test_a_store_that_fails_once_loses_no_node(desk: Desk, rig: Rig) -> None:
    desk.instance("n1")
    desk.node("n1")
    known = rig.cluster.nodes.get
    until(lambda: (node := known("n1")) and node.capacity_pods)  # all of it is known
    inner, failed = rig.cluster.objects, []

    def changes(*since: Any, **more: Any) -> object:
        if not failed:
            failed.append(True)
            raise OSError("away")
        return inner.changes(*since, **more)

    rig.odd("objects", changes=changes)
    with rig.running():
        until(lambda: desk.labels("n1").get(LABEL) == "true")


def test_what_another_did_already_is_not_told(desk: Desk, rig: Rig) -> None:
    """The taint was there when it was read, and gone when it was to be lifted."""
    desk.instance("n1")
    write(desk, "n1")
    lifts: list[str] = []

    def untaint(name: str, *_: str) -> bool:
        lifts.append(name)
        return False

    rig.odd("patches", untaint=untaint)
    desk.node("n1")
    desk.agent("n1")
    filled(desk)
    with rig.running():
        until(lambda: lifts)
        desk.agent("n1")
        until(lambda: len(lifts) > 1)  # the turn of the first has ended

    assert ("n1", "AgentReady") not in rig.heard.reasons


def filled(desk: Desk) -> None:
    """Let a controller fill the object first, and end it."""
    replica = desk.start()
    until(lambda: desk.settled("n1"))
    replica.end()
    desk.api.patch(
        NODES.path(name="n1"),
        {
            "spec": {
                "taints": [{"key": "mooring/agent-not-ready", "effect": "NoSchedule"}]
            }
        },
    )


class Losing(dict[str, Node]):
    """A worker takes away what was there a moment before."""

    def __getitem__(self, name: str) -> Node:
        raise KeyError(name)


def test_a_node_that_a_worker_forgets_meanwhile_ends_nothing(
    desk: Desk, rig: Rig
) -> None:
    rig.facts = Losing(n1=Node(name="n1"))
    write(desk, "n1")
    desk.joined("n1")
    with rig.running():
        until(lambda: desk.labels("n1").get(LABEL) == "true")


def test_whose_the_objects_are_is_known_before_the_first_turn(
    desk: Desk, rig: Rig
) -> None:
    write(desk, "n1")
    write(desk, "other", id="ocid1.instance.oc1.test.n9")
    desk.node("n1", labels={"pool": "batch"})
    desk.node("n2")
    desk.node("other")
    until(lambda: rig.cluster.nodes.keys() == ["n1", "n2", "other"])
    until(lambda: rig.store.names() == ["n1", "other"])
    rig.keeper(lambda _: True).place()

    assert rig.facts.keys() == {"n1"}
    assert rig.cluster.objects.read_spec("n1").pool == "warmTarget=4,minimum=0"
    assert desk.cloud.calls == []


# What is refused.


def test_what_is_refused_counts_again_after_its_pause(desk: Desk, rig: Rig) -> None:
    """Its own condition is a change of the node, and a kubelet that starts makes more of them."""
    time = [0.0]
    rig.time = lambda: time[0]
    desk.joined("n1", **{"oke-max-pods": "many"})
    until(lambda: rig.cluster.nodes.get("n1"))
    keeper, known, pauses = rig.keeper(lambda _: True), Known(), []

    def turn(at: float) -> None:
        nonlocal known
        time[0] = at
        known, pause = keeper._take("n1", known)
        pauses.append(pause)

    for at in (0.0, 0.0, 10.0, 30.0, 31.0, 90.0, 209.0):
        turn(at)
    same, looks = list(pauses), desk.looks("n1")
    desk.describe("n1", NATIVE | {"oke-max-pods": "some"})
    turn(209.5)  # another thing
    desk.describe("n1", NATIVE)
    turn(209.75)

    assert same == [30.0, 30.0, 20.0, 60.0, 59.0, 120.0, 1.0]
    assert looks == 7
    assert pauses[7] == LATER
    assert known.failures == 0
    assert desk.document("n1") is not None


def rests(keeper: NodeKeeper, name: str, due: float) -> bool:
    """Tell whether a node has no turn now, and the next one then."""
    rota = keeper._rota
    return name not in rota._running and rota._entries[name].due == due


def test_the_echo_of_a_refusal_does_not_put_off_the_next_look(
    desk: Desk, rig: Rig
) -> None:
    time = [0.0]
    rig.time = lambda: time[0]
    desk.joined("n1", **{"oke-max-pods": "many"})
    with rig.running() as keeper:
        until(lambda: desk.condition("n1")[0] == "False")
        for pods in (40, 41, 42):
            before = desk.looks("n1")
            desk.kubelet("n1", pods=pods)
            until(lambda before=before: desk.looks("n1") > before)
        desk.describe("n1", NATIVE)  # nobody is told of it
        # A turn that has looked already ends before time moves; one that looks now sees it.
        until(lambda: desk.document("n1") or rests(keeper, "n1", LATER))
        time[0] = LATER
        until(lambda: desk.document("n1"))

    assert [r for r in rig.heard.reasons if r == ("n1", "Refused")] == [
        ("n1", "Refused")
    ]


@pytest.mark.parametrize("how", ["ending", "ended", "unknown"])
def test_a_node_that_names_no_instance_gets_the_next_one_at_its_address(
    desk: Desk, rig: Rig, how: str
) -> None:
    """The instance was replaced, and the node stayed."""
    time = [0.0]
    rig.time, rig.compartment = lambda: time[0], "compartment"
    first = desk.instance("n1", **{"oke-preconfigured-vnics": "true"})
    address(desk, first, "10.9.0.77")
    desk.node("n1", providerID="")
    desk.kubelet("n1", address="10.9.0.77")
    until(lambda: (node := rig.cluster.nodes.get("n1")) and node.addresses)
    rig.facts["n1"] = Node(name="n1")  # it had an object, and that went
    keeper = rig.keeper(lambda _: True)
    known, quiet = keeper._take("n1", Known())
    if how == "unknown":
        del desk.cloud.instances[first]
    else:
        desk.cloud.set_state(first, "TERMINATED" if how == "ended" else "TERMINATING")
    time[0] = 300.0
    known, pause = keeper._take("n1", known)
    second = desk.instance("n1b")
    address(desk, second, "10.9.0.77")
    time[0] += pause or 0.0
    known, _ = keeper._take("n1", known)

    assert (quiet, pause) == (REST, LATER)
    assert known.instance == second
    assert desk.document("n1b") is not None
    assert rig.facts.keys() == {"n1b"}


def test_a_node_that_names_an_instance_that_ends_is_left_alone(
    desk: Desk, rig: Rig
) -> None:
    desk.joined("n1")
    desk.cloud.set_state("ocid1.instance.oc1.test.n1", "TERMINATED")
    until(lambda: rig.cluster.nodes.get("n1"))
    _, pause = rig.keeper(lambda _: True)._take("n1", Known())

    assert pause == REST
    assert rig.heard.reasons == []


def address(desk: Desk, instance: str, said: str) -> None:
    """Let the instance's primary VNIC have that address."""
    first, *_ = desk.cloud.attachments(desk.cloud.instances[instance])
    desk.cloud.change_vnic(first.vnic_id or "", private_ip=IPv4Address(said))


# What is told.


def test_that_an_object_goes_is_told_when_it_has_gone(desk: Desk, rig: Rig) -> None:
    write(desk, "n1")
    until(lambda: rig.store.names() == ["n1"])
    failing = [True]

    def remove(name: str) -> None:
        if failing:
            failing.clear()
            raise OSError("away")
        rig.store.remove(name)

    store = cast("Any", Instead(rig.store, remove=remove))
    objects = ClusterObjects(store, {}, tuple, rig.heard, Meter(now))
    with pytest.raises(OSError, match="away"):
        objects.remove("n1")
    before = list(rig.heard.reasons)
    objects.remove("n1")

    assert before == []
    assert rig.heard.reasons == [("n1", "InstanceTerminated")]


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_an_object_that_went_without_an_answer_is_told_once(
    server: ApiServer, desk: Desk, rig: Rig, seen: bool
) -> None:
    """The watch brings it, and the next try finds nothing: whoever is first tells it."""
    write(desk, "n1")
    until(lambda: rig.store.names() == ["n1"])
    before, _ = rig.objects.changes({})
    server.fail("DELETE", "n1", status=504, reason="Timeout", lost=True)
    with pytest.raises(OSError, match="Timeout"):
        rig.objects.remove("n1")
    until(lambda: rig.store.names() == [])
    if seen:
        rig.objects.changes(before)
    rig.objects.remove("n1")
    rig.objects.changes(before)

    assert rig.heard.reasons == [("n1", "InstanceTerminated")]
    assert rig.objects._going == {}


# Loops that stand or break.


def test_a_loop_that_fails_beside_ends_all_and_is_raised() -> None:
    ended = threading.Event()

    def broken() -> None:
        raise KeyError("n1")

    with pytest.raises(KeyError), beside("nodes", broken, ended.set):
        assert ended.wait(60)


def test_the_loop_beside_ends_with_the_other() -> None:
    ended, turned = threading.Event(), []

    def run() -> None:
        turned.append(ended.wait(60))

    with beside("nodes", run, ended.set):
        pass

    assert turned == [True]


def test_a_turn_that_raises_is_no_turn_that_lasts_for_ever() -> None:
    class Here:
        def submit(self, work: Callable[..., None], *told: object) -> None:
            work(*told)

    def take(name: str, memory: int) -> tuple[int, float | None]:
        raise LookupError(name, memory)

    rota = Rota(take, int, lambda: 0.0, 1)
    rota.poke(["n1"])
    rota.start(cast("Any", Here()))
    with pytest.raises(LookupError):
        rota.hear(0.0)


def test_each_loop_has_a_beat_of_its_own() -> None:
    time = [0.0]
    pulse = Pulse(lambda: time[0])
    before = pulse.standing()
    one = pulse.of("nodes", lambda _: False)
    other = pulse.of("objects", lambda _: False)
    time[0] = STANDS
    one(0.0)
    other(1.0)  # somebody who sleeps beside the loop

    assert before == ""
    assert pulse.standing() == "the loop of objects has not turned for 60 s"


def test_nothing_is_kept_of_what_went(desk: Desk, rig: Rig) -> None:
    write(desk, "n1")
    desk.joined("n1")
    with rig.running() as keeper:
        until(lambda: keeper.agents.ready("n1"))
        until(lambda: "n1" in rig.facts)
        until(lambda: "n1" in rig.objects._said)
        keeper._dry.add("n1")
        desk.api.delete(PODS.path(SYSTEM, "agent-n1"))
        until(lambda: not (keeper.agents._ready or keeper.agents._where))
        desk.api.delete(NODES.path(name="n1"))
        until(lambda: not rig.facts)
        desk.api.delete(NPNS.path(name="n1"))  # with its node it would be made anew
        until(lambda: not keeper._dry)
        until(lambda: not rig.objects._said)


def test_a_made_up_label_is_told_once_though_somebody_writes_it_again(
    desk: Desk, rig: Rig
) -> None:
    write(desk, "n1")
    desk.instance("n1")
    desk.node("n1", labels={LABEL: "maybe"})
    until(lambda: rig.store.names() == ["n1"])
    until(lambda: rig.cluster.nodes.get("n1"))
    keeper, known = rig.keeper(lambda _: True), Known()
    told = []
    for value in ("maybe", "maybe", "perhaps"):
        desk.api.patch(NODES.path(name="n1"), {"metadata": {"labels": {LABEL: value}}})
        until(
            lambda value=value: (
                (node := rig.cluster.nodes.get("n1")) and node.labels[LABEL] == value
            )
        )
        known, _ = keeper._take("n1", known)
        told.append(rig.heard.reasons.count(("n1", "LabelPutRight")))

    assert told == [1, 1, 2]
    assert desk.labels("n1")[LABEL] == "true"


# Nodes without an id.


def a_finder(cloud: FakeCloud, time: list[float]) -> Finder:
    def clock() -> float:
        return time[0]

    return Finder(cloud, Looker(cloud, clock), clock, "compartment")


def test_a_node_that_is_no_instance_costs_lists_and_no_more() -> None:
    cloud, time = FakeCloud(), [0.0]
    cloud.add_subnet("workers", "10.9.0.0/16")
    for number in range(6):
        cloud.add_instance(f"ocid1.instance.oc1.test.n{number}", "workers")
    for number, vnic in enumerate(list(cloud.vnics.values())):
        address = IPv4Address(f"10.9.1.{number}")
        cloud.vnics[vnic.id] = replace(vnic, private_ip=address)
    finder = a_finder(cloud, time)
    stray = Node(name="stray", addresses=(IPv4Address("192.0.2.1"),))
    with pytest.raises(Unreadable):
        finder.find(stray)
    cloud.calls.clear()
    with pytest.raises(Unreadable):
        finder.find(stray)
    while_fresh = list(cloud.calls)
    time[0] = LIFE
    with pytest.raises(Unreadable):
        finder.find(stray)

    assert while_fresh == []
    assert len(cloud.calls) == 2
    known = Node(name="x", addresses=(IPv4Address("10.9.1.3"),))
    assert finder.find(known) == "ocid1.instance.oc1.test.n3"
    assert len(cloud.calls) == 2


def found_by_address(cloud: FakeCloud, number: int) -> Node:
    """Launch an instance, and give its node."""
    cloud.add_instance(f"ocid1.instance.oc1.test.n{number}", "workers")
    primary = list(cloud.vnics.values())[-1]
    here = IPv4Address(f"10.9.1.{number}")
    cloud.vnics[primary.id] = replace(primary, private_ip=here)
    return Node(name=f"n{number}", addresses=(here,))


def test_an_instance_that_came_after_the_list_is_found_at_once() -> None:
    cloud, time = FakeCloud(), [0.0]
    cloud.add_subnet("workers", "10.9.0.0/16")
    finder = a_finder(cloud, time)
    finder.find(found_by_address(cloud, 1))
    late = found_by_address(cloud, 2)
    with pytest.raises(Unreadable):
        finder.find(late)  # it is launched this moment, and so was the list made
    time[0] = FRESH
    cloud.calls.clear()

    assert finder.find(late) == "ocid1.instance.oc1.test.n2"
    assert cloud.calls == ["ListInstances", "ListVnicAttachments", "GetVnic"]


def test_one_more_list_serves_all_who_are_in_none() -> None:
    cloud, time = FakeCloud(), [0.0]
    cloud.add_subnet("workers", "10.9.0.0/16")
    finder = a_finder(cloud, time)
    known = found_by_address(cloud, 1)
    finder.find(known)
    cloud.calls.clear()
    strays = [
        Node(name=f"s{number}", addresses=(IPv4Address(f"192.0.2.{number}"),))
        for number in range(20)
    ]
    made = []
    for at in (10.0, 10.0 + FRESH / 2, 10.0 + FRESH):
        time[0] = at
        for stray in strays:
            with pytest.raises(Unreadable):
                finder.find(stray)
        made.append(len(cloud.calls))
    time[0] = 10.0 + 3 * FRESH
    with pytest.raises(Unreadable):
        finder.find(Node(name="booting"))  # nothing can have the address it has not

    assert made == [2, 2, 4]
    assert finder.find(known)
    assert len(cloud.calls) == 4


@pytest.mark.parametrize("late", [False, True])
def test_a_node_of_ipv6_alone_is_found_by_its_ipv6_address(late: bool) -> None:
    """Its VNIC may have got the address after somebody looked at it."""
    cloud, time = FakeCloud(), [0.0]
    cloud.add_subnet("workers", "10.9.0.0/16")
    finder, six = a_finder(cloud, time), IPv6Address("fd00:9::7")
    found_by_address(cloud, 1)
    found_by_address(cloud, 2)
    primary = list(cloud.vnics.values())[-1].id
    node = Node(name="fd00-9--7", addresses=(six,))
    if late:
        with pytest.raises(Unreadable, match="fd00:9::7"):
            finder.find(node)
    cloud.change_vnic(primary, ipv6_addresses=(IPv6Address("fd00:9::6"), six))
    time[0] = FRESH

    assert finder.find(node) == "ocid1.instance.oc1.test.n2"
    assert finder.find(Node(name="x", addresses=(IPv4Address("10.9.1.1"),)))


def test_the_name_alone_makes_no_instance_the_nodes() -> None:
    """It says who is asked first: two may have one name."""
    cloud, time = FakeCloud(), [0.0]
    cloud.add_subnet("workers", "10.9.0.0/16")
    node = found_by_address(cloud, 1)
    found_by_address(cloud, 2)
    for each in cloud.instances.values():
        name = "n1" if each.id.endswith("n2") else "another"
        cloud.instances[each.id] = replace(each, display_name=name)
    finder = a_finder(cloud, time)

    assert finder.find(node) == "ocid1.instance.oc1.test.n1"
    assert cloud.calls.count("GetVnic") == 2
