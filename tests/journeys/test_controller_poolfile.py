"""The lines of the node pools while the file changes, goes and comes back."""

from mooring.controller.poolfile import AGAIN, PAUSE, PoolFile
from mooring.core.kube.port import Note
from mooring.core.npn import nodepools

GOOD = "pool=a -> warmTarget=4"


class File:
    """A file that may be away, a clock, and what is told."""

    def __init__(self, text: str) -> None:
        self.text: str | OSError = text
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
