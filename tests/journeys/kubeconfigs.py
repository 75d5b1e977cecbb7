"""Kubeconfigs that say nothing usable, each with the line that names file, field, value and rule."""

from pathlib import Path

_CLUSTER = 'contexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"%s}}]\n'
_AUTHORITY = "clusters[0].cluster.certificate-authority"

BROKEN = [
    (
        "a: [",
        "line 1: 'kubeconfig': must be YAML (expected the node content, but found '<stream end>')",
    ),
    ("5", "kubeconfig: 'int': must be a mapping"),
    (
        f"current-context: other\n{_CLUSTER % ''}",
        "current-context: 'other': must be one of the contexts: c",
    ),
    (
        f"current-context: c\n{_CLUSTER % ', certificate-authority: /none/ca.crt'}",
        f"{_AUTHORITY}: '/none/ca.crt': cannot be read: No such file or directory",
    ),
    (
        f"current-context: c\n{_CLUSTER % ', certificate-authority: /etc/passwd'}",
        f"{_AUTHORITY}: '/etc/passwd': must be certificates as PEM",
    ),
]
"""What stands in the file, and what is said of it behind its path."""


def written(place: Path, text: str) -> Path:
    """Write such a file."""
    file = place / "kubeconfig"
    file.write_text(text)
    return file
