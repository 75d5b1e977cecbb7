"""The cluster's API as the lab asks it: kubectl on the machine, through the lab's passage."""

import json
from dataclasses import dataclass
from typing import Any

from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import CommandError, Done
from mooring.lab import keys
from mooring.lab.errors import LabError
from mooring.lab.record import Standing
from mooring.lab.tools import Tools

ADMIN = "admin.kubeconfig"
MANAGER = "mooring-lab"


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The administrator at the cluster of a lab."""

    tools: Tools
    files: LabFiles
    standing: Standing

    @property
    def kubeconfig(self) -> str:
        """Give the administrator's kubeconfig."""
        return str(self.files.path / keys.HOME / ADMIN)

    def run(self, *words: str, stdin: bytes = b"", patience: float = 60) -> Done:
        """Run kubectl."""
        home = self.files.path / keys.HOME
        argv = (
            *(f"{self.standing.programs}/kubectl", "--kubeconfig", self.kubeconfig),
            *("--cache-dir", str(home / "cache")),
        )
        try:
            return self.tools.processes.run([*argv, *words], stdin, patience)
        except CommandError as error:
            raise LabError(str(error), "mooring lab up again") from None

    def do(self, *words: str, stdin: bytes = b"") -> str:
        """Run kubectl; it must succeed."""
        done = self.run(*words, stdin=stdin)
        if done.code:
            raise LabError(
                f"kubectl {' '.join(words[:2])}: {done.complaint}",
                "mooring lab status shows who is alive; mooring lab up goes on",
            )
        return done.text

    def apply(self, *texts: str) -> None:
        """Have objects be as the texts say; what others own of them is taken over."""
        words = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        whole = "\n---\n".join(texts)
        self.do(*words, f"--field-manager={MANAGER}", stdin=whole.encode())

    def ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        words = ("get", "--raw", "/readyz", "--request-timeout=2s")
        return self.run(*words, patience=20).code == 0

    def read(self, path: str) -> dict[str, Any] | None:
        """Read what is at a path of the API; None when there is none, or nobody answers."""
        done = self.run("get", "--raw", path, "--request-timeout=5s", patience=20)
        if done.code:
            return None
        found = json.loads(done.out)
        return found if isinstance(found, dict) else None

    def items(self, path: str) -> list[dict[str, Any]]:
        """List objects; none while nobody answers."""
        return list((self.read(path) or {}).get("items") or ())
