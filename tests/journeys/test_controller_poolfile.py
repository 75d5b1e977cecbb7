"""The lines of the node pools while the file changes, goes and comes back."""

from dataclasses import dataclass
from typing import Any, cast

import pytest
from fakes.objects import FakeObjects

from mooring.controller.objects import ClusterObjects
from mooring.controller.poolfile import AGAIN, PAUSE, PoolFile
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Node
from mooring.core.kube.port import Note
from mooring.core.npn import nodepools
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, PoolStatus, VnicStatus

GOOD = "pool=a -> warmTarget=4"


class File:
    """A file that may be away, a clock, and what is told."""

    def __init__(self, text: str | OSError) -> None:
        self.text = text
        self.time = 0.0
        self.told: list[Note] = []
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        if isinstance(self.text, OSError):
            raise self.text
        return self.text

    def pools(self) -> PoolFile:
        return PoolFile(self.read, lambda: self.time, self.told.append)


def test_it_is_read_now_and_then_and_not_for_everybody_who_asks() -> None:
    file = File(GOOD)
    pools = file.pools()
    first = [pools() for _ in range(9)]
    file.text = ""
    early = pools()
    file.time = PAUSE
    late = pools()

    assert first == [nodepools.parse(GOOD)] * 9
    assert early is first[0]
    assert late == ()
    assert file.reads == 2


def test_what_held_holds_while_the_file_cannot_be_read() -> None:
    file = File(GOOD)
    pools = file.pools()
    held = pools()
    for text in (OSError("away"), OSError("away"), GOOD):
        file.text = text
        file.time += PAUSE
        assert pools() is held
    assert file.told == []


def test_what_is_wrong_is_told_when_it_comes_and_now_and_then() -> None:
    file = File("pool=a -> warmTarget=none")
    pools = file.pools()
    for file.time in (0.0, PAUSE, AGAIN - 1, AGAIN, AGAIN + PAUSE):
        pools()
    told = len(file.told)
    file.text, file.time = GOOD, 2 * AGAIN
    pools()
    file.time = 4 * AGAIN
    pools()

    assert told == 2
    assert len(file.told) == 2
    assert file.told[0].reason == "NodePoolRefused"
    assert "--node-pools, line 1.warmTarget: 'none'" in file.told[0].text


# A leader that comes has seen no other text than this one.

INSTANCE = "ocid1.instance.oc1.test.n1"
BATCH = PoolPolicy(warm_target=4)
ELASTIC = NpnStatus(state="SUCCESS", pool=PoolStatus(policy=BATCH, serial=3))
VNIC = VnicStatus(vnic_id="v", mac_address="02:00:17:00:00:01", subnet_id="pods")
PREALLOCATED = NpnStatus(state="SUCCESS", vnics=(VNIC,))


class Stored(FakeObjects):
    """Objects without owners."""

    def owners(self, _: str) -> tuple[Owner, ...]:
        return ()


@dataclass
class Leader:
    """What a new leader says of the node n1 and its object."""

    text: str | OSError
    status: NpnStatus
    known: bool = True

    def says(self) -> Npn:
        spec = NpnSpec(id=INSTANCE, pod_subnet_ids=("pods",), max_pod_count=31)
        store = Stored(Npn(name="n1", spec=spec))
        store.write_status("n1", self.status)
        node = Node(name="n1", labels={"pool": "batch"})
        nodes = {"n1": node} if self.known else {}
        pools = File(self.text).pools()
        other = cast("Any", None)
        return ClusterObjects(
            cast("Any", store), nodes, pools, other, cast("Any", Silent())
        ).read_spec("n1")


class Silent:
    def status(self, name: str, status: NpnStatus) -> None:
        """Hear of it."""


BROKEN = [
    "pool=batch -> warmTarget=none\npool -> warmTarget=9",
    "pool batch -> warmTarget=4\npool -> warmTarget=9",
    "pool=batch warmTarget=4\npool=batch -> warmTarget=9",
    "pool=batch -> warmTarget=none",
    OSError("away"),
]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("known", [True, False])
def test_a_leader_that_comes_changes_no_pool_by_a_broken_line(
    text: str | OSError, known: bool
) -> None:
    elastic = Leader(text, ELASTIC, known).says()
    preallocated = Leader(text, PREALLOCATED, known).says()

    assert (elastic.pool, elastic.unplaced) == ("warmTarget=4,minimum=0", False)
    assert (preallocated.pool, preallocated.unplaced) == ("preallocate", False)


@pytest.mark.parametrize("text", BROKEN)
def test_an_object_that_has_no_pool_yet_begins_by_the_other_lines(
    text: str | OSError,
) -> None:
    npn = Leader(text, NpnStatus()).says()
    later = isinstance(text, str) and "=9" in text

    assert npn.pool == ("warmTarget=9,minimum=0" if later else None)
    assert not npn.unplaced


def test_a_line_before_the_broken_one_holds() -> None:
    text = "pool=batch -> warmTarget=9\nno line"

    assert Leader(text, ELASTIC).says().pool == "warmTarget=9,minimum=0"


def test_what_is_told_is_what_happens() -> None:
    file = File("pool=batch -> none\nno line")
    file.pools()()

    stays = "keep the pool that they have, new ones follow the other lines"
    policy = "'none': must be preallocate or one of warmTarget"
    arrow = "'no line': must be SELECTOR -> POLICY"
    first, second = (note.text for note in file.told)
    assert first.startswith(
        f"left out, nodes with pool in (batch) {stays}: --node-pools, line 1: {policy}"
    )
    assert second == (
        f"left out, nodes that no line before selects {stays}: --node-pools, line 2: {arrow}"
    )
