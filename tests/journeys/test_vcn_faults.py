"""Every fault on demand, seen from the official SDK; begun and ended from the command line."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oci
import pytest
from click.testing import CliRunner, Result
from journeys.local_vcn import (
    MOORING,
    LocalVcn,
    an_estate,
    an_instance,
    eventually,
    local_vcn,
    mooring,
)
from oci.core import models as m
from oci.exceptions import RequestException, ServiceError

from mooring.adapters import netns
from mooring.cli.vcn import vcn
from mooring.core.vcn.faults.kinds import KINDS
from mooring.core.vcn.packets.names import node_space

FABRIC = f"flt{os.getpid()}"[-12:]
# What the SDK repeats by itself, without its long waits.
REPEATING = oci.retry.RetryStrategyBuilder(
    max_attempts_check=True,
    max_attempts=6,
    service_error_check=True,
    retry_base_sleep_time_seconds=0.01,
    retry_max_wait_between_calls_seconds=0.02,
).get_retry_strategy()


class Operator:
    """Who begins and ends faults, by the command line."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *words: str) -> Result:
        argv = ["fault", words[0], "--state", str(self.state), *words[1:]]
        return CliRunner().invoke(vcn, argv)

    def fault(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 1, done.output
        return done.stderr

    def active(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.fault("ls", "-o", "json"))
        return found

    def fired(self) -> dict[str, int]:
        """How often each kind has struck, ended ones too; the last of a kind counts."""
        shown = json.loads(self.fault("ls", "--ended", "-o", "json"))
        in_order = sorted(shown, key=lambda fault: int(fault["id"][1:]))
        return {fault["kind"]: fault["fired"] for fault in in_order}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


@pytest.fixture
def operator(server: LocalVcn) -> Iterator[Operator]:
    someone = Operator(server.state)
    yield someone
    someone.fault("clear")


def error(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ServiceError) as why:
        call()
    return why.value.status, why.value.code


def a_vcn(home: str, name: str = "x") -> m.CreateVcnDetails:
    return m.CreateVcnDetails(
        compartment_id=home, cidr_blocks=["10.0.0.0/16"], display_name=name
    )


def attach(server: LocalVcn, instance_id: str, subnet_id: str) -> m.VnicAttachment:
    return server.compute.attach_vnic(
        m.AttachVnicDetails(
            instance_id=instance_id,
            create_vnic_details=m.CreateVnicDetails(subnet_id=subnet_id),
        )
    ).data


# -- one test for each kind


def test_latency_delays_the_call(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "latency", "--delay", "300ms", "--operation", "ListVcns")
    began = time.monotonic()
    server.network.list_vcns(home)

    assert time.monotonic() - began >= 0.3
    assert operator.active()[0]["fired"] == 1


def test_latency_lets_an_impatient_client_time_out(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "latency", "--delay", "1h")
    network = server.network
    network.base_client.timeout = (10, 0.05)

    with pytest.raises(RequestException):
        network.list_vcns(home)


ERRORS = [
    ([], (500, "InternalServerError")),
    (["--code", "IncorrectState"], (409, "IncorrectState")),
    (["--code", "ResourceLocked"], (409, "ResourceLocked")),
    (
        ["--code", "NotAuthorizedOrResourceAlreadyExists"],
        (409, "NotAuthorizedOrResourceAlreadyExists"),
    ),
    (["--status", "404"], (404, "NotAuthorizedOrNotFound")),
    (["--status", "500", "--code", "InternalError"], (500, "InternalError")),
]


@pytest.mark.parametrize(("words", "answer"), ERRORS)
def test_error_answers_what_was_asked_for(
    server: LocalVcn,
    operator: Operator,
    home: str,
    words: list[str],
    answer: tuple[int, str],
) -> None:
    operator.fault("add", "error", "--operation", "CreateVcn", "--count", "1", *words)
    network, before = server.network, len(server.network.list_vcns(home).data)

    assert error(lambda: network.create_vcn(a_vcn(home))) == answer
    assert len(network.list_vcns(home).data) == before
    assert operator.active() == []
    assert operator.fired()["error"] == 1


def test_error_has_the_message_that_was_asked_for(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "error", "--message", "Out of host capacity.")

    with pytest.raises(ServiceError, match=r"Out of host capacity\.") as why:
        server.network.list_vcns(home)
    assert why.value.request_id


def test_throttle_is_repeated_by_the_sdk(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "throttle", "--operation", "CreateVcn", "--count", "3")

    made = server.network.create_vcn(a_vcn(home), retry_strategy=REPEATING)

    assert made.status == 200
    assert operator.fired()["throttle"] == 3


def test_throttle_lets_a_budget_pass(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "throttle", "--budget", "1/h:2", "--operation", "List*")
    network = server.network

    assert network.list_vcns(home).status == 200
    assert network.list_vcns(home).status == 200
    assert error(lambda: network.list_vcns(home)) == (429, "TooManyRequests")
    assert network.list_subnets(home).status == 200


def test_lost_reply_has_carried_out_the_call(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "lost-reply", "--operation", "CreateVcn", "--count", "1")
    network = server.network

    with pytest.raises(RequestException):
        network.create_vcn(a_vcn(home, "lost"))

    assert len(network.list_vcns(home, display_name="lost").data) == 1


def test_lost_reply_and_a_retry_token_make_one_object(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "lost-reply", "--operation", "CreateVcn", "--count", "2")
    network = server.network

    made = network.create_vcn(a_vcn(home, "once"), retry_strategy=REPEATING).data

    assert [v.id for v in network.list_vcns(home, display_name="once").data] == [
        made.id
    ]
    assert operator.fired()["lost-reply"] == 2


def test_slow_attach_stays_attaching(server: LocalVcn, operator: Operator) -> None:
    _, subnet = an_estate(server)
    instance = an_instance(server, subnet.id)
    operator.fault("add", "slow-attach", "--delay", "1h", "--count", "1")
    slow = attach(server, instance.id, subnet.id)
    usual = attach(server, instance.id, subnet.id)
    get = server.compute.get_vnic_attachment

    eventually(lambda: get(usual.id), "ATTACHED")
    assert get(slow.id).data.lifecycle_state == "ATTACHING"
    assert get(slow.id).data.vnic_id is None


def test_failed_attach_ends_detached(server: LocalVcn, operator: Operator) -> None:
    _, subnet = an_estate(server)
    instance = an_instance(server, subnet.id)
    operator.fault("add", "failed-attach", "--count", "1")
    before = server.network.list_private_ips(subnet_id=subnet.id).data
    failed = attach(server, instance.id, subnet.id)
    get = server.compute.get_vnic_attachment

    assert failed.lifecycle_state == "ATTACHING"
    vnic_id = eventually(lambda: get(failed.id), "DETACHED").data.vnic_id
    assert error(lambda: server.network.get_vnic(vnic_id)) == (
        404,
        "NotAuthorizedOrNotFound",
    )
    assert server.network.list_private_ips(subnet_id=subnet.id).data == before
    again = attach(server, instance.id, subnet.id)
    eventually(lambda: get(again.id), "ATTACHED")


def test_fragment_subnet_leaves_no_aligned_block(
    server: LocalVcn, operator: Operator
) -> None:
    _, subnet = an_estate(server)
    vnic = an_instance(server, subnet.id)
    attached = server.compute.list_vnic_attachments(
        vnic.compartment_id, instance_id=vnic.id
    ).data
    network, vnic_id = server.network, attached[0].vnic_id
    operator.fault("add", "fragment-subnet", "--subnet", subnet.id, "--prefix", "28")

    def block(prefix: int) -> m.PrivateIp:
        details = m.CreatePrivateIpDetails(vnic_id=vnic_id, cidr_prefix_length=prefix)
        return network.create_private_ip(details).data

    assert error(lambda: block(28)) == (409, "Conflict")
    assert operator.active()[0]["fired"] == 1
    single = network.create_private_ip(m.CreatePrivateIpDetails(vnic_id=vnic_id)).data
    assert single.ip_address
    assert len(network.list_private_ips(subnet_id=subnet.id).data) == 2
    operator.fault("rm", operator.active()[0]["id"])
    assert block(28).cidr_prefix_length == 28


def test_outage_answers_nobody(server: LocalVcn, operator: Operator, home: str) -> None:
    operator.fault("add", "outage")
    network = server.network

    assert error(lambda: network.list_vcns(home)) == (503, "ServiceUnavailable")
    assert error(lambda: server.compute.list_instances(home)) == (
        503,
        "ServiceUnavailable",
    )
    operator.fault("rm", operator.active()[0]["id"])
    assert network.list_vcns(home).status == 200


def test_unreachable_closes_every_connection(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "unreachable", "--count", "2")
    network = server.network

    for _ in range(2):
        with pytest.raises(RequestException):
            network.list_vcns(home)
    assert network.list_vcns(home).status == 200


def test_stale_metadata_shows_what_was(tmp_path: Path) -> None:
    try:
        with local_vcn(tmp_path, FABRIC) as server:
            operator = Operator(server.state)
            _, subnet = an_estate(server)
            instance = an_instance(server, subnet.id)
            operator.fault("add", "stale-metadata")
            attachment = attach(server, instance.id, subnet.id)
            get = server.compute.get_vnic_attachment
            eventually(lambda: get(attachment.id), "ATTACHED")

            assert len(vnics_by_metadata(instance.id)) == 1
            assert operator.active()[0]["fired"] == 1
            operator.fault("clear")
            assert len(vnics_by_metadata(instance.id)) == 2
    finally:
        mooring("vcn", "down", "--fabric", FABRIC)


def vnics_by_metadata(instance_id: str) -> list[Any]:
    """What a program on the instance is told."""
    session = oci._vendor.requests.Session()
    fd = netns.open_fd(node_space(FABRIC, instance_id))
    try:
        with netns.inside(fd), session:
            return session.get(
                "http://169.254.169.254/opc/v2/vnics/",
                headers={"Authorization": "Bearer Oracle"},
                timeout=60,
            ).json()
    finally:
        netns.close(fd)


def test_every_kind_has_its_test() -> None:
    tests = "".join(name for name in globals() if name.startswith("test_"))

    assert [kind for kind in KINDS if kind.replace("-", "_") not in tests] == []


# -- chance, ends, counts


def test_a_run_with_a_seed_can_be_repeated(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    network = server.network

    def statuses() -> list[int]:
        operator.fault(
            "add", "error", "--rate", "0.5", "--seed", "7", "--operation", "ListVcns"
        )
        seen = []
        for _ in range(12):
            try:
                seen.append(network.list_vcns(home).status)
            except ServiceError as why:
                seen.append(why.status)
        operator.fault("clear")
        return seen

    first = statuses()

    assert set(first) == {200, 500}
    assert statuses() == first


def test_a_fault_goes_away_by_itself(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault("add", "outage", "--for", "100ms")
    network, deadline = server.network, time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            network.list_vcns(home)
        except ServiceError:
            continue
        break

    assert operator.active() == []
    assert "ended (time)" in operator.fault("ls", "--ended")


def test_a_fragmented_subnet_heals_by_itself(
    server: LocalVcn, operator: Operator
) -> None:
    _, subnet = an_estate(server)
    instance = an_instance(server, subnet.id)
    attached = server.compute.list_vnic_attachments(
        instance.compartment_id, instance_id=instance.id
    ).data
    network = server.network
    details = m.CreatePrivateIpDetails(
        vnic_id=attached[0].vnic_id, cidr_prefix_length=28
    )
    words = ("--subnet", subnet.id, "--prefix", "28", "--count", "2")
    operator.fault("add", "fragment-subnet", *words)

    for _ in range(2):
        assert error(lambda: network.create_private_ip(details)) == (409, "Conflict")
    assert network.create_private_ip(details).status == 200


def test_faults_are_listed_with_their_counts(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    operator.fault(
        "add", "latency", "--delay", "1ms", "--operation", "List*", "--for", "1h"
    )
    operator.fault(
        "add", "error", "--operation", "CreateVcn", "--count", "5", "--rate", "0.5"
    )
    server.network.list_vcns(home)
    lines = operator.fault("ls").splitlines()

    assert lines[0].split() == [
        "ID",
        "KIND",
        "OPERATION",
        "WITH",
        "MET",
        "FIRED",
        "ENDS",
    ]
    assert lines[1].split()[1:6] == ["latency", "List*", "delay=1ms", "1", "1"]
    assert lines[2].endswith("after 5 more")


def test_stats_count_by_operation_and_status(
    server: LocalVcn, operator: Operator, home: str
) -> None:
    def stats(*words: str) -> str:
        argv = ["stats", "--state", str(server.state), *words]
        return CliRunner().invoke(vcn, argv, catch_exceptions=False).stdout

    def count(operation: str, status: str) -> int:
        counted: int = (
            json.loads(stats("-o", "json"))["operations"]
            .get(operation, {})
            .get(status, 0)
        )
        return counted

    before = (
        count("ListSubnets", "lost"),
        count("ListSubnets", "200"),
    )
    operator.fault("add", "lost-reply", "--operation", "ListSubnets", "--count", "1")
    with pytest.raises(RequestException):
        server.network.list_subnets(home)
    server.network.list_subnets(home)

    assert count("ListSubnets", "lost") == before[0] + 1
    assert count("ListSubnets", "200") == before[1] + 1
    assert "ListSubnets" in stats()


# -- what is refused


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "latncy"], "did you mean latency?"),
        (["add", "latency"], "delay: latency needs it"),
        (["add", "error", "--operation", "CreatVcn"], "did you mean CreateVcn?"),
        (["add", "error", "--rate", "2"], "rate: '2' is no chance"),
        (["add", "outage", "--delay", "1s"], "delay: outage has no such option"),
        (
            ["add", "fragment-subnet", "--subnet", "x", "--prefix", "28"],
            "'x' is no subnet that exists",
        ),
        (["rm", "f999"], "'f999' is no active fault; none is active"),
        (["rm", "../stats"], "'../stats' is no active fault"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(
    operator: Operator, words: list[str], says: str
) -> None:
    assert says in operator.refused(*words)
    assert operator.active() == []


def test_without_a_server_the_next_step_is_named(tmp_path: Path) -> None:
    for state in (tmp_path, tmp_path / "none"):
        assert f"mooring vcn serve --state {state}" in Operator(state).refused("ls")


def test_kinds_are_shown_without_a_server() -> None:
    done = mooring("vcn", "fault", "kinds", "-o", "json")
    shown = mooring("vcn", "fault", "kinds")

    assert {kind["kind"] for kind in json.loads(done.stdout)} == set(KINDS)
    assert set(KINDS) <= set(shown.stdout.split())


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["fault", "add", "late"], ["latency"]),
        (
            ["fault", "add", "error", "--operation", "CreateV"],
            ["CreateVcn", "CreateVirtualCircuit"],
        ),
    ],
)
def test_the_shell_completes_what_there_is(
    typed: list[str], completed: list[str]
) -> None:
    words = ["mooring", "vcn", *typed]
    asked = {
        "_MOORING_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    shown = subprocess.run(
        [MOORING],
        check=True,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
    )

    given = [line.partition(",")[2] for line in shown.stdout.splitlines()]
    assert set(completed) <= set(given)
    assert all(word.startswith(typed[-1]) for word in given)


def test_a_server_that_starts_has_no_faults(tmp_path: Path) -> None:
    with local_vcn(tmp_path) as server:
        operator = Operator(server.state)
        operator.fault("add", "outage")
        server.stop()
        assert "no server runs" in operator.refused("ls")
        server.start()

        assert operator.active() == []
        server.kill()
        assert "no server runs" in operator.refused("ls")
        server.start()
        assert operator.active() == []
