"""Pods as plain namespaces: the lab plays the container runtime itself, libcni and all.

A pod is a network namespace in its node, called by its uid, and a process that sleeps in
it. The order is a runtime's: namespace, process, ADD; and DEL, process, namespace. DEL
gets the result of ADD; all of it may be done again at any time.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mooring.adapters.cri import Output
from mooring.core.cni import runtime
from mooring.core.cni.runtime import Call, Sandbox
from mooring.core.linux import node
from mooring.core.linux.node import Program
from mooring.lab.control import groups_of
from mooring.lab.errors import LabError
from mooring.lab.nodes import LabNode
from mooring.lab.podrecord import PodRecord, PodSight
from mooring.lab.record import plugin_directory

FOREVER = "2147483647"
MAKE = """\
set -e
mkdir -p /run/netns
[ -e "/run/netns/$1" ] || ip netns add "$1"
ip -n "$1" link set lo up
"""
REMOVE = 'if [ -e "/run/netns/$1" ]; then ip netns del "$1"; fi'


def space(pod: PodRecord) -> str:
    """Name the pod's namespace, inside its node."""
    return f"pod-{pod.uid[:12]}"


def netns(pod: PodRecord) -> str:
    """Give the path of the pod's namespace, inside its node."""
    return f"/run/netns/{space(pod)}"


def run(at: LabNode, pod: PodRecord) -> PodRecord:
    """Make a pod; give its record with the result of ADD."""
    at.run("sh", "-c", MAKE, "make", space(pod))
    at.programs.ensure(_sleeper(at, pod), at.holder())
    result: dict[str, Any] = {}
    for number, call in enumerate(_calls("ADD", pod)):
        out = _execute(at, call if number == 0 else runtime.chained(call, result))
        result = json.loads(out)
    found = runtime.addresses(result)
    if not found:
        raise LabError(f"pod {pod.name}: ADD gave no address")
    return replace(pod, result=result, address=found[0], others=found[1:])


def check(at: LabNode, pod: PodRecord) -> str:
    """Ask CHECK; "" when all is as ADD left it, else what differs."""
    try:
        for call in _calls("CHECK", pod):
            _execute(at, call)
    except LabError as error:
        return error.fault
    return ""


def remove(at: LabNode, pod: PodRecord) -> None:
    """Take a pod away, whatever there is of it."""
    for call in _calls("DEL", pod):
        _execute(at, call)
    at.programs.stop(_sleeper(at, pod))
    at.run("sh", "-c", REMOVE, "remove", space(pod))


def sights(at: LabNode, pods: Sequence[PodRecord]) -> list[PodSight]:
    """Tell how the pods of a node are."""
    return [
        PodSight(
            name=pod.name,
            node=pod.node,
            address=pod.address,
            running=pod.made and at.programs.find(_sleeper(at, pod)) is not None,
            others=pod.others,
        )
        for pod in pods
    ]


def execute(
    at: LabNode, pod: PodRecord, command: Sequence[str], seconds: int
) -> Output:
    """Run a command in the pod's namespace."""
    words = [*at.door(netns(pod)), *command]
    done = at.tools.processes.run(words, patience=seconds)
    return Output(done.code, done.out, done.err)


def show(at: LabNode, pod: PodRecord, command: Sequence[str]) -> int:
    """Run a command in the pod's namespace on the caller's terminal."""
    return at.tools.processes.show([*at.door(netns(pod)), *command])


def _sleeper(at: LabNode, pod: PodRecord) -> Program:
    described = at.program(
        f"pod-{pod.uid[:12]}", "nsenter", f"--net={netns(pod)}", "sleep", FOREVER
    )
    groups = groups_of(at.standing, at.name, node.PODS)
    at.tools.cgroups.make(groups)
    return replace(described, name=f"pod {pod.name}", groups=groups)


def _calls(command: str, pod: PodRecord) -> tuple[Call, ...]:
    listed: Mapping[str, Any] = json.loads(runtime.conflist())
    sandbox = Sandbox(
        container=pod.uid,
        netns=netns(pod),
        args=runtime.pod_args(pod.name, pod.uid, pod.uid),
    )
    return runtime.calls(listed, command, sandbox, pod.result or None)


def _execute(at: LabNode, call: Call) -> bytes:
    plugins = str(plugin_directory(at.files.path))
    done = at.tools.processes.run(
        [*at.door(), f"{plugins}/{call.plugin}"],
        call.stdin,
        env={**call.env, "CNI_PATH": plugins},
    )
    if done.code:
        said = runtime.refusal(done.code, done.out, done.err)
        raise LabError(f"{at.name}: CNI {call.env['CNI_COMMAND']}: {said}")
    return done.out
