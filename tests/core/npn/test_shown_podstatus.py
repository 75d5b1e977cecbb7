"""A pod's STATUS has kubectl's words, from the states of its containers."""

from typing import Any

import pytest

from mooring.core.npn.shown.podstatus import status

Json = dict[str, Any]
RUNS: Json = {"ready": True, "state": {"running": {"startedAt": "x"}}}
READY: Json = {"type": "Ready", "status": "True"}


def a_pod(*containers: Json, init: tuple[Json, ...] = (), **said: object) -> Json:
    """A pod whose init containers are `a`, `b`, …; those with `stays` restart always."""
    named = [{"name": "abc"[n], **each} for n, each in enumerate(init)]
    asked = [
        {"name": each["name"], "restartPolicy": "Always"}
        if each.get("stays")
        else {"name": each["name"]}
        for each in named
    ]
    return {
        "metadata": {},
        "spec": {"initContainers": asked},
        "status": {
            "phase": "Running",
            "containerStatuses": list(containers),
            "initContainerStatuses": named,
            **said,
        },
    }


def waits(reason: str = "") -> Json:
    return {"state": {"waiting": {"reason": reason} if reason else {}}}


def ended(code: int = 0, reason: str = "", signal: int = 0) -> Json:
    said = {"exitCode": code, "reason": reason, "signal": signal}
    return {
        "state": {"terminated": {k: v for k, v in said.items() if v or k[0] == "e"}}
    }


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (a_pod(RUNS), "Running"),
        (a_pod(phase="Pending"), "Pending"),
        (a_pod(phase="Failed", reason="Evicted"), "Evicted"),
        ({}, "Unknown"),
        (a_pod(waits("CrashLoopBackOff")), "CrashLoopBackOff"),
        (a_pod(waits("ImagePullBackOff"), RUNS), "ImagePullBackOff"),
        (a_pod(waits(), phase="Pending"), "Pending"),
        (a_pod(ended(0, "Completed"), phase="Succeeded"), "Completed"),
        (a_pod(ended(1, "Error")), "Error"),
        (a_pod(ended(137, "OOMKilled")), "OOMKilled"),
        (a_pod(ended(3)), "ExitCode:3"),
        (a_pod(ended(137, signal=9)), "Signal:9"),
        (a_pod(ended(1, "Error"), waits("CrashLoopBackOff")), "Error"),
        (a_pod(ended(0, "Completed"), RUNS, conditions=[READY]), "Running"),
        (a_pod(ended(0, "Completed"), RUNS), "NotReady"),
        (
            a_pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "reason": "SchedulingGated"}],
            ),
            "SchedulingGated",
        ),
    ],
)
def test_the_containers_say_how_a_pod_is(pod: Json, said: str) -> None:
    assert status(pod) == said


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ((ended(),), "Running"),
        ((ended(), waits("PodInitializing")), "Init:1/2"),
        ((RUNS, waits("PodInitializing")), "Init:0/2"),
        ((waits("ImagePullBackOff"),), "Init:ImagePullBackOff"),
        ((ended(1, "Error"),), "Init:Error"),
        ((ended(2),), "Init:ExitCode:2"),
        ((ended(137, signal=9),), "Init:Signal:9"),
        (({**RUNS, "stays": True, "started": True},), "Running"),
        (({**RUNS, "stays": True, "started": False},), "Init:0/1"),
    ],
)
def test_an_init_container_that_is_not_done_is_named(
    init: tuple[Json, ...], said: str
) -> None:
    assert status(a_pod(RUNS, init=init)) == said


def test_a_pod_that_was_initialized_is_what_its_containers_are() -> None:
    """An init container that runs anew, as after a reboot of the node."""
    done = [{"type": "Initialized", "status": "True"}]

    again = a_pod(waits("PodInitializing"), init=(RUNS,), conditions=done)
    still = a_pod(RUNS, init=(RUNS,), conditions=done)

    assert (status(again), status(still)) == ("PodInitializing", "Init:0/1")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({}, "Terminating"),
        ({"phase": "Succeeded"}, "Succeeded"),
        ({"reason": "NodeLost"}, "Unknown"),
    ],
)
def test_a_pod_that_goes_says_so_unless_it_has_ended(said: Json, word: str) -> None:
    pod = a_pod(RUNS, **said)
    pod["metadata"]["deletionTimestamp"] = "2026-11-21T11:00:00Z"

    assert status(pod) == word


@pytest.mark.parametrize("broken", [7, [7], {"running": 7}, {"terminated": 7}, None])
def test_what_cannot_be_read_is_passed_over(broken: object) -> None:
    pod = a_pod({"state": broken}, init=({"state": broken},))
    whole = {"metadata": broken, "spec": broken, "status": broken}

    assert status(pod) == "Init:0/1"
    assert status(a_pod({"state": broken})) == "Running"
    assert status(whole) == "Unknown"
