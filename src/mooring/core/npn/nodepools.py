"""Which pool's policy holds for which nodes, by their labels.

One line says it: a label selector, an arrow and a policy. The first line that selects a node holds
for it; an object's own annotation goes before all of them.

    # nodes that run jobs come and go with many pods
    pool=batch, kubernetes.io/arch in (arm64, amd64) -> warmTarget=16,minimum=16
    !pool -> preallocate
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mooring.core.kube import selector as selectors
from mooring.core.kube.selector import Selector
from mooring.core.net.fields import Unreadable
from mooring.core.npn import policy
from mooring.core.npn.policy import PoolPolicy

ARROW = "->"


@dataclass(frozen=True, slots=True)
class NodePool:
    """One line: which nodes are meant, and the policy for them (None: preallocate)."""

    selector: Selector
    policy: PoolPolicy | None


def parse(text: str, field: str = "node pools") -> tuple[NodePool, ...]:
    """Read the lines; raise Unreadable that names the line."""
    return tuple(_line(line, f"{field}, line {number}") for number, line in _said(text))


@dataclass(frozen=True, slots=True)
class Lines:
    """What holds of a text, and what was wrong with the rest of it."""

    pools: tuple[NodePool, ...] = ()
    faults: tuple[Unreadable, ...] = ()


def read(text: str, field: str, before: tuple[NodePool, ...] = ()) -> Lines:
    """Read what can be read of the lines, whatever stands in the others.

    A line that cannot be read is left out; where one with its selector held before, that goes on.
    """
    pools: list[NodePool] = []
    faults: list[Unreadable] = []
    for number, line in _said(text):
        try:
            pools.append(_line(line, f"{field}, line {number}"))
        except Unreadable as error:
            faults.append(error)
            pools.extend(_kept(line, before))
    return Lines(tuple(pools), tuple(faults))


def _kept(line: str, before: tuple[NodePool, ...]) -> tuple[NodePool, ...]:
    """Give the line that held for the nodes that a broken one means, if it says which."""
    try:
        meant = selectors.parse(line.partition(ARROW)[0].strip(), "selector")
    except Unreadable:
        return ()
    return tuple(pool for pool in before if pool.selector == meant)[:1]


def _said(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.strip().startswith("#"):
            yield number, line.strip()


def chosen(pools: tuple[NodePool, ...], labels: Mapping[str, str]) -> NodePool | None:
    """Give the first line that selects a node with these labels."""
    return next((pool for pool in pools if pool.selector.met(labels)), None)


def _line(line: str, field: str) -> NodePool:
    selector, arrow, said = (part.strip() for part in line.partition(ARROW))
    if not arrow:
        raise Unreadable(field, line, f"must be SELECTOR {ARROW} POLICY")
    if not selector:
        raise Unreadable(field, line, f"needs a selector before the {ARROW}")
    return NodePool(selectors.parse(selector, field), policy.parse(said, field))
