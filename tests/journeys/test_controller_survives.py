"""What the controller on a cluster survives: its own end, another's, and an API server in trouble.

The API server is the fake one; what of it only the real one can show is in tests/kubernetes.
"""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cluster_desk import SUBNET, SYSTEM, Desk, Locked, Replica, a_desk
from fakes.apiserver import ApiServer, Fault, an_api_server
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.lease import Terms
from mooring.core.kube.resource import EVENTS, LEASES, NPNS
from mooring.core.npn.errors import Unavailable

NODES = ("n1", "n2", "n3")
SHORT = Terms(duration=25.0, deadline=12.0, retry=0.5)
PATIENT = Terms(duration=25.0, deadline=24.0, retry=0.5)
"""Real seconds: a busy machine may cost a leader half of them, and who lost as many to end."""
FOR_EVER = 1 << 30
NEVER = 1e9
"""An interval in which nothing that is settled is looked at again."""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        yield made


@pytest.fixture
def door(server: ApiServer) -> Iterator[ApiServer]:
    """Another way to the same cluster, which may be shut to whoever takes it."""
    with an_api_server() as made:
        made.store = server.store
        yield made


@pytest.fixture
def desk(server: ApiServer) -> Iterator[Desk]:
    with contextlib.closing(Api(Access(server=server.url))) as api, a_desk(api) as made:
        yield made


def ready(desk: Desk, *names: str) -> bool:
    return all(
        desk.settled(name) and not desk.taints(name) and desk.owner(name)
        for name in names
    )


def vnics(desk: Desk, *names: str) -> list[int]:
    return [
        len(desk.cloud.secondaries(f"ocid1.instance.oc1.test.{name}")) for name in names
    ]


def ended(desk: Desk, name: str) -> list[int]:
    """How often each event was told that says that an object's instance is gone."""
    return [
        (each.get("series") or {"count": 1})["count"]
        for each in desk.api.get(EVENTS.path("default"))["items"]
        if each["regarding"]["name"] == name and each["reason"] == "InstanceTerminated"
    ]


def other(method: str, *places: str, **what: Any) -> Fault:
    """A fault for requests of the controller that are no lease's."""

    def fits(asked: str, path: str) -> bool:
        return asked == method and any(place in path for place in places)

    return Fault(fits, **what)


def without_a_lease() -> Fault:
    return Fault(
        lambda _, path: "/leases" in path,
        status=403,
        reason="Forbidden",
        times=FOR_EVER,
    )


def health(replica: Replica, path: str) -> str:
    where = f"http://127.0.0.1:{replica.inside.port}{path}"
    try:
        with urllib.request.urlopen(where, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"


class Slow:
    """A cloud that keeps whoever asks waiting until it is let, and has no answer then."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*_: object, **__: object) -> object:
            if name == "instance":
                self.asked.set()
            self.let.wait(60)
            raise Unavailable(name, "NoAnswer", "no answer")

        return call


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 409, "reason": "Conflict"},
        {"status": 429, "reason": "TooManyRequests", "retry_after": "0"},
        {"status": 500, "reason": "InternalError"},
        {"status": 503, "reason": "ServiceUnavailable"},
        {"status": 504, "reason": "Timeout", "lost": True},
        {"status": 0},
        {"status": 0, "lost": True},
    ],
    ids=lambda f: f"{f['status']}{'-done' if f.get('lost') else ''}",
)
def test_answers_that_are_none_hold_nothing_up(
    desk: Desk, server: ApiServer, fault: dict[str, object]
) -> None:
    """Every kind of call of the work meets it; what was done without an answer is not done twice."""
    desk.joined(*NODES)
    places = ("/nodes", "/nativepodnetworks")
    for method in ("GET", "POST", "PATCH"):
        server.faults.append(other(method, *places, times=3, **fault))
    desk.start(interval=20.0)
    with contextlib.suppress(OSError):  # the test's own question may meet one
        until(lambda: len(server.faults) == 0)

    def settled() -> bool:
        try:
            return ready(desk, *NODES)
        except OSError:
            return False

    until(settled)
    assert vnics(desk, *NODES) == [1, 1, 1]

    server.faults.append(other("DELETE", NPNS.plural, times=2, **fault))
    desk.cloud.set_state("ocid1.instance.oc1.test.n3", "TERMINATED")
    until(lambda: desk.document("n3") is None)
    until(lambda: ended(desk, "n3"))
    desk.end()  # what waits is told

    assert server.count("DELETE", f"{NPNS.plural}/n3") >= 1
    assert desk.settled("n1", "n2")
    assert ended(desk, "n3") == [1]


def test_torn_watches_and_a_forgotten_history_lose_nothing(
    desk: Desk, server: ApiServer
) -> None:
    desk.joined("n1")
    desk.start()
    until(lambda: ready(desk, "n1"))
    server.store.forget()  # whoever asks for what came since is answered 410
    server.tear(b'{"type": "MODI')
    desk.joined("n2")
    server.tear()
    until(lambda: ready(desk, "n1", "n2"))
    server.say(b"this is no JSON")
    desk.joined("n3")
    until(lambda: ready(desk, *NODES))


def test_an_api_server_that_is_away_costs_nothing_but_time(
    desk: Desk, server: ApiServer
) -> None:
    """Objects are known from before: what the cloud loses meanwhile comes back after."""
    desk.joined("n1")
    replica = desk.start(interval=1.0)
    until(lambda: ready(desk, "n1"))
    away = Fault(lambda _, p: "/leases" not in p, status=503, times=1 << 30)
    server.faults.append(away)
    server.tear()
    (vnic,) = desk.cloud.secondaries("ocid1.instance.oc1.test.n1")
    seen = len(desk.cloud.calls)
    desk.cloud.delete_address(
        next(a.id for a in desk.cloud.addresses_of(vnic.id) if not a.is_primary)
    )
    until(lambda: len(desk.cloud.calls) > seen + 8)
    server.faults.remove(away)
    until(lambda: ready(desk, "n1"))
    until(lambda: len(desk.cloud.addresses_of(vnic.id)) == 2)
    desk.joined("n2")
    until(lambda: ready(desk, "n2"))

    assert not replica.ended


def test_a_controller_that_ends_leaves_the_work_to_the_next_at_once(desk: Desk) -> None:
    desk.joined("n1")
    first = desk.start("one")
    until(lambda: ready(desk, "n1"))
    second = desk.start("two")
    until(lambda: desk.holder() == "one")
    first.end()
    desk.joined("n2")
    until(lambda: ready(desk, "n1", "n2"))

    assert desk.holder() == "two"
    assert not first.term.lost
    assert not second.ended
    assert vnics(desk, "n1", "n2") == [1, 1]


def test_one_works_of_two_and_who_loses_the_lease_ends(
    door: ApiServer, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Only one of them cannot renew: it has ended before the other one begins."""
    desk.joined("n1")
    with contextlib.closing(Api(Access(server=door.url))) as api:
        first = desk.start("one", api=api, terms=SHORT)
        until(lambda: ready(desk, "n1"))
        desk.start("two", terms=PATIENT)
        door.faults.append(without_a_lease())
        moments: list[tuple[bool, str]] = []

        def taken() -> bool:
            moments.append((first.ended, desk.holder()))  # in this order
            return moments[-1][1] == "two"

        until(taken)
    desk.joined("n2")
    until(lambda: ready(desk, "n1", "n2"))

    assert moments[0] == (False, "one")
    assert moments[-1] == (True, "two")
    assert first.term.lost
    assert "lost the lease; ending: GET" in caplog.text
    assert vnics(desk, "n1", "n2") == [1, 1]


def test_an_answer_that_comes_after_the_lease_was_lost_changes_nothing(
    door: ApiServer, desk: Desk
) -> None:
    """The old leader's look ends while the new one leads; it reaches the API server as before."""
    id_ = desk.instance("n1")
    body = {"apiVersion": NPNS.api_version, "kind": NPNS.kind}
    spec = {"id": id_, "podSubnetIds": [SUBNET]}
    desk.api.create(NPNS.path(), body | {"metadata": {"name": "n1"}, "spec": spec})
    cloud = Slow()
    with contextlib.closing(Api(Access(server=door.url))) as api:
        first = desk.start("one", api=api, cloud=cloud, terms=SHORT)
        until(cloud.asked.is_set)
        door.faults.append(without_a_lease())
        until(lambda: first.term.lost)
        # The next one begins now: that it would wait longer is not the question here.
        desk.api.delete(LEASES.path(SYSTEM, "npn.oci.oraclecloud.com"))
        desk.start("two", interval=NEVER, terms=PATIENT)
        until(lambda: desk.settled("n1"))
        before = desk.document("n1")
        cloud.let.set()
        first.end()

    assert desk.document("n1") == before
    assert door.count("PATCH", NPNS.plural) == 0


def test_a_replica_that_cannot_have_the_lease_says_why_and_is_not_ready(
    door: ApiServer, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A rollout does not go on to the replica that works."""
    desk.start("one")
    until(lambda: desk.holder() == "one")
    closed = without_a_lease()
    door.faults.append(closed)
    with contextlib.closing(Api(Access(server=door.url))) as api:
        second = desk.start("two", api=api, port=0)
        until(lambda: second.inside.port)
        until(lambda: "Forbidden" in health(second, "/readyz"))
        until(lambda: "standby lease GET" in caplog.text)
        alive = health(second, "/healthz")
        door.faults.remove(closed)
        until(lambda: health(second, "/readyz") == "ok\n")
        second.end()

    assert alive == "ok\n"
    assert desk.holder() == "one"


def test_a_controller_started_anew_goes_on_where_it_was(desk: Desk) -> None:
    """Taints and states outlive it: a node that was shut is opened when it has addresses."""
    desk.joined("n1")
    first = desk.start("one")
    until(lambda: ready(desk, "n1"))
    desk.tell("n1", used=31, free=0)
    until(lambda: desk.taints("n1") == {"mooring/no-addresses"})
    first.end()
    desk.tell("n1", used=3, free=28)
    desk.instance("n2")
    desk.node("n2")
    desk.start("two")
    until(lambda: desk.taints("n1") == set())
    until(lambda: desk.settled("n2"))
    desk.agent("n2")
    until(lambda: ready(desk, "n2"))

    assert vnics(desk, "n1", "n2") == [1, 1]


def test_who_waits_for_the_lease_touches_nothing(desk: Desk) -> None:
    desk.joined("n1")
    desk.start("one", interval=NEVER)
    until(lambda: ready(desk, "n1"))
    cloud = Locked(desk.cloud)
    second = desk.start("two", port=0, cloud=cloud)
    until(lambda: second.inside.port and not second.term.waiting())
    second.end()

    assert cloud.asked == []
    assert desk.holder() == "one"
    assert not second.term.lost
