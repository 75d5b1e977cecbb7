"""What an API server and `adapters/kubernetes` do together, as claims about `cluster`.

The fake server of `tests/fakes/apiserver.py` and a real kube-apiserver are held to the same; each
test file that imports these has fixtures `cluster` and `objects`.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest
from objects_contract import a_status, an_npn
from patience import PATIENCE, until

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.events import KubeEvents
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.adapters.kubernetes.leader import Candidate, KubeLeading
from mooring.adapters.kubernetes.objects import KubeObjects, following
from mooring.adapters.kubernetes.patches import KubePatches
from mooring.core.kube import node as nodes
from mooring.core.kube.errors import Conflict, KubeError, Missing, Present
from mooring.core.kube.event import Teller
from mooring.core.kube.informer import Pace
from mooring.core.kube.lease import Terms
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Node, NodeCondition, Taint
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import EVENTS, LEASES, NODES, NPNS, Scope
from mooring.core.npn.port import Objects
from mooring.core.npn.record import NpnStatus
from mooring.core.npn.usage import Usage

QUICK = Pace(first=0.01, most=0.05)
TERMS = Terms(duration=60.0, deadline=50.0, retry=0.1)
"""Nobody loses or takes by waiting: a hand-over is one that was meant."""


@dataclass
class Cluster:
    """An API server, and what a test makes there; all is gone afterwards."""

    api: Api
    real: bool = False

    def node(self, name: str = "n1", **labels: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": f"ocid1.instance.{name}"},
        }
        self.api.create(NODES.path(), body)

    def clear(self) -> None:
        """Delete all that tests make; a server that has just started may ask for patience."""
        until(lambda: tried(self._clear), patience=60)

    def _clear(self) -> None:
        for kind, namespace in (
            (NODES, ""),
            (NPNS, ""),
            (LEASES, "kube-system"),
            (EVENTS, "default"),
        ):
            for each in self.api.get(kind.path(namespace))["items"]:
                with contextlib.suppress(Missing):
                    self.api.delete(kind.path(namespace, each["metadata"]["name"]))

    @contextlib.contextmanager
    def follow(self, scope: Scope | None = None) -> Iterator[Informer[Node]]:
        with contextlib.closing(Informer(self.api, nodes_of(scope))) as informer:
            assert informer.wait(PATIENCE), informer.trouble()
            yield informer

    @contextlib.contextmanager
    def store(self, scope: Scope | None = None) -> Iterator[KubeObjects]:
        with contextlib.closing(
            KubeObjects(self.api, replace(following(scope), pace=QUICK))
        ) as store:
            assert store.wait(PATIENCE), store.trouble()
            yield store


def nodes_of(scope: Scope | None = None) -> Following[Node]:
    return Following(
        resource=NODES, read=nodes.read, scope=scope or Scope(), pace=QUICK
    )


def tried(act: Callable[[], object]) -> bool:
    """Do it; tell whether the server let us."""
    try:
        act()
    except KubeError:
        return False
    return True


# Following.


def test_nodes_are_listed_and_watched(cluster: Cluster) -> None:
    cluster.node("a", zone="one")
    with cluster.follow() as informer:
        first = informer.get("a")
        token, _ = informer.changes({})
        cluster.node("b")
        until(lambda: informer.get("b"))
        second, came = informer.changes(token)
        cluster.api.patch(NODES.path(name="a"), {"metadata": {"labels": {"x": "y"}}})
        until(lambda: informer.changes(second)[1])
        third, changed = informer.changes(second)
        cluster.api.delete(NODES.path(name="b"))
        until(lambda: informer.get("b") is None)

        assert first
        assert first.labels["zone"] == "one"
        assert first.provider_id == "ocid1.instance.a"
        assert (came, changed) == ({"b"}, {"a"})
        assert informer.changes(third)[1] == {"b"}
        assert informer.keys() == ["a"]


def test_a_scope_shows_its_own_objects_only(cluster: Cluster) -> None:
    cluster.node("a", team="red")
    cluster.node("b", team="blue")
    with cluster.follow(Scope(labels="team in (red)")) as red:
        with cluster.follow(Scope(fields="metadata.name=b")) as one:
            assert (red.keys(), one.keys()) == (["a"], ["b"])
        cluster.api.patch(NODES.path(name="a"), {"metadata": {"labels": {"team": "x"}}})
        until(lambda: red.keys() == [])
        cluster.api.patch(
            NODES.path(name="b"), {"metadata": {"labels": {"team": "red"}}}
        )
        until(lambda: red.keys() == ["b"])


def test_closing_while_nothing_happens_is_quick_and_leaves_no_thread(
    cluster: Cluster,
) -> None:
    before = threading.active_count()
    with cluster.follow() as informer:
        assert threading.active_count() > before
    assert not [t for t in threading.enumerate() if t.name == "follow nodes"]
    assert informer.keys() == []


# The store.


def test_a_status_leaves_the_usage_alone_and_the_other_way_round(
    cluster: Cluster, objects: Objects
) -> None:
    objects.write(an_npn("a"))
    usage = Usage(serial=4, held=frozenset({IPv4Address("10.0.0.5")}))
    objects.write_usage("a", usage)
    objects.write_status("a", a_status())
    objects.write_usage("a", replace(usage, serial=5))
    objects.write_status("a", NpnStatus(state="BACKOFF", reason="x"))
    with cluster.store() as other:
        assert other.read_status("a") == NpnStatus(state="BACKOFF", reason="x")
        assert other.read_usage("a") == replace(usage, serial=5)


def test_what_another_writes_is_seen(cluster: Cluster, objects: Objects) -> None:
    with cluster.store() as other:
        objects.write(an_npn("a"))
        until(lambda: other.names() == ["a"])
        objects.write_status("a", a_status())
        until(lambda: other.read("a").status == a_status())
        objects.remove("a")
        until(lambda: other.names() == [])


def test_create_leaves_what_is_there_already_as_it_is(cluster: Cluster) -> None:
    with cluster.store() as store:
        made = store.create(an_npn("a"))
        cluster.api.patch(NPNS.path(name="a"), {"spec": {"maxPodCount": 9}})
        again = store.create(an_npn("a"))
        found = cluster.api.get(NPNS.path(name="a"))["spec"]["maxPodCount"]

        assert (made, again, found) == (True, False, 9)


def test_labels_owners_and_finalizers_of_others_stay(
    cluster: Cluster, objects: Objects
) -> None:
    objects.write(an_npn("a"))
    path = NPNS.path(name="a")
    meta = {"labels": {"x": "y"}, "finalizers": ["example.com/hold"]}
    cluster.api.patch(path, {"metadata": meta})
    objects.write(an_npn("a", pods=9))
    objects.write_status("a", a_status())
    found = cluster.api.get(path)["metadata"]
    objects.remove("a")
    held = objects.names()
    cluster.api.patch(path, {"metadata": {"finalizers": None}})
    until(lambda: objects.names() == [])

    assert found["labels"] == {"x": "y"}
    assert found["finalizers"] == ["example.com/hold"]
    assert held == ["a"]


def test_an_object_that_is_going_says_so(cluster: Cluster, objects: Objects) -> None:
    objects.write(an_npn("a"))
    path = NPNS.path(name="a")
    cluster.api.patch(path, {"metadata": {"finalizers": ["example.com/hold"]}})
    cluster.api.delete(path)
    until(lambda: objects.read("a").deleting)
    cluster.api.patch(path, {"metadata": {"finalizers": None}})
    until(lambda: objects.names() == [])


def test_made_anew_after_it_was_removed_it_is_another_object(
    cluster: Cluster, objects: Objects
) -> None:
    for serial in range(20):
        objects.write(an_npn("a"))
        objects.write_usage("a", Usage(serial=serial))
        assert objects.read_usage("a") == Usage(serial=serial)
        objects.remove("a")
        assert objects.names() == []
    with cluster.store() as other:
        assert other.names() == []


# Small changes of others' objects.


@pytest.fixture
def patches(cluster: Cluster) -> Iterator[KubePatches]:
    with contextlib.closing(KubePatches(cluster.api)) as made:
        yield made


def taints(cluster: Cluster, name: str = "n1") -> set[str]:
    found = nodes.read(cluster.api.get(NODES.path(name=name)))
    return {taint.key for taint in found.taints}


def test_labels_are_set_and_taken_away(cluster: Cluster, patches: KubePatches) -> None:
    cluster.node("n1", old="1", keep="2")
    patches.label("n1", {"old": None, "mooring/new": "3"})
    found = nodes.read(cluster.api.get(NODES.path(name="n1")))

    assert "old" not in found.labels
    assert found.labels["keep"] == "2"
    assert found.labels["mooring/new"] == "3"


def test_what_is_so_already_is_not_written(
    cluster: Cluster, patches: KubePatches
) -> None:
    cluster.node("n1", a="1")
    taint = Taint("mooring/x", "NoSchedule", "v")
    first = patches.taint("n1", taint)
    version = cluster.api.get(NODES.path(name="n1"))["metadata"]["resourceVersion"]
    patches.label("n1", {"a": "1", "none": None})

    assert first
    assert not patches.taint("n1", taint)
    assert not patches.untaint("n1", "mooring/other")
    assert (
        cluster.api.get(NODES.path(name="n1"))["metadata"]["resourceVersion"] == version
    )


def test_a_taint_changes_its_value_and_goes(
    cluster: Cluster, patches: KubePatches
) -> None:
    cluster.node()
    patches.taint("n1", Taint("mooring/x", "NoSchedule"))
    patches.taint("n1", Taint("mooring/x", "NoExecute"))
    patches.taint("n1", Taint("mooring/x", "NoSchedule", "v"))
    found = nodes.read(cluster.api.get(NODES.path(name="n1")))
    gone = patches.untaint("n1", "mooring/x", "NoSchedule")
    left = nodes.read(cluster.api.get(NODES.path(name="n1")))
    patches.untaint("n1", "mooring/x")

    assert {t for t in found.taints if t.key == "mooring/x"} == {
        Taint("mooring/x", "NoSchedule", "v"),
        Taint("mooring/x", "NoExecute"),
    }
    assert gone
    assert [t.effect for t in left.taints if t.key == "mooring/x"] == ["NoExecute"]
    assert "mooring/x" not in taints(cluster)


def test_two_who_taint_at_once_lose_no_taint(
    cluster: Cluster, patches: KubePatches
) -> None:
    cluster.node()

    def work(mine: str) -> None:
        with contextlib.closing(KubePatches(cluster.api)) as own:
            for turn in range(8):
                taint = Taint(f"example.com/{mine}{turn}", "NoSchedule")
                until(lambda t=taint: tried(lambda: own.taint("n1", t)))

    threads = [threading.Thread(target=work, args=(who,)) for who in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert taints(cluster) >= {
        f"example.com/{who}{turn}" for who in "ab" for turn in range(8)
    }


def test_an_owner_is_added_to_those_there_are(
    cluster: Cluster, objects: Objects, patches: KubePatches
) -> None:
    cluster.node()
    objects.write(an_npn("a"))
    uid = cluster.api.get(NODES.path(name="n1"))["metadata"]["uid"]
    first = patches.own(NPNS, "a", Owner("Node", "n1", uid))
    again = patches.own(NPNS, "a", Owner("Node", "n1", uid))
    patches.own(NPNS, "a", Owner("Node", "n2", "other-uid"))
    found = cluster.api.get(NPNS.path(name="a"))["metadata"]["ownerReferences"]

    assert (first, again) == (True, False)
    assert {each["name"] for each in found} == {"n1", "n2"}


def test_a_resource_of_a_node_comes_and_goes(
    cluster: Cluster, patches: KubePatches
) -> None:
    cluster.node()
    patches.capacity("n1", {"mooring/addresses": 7})
    found = cluster.api.get(NODES.path(name="n1"))["status"]["capacity"]
    patches.capacity("n1", {"mooring/addresses": None})
    left = cluster.api.get(NODES.path(name="n1"))["status"].get("capacity", {})

    assert found["mooring/addresses"] == "7"
    assert "mooring/addresses" not in left


def test_a_condition_of_a_node_is_put_beside_those_of_others(
    cluster: Cluster, patches: KubePatches
) -> None:
    cluster.node()
    wrong = NodeCondition("Mooring", "False", "Refused", "this must not be")
    path = NODES.path(name="n1")
    other = {"type": "DiskPressure", "status": "False", "reason": "Fine"}
    document = {"status": {"conditions": [other]}}
    cluster.api.patch(NODES.path(name="n1", part="status"), document)
    first = patches.condition("n1", wrong)
    again = patches.condition("n1", wrong)
    found = nodes.read(cluster.api.get(path))
    patches.condition("n1", NodeCondition("Mooring", "True", "Accepted"))
    after = cluster.api.get(path)["status"]["conditions"]

    assert (first, again) == (True, False)
    assert {c.type for c in found.conditions} >= {"DiskPressure", "Mooring"}
    assert wrong in found.conditions
    (mine,) = [c for c in after if c["type"] == "Mooring"]
    assert (mine["status"], mine["reason"]) == ("True", "Accepted")
    assert mine["lastTransitionTime"]


def test_a_node_that_is_not_there_is_missing(
    cluster: Cluster, patches: KubePatches
) -> None:
    with pytest.raises(Missing):
        patches.label("nobody", {"a": "b"})


# Errors.


def test_errors_are_told_by_what_to_do_next(cluster: Cluster) -> None:
    cluster.node("a")
    with pytest.raises(Missing, match="NotFound"):
        cluster.api.get(NODES.path(name="b"))
    with pytest.raises(Present):
        cluster.node("a")
    with pytest.raises(Conflict) as conflict:
        cluster.api.patch(
            NODES.path(name="a"),
            {"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}},
        )
    assert not isinstance(conflict.value, Present)


# Leading.


def a_candidate(me: str) -> Candidate:
    return Candidate(me=me, name="mooring-test", terms=TERMS)


def test_one_leads_and_hands_over_when_it_stops(cluster: Cluster) -> None:
    with contextlib.closing(KubeLeading(cluster.api, a_candidate("one"))) as one:
        assert one.wait(PATIENCE), one.trouble()
        with contextlib.closing(KubeLeading(cluster.api, a_candidate("two"))) as two:
            until(lambda: two.holder() == "one")
            held = two.held()
            one.close()
            assert two.wait(PATIENCE), two.trouble()

            assert not held
            assert not one.held()
            spec = cluster.api.get(LEASES.path("kube-system", "mooring-test"))["spec"]
            assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", 1)


# Events.


def test_events_are_told_and_counted(cluster: Cluster) -> None:
    cluster.node()
    uid = cluster.api.get(NODES.path(name="n1"))["metadata"]["uid"]
    about = Reference(resource=NODES, name="n1", uid=uid)
    teller = Teller("nativepodnetwork", "test-1")
    with contextlib.closing(KubeEvents(cluster.api, teller)) as events:
        for _ in range(3):
            events.tell(about, Note(reason="NoSpace", text="no space", warning=True))
        events.tell(about, Note(reason="Done", text="all is done"))
    found = {e["reason"]: e for e in cluster.api.get(EVENTS.path("default"))["items"]}

    assert set(found) == {"NoSpace", "Done"}
    assert found["NoSpace"]["note"] == "no space"
    assert found["NoSpace"]["type"] == "Warning"
    assert found["NoSpace"]["series"]["count"] == 3
    assert found["NoSpace"]["regarding"]["uid"] == uid
    assert found["Done"].get("series") is None
    assert json.dumps(found["Done"]).count("nativepodnetwork") >= 1


__all__ = [name for name in dir() if name.startswith("test_")] + [
    "Cluster",
    "patches",
]
