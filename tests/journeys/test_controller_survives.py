"""What the controller on a cluster survives: its own end, another's, and an API server in trouble.

The API server is the fake one; what of it only the real one can show is in tests/kubernetes.
"""

import contextlib
from collections.abc import Iterator

import pytest
from cluster_desk import Desk, a_desk, until
from fakes.apiserver import ApiServer, Fault, an_api_server

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.lease import Terms

NODES = ("n1", "n2", "n3")
SHORT = Terms(duration=10.0, deadline=4.0, retry=0.5)
PATIENT = Terms(duration=10.0, deadline=9.5, retry=0.5)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
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


def other(method: str, *places: str, **what: object) -> Fault:
    """A fault for requests of the controller that are no lease's."""

    def fits(asked: str, path: str) -> bool:
        return asked == method and any(place in path for place in places)

    return Fault(fits, **what)  # type: ignore[arg-type]  # - a Fault's fields, as they came


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
    desk.start()
    with contextlib.suppress(OSError):  # the test's own question may meet one
        until(lambda: len(server.faults) == 0)

    def settled() -> bool:
        try:
            return ready(desk, *NODES)
        except OSError:
            return False

    until(settled)

    assert vnics(desk, *NODES) == [1, 1, 1]


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
    desk: Desk, server: ApiServer
) -> None:
    """It cannot renew: it has ended before the other one begins."""
    desk.joined("n1")
    first = desk.start("one", terms=SHORT)
    until(lambda: ready(desk, "n1"))
    desk.start("two", terms=PATIENT)
    holding = Fault(
        lambda m, p: m in {"GET", "PATCH"} and "/leases" in p and not first.ended,
        status=503,
        times=1 << 30,
    )
    server.faults.append(holding)
    until(lambda: first.ended)
    server.faults.remove(holding)
    desk.joined("n2")
    until(lambda: ready(desk, "n1", "n2"))

    assert first.term.lost
    assert desk.holder() == "two"
    assert vnics(desk, "n1", "n2") == [1, 1]


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
    desk.start("one")
    until(lambda: ready(desk, "n1"))
    second = desk.start("two", port=0)
    until(lambda: second.inside.port)
    calls = len(desk.cloud.calls)
    second.end()

    assert len(desk.cloud.calls) == calls
    assert desk.holder() == "one"
    assert not second.term.lost
