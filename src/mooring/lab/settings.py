"""The machine's settings that several kubelets need: raised while a cluster stands, then as before.

Each kubelet, containerd and API server watches files by some thirty inotify instances; root has
128 of them to begin with. What was before, and which labs need more, is in one record beside the
labs, under a lock of its own: the last lab that goes down puts it back.
"""

from dataclasses import dataclass
from typing import Any

from mooring.adapters.labfiles import FilesError, LabFiles
from mooring.lab.tools import Tools

LEAST = {"fs/inotify/max_user_instances": 2048}
PLACE = ".settings"  # what no lab is called
KEPT = "kept.json"


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """The settings, as the lab with this directory sees them."""

    tools: Tools
    lab: LabFiles

    def need(self) -> None:
        """Raise what is too low, once it is written down what was."""
        with self._files.locked(self._waiting):
            before, labs = self._read()
            low = {n: v for n in LEAST if (v := self.tools.host.setting(n)) < LEAST[n]}
            self._write({**before, **low}, labs | {self.lab.path.name})
            for name in low:
                self.tools.host.set(name, LEAST[name])

    def release(self) -> None:
        """Put back what was, unless another lab needs more."""
        if not self._files.exists():
            return
        with self._files.locked(self._waiting):
            before, labs = self._read()
            left = labs - {self.lab.path.name}
            if left:
                self._write(before, left)
                return
            for name, value in before.items():
                if self.tools.host.setting(name) == LEAST.get(name):
                    self.tools.host.set(name, value)
            self._files.remove()

    @property
    def _files(self) -> LabFiles:
        return LabFiles(self.lab.path.with_name(PLACE))

    def _read(self) -> tuple[dict[str, int], set[str]]:
        """Give what was before, and the labs that stand; nothing of a damaged record."""
        try:
            content: dict[str, Any] = self._files.read(KEPT) or {}
            before = {str(n): int(v) for n, v in content.get("before", {}).items()}
            labs = {str(each) for each in content.get("labs", ())}
        except (FilesError, AttributeError, TypeError, ValueError) as error:
            self.tools.say(f"what the machine's settings were is lost: {error}")
            return {}, set()
        return before, {n for n in labs if self.lab.path.with_name(n).is_dir()}

    def _write(self, before: dict[str, int], labs: set[str]) -> None:
        self._files.write(KEPT, {"before": before, "labs": sorted(labs)})

    def _waiting(self) -> None:
        """Say nothing: nobody holds it for longer than a write takes."""
