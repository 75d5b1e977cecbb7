"""Mooring's own manifests, in the order in which a cluster takes them."""

import json
from pathlib import Path

ORDER = ("crd.yaml", "controller.yaml", "agent.yaml")
PLACES = (
    Path(__file__).parents[1] / "_manifests",
    Path(__file__).parents[3] / "deploy/manifests",
)
"""Where they are in an installed package, and in a checkout."""


def authorities(pem: str) -> str:
    """Write what tells the controller whom to believe: the lab's cloud, by its certificate."""
    meta = {"name": "mooring-authorities", "namespace": "kube-system"}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    return json.dumps({**content, "data": {"ca.crt": pem}})


def complete() -> bool:
    """Tell whether they are all there: without an agent no node becomes Ready."""
    return len(files()) == len(ORDER)


def files() -> tuple[Path, ...]:
    """List the manifests that are there."""
    found = (place / name for name in ORDER for place in PLACES)
    return tuple(file for file in found if file.exists())
