"""An agent whose API server refuses its writes, or has forgotten where its watches stood."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys.agent_cluster import NAME, Node, a_node
from journeys.agent_world import a_world
from patience import until

from mooring.core.kube.resource import NPNS, PODS

ALWAYS = 1_000
STATUS = NPNS.path(name=NAME, part="status")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with a_world(tmp_path, "--cooldown", "0") as world, a_node(world) as made:
        yield made


def goes_on(node: Node) -> None:
    """The usage arrives in the end, and a later offer is followed."""
    until(lambda: (node.usage or {}).get("used") == 2, "two used")
    node.offer("10.0.8.60")
    until(lambda: node.world.status["pool"]["offered"] == 1, "the offer")
    assert node.world.run_pod("three").address == "10.0.8.60"
    until(lambda: (node.usage or {}).get("used") == 3, "three used")


@pytest.mark.parametrize(
    ("status", "reason", "retry_after"),
    [
        (409, "Conflict", ""),
        (429, "TooManyRequests", "1"),
        (500, "InternalError", ""),
    ],
)
def test_pods_come_while_the_usage_is_refused_and_it_arrives_in_the_end(
    node: Node, status: int, reason: str, retry_after: str
) -> None:
    server = node.server
    server.fail(
        *("PATCH", STATUS),
        status=status,
        reason=reason,
        retry_after=retry_after,
        times=ALWAYS,
    )
    node.started()
    until(lambda: " usage-refused " in node.world.log, "why")
    for name in ("one", "two"):
        node.world.run_pod(name)
    until(lambda: server.count("PATCH", STATUS) >= 2, "another try")
    assert node.usage is None
    assert node.ask("/readyz")[0] == 200

    server.faults.clear()
    goes_on(node)
    assert node.world.log.count(" usage-refused ") == 1


def test_pods_come_while_the_watches_cannot_go_on_from_where_they_stood(
    node: Node,
) -> None:
    """The server answers 410: all is listed again."""
    server = node.server

    def lists(path: str) -> int:
        return server.count("GET", path) - server.count("GET", path, watch="true")

    def watched() -> bool:
        whole = (each for each in list(server.watchers) if not each.torn)
        return {each.choice.resource.plural for each in whole} >= {
            NPNS.plural,
            PODS.plural,
        }

    node.started()
    for name in ("one", "two"):
        until(watched, "both watches")
        before = [lists(each.path()) for each in (NPNS, PODS)]
        server.store.forget()
        server.tear()
        node.world.run_pod(name)
        until(
            lambda before=before: all(
                lists(each.path()) > count
                for each, count in zip((NPNS, PODS), before, strict=True)
            ),
            "both lists again",
        )
    goes_on(node)
