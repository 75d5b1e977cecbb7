"""`mooring get -w` on an API server (the fake one): what is told, and how long is waited."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from core.npn.shown_builders import Json, a_node, a_pod, a_vnic, an_npn
from fakes.apiserver import ApiServer, Store, an_api_server
from journeys.get_cluster import ALWAYS, filled, lines_of, refuse, warned, watching

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.errors import Away, Forbidden
from mooring.core.kube.informer import Pace
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.port import Token
from mooring.core.kube.resource import NODES, NPNS, PODS, Resource
from mooring.core.npn import usage as usages
from mooring.core.npn.shown.view import Source
from mooring.core.npn.usage import Counts, Usage
from mooring.inspect.get import Form, Turn, Unshown
from mooring.inspect.get_cluster import TURN, Cluster, Patience

NPN_PATH = NPNS.path()
Change = Callable[[Store], object]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        filled(made)
        yield made


def rows(heads: str, turn: Turn) -> list[dict[str, str]]:
    """The cells of a turn's lines by their heads."""
    return [dict(zip(heads.split(), x.split(), strict=True)) for x in turn.lines]


def unready(name: str) -> Json:
    found = a_node(name)
    found["status"]["conditions"][0]["status"] = "False"
    return found


@pytest.mark.parametrize(
    ("word", "resource", "looks", "column"),
    [
        ("npn", NPNS, (an_npn("new", state="BACKOFF"), an_npn("new")), "STATE"),
        ("pools", NPNS, (an_npn("new", used=2), an_npn("new", used=3)), "USED"),
        ("pods", PODS, (a_pod("new", "10.0.8.9"), a_pod("new", "10.0.8.12")), "IP"),
        ("nodes", NODES, (a_node("new"), unready("new")), "STATUS"),
    ],
)
def test_a_watch_tells_what_comes_changes_and_goes(
    server: ApiServer,
    word: str,
    resource: Resource,
    looks: tuple[Json, Json],
    column: str,
) -> None:
    store = server.store
    with watching(server, word) as turns:
        heads, *first = next(turns).lines
        told = []
        for look in looks:
            store.put(resource, look)
            told += rows(heads, next(turns))
        store.delete(resource, store.key(looks[0]))
        told += rows(heads, next(turns))

    assert len(first) == len(store.objects[resource.plural])
    assert [row["NAME"] for row in told] == ["new"] * 3
    assert told[0][column] != told[1][column] == told[2][column]


def comes(resource: Resource, document: Json) -> Change:
    return lambda store: store.put(resource, document)


def goes(resource: Resource, key: str) -> Change:
    return lambda store: store.delete(resource, key)


def tells(used: int) -> Change:
    """The agent of the one object tells of its pool."""
    counts = Counts(used=used, free=3 - used)
    status = {"status": {"usage": usages.write(Usage(counts=counts))}}
    return lambda store: store.patch(NPNS, "aaaa", "status", status)


OTHER_ADDRESSES = an_npn(vnics=(a_vnic(first=11),))


@pytest.mark.parametrize(
    ("word", "change", "whose", "wanted"),
    [
        ("nodes", comes(PODS, a_pod("new", "10.0.8.12")), "node-1", {"PODS": "3"}),
        ("nodes", goes(PODS, "data/db"), "node-1", {"PODS": "1"}),
        ("nodes", tells(3), "node-1", {"FREE": "0", "PODS": "2"}),
        ("nodes", comes(NPNS, an_npn("b", owner="node-2")), "node-2", {"VNICS": "1"}),
        ("nodes", goes(NPNS, "aaaa"), "node-1", {"STATE": "<none>", "PODS": "2"}),
        ("nodes", comes(NODES, unready("node-1")), "node-1", {"STATUS": "NotReady"}),
        ("pools", tells(3), "aaaa", {"USED": "3", "FREE": "0"}),
        ("pools", goes(NODES, "node-1"), "aaaa", {"NODE": "<none>"}),
        ("pods", comes(NPNS, OTHER_ADDRESSES), "web", {"VNIC": "<unknown>"}),
    ],
)
def test_a_line_is_told_anew_whichever_of_its_sources_has_changed(
    server: ApiServer, word: str, change: Change, whose: str, wanted: dict[str, str]
) -> None:
    server.store.put(NPNS, an_npn())  # its node is known by the instance alone
    with watching(server, word) as turns:
        heads = next(turns).lines[0]
        change(server.store)
        (row,) = rows(heads, next(turns))

    assert row["NAME"] == whose
    assert {head: row[head] for head in wanted} == wanted


def test_a_node_s_heartbeat_is_no_line(server: ApiServer) -> None:
    beating = a_node("node-2", providerID="oci://ocid1.instance.oc1..zzzz")
    beating["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-21T12:00:00Z"
    with watching(server, "nodes") as turns:
        heads = next(turns).lines[0]
        server.store.put(NODES, beating)
        server.store.put(NODES, unready("node-1"))
        (row,) = rows(heads, next(turns))

    assert row["NAME"] == "node-1"


def test_a_watch_of_documents_gives_one_for_each_change(server: ApiServer) -> None:
    form = Form(output="json")
    with watching(server, "nodes", form=form) as turns:
        first = documents(next(turns))
        server.store.put(PODS, a_pod("new", "10.0.8.12"))
        (more,) = documents(next(turns))
        tells(3)(server.store)
        (used,) = documents(next(turns))

    assert [each["metadata"]["name"] for each in first] == ["node-1", "node-2"]
    assert [each["pods"] for each in (first[0], more, used)] == [2, 3, 3]
    npns = [each["nativePodNetwork"] for each in (first[0], more, used)]
    assert [npn["used"] for npn in npns] == [1, 1, 3]


def documents(turn: Turn) -> list[Json]:
    return [json.loads(each) for each in turn.lines]


def test_a_watch_of_nothing_waits_for_something(server: ApiServer) -> None:
    server.store.delete(NPNS, "aaaa")
    with watching(server, "npn") as turns:
        first = next(turns)
        server.store.put(NPNS, an_npn())
        came = next(turns)

    assert (first.lines, first.missing) == ([], ())
    assert [line.split()[0] for line in came.lines] == ["NAME", "aaaa"]


def test_a_right_that_is_withdrawn_ends_a_watch(server: ApiServer) -> None:
    with watching(server, "npn") as turns:
        next(turns)
        refuse(server, NPNS)
        server.tear()
        with pytest.raises(Unshown, match="ask for the right to list and watch"):
            warned(turns, "none")


def test_a_server_that_goes_is_told_once_and_the_watch_goes_on(
    server: ApiServer,
) -> None:
    with watching(server, "npn") as turns:
        next(turns)
        server.fail("GET", NPN_PATH, status=503, times=ALWAYS)
        server.tear()
        why = warned(turns, NPNS.plural)
        server.faults.clear()
        server.store.put(NPNS, an_npn("bbbb"))
        came = lines_of(turns)

    assert f"GET {NPN_PATH}" in why
    assert [row[0] for row in came] == ["bbbb"]


def test_what_only_helps_does_not_end_a_watch(server: ApiServer) -> None:
    with watching(server, "npn") as turns:
        next(turns)
        refuse(server, NODES)
        server.tear()
        why = warned(turns, NODES.plural)
        server.store.put(NPNS, an_npn("bbbb"))
        came = lines_of(turns)

    assert f"GET {NODES.path()}" in why
    assert [row[0] for row in came] == ["bbbb"]


def test_what_was_never_allowed_is_warned_of_once(server: ApiServer) -> None:
    refuse(server, NODES)
    with watching(server, "npn") as turns:
        first = next(turns)
        threading.Timer(0.6, lambda: server.store.put(NPNS, an_npn("bbbb"))).start()
        came = next(turns)

    assert len(first.warnings) == 1
    assert [line.split()[0] for line in came.lines] == ["bbbb"]


def away() -> Away:
    return Away("GET /", "HTTP 503")


class Scripted:
    """What is followed as a script says; its own clock goes on by what is waited."""

    def __init__(self, *troubles: OSError | None, answers: float = 0.0) -> None:
        self.troubles = [*troubles]
        self.answers = answers
        self.waited = 0.0
        self.told = 0
        self.is_still = False

    def synced(self) -> bool:
        return self.waited >= self.answers

    def wait(self, seconds: float) -> bool:
        self.waited += seconds
        return self.synced()

    def trouble(self) -> OSError | None:
        self.told += 1
        return self.troubles.pop(0) if len(self.troubles) > 1 else self.troubles[0]

    def changes(self, since: Token) -> tuple[Token, frozenset[str]]:
        """Change when the script is over, unless it is still."""
        over = len(self.troubles) == 1 and since != {} and not self.is_still
        return {"over": over}, frozenset({"over"} if over else ())

    def keys(self) -> list[str]:
        return []

    def get(self, key: str) -> None:
        return None

    def all(self) -> tuple[Any, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


def test_a_short_refusal_of_a_server_that_was_away_does_not_end_a_watch() -> None:
    refusal = Forbidden("GET /", "starting")
    patience = Patience(lasting=3 * TURN)
    script = Scripted(*[away()] * 6, *[refusal] * 2, *[away()] * 6, None)
    with closing(Cluster(lambda _: script, patience)) as cluster:
        cluster.nodes()
        stale = [{**cluster.wait()}]
        while script.troubles != [None]:
            stale.append({**cluster.wait()})

    assert not any(each.final for one in stale for each in one.values())
    assert stale[0].keys() == {Source.NODES}


def test_a_refusal_that_lasts_after_the_server_was_away_is_final() -> None:
    patience = Patience(lasting=3 * TURN)
    script = Scripted(*[away()] * 6, Forbidden("GET /", "no"))
    script.is_still = True
    with closing(Cluster(lambda _: script, patience)) as cluster:
        cluster.nodes()
        first, second = cluster.wait(), cluster.wait()

    assert not first[Source.NODES].final
    assert second[Source.NODES].final
    assert script.told == 6 + 3


def test_a_first_call_that_fails_has_the_time_of_another() -> None:
    """The informer's own pause is what is waited for, at its longest."""
    script = Scripted(away(), answers=Pace().pause(1, 1.0) + 1)
    with closing(Cluster(lambda _: script)) as cluster:
        assert cluster.nodes() == []


def test_where_nobody_listens_less_is_waited() -> None:
    with an_api_server() as gone:
        access = Access(server=gone.url)
    with closing(Api(access)) as api, pytest.raises(Away) as refused:
        api.get(NODES.path())
    script = Scripted(refused.value, answers=Patience().away)
    with closing(Cluster(lambda _: script)) as cluster, pytest.raises(Unshown):
        cluster.nodes()
