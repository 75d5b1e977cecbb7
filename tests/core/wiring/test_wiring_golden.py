"""Plans and the nft table as text: how the cables lie, for a human to review.

`make golden` rewrites the files below tests/golden/wiring; the difference is the review.
"""

import os
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from core.wiring.cables import V4, V6, a_lease, a_pod, an_uplink

from mooring.core.linux import nft
from mooring.core.linux.plan import Plan
from mooring.core.npn.record import Pair
from mooring.core.wiring import node, pod, ruleset, vnic
from mooring.core.wiring.node import Primary
from mooring.core.wiring.ruleset import Ground

GOLDEN = Path(__file__).parents[2] / "golden/wiring"
PRIMARY = Primary("ens3", IPv4Address("10.0.2.7"))
LEASES = (
    a_lease(addresses=Pair(V4, V6)),
    a_lease(a_pod("c2"), Pair(IPv4Address("10.0.8.6"))),
)


def lines(plan: Plan) -> str:
    return "".join(f"{fact}\n" for fact in plan)


def table(*, tracked: bool) -> str:
    ground = Ground(PRIMARY, (an_uplink(), an_uplink(2, "ens6")), tracked)
    return nft.replace(ruleset.table(ground, ruleset.sources(LEASES)))


CASES = {
    "pod.txt": lines(pod.plan(a_lease(), 9000)),
    "pod-dual-stack.txt": lines(pod.plan(LEASES[0], 9000)),
    "vnic.txt": lines(vnic.plan(an_uplink())),
    "vnic-dual-stack.txt": lines(vnic.plan(an_uplink(v6=True))),
    "node.txt": lines(node.plan(PRIMARY)),
    "node-dual-stack.txt": lines(node.plan(PRIMARY, frozenset({4, 6}))),
    "table.nft": table(tracked=False),
    "table-tracked.nft": table(tracked=True),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_cables(case: str) -> None:
    if os.environ.get("MOORING_GOLDEN") == "write":
        GOLDEN.mkdir(parents=True, exist_ok=True)
        (GOLDEN / case).write_text(CASES[case])

    assert (GOLDEN / case).read_text() == CASES[case]


def files() -> Iterator[str]:
    yield from (path.name for path in GOLDEN.iterdir())


def test_no_golden_cable_is_left_over() -> None:
    assert set(files()) == set(CASES)
