"""The documents that `mooring get NAME` gives: the thing itself, or a list where there are several."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from mooring.core.npn.shown import kinds, things
from mooring.core.npn.shown.entry import Wish
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen
from mooring.core.npn.shown.view import Source
from mooring.inspect.get import ALL, Form, Stale, Teller

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Sights:
    """Pods of these namespaces, all of one name."""

    knows = frozenset({Source.PODS})

    def __init__(self, *namespaces: str) -> None:
        self._namespaces = namespaces

    def npns(self, of: frozenset[str] = ALL) -> Sequence[NpnSeen]:
        return ()

    def nodes(self) -> Sequence[NodeSeen]:
        return ()

    def pods(self, node: str = "") -> Sequence[PodSeen]:
        metas = ({"name": "web", "namespace": each} for each in self._namespaces)
        return [things.pod({"metadata": meta}) for meta in metas]

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:
        return ()

    def wait(self) -> Mapping[Source, Stale]:
        """Nothing ever changes."""
        return {}


def document(sights: Sights, output: str) -> dict[str, Any]:
    """What one document says; more than one cannot be read."""
    teller = Teller(sights, lambda: NOW, yaml.safe_dump)
    wish = Wish(names=("web",))
    lines, missing = teller.get(kinds.kind("pods"), wish, Form(output=output))
    assert not missing
    text = "\n".join(lines)
    found: dict[str, Any] = (json.loads if output == "json" else yaml.safe_load)(text)
    return found


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_one_thing_is_given_itself(output: str) -> None:
    assert document(Sights("a"), output)["kind"] != "List"


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_one_name_in_two_namespaces_is_a_list(output: str) -> None:
    found = document(Sights("a", "b"), output)

    assert found["kind"] == "List"
    assert len(found["items"]) == 2
