"""The machine's settings that several kubelets need: raised while a cluster stands, then as before.

Each kubelet, containerd and API server watches files by some thirty inotify instances; root has
128 of them to begin with.
"""

from mooring.adapters.labfiles import FilesError, LabFiles
from mooring.lab.record import RECORD, Standing
from mooring.lab.tools import Tools

LEAST = {"fs/inotify/max_user_instances": 2048}


def noted(tools: Tools, standing: Standing) -> dict[str, str]:
    """Tell what is to be put back in the end: what was before the first time."""
    low = {
        name: str(value)
        for name, least in LEAST.items()
        if (value := tools.host.setting(name)) < least
    }
    return {**low, **standing.settings}


def raise_all(tools: Tools) -> None:
    """Raise what is too low."""
    for name, least in LEAST.items():
        if tools.host.setting(name) < least:
            tools.host.set(name, least)


def restore(tools: Tools, files: LabFiles, standing: Standing) -> None:
    """Put back what this lab raised, unless another cluster needs it: then that one will."""
    for name, before in standing.settings.items():
        heir = _heir(files)
        if heir is not None:
            _bequeath(heir, name, before)
        elif tools.host.setting(name) == LEAST.get(name):
            tools.host.set(name, int(before))


def _heir(files: LabFiles) -> LabFiles | None:
    for record in sorted(files.path.parent.glob(f"*/{RECORD}")):
        other = LabFiles(record.parent)
        if other.path != files.path and (_read(other) or {}).get("door"):
            return other
    return None


def _read(files: LabFiles) -> dict[str, object] | None:
    try:
        return files.read(RECORD)
    except FilesError:
        return None


def _bequeath(heir: LabFiles, name: str, before: str) -> None:
    content = _read(heir)
    if content is not None:
        held = content.get("settings")
        kept = held if isinstance(held, dict) else {}
        heir.write(RECORD, {**content, "settings": {name: before, **kept}})
