"""What an API server may do to us: nothing is lost, nothing spins, nothing stays behind."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from descriptors import open_descriptors
from fakes.apiserver import ApiServer, Fault, an_api_server
from kube_contract import QUICK, TERMS, nodes_of, tried
from objects_contract import a_status, an_npn
from patience import PATIENCE, until

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.events import KubeEvents
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.adapters.kubernetes.leader import Candidate, KubeLeading
from mooring.adapters.kubernetes.objects import TRIES, KubeObjects, following
from mooring.adapters.kubernetes.patches import KubePatches
from mooring.core.kube.errors import (
    Away,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Throttled,
)
from mooring.core.kube.event import Teller
from mooring.core.kube.informer import LIMIT, Pace
from mooring.core.kube.kubeconfig import Access, User
from mooring.core.kube.node import Node, Taint
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import LEASES, NODES, NPNS, Scope
from mooring.core.net.fields import Unreadable
from mooring.core.npn.codec import render
from mooring.core.npn.port import Absent
from mooring.core.npn.record import NpnStatus

PATH = NODES.path()


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        yield made


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    with contextlib.closing(Api(Access(server=server.url))) as made:
        yield made


@pytest.fixture
def informer(server: ApiServer, api: Api) -> Iterator[Informer[Node]]:
    put(server, "a")
    with contextlib.closing(Informer(api, nodes_of())) as made:
        assert made.wait(PATIENCE)
        until(lambda: server.watchers)
        yield made


@pytest.fixture
def store(server: ApiServer, api: Api) -> Iterator[KubeObjects]:
    quick = replace(following(), pace=QUICK)
    with contextlib.closing(KubeObjects(api, quick, PATIENCE)) as made:
        assert made.wait(PATIENCE)
        until(lambda: server.watchers)
        yield made


def put(server: ApiServer, name: str, **labels: str) -> None:
    meta = {"name": name, "labels": labels}
    server.store.put(NODES, {"metadata": meta})


# Following.


def test_a_torn_stream_is_resumed_and_nothing_is_lost(
    server: ApiServer, informer: Informer[Node]
) -> None:
    for number in range(10):
        server.tear(b'{"type":"ADDED","obj' if number % 2 else b"")
        put(server, f"n{number}")
        until(lambda n=number: informer.get(f"n{n}"))

    assert server.count("GET", PATH, watch="true") >= 10
    assert server.count("GET", PATH, limit=str(LIMIT)) == 1


def test_what_happens_while_the_server_is_away_is_seen_when_it_is_back(
    server: ApiServer, informer: Informer[Node]
) -> None:
    server.fail("GET", PATH, times=3)
    server.fail("GET", PATH, status=503, times=3)
    away = Fault(lambda m, p: m == "GET" and PATH in p, times=10**6)
    server.faults.append(away)
    server.tear()
    until(lambda: server.faults == [away] and informer.trouble())
    put(server, "b")
    server.store.objects["nodes"].pop("a")
    server.store.forget()
    server.faults.clear()
    until(lambda: informer.keys() == ["b"])
    until(lambda: informer.trouble() is None)


@pytest.mark.parametrize("how", ["in the stream", "as an answer"])
def test_a_version_too_old_is_listed_anew_and_only_what_differs_is_told(
    server: ApiServer, informer: Informer[Node], how: str
) -> None:
    for name in "bcd":
        put(server, name)
    until(lambda: informer.keys() == ["a", "b", "c", "d"])
    token, _ = informer.changes({})
    if how == "as an answer":
        server.fail("GET", PATH, status=410, reason="Expired")
    with server.store.changed:
        server.tear()
        put(server, "c", x="y")
        server.store.objects["nodes"].pop("d")
        server.store.forget()
    until(lambda: informer.keys() == ["a", "b", "c"])

    assert informer.changes(token)[1] == {"c", "d"}


def test_an_expired_page_makes_a_list_in_one_answer(
    server: ApiServer, api: Api
) -> None:
    for number in range(2 * LIMIT + 1):
        put(server, f"n{number:04}")
    server.fail("GET", PATH, status=200, times=1, raw=first_page(server))
    with contextlib.closing(Informer(api, nodes_of())) as informer:
        assert informer.wait(PATIENCE)

        assert len(informer.keys()) == 2 * LIMIT + 1
        assert server.count("GET", PATH, **{"continue": "expired"}) == 1


def first_page(server: ApiServer) -> bytes:
    items = list(server.store.objects["nodes"].values())[:LIMIT]
    meta = {"resourceVersion": "1", "continue": "expired"}
    return json.dumps({"metadata": meta, "items": items}).encode()


def test_an_object_that_changes_while_it_is_listed_is_told_as_it_became(
    server: ApiServer, api: Api
) -> None:
    for number in range(LIMIT + 10):
        put(server, f"n{number:04}")
    turned, last = threading.Event(), f"n{LIMIT + 9:04}"

    def second(method: str, path: str) -> bool:
        if path == PATH and not turned.is_set() and server.count("GET", PATH) == 2:
            put(server, "n0000", seen="late")
            put(server, last, seen="late")
            turned.set()
        return False

    server.faults.append(Fault(second))
    with contextlib.closing(Informer(api, nodes_of())) as informer:
        until(lambda: all(late(informer, n) for n in ("n0000", last)))


def late(informer: Informer[Node], name: str) -> bool:
    found = informer.get(name)
    return found is not None and found.labels == {"seen": "late"}


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[" * 5000,
        b'{"type":"ADDED","object":{}}',
        b'{"type":"NEW"}',
        b'"x"',
    ],
)
def test_nonsense_in_a_stream_is_listed_past(
    server: ApiServer, informer: Informer[Node], line: bytes
) -> None:
    lists = server.count("GET", PATH, limit=str(LIMIT))
    server.say(line)
    put(server, "b")
    until(lambda: informer.get("b"))
    until(lambda: server.count("GET", PATH, limit=str(LIMIT)) > lists)


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"items":[]}', b"\xff", b"[" * 5000])
def test_nonsense_instead_of_a_list_is_asked_for_again(
    server: ApiServer, api: Api, raw: bytes
) -> None:
    put(server, "a")
    server.fail("GET", PATH, raw=raw, times=2)
    with contextlib.closing(Informer(api, nodes_of())) as informer:
        assert informer.wait(PATIENCE)

        assert informer.keys() == ["a"]


def test_one_broken_object_stops_no_other(
    server: ApiServer, informer: Informer[Node]
) -> None:
    server.store.put(NODES, {"metadata": {"name": "b"}, "spec": {"providerID": 5}})
    put(server, "c")
    until(lambda: informer.keys() == ["a", "b", "c"])

    assert [node.name for node in informer.all()] == ["a", "c"]
    with pytest.raises(Unreadable, match=r"spec.providerID: 5: must be text"):
        informer.get("b")
    server.store.put(NODES, {"metadata": {"name": "b"}, "spec": {"providerID": "x"}})
    until(lambda: len(informer.all()) == 3)


def test_too_many_calls_are_waited_out(server: ApiServer, api: Api) -> None:
    """Each of them as long as the server asked for."""
    put(server, "a")
    server.fail("GET", PATH, status=429, retry_after="1", times=10**6)
    began = time.monotonic()
    with contextlib.closing(Informer(api, nodes_of())) as informer:
        trouble = until(informer.trouble)
        server.faults.clear()
        assert isinstance(trouble, Throttled)
        assert informer.wait(PATIENCE)
    refused = server.count("GET", PATH, limit=str(LIMIT)) - 1
    assert refused >= 1
    assert time.monotonic() - began >= refused


def test_bookmarks_move_the_place_to_go_on_from(
    server: ApiServer, informer: Informer[Node]
) -> None:
    for number in range(5):
        server.store.put(LEASES, {"metadata": {"name": f"l{number}"}})
    last = server.store.version
    server.bookmark()
    server.tear()
    until(lambda: server.count("GET", PATH, resourceVersion=str(last)))
    assert informer.keys() == ["a"]


@pytest.mark.parametrize("kind", ["hangs up", "410", "500", "ends"])
def test_a_server_that_refuses_every_watch_is_asked_ever_more_slowly(
    server: ApiServer, api: Api, kind: str
) -> None:
    put(server, "a")

    def fits(_: str, path: str) -> bool:
        return path == PATH and server.asked[-1][2].get("watch") == "true"

    refused = {
        "hangs up": Fault(fits, times=10**6),
        "410": Fault(fits, times=10**6, status=410),
        "500": Fault(fits, times=10**6, status=500),
        "ends": Fault(fits, times=10**6, raw=b""),
    }
    server.faults.append(refused[kind])

    slow = Following(
        resource=NODES,
        read=nodes_of().read,
        pace=Pace(first=0.05, most=60.0),
        chance=lambda: 0.0,
    )
    began = time.monotonic()
    with contextlib.closing(Informer(api, slow)) as informer:
        until(lambda: server.count("GET", PATH, watch="true") >= 5)
        asked = server.count("GET", PATH, watch="true")

        # 0.05 s after the first, doubled each time: a slow machine asks less often yet.
        assert time.monotonic() - began >= 0.05 * (2 ** (asked - 1) - 1)
        assert informer.keys() == ["a"]


def test_a_watch_is_renewed_when_the_server_ends_it(
    server: ApiServer, api: Api
) -> None:
    with contextlib.closing(
        Informer(api, replace(nodes_of(), watch_seconds=1))
    ) as informer:
        until(lambda: server.count("GET", PATH, watch="true") >= 2)
        put(server, "b")
        until(lambda: informer.get("b"))

        assert informer.trouble() is None


def test_who_is_told_of_changes_may_be_gone(server: ApiServer, api: Api) -> None:
    def gone() -> None:
        raise RuntimeError("Event loop is closed")

    with contextlib.closing(Informer(api, replace(nodes_of(), hear=gone))) as informer:
        until(lambda: server.watchers)
        put(server, "b")
        until(lambda: informer.get("b"))
        assert server.count("GET", PATH, watch="true") == 1


def test_who_is_told_of_changes_is_told_of_ones_own_too(
    server: ApiServer, api: Api
) -> None:
    """The watch tells of them later, and then nothing is new."""
    heard: list[list[str]] = []
    server.fail("GET", PATH, delay=600, status=500, times=99)
    informer = Informer(
        api, replace(nodes_of(), hear=lambda: heard.append(informer.keys()))
    )
    with contextlib.closing(informer):
        body = api.create(PATH, {"kind": "Node", "metadata": {"name": "own"}})
        informer.written(body)
        informer.written(body)
        informer.removed("own", body["metadata"]["uid"])
        informer.removed("own", body["metadata"]["uid"])

    assert heard == [["own"], []]


def test_closing_ends_whatever_it_waits_for(server: ApiServer, api: Api) -> None:
    """A stream that is silent, an answer that does not come, a long pause."""
    server.fail("GET", LEASES.plural, delay=600, status=500)
    server.fail("GET", NPNS.plural, status=500, times=99)
    for kind, pace in (
        (NODES, QUICK),
        (LEASES, QUICK),
        (NPNS, Pace(first=600, most=600)),
    ):
        informer = Informer(api, Following(resource=kind, read=named, pace=pace))
        until(lambda k=kind: server.count("GET", k.path()))
        informer.close()
    until(lambda: server.delaying == 1)
    assert not [t for t in threading.enumerate() if t.name.startswith("follow")]


def named(document: object) -> object:
    return document


def test_following_again_and_again_leaves_no_thread_and_no_descriptor(
    server: ApiServer, api: Api
) -> None:
    def turn() -> None:
        with contextlib.closing(Informer(api, nodes_of())) as informer:
            assert informer.wait(PATIENCE)
            first = until(lambda: list(server.watchers))
            server.tear(b"half")
            until(lambda: set(server.watchers) - set(first))
        until(lambda: not server.watchers)

    until(lambda: not server.sockets)
    before, threads = open_descriptors(), threading.active_count()
    for _ in range(8):
        turn()

    until(lambda: open_descriptors() == before)
    until(lambda: threading.active_count() <= threads)


# The store.


def test_a_store_that_was_never_listed_is_out_of_reach(
    server: ApiServer, api: Api
) -> None:
    server.fail("GET", NPNS.plural, status=403, reason="Forbidden", times=10**6)
    with contextlib.closing(
        KubeObjects(api, replace(following(), pace=QUICK))
    ) as store:
        until(store.trouble)
        with pytest.raises(Forbidden, match="Forbidden"):
            store.names()
        with pytest.raises(OSError, match="Forbidden"):
            store.changes({})
        server.faults.clear()
        assert store.wait(PATIENCE)
        assert store.names() == []


def test_what_was_read_stays_while_the_server_is_away(
    server: ApiServer, store: KubeObjects
) -> None:
    store.write(an_npn("a"))
    server.fail("GET", NPNS.plural, times=10**6)
    server.fail("PATCH", NPNS.plural, times=10**6)
    server.tear()
    until(store.trouble)
    with pytest.raises(Away):
        store.write_status("a", a_status())

    assert store.read("a") == an_npn("a")
    server.faults.clear()
    until(lambda: tried(lambda: store.write_status("a", a_status())))
    assert store.read("a").status == a_status()


@pytest.mark.parametrize(
    ("status", "kind"), [(409, Conflict), (422, Invalid), (429, Throttled), (500, Away)]
)
def test_a_write_that_is_refused_leaves_all_as_it_was(
    server: ApiServer, store: KubeObjects, status: int, kind: type[OSError]
) -> None:
    store.write(an_npn("a"))
    token, _ = store.changes({})
    server.fail("PATCH", "/status", status=status, times=TRIES)
    with pytest.raises(kind):
        store.write_status("a", a_status())
    server.faults.clear()

    assert store.changes(token)[1] == frozenset()
    store.write_status("a", a_status())
    assert store.changes(token)[1] == {"a"}


def test_a_write_that_nobody_answers_is_given_up_after_its_own_patience(
    server: ApiServer, api: Api
) -> None:
    """The api's patience is 30 s; the one who asked is told while the server is silent still."""
    server.store.create(NPNS, "", render(an_npn("a")))
    with contextlib.closing(KubeObjects(api, following(), 0.2)) as store:
        assert store.wait(PATIENCE)
        server.fail("PATCH", "/status", delay=600)
        with pytest.raises(Away):
            store.write_status("a", a_status())
        until(lambda: server.delaying == 1)


def test_an_object_that_is_there_unseen_is_read_before_it_is_written(
    server: ApiServer, store: KubeObjects
) -> None:
    """Nothing of another's spec stays that this one does not say."""
    blind = Fault(lambda _, path: path.endswith(NPNS.plural), times=10**6)
    with contextlib.closing(Api(Access(server=server.url))) as other:
        document = render(an_npn("a", pods=7))
        document["spec"]["networkSecurityGroupIds"] = ["theirs"]
        server.faults.append(blind)
        server.tear()
        until(store.trouble)
        server.store.create(NPNS, "", document)
        blind.fits = lambda method, path: method == "GET" and path.endswith(NPNS.plural)
        store.write(an_npn("a"))
        found = other.get(NPNS.path(name="a"))

    assert found["spec"] == render(an_npn("a"))["spec"]
    assert found["metadata"]["generation"] == 2


def test_a_write_whose_answer_is_lost_is_seen_by_the_watch(
    server: ApiServer, store: KubeObjects
) -> None:
    store.write(an_npn("a"))
    server.fail("PATCH", "/status", lost=True)
    with pytest.raises(Away):
        store.write_status("a", a_status())
    until(lambda: store.read("a").status == a_status())


@pytest.mark.parametrize("done", [False, True], ids=["done late", "answered late"])
def test_an_answer_that_comes_after_newer_news_undoes_nothing(
    server: ApiServer, store: KubeObjects, done: bool
) -> None:
    store.write(an_npn("a"))
    gate = threading.Event()
    server.fail("PATCH", "/status", gate=gate, done=done)
    with contextlib.closing(Api(Access(server=server.url))) as other:
        writing = threading.Thread(target=store.write_status, args=("a", a_status()))
        writing.start()
        until(lambda: server.delaying == 1)
        for pods in range(1, 11):
            other.patch(NPNS.path(name="a"), {"spec": {"maxPodCount": pods}})
        until(lambda: store.read("a").spec.max_pod_count == 10)
        gate.set()
        writing.join()

    assert store.read("a").spec.max_pod_count == 10
    assert store.read("a").status == a_status()
    assert store.names() == ["a"]


def test_an_object_that_was_removed_meanwhile_is_absent(
    server: ApiServer, store: KubeObjects
) -> None:
    store.write(an_npn("a"))
    server.fail("GET", NPNS.plural, times=10**6)
    server.tear()
    until(store.trouble)
    server.store.objects[NPNS.plural].clear()
    with pytest.raises(Absent):
        store.write_status("a", a_status())
    assert store.names() == []
    server.faults.clear()


def test_a_scoped_store_sees_its_own_object_only(server: ApiServer, api: Api) -> None:
    scope = Scope(fields="metadata.name=a")
    with contextlib.closing(KubeObjects(api, following(scope))) as store:
        assert store.wait(PATIENCE)
        with contextlib.closing(KubeObjects(api)) as all_:
            assert all_.wait(PATIENCE)
            all_.write(an_npn("b"))
            all_.write(an_npn("a"))
        until(lambda: store.names() == ["a"])


def test_a_broken_object_is_listed_unreadable_and_can_be_told_so(
    server: ApiServer, store: KubeObjects
) -> None:
    server.store.put(NPNS, {"metadata": {"name": "a"}, "spec": {"id": 5}})
    until(lambda: store.names() == ["a"])
    with pytest.raises(Unreadable, match=r"spec.id: 5: must be text"):
        store.read("a")
    store.write_status("a", a_status())
    assert store.read_status("a") == a_status()


def test_a_status_that_another_wrote_is_a_conflict_and_a_usage_is_none(
    server: ApiServer, store: KubeObjects
) -> None:
    """What the cache shows is old: watches and lists are refused."""
    store.write(an_npn("a"))
    listing = Fault(
        lambda m, p: m == "GET" and p == NPNS.path(), status=503, times=1 << 30
    )
    server.faults.append(listing)
    server.tear()
    until(store.trouble)
    usage = {"serial": 0, "used": 1, "free": 2, "cooling": 3}
    server.store.patch(NPNS, "a", "status", {"status": {"usage": usage}})
    store.write_status("a", a_status())
    found = server.store.get(NPNS, "a")["status"]
    server.store.patch(NPNS, "a", "status", {"status": {"message": "another's"}})
    with pytest.raises(Conflict):
        store.write_status("a", NpnStatus(state="IN_PROGRESS"))

    assert found["usage"] == usage
    assert found["state"] == a_status().state
    assert server.store.get(NPNS, "a")["status"]["message"] == "another's"
    assert store.read_status("a").message == "another's"


def test_a_status_of_an_object_that_went_meanwhile_is_absent(
    server: ApiServer, store: KubeObjects
) -> None:
    store.write(an_npn("a"))
    server.fail("PATCH", NPNS.path(), status=409, reason="Conflict")
    server.fail("GET", NPNS.path(name="a"), status=404, reason="NotFound")
    with pytest.raises(Absent):
        store.write_status("a", a_status())


def test_changes_of_both_kinds_in_turn_are_looked_at_once(store: KubeObjects) -> None:
    store.write(an_npn("a"))
    plain, _ = store.changes({})
    whole, _ = store.changes({}, usage=True)

    assert store.changes({})[0] is plain
    assert store.changes({}, usage=True)[0] is whole


# Leading.


class Clock:
    """Stands still unless it is set on, and counts how often it is asked."""

    def __init__(self) -> None:
        self.time, self.asked = 1000.0, 0

    def __call__(self) -> float:
        self.asked += 1
        return self.time

    def used(self, tries: int = 1) -> None:
        """Wait for so many whole tries of whose it is: one may be under way, each asks twice."""
        before = self.asked
        until(lambda: self.asked >= before + 2 + 2 * tries)


def a_candidate(me: str, clock: Clock | None = None) -> Candidate:
    return Candidate(me=me, name="npn", terms=TERMS, now=clock or Clock())


def renewed(server: ApiServer, times: int) -> None:
    """Wait until the Lease was renewed so often from now on."""
    before = server.count("PATCH", LEASES.plural)
    until(lambda: server.count("PATCH", LEASES.plural) >= before + times)


def test_who_cannot_renew_stops_before_another_begins(
    server: ApiServer, api: Api
) -> None:
    """Only one of the two is refused."""
    mine, theirs = Clock(), Clock()
    server.tokens = {"", "one"}
    access = Access(server=server.url, user=User(token="one"))
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(contextlib.closing(Api(access)))
        one = stack.enter_context(
            contextlib.closing(KubeLeading(own, a_candidate("one", mine)))
        )
        assert one.wait(PATIENCE)
        two = stack.enter_context(
            contextlib.closing(KubeLeading(api, a_candidate("two", theirs)))
        )
        until(lambda: two.holder() == "one")
        until(lambda: one.trouble() is None)
        server.tokens = {""}
        until(one.trouble)
        theirs.used()  # there may be a last renewal that `two` has not seen
        held = one.held()
        mine.time += TERMS.deadline
        theirs.time += TERMS.deadline
        stopped = one.lost(PATIENCE)
        theirs.used(3)
        early = two.held()
        theirs.time += TERMS.duration - TERMS.deadline
        taken = two.wait(PATIENCE)
        server.tokens = None
        until(lambda: one.holder() == "two")

        assert (held, stopped, early, taken, one.held()) == (
            True,
            True,
            False,
            True,
            False,
        )


def test_the_lease_survives_conflicts_and_lost_answers(
    server: ApiServer, api: Api
) -> None:
    with contextlib.closing(KubeLeading(api, a_candidate("one"))) as one:
        assert one.wait(PATIENCE)
        for what in ({"status": 409}, {"lost": True}, {}, {"status": 429}):
            server.fail("PATCH", LEASES.plural, **what)
            until(lambda: not server.faults)
            renewed(server, 2)
        assert one.held()


def test_clocks_that_jump_or_differ_change_nothing(server: ApiServer, api: Api) -> None:
    wild = iter(("2199-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z") * 5000)
    one = replace(a_candidate("one"), stamp=lambda: next(wild))
    ahead = Clock()
    ahead.time = 1e9
    with contextlib.closing(KubeLeading(api, one)) as leading:
        assert leading.wait(PATIENCE)
        with contextlib.closing(KubeLeading(api, a_candidate("two", ahead))) as two:
            until(lambda: two.holder() == "one")
            renewed(server, 10)

            assert not two.held()
            assert leading.held()


def test_a_lease_that_cannot_be_read_is_nobodys_to_take(
    server: ApiServer, api: Api
) -> None:
    meta = {"name": "npn", "namespace": "kube-system"}
    server.store.put(LEASES, {"metadata": meta, "spec": {"holderIdentity": 7}})
    with contextlib.closing(KubeLeading(api, a_candidate("one"))) as one:
        until(lambda: "spec.holderIdentity: 7: must be text" in str(one.trouble()))
        assert not one.held()


# Others' objects, and events.


def test_a_taint_is_tried_again_when_another_was_faster(
    server: ApiServer, api: Api
) -> None:
    put(server, "a")
    server.fail("PATCH", PATH, status=409, reason="Conflict", times=3)
    with contextlib.closing(KubePatches(api)) as patches:
        assert patches.taint("a", Taint("mooring/x", "NoSchedule"))
        server.fail("PATCH", PATH, status=409, reason="Conflict", times=99)
        with pytest.raises(Conflict):
            patches.untaint("a", "mooring/x")
        server.faults.clear()
        server.store.put(NODES, {"metadata": {"name": "a"}, "spec": {"taints": 5}})
        with pytest.raises(Invalid, match=r"spec.taints: 5: must be a list"):
            patches.untaint("a", "mooring/x")


def test_events_wait_for_the_server_and_are_made_anew_when_forgotten(
    server: ApiServer, api: Api
) -> None:
    about, note = Reference(resource=NODES, name="a"), Note(reason="R", text="t")
    with contextlib.closing(KubeEvents(api, Teller("npn", "x"))) as events:
        server.fail("POST", "/events", status=500)
        events.tell(about, note)
        until(lambda: server.store.objects["events"])
        server.store.objects["events"].clear()
        events.tell(about, note)
        until(lambda: server.store.objects["events"])
        server.fail("POST", "/events", status=403)
        events.tell(about, replace(note, text="refused"))
        events.tell(about, replace(note, text="last"))
    told = [e["note"] for e in server.store.objects["events"].values()]

    assert sorted(told) == ["last", "t"]


def test_who_tells_is_never_kept_waiting(server: ApiServer, api: Api) -> None:
    server.fail("POST", "/events", status=500, times=10**6)
    events = KubeEvents(api, Teller("npn", "x"))
    for number in range(3000):
        events.tell(
            Reference(resource=NODES, name=f"n{number}"), Note(reason="R", text="t")
        )
    server.faults.clear()
    server.fail("POST", "/events", status=403, times=10**6)
    events.close()

    assert not [t for t in threading.enumerate() if t.name == "events"]


# Connections.


def test_a_server_that_is_not_there_is_away() -> None:
    with contextlib.closing(Api(Access(server="http://127.0.0.1:1"))) as nobody:
        with pytest.raises(Away, match=r"GET /x: .*refused"):
            nobody.get("/x")
        nobody.close()
        with pytest.raises(Away, match="closed"):
            nobody.get("/x")


def test_who_may_change_nothing_any_more_is_stopped_before_the_call(
    server: ApiServer, api: Api
) -> None:
    class OverError(Exception):
        pass

    def over() -> None:
        raise OverError

    put(server, "a")
    with (
        contextlib.closing(api.guarded(over)) as guarded,
        contextlib.closing(guarded.fork(1.0)) as fork,
    ):
        for call in (
            lambda: fork.create(PATH, {}),
            lambda: fork.patch(f"{PATH}/a", {}),
            lambda: fork.delete(f"{PATH}/a"),
        ):
            with pytest.raises(OverError):
                call()
        fork.get(f"{PATH}/a")

    assert {method for method, _, _ in server.asked} == {"GET"}


def test_errors_of_streams_are_of_the_same_families(
    server: ApiServer, api: Api
) -> None:
    server.fail("GET", PATH, status=410)
    with pytest.raises(Gone), api.stream(PATH, {"watch": "true"}, 5.0):
        pass
    with pytest.raises(Away), api.stream(PATH, {"watch": "true"}, 0.2) as chunks:
        list(chunks)
