"""Which pool's policy holds for which nodes, by their labels.

One line says it: a label selector, an arrow and a policy. The first line that selects a node holds
for it; an object's own annotation goes before all of them.

    # nodes that run jobs come and go with many pods
    pool=batch, kubernetes.io/arch in (arm64, amd64) -> warmTarget=16,minimum=16
    !pool -> preallocate

A broken line changes nobody's pool: whom it may mean keeps what it has.
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
    """One line: which nodes are meant, and the policy for them (None: preallocate).

    A broken one says no policy, perhaps not even a selector; then it may mean any node.
    """

    selector: Selector
    policy: PoolPolicy | None = None
    broken: bool = False


ANY = NodePool(selector=Selector(), broken=True)
"""The line of which nothing is known."""


def parse(text: str, field: str = "node pools") -> tuple[NodePool, ...]:
    """Read the lines; raise Unreadable that names the line."""
    return tuple(_line(line, f"{field}, line {number}") for number, line in _said(text))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, and what holds in its place."""

    error: Unreadable
    instead: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What holds of a text, broken lines too, and what is wrong with those."""

    pools: tuple[NodePool, ...] = ()
    faults: tuple[Fault, ...] = ()


def read(text: str, field: str, before: tuple[NodePool, ...] = ()) -> Lines:
    """Read what can be read of the lines, whatever stands in the others.

    In the place of one that cannot be read stands the one with its selector that held before, or a
    broken one, so that no later line holds for a node that has a pool.
    """
    pools: list[NodePool] = []
    faults: list[Fault] = []
    for number, line in _said(text):
        try:
            pools.append(_line(line, f"{field}, line {number}"))
        except Unreadable as error:
            pool = _in_place_of(line, before)
            pools.append(pool)
            faults.append(Fault(error, _instead(pool)))
    return Lines(tuple(pools), tuple(faults))


def _in_place_of(line: str, before: tuple[NodePool, ...]) -> NodePool:
    """Give what stands in the place of a broken line: it may say which nodes it means."""
    try:
        meant = selectors.parse(line.partition(ARROW)[0].strip(), "selector")
    except Unreadable:
        return ANY
    held = (pool for pool in before if pool.selector == meant)
    return next(held, NodePool(selector=meant, broken=True))


def _instead(pool: NodePool) -> str:
    if not pool.broken:
        return f"{pool.selector} {ARROW} {policy.say(pool.policy)} goes on to hold"
    whom = "nodes that no line before selects"
    if pool != ANY:
        whom = f"nodes with {pool.selector}"
    return f"{whom} keep the pool that they have, new ones follow the other lines"


def _said(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.strip().startswith("#"):
            yield number, line.strip()


def chosen(pools: tuple[NodePool, ...], labels: Mapping[str, str]) -> NodePool | None:
    """Give the first line that selects a node with these labels and is not broken."""
    return next((p for p in pools if not p.broken and p.selector.met(labels)), None)


def keeps(pools: tuple[NodePool, ...], labels: Mapping[str, str]) -> bool:
    """Tell whether a node with these labels keeps the pool that it has: a broken line comes first."""
    first = next((pool for pool in pools if pool.selector.met(labels)), None)
    return first is not None and first.broken


def _line(line: str, field: str) -> NodePool:
    selector, arrow, said = (part.strip() for part in line.partition(ARROW))
    if not arrow:
        raise Unreadable(field, line, f"must be SELECTOR {ARROW} POLICY")
    if not selector:
        raise Unreadable(field, line, f"needs a selector before the {ARROW}")
    return NodePool(selectors.parse(selector, field), policy.parse(said, field))
