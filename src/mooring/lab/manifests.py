"""Mooring's own manifests, in the order in which a cluster takes them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

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


def texts(arguments: Sequence[str] = ()) -> Mapping[str, str]:
    """Read them, by their files' names; with arguments the agent is told these besides."""
    read = {file.name: file.read_text() for file in files()}
    return {name: told(text, arguments) for name, text in read.items()}


def told(text: str, arguments: Sequence[str]) -> str:
    """Give a manifest in which the agent has further arguments; without any as it is."""
    documents = list(yaml.safe_load_all(text)) if arguments else []
    agents = [each for each in documents if each["kind"] == "DaemonSet"]
    if not agents:
        return text
    for agent in agents:
        (container,) = agent["spec"]["template"]["spec"]["containers"]
        container["args"] += arguments
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
