"""How a pod is, in one word: kubectl's column STATUS, from the states of its containers.

The rules are those of kubectl's printer (`printPod` in kubernetes/pkg/printers/internalversion).
Nothing is refused here: a document that says something else is shown as far as it can be read.
"""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
ENDED = frozenset({"Succeeded", "Failed"})


def status(document: Json) -> str:
    """Say how a pod is."""
    told = _of(document, "status")
    phase = _text(told, "phase") or "Unknown"
    going = _of(document, "metadata").get("deletionTimestamp") is not None
    if going and _text(told, "reason") == "NodeLost":
        return "Unknown"
    if going and phase not in ENDED:
        return "Terminating"
    initial = _initial(document, told)
    if initial and not _holds(told, "Initialized"):
        return initial
    return _running(told, initial or _first(told, phase))


def _first(told: Json, phase: str) -> str:
    """Say what the status says of itself, before its containers are asked."""
    gated = any(
        c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated"
        for c in _each(told, "conditions")
    )
    return "SchedulingGated" if gated else _text(told, "reason") or phase


def _initial(document: Json, told: Json) -> str:
    """Say which init container is not done; "" when all are."""
    asked = _each(_of(document, "spec"), "initContainers")
    stays = {c.get("name") for c in asked if c.get("restartPolicy") == "Always"}
    for number, each in enumerate(_each(told, "initContainerStatuses")):
        state = _of(each, "state")
        ended, why = _ended(state), _text(_of(state, "waiting"), "reason")
        sidecar = each.get("name") in stays and each.get("started") is True
        if sidecar or (ended is not None and ended.get("exitCode") == 0):
            continue
        if ended is not None:
            return f"Init:{_text(ended, 'reason') or _code(ended)}"
        if why not in {"", "PodInitializing"}:
            return f"Init:{why}"
        return f"Init:{number}/{len(asked)}"
    return ""


def _running(told: Json, word: str) -> str:
    """Say what the containers say; the first of those that are not well speaks last."""
    runs = False
    for each in reversed(_each(told, "containerStatuses")):
        state = _of(each, "state")
        ended, why = _ended(state), _text(_of(state, "waiting"), "reason")
        if why:
            word = why
        elif ended is not None:
            word = _text(ended, "reason") or _code(ended)
        elif each.get("ready") is True and state.get("running") is not None:
            runs = True
    if word == "Completed" and runs:
        return "Running" if _holds(told, "Ready") else "NotReady"
    return word


def _ended(state: Json) -> Json | None:
    found = state.get("terminated")
    return found if isinstance(found, dict) else None


def _code(ended: Json) -> str:
    signal = ended.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode')}"


def _holds(told: Json, condition: str) -> bool:
    return any(
        c.get("type") == condition and c.get("status") == "True"
        for c in _each(told, "conditions")
    )


def _of(holder: Json, name: str) -> Json:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _each(holder: Json, name: str) -> list[Json]:
    found = holder.get(name)
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []


def _text(holder: Json, name: str) -> str:
    found = holder.get(name)
    return found if isinstance(found, str) else ""
