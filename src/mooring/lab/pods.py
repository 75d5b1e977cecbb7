"""Pods of a lab, whatever runs them: one name is one pod, of the whole lab.

The record is written before anything of a pod is made and dropped after all of it is gone,
so that what a crash leaves is found again: `mend` removes what was never whole and
runs again what has died.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from mooring.adapters.cri import Output
from mooring.core.vcn.labfamilies import IPV6
from mooring.core.vcn.topology import NAME
from mooring.lab import contained, plain, podrecord
from mooring.lab.errors import LabError
from mooring.lab.nodes import LabNode
from mooring.lab.podrecord import PodRecord, PodSight

SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one lab, on these nodes. `draw` makes a new uid."""

    nodes: dict[str, LabNode]
    draw: Callable[[], str]

    @property
    def _any(self) -> LabNode:
        return next(iter(self.nodes.values()))

    @property
    def _contained(self) -> bool:
        return self._any.standing.topology.runtime == "containerd"

    def run(self, name: str, node: str | None) -> PodSight:
        """Run a pod; one that runs already stays where it is."""
        _check_name(name)
        with self._named(name) as record:
            if record is not None and record.made:
                (sight,) = self._sights_of(self.nodes[record.node], [record])
                if sight.running and node in {None, record.node}:
                    return sight
                if sight.running:
                    raise LabError(
                        f"pod {name} runs on {record.node}",
                        f"mooring lab pod rm {name}, or another name",
                    )
            if record is not None:
                self._remove(record)
            return self._make(name, self._choose(node))

    def remove(self, name: str) -> None:
        """Take a pod away."""
        with self._named(name) as record:
            if record is None:
                raise self._unknown(name)
            self._remove(record)

    def sights(self) -> list[PodSight]:
        """Tell how all pods are, by name."""
        records = podrecord.all_of(self._any.files)
        found = [
            sight
            for name, at in self.nodes.items()
            for sight in self._sights_of(at, [r for r in records if r.node == name])
        ]
        return sorted(found, key=lambda sight: sight.name)

    def find(self, name: str) -> PodRecord:
        """Give the record of a pod that is there."""
        record = podrecord.read(self._any.files, name)
        if record is None:
            raise self._unknown(name)
        return record

    def address(self, name: str, family: str | None) -> str:
        """Give a pod's preferred address, or the one of a family."""
        record = self.find(name)
        if family is None:
            return record.address
        held = (record.address, *record.others)
        found = [each for each in held if (":" in each) == (family == IPV6)]
        if not found:
            raise LabError(
                f"pod {name} has no {family} address",
                "lab.yaml's ipFamilies says which ones a lab's pods have",
            )
        return found[0]

    def execute(
        self, name: str, command: Sequence[str], seconds: int = SECONDS
    ) -> Output:
        """Run a command in a pod and give what it printed."""
        record = self.find(name)
        at = self.nodes[record.node]
        how = contained.execute if self._contained else plain.execute
        return how(at, record, command, seconds)

    def show(self, name: str, command: Sequence[str]) -> int | Output:
        """Run a command in a pod, on the caller's terminal where that can be."""
        record = self.find(name)
        if self._contained:
            return self.execute(name, command)
        return plain.show(self.nodes[record.node], record, command)

    def check(self, name: str) -> str:
        """Ask the CNI executable whether a pod is as ADD left it; "" when it is."""
        record = self.find(name)
        return plain.check(self.nodes[record.node], record)

    def mend(self) -> list[str]:
        """Remove what was never whole, run again what has died; tell what was done."""
        told: list[str] = []
        running = {s.name for s in self.sights() if s.running}
        for record in podrecord.all_of(self._any.files):
            if record.made and record.name in running:
                continue
            with self._named(record.name):
                self._remove(record)
                if record.made:
                    self._make(record.name, record.node)
            verb = "ran again" if record.made else "removed"
            told.append(f"{verb} pod {record.name}")
        return told

    def _make(self, name: str, node: str) -> PodSight:
        at = self.nodes[node]
        record = PodRecord(name=name, node=node, uid=self.draw())
        podrecord.write(at.files, record)
        how = contained.run if self._contained else plain.run
        try:
            made = replace(how(at, record), made=True)
        except LabError:
            # The runtime should take back what it could not finish; what even that
            # cannot, mend finds by the record.
            with suppress(LabError):
                self._remove(record)
            raise
        podrecord.write(at.files, made)
        return PodSight(
            name=name,
            node=node,
            address=made.address,
            running=True,
            others=made.others,
        )

    def _remove(self, record: PodRecord) -> None:
        at = self.nodes[record.node]
        how = contained.remove if self._contained else plain.remove
        how(at, record)
        podrecord.drop(at.files, record.name)

    def _sights_of(self, at: LabNode, records: Sequence[PodRecord]) -> list[PodSight]:
        if not records:
            return []
        how = contained.sights if self._contained else plain.sights
        return how(at, records)

    def _choose(self, node: str | None) -> str:
        if node is None:
            records = podrecord.all_of(self._any.files)
            count = Counter(record.node for record in records)
            return min(self.nodes, key=lambda name: count[name])
        if node not in self.nodes:
            raise LabError(
                f"there is no node {node!r}", f"nodes: {', '.join(self.nodes)}"
            )
        return node

    @contextmanager
    def _named(self, name: str) -> Iterator[PodRecord | None]:
        files = self._any.files
        with files.locked_name(name):
            yield podrecord.read(files, name)

    def _unknown(self, name: str) -> LabError:
        names = ", ".join(r.name for r in podrecord.all_of(self._any.files))
        return LabError(f"there is no pod {name!r}", f"pods: {names or 'none'}")


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise LabError(
            f"pod name {name!r}: must be 1 to 63 of a-z, 0-9 and -, a letter or digit"
            " at both ends"
        )
