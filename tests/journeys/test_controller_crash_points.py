"""The controller on a cluster dies before and after each thing it changes there or in the cloud.

A node comes, is shut because its kubelet allows too many pods, opens again, and its instance ends. The
controller's process ends at one of its changes: nothing it does goes out from then on, and nobody hears
from it. The next one goes on. In the end cluster and cloud are as they are when nobody dies.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from cluster_desk import SYSTEM, Desk, Replica, a_desk
from fakes.apiserver import ApiServer, Fault, an_api_server
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.errors import Missing
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.resource import LEASES
from mooring.core.npn.errors import Unavailable

INSTANCE = "ocid1.instance.oc1.test.n1"
SHORT = "mooring/too-few-addresses"
FOR_EVER = 1 << 30
STEPS = {
    "POST nativepodnetworks": 1,
    "PATCH nativepodnetworks": 1,
    "PATCH nativepodnetworks/status": 4,
    "DELETE nativepodnetworks": 1,
    "PATCH nodes": 4,
    "AttachVnic": 1,
    "CreateAddressBlock": 1,
}
"""What it changes in this story, and how often at least: who meets a Conflict asks again."""
POINTS = [
    (what, number, when)
    for what, times in STEPS.items()
    for number in range(1, times + 1)
    for when in ("before", "after")
]


@dataclass
class Fate:
    """One controller after another; the one that comes to the point dies there."""

    desk: Desk
    door: ApiServer
    api: Api
    point: tuple[str | int, ...]
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: threading.Event = field(default_factory=threading.Event)
    deaths: int = 0
    replica: Replica | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.door.faults[:] = [
            Fault(self._refused, times=FOR_EVER),
            Fault(self._unanswered, times=FOR_EVER, lost=True),
        ]

    @property
    def came(self) -> bool:
        """Tell whether the point came, if there is one."""
        return self.deaths > 0 or not self.point

    def comes(self, what: str, when: str) -> bool:
        """Count what is changed; tell whether it dies here."""
        with self._lock:
            self.seen[what, when] += 1
            here = (what, self.seen[what, when], when) == self.point
            if here:
                self.dead.set()
            return here

    def _refused(self, method: str, path: str) -> bool:
        if "/events" in path:
            return False  # told, not owed: a program that ends waits to be heard
        what = step(method, path)
        return self.dead.is_set() or bool(what and self.comes(what, "before"))

    def _unanswered(self, method: str, path: str) -> bool:
        what = step(method, path)
        return bool(what and self.comes(what, "after"))

    def until(self, claim: Callable[[], object]) -> None:
        """Wait until it is so, while a dead controller is followed by another."""
        self._goes_on()
        while until(lambda: self.dead.is_set() or claim(), lambda: self.seen):
            if not self.dead.is_set():
                return
            self._goes_on()

    def _goes_on(self) -> None:
        if self.dead.is_set():
            self.end()
            self.deaths += 1
            self.door.tear()
            with contextlib.suppress(Missing):  # its lease ran out
                self.desk.api.delete(LEASES.path(SYSTEM, "npn.oci.oraclecloud.com"))
            self.dead.clear()
        if self.replica is None:
            self.replica = self.desk.start(
                f"c{self.deaths}", api=self.api, cloud=Cloud(self), interval=4.0
            )

    def end(self) -> None:
        if self.replica is not None:
            self.replica.end()
            self.replica = None


@dataclass
class Cloud:
    """The desk's, as far as whoever lives can reach it."""

    fate: Fate

    def carry_out(self, change: object) -> object:
        """Change the cloud."""
        fate, what = self.fate, type(change).__name__
        if fate.dead.is_set() or fate.comes(what, "before"):
            raise Unavailable(what, "NoAnswer", "dead")
        made = fate.desk.locked.carry_out(change)
        if fate.comes(what, "after"):
            raise Unavailable(what, "NoAnswer", "dead")
        return made

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self.fate.desk.locked, name)


def step(method: str, path: str) -> str:
    """Name what a request changes of objects and nodes; "" for another."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    for plural in ("nativepodnetworks", "nodes"):
        if plural in parts and method != "GET":
            part = "/status" if parts[-1] == "status" else ""
            return f"{method} {plural}{part}"
    return ""


@contextlib.contextmanager
def a_fate(*point: str | int) -> Iterator[Fate]:
    with (
        an_api_server() as server,
        an_api_server() as door,
        contextlib.closing(Api(Access(server=server.url))) as api,
        contextlib.closing(Api(Access(server=door.url))) as through,
        a_desk(api) as desk,
    ):
        door.store = server.store
        yield Fate(desk, door, through, point)


def picture(desk: Desk) -> dict[str, object]:
    """What a node has of us, and what it has in the cloud."""
    npn = desk.npn("n1")
    return {
        "labels": desk.labels("n1"),
        "taints": desk.taints("n1"),
        "owned": desk.owner("n1") == desk.uid("n1"),
        "spec": npn and npn.spec,
        "state": desk.state("n1"),
        "conditions": desk.conditions("n1"),
        "vnics": [
            sorted(str(each.block) for each in desk.cloud.addresses_of(vnic.id))
            for vnic in desk.cloud.secondaries(INSTANCE)
        ],
    }


def tell(fate: Fate) -> list[dict[str, object]]:
    """Play the story; give what was there at the end of each part."""
    desk, seen = fate.desk, []
    desk.joined("n1")
    fate.until(lambda: desk.settled("n1") and not desk.taints("n1"))
    fate.until(lambda: desk.owner("n1") == desk.uid("n1"))
    seen.append(picture(desk))
    desk.kubelet("n1", pods=110)
    fate.until(
        lambda: desk.taints("n1") == {SHORT} and "MaxPods" in desk.conditions("n1")
    )
    seen.append(picture(desk))
    desk.kubelet("n1", pods=31)
    fate.until(lambda: not desk.taints("n1") and "MaxPods" not in desk.conditions("n1"))
    seen.append(picture(desk))
    desk.cloud.set_state(INSTANCE, "TERMINATED")
    fate.until(lambda: desk.document("n1") is None and fate.came)
    seen.append(picture(desk))
    fate.end()
    return seen


@pytest.fixture(scope="module")
def undisturbed() -> list[dict[str, object]]:
    """What is there when nobody dies; the story takes the steps that are told above."""
    with a_fate() as fate:
        pictures = tell(fate)
        took = Counter({w: n for (w, when), n in fate.seen.items() if when == "after"})
    assert took.keys() == STEPS.keys()
    assert took >= Counter(STEPS)
    assert fate.deaths == 0
    return pictures


@pytest.mark.parametrize(("what", "number", "when"), POINTS)
def test_the_next_controller_goes_on_where_one_died(
    undisturbed: list[dict[str, object]], what: str, number: int, when: str
) -> None:
    with a_fate(what, number, when) as fate:
        pictures = tell(fate)

    assert fate.deaths == 1
    assert pictures == undisturbed
