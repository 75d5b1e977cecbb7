"""Can this machine carry a lab? Refusals, each with its next step."""

from dataclasses import replace

import pytest

from mooring.core.linux.machine import (
    CLUSTER_PROGRAMS,
    CONTAINER_PROGRAMS,
    IPTABLES,
    PROGRAMS,
    Machine,
    Refusal,
    refusals,
)

GOOD = Machine(
    system="Linux",
    release="6.1.0-40-amd64",
    uid=0,
    namespaces=True,
    overlay=True,
    cgroups=True,
    programs=frozenset({*PROGRAMS, *CONTAINER_PROGRAMS, *CLUSTER_PROGRAMS, *IPTABLES}),
)


def faults(machine: Machine, runtime: str = "containerd") -> str:
    return "\n".join(f"{r.fault} -> {r.next_step}" for r in refusals(machine, runtime))


@pytest.mark.parametrize("runtime", ["netns", "containerd", "kubernetes"])
def test_a_fit_machine_is_not_refused(runtime: str) -> None:
    assert refusals(GOOD, runtime) == ()


@pytest.mark.parametrize("release", ["5.15.0", "6.18.44", "10.0"])
def test_new_kernels_do(release: str) -> None:
    assert refusals(replace(GOOD, release=release), "netns") == ()


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(GOOD, system="Darwin", uid=501), "this is Darwin"),
        (replace(GOOD, uid=1000, namespaces=False), "not root"),
        (replace(GOOD, release="5.14.9"), "kernel 5.14.9 is older than 5.15"),
        (replace(GOOD, release="odd"), "kernel odd is older than 5.15"),
        (replace(GOOD, namespaces=False, overlay=False), "may not make namespaces"),
        (replace(GOOD, overlay=False), "no overlay file system"),
        (replace(GOOD, cgroups=False), "use --runtime netns"),
    ],
)
def test_a_refusal_says_why_and_what_next(machine: Machine, said: str) -> None:
    assert said in faults(machine)
    assert len(refusals(machine, "containerd")) == 1


def test_plain_namespaces_need_no_control_groups() -> None:
    assert refusals(replace(GOOD, cgroups=False), "netns") == ()


def test_a_cluster_needs_runc_and_iptables_only_for_its_mode() -> None:
    machine = replace(GOOD, programs=GOOD.programs - {"ip6tables", "containerd"})

    assert refusals(machine, "kubernetes", "nftables") == ()
    (refusal,) = refusals(machine, "kubernetes", "iptables")
    assert refusal.fault == "missing: ip6tables"
    assert refusal.next_step == "make setup, or apt-get install iptables"


def test_missing_programs_are_named_with_their_packages() -> None:
    machine = replace(GOOD, programs=GOOD.programs - {"nft", "runc", "ctr"})

    assert refusals(machine, "containerd") == (
        Refusal(
            "missing: ctr, nft, runc",
            "make setup, or apt-get install containerd nftables runc",
        ),
    )
    assert faults(machine, "netns").startswith("missing: nft ->")
