"""`mooring get` and `mooring describe` on a directory of objects, by their command line."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.shell_completion import BashComplete
from click.testing import CliRunner, Result

from mooring.adapters.objects import ObjectDirectory
from mooring.cli.main import main
from mooring.core.npn.record import Condition, Npn, NpnSpec, NpnStatus, Pair, VnicStatus
from mooring.core.npn.usage import Counts, Usage, VnicLink

OCID = "ocid1.instance.oc1.."
VNIC = VnicStatus(
    vnic_id="ocid1.vnic.oc1..bbbbbbbbcccc",
    mac_address="02:00:17:00:00:01",
    subnet_id="pods",
    pod_addresses=(Pair(IPv4Address("10.0.8.10")), Pair(IPv4Address("10.0.8.11"))),
)
STATUS = NpnStatus(
    state="SUCCESS",
    reason="COMPLETED",
    vnics=(VNIC,),
    conditions=(Condition(type="IPv4Ready", status="True", reason="Complete"),),
)


def an_npn(name: str) -> Npn:
    spec = NpnSpec(id=OCID + name, pod_subnet_ids=("pods",), max_pod_count=2)
    return Npn(name=name, spec=spec)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectDirectory:
    """Two objects: one settled and used, one that nobody has looked at."""
    found = ObjectDirectory(tmp_path)
    found.write(an_npn("aaaa"))
    found.write(an_npn("bbbb"))
    found.write_status("aaaa", STATUS)
    usage = Usage(serial=1, counts=Counts(used=1, free=1, cooling=0))
    found.write_usage("aaaa", usage)
    return found


def mooring(objects: ObjectDirectory, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--npn-dir", str(objects.path)])


def test_objects_are_listed(objects: ObjectDirectory) -> None:
    shown = mooring(objects, "get", "npn")

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "NAME   STATE     REASON      AGE",
        "aaaa   SUCCESS   COMPLETED   <unknown>",
        "bbbb   <none>    <none>      <unknown>",
    ]


def test_nothing_is_warned_of_that_a_directory_cannot_have(
    objects: ObjectDirectory,
) -> None:
    assert mooring(objects, "get", "npn").stderr == ""


def test_pools_are_listed_with_what_the_agents_told(objects: ObjectDirectory) -> None:
    shown = mooring(
        objects, "get", "pools", "-o", "wide", "--no-headers", OCID + "aaaa"
    )

    assert shown.stdout.split() == [
        "aaaa",
        "<none>",
        "preallocate",
        "2",
        "1",
        "1",
        "0",
        "<unknown>",
        "2",
        "IPv4",
        "1",
        "pods",
        "<none>",
    ]


def test_several_are_a_list_to_programs_and_one_is_itself(
    objects: ObjectDirectory,
) -> None:
    several = json.loads(mooring(objects, "get", "npn", "-o", "json").stdout)
    one = yaml.safe_load(mooring(objects, "get", "pool", "aaaa", "-o", "yaml").stdout)

    assert (several["kind"], len(several["items"])) == ("List", 2)
    assert several["items"][0]["status"]["usage"]["used"] == 1
    assert (one["kind"], one["free"]) == ("Pool", 1)


def test_a_name_that_is_not_there_is_an_error_beside_those_that_are(
    objects: ObjectDirectory,
) -> None:
    shown = mooring(objects, "get", "npn", "aaaa", "gone")

    assert shown.exit_code == 1
    assert "aaaa" in shown.stdout
    assert shown.stderr == 'Error: npn "gone" not found\n'


def test_nothing_found_is_no_error(objects: ObjectDirectory) -> None:
    shown = mooring(objects, "get", "npn", "-l", "zone=a")

    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "No resources found\n"


def test_labels_choose(objects: ObjectDirectory) -> None:
    place = objects.path / "aaaa.json"
    document = json.loads(place.read_text())
    document["metadata"]["labels"] = {"zone": "a"}
    place.write_text(json.dumps(document))

    shown = mooring(objects, "get", "npn", "-l", "zone in (a,b)", "--no-headers")

    assert shown.stdout.split()[0] == "aaaa"
    assert len(shown.stdout.splitlines()) == 1


def test_an_object_that_cannot_be_read_is_shown_beside_the_others(
    objects: ObjectDirectory,
) -> None:
    (objects.path / "broken.json").write_text("{")

    shown = mooring(objects, "get", "npn", "-o", "wide")

    assert shown.exit_code == 0
    assert "Unreadable" in shown.stdout.splitlines()[3]
    assert "must be JSON" in shown.stdout.splitlines()[3]


def test_an_object_is_called_as_its_file(objects: ObjectDirectory) -> None:
    (objects.path / "cccc.json").write_text('{"metadata": {"name": "other"}}')

    shown = mooring(objects, "get", "npn", "cccc", "-o", "wide")

    assert "metadata.name: 'other': must be cccc, as the file" in shown.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "nodse"), 2, "unknown kind 'nodse'; did you mean nodes?"),
        (("get",), 2, "Missing argument 'KIND'"),
        (("get", "npn", "-l", "a b"), 2, "--selector"),
        (("get", "npn", "-o", "text"), 2, "'text' is not one of"),
        (("get", "pods", "-A", "-n", "x"), 2, "-n and -A"),
        (("get", "npn", "--context", "x"), 2, "--npn-dir needs no cluster"),
        (("get", "nodes"), 1, "a directory of objects knows no nodes"),
        (("get", "pods"), 1, "a directory of objects knows no pods"),
        (("describe", "node", "gone"), 1, 'npn "gone" not found'),
        (("describe", "node", "aaab"), 1, "did you mean aaaa?"),
    ],
)
def test_what_is_wrong_is_named_with_the_next_step(
    objects: ObjectDirectory, words: tuple[str, ...], code: int, said: str
) -> None:
    shown = mooring(objects, *words)

    assert shown.exit_code == code
    assert said in shown.stderr


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    shown = mooring(ObjectDirectory(tmp_path / "gone"), "get", "npn")

    assert shown.exit_code == 1
    assert f"{tmp_path / 'gone'}: No such file or directory" in shown.stderr


@contextmanager
def watching(
    objects: ObjectDirectory, *words: str
) -> Iterator["subprocess.Popen[str]"]:
    """A watch as a process of its own; killed after the block."""
    command = [sys.executable, "-m", "mooring", "get", "npn", "-w", *words]
    with subprocess.Popen(
        # Whoever runs tests in the background has SIGINT ignored.
        ["env", "--default-signal=INT", *command, "--npn-dir", str(objects.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        try:
            yield watch
        finally:
            watch.kill()


def heard(watch: "subprocess.Popen[str]") -> str:
    assert watch.stdout is not None
    return watch.stdout.readline()


def test_a_watch_prints_what_changes(objects: ObjectDirectory) -> None:
    with watching(objects, "-o", "wide") as watch:
        first = [heard(watch).split()[0] for _ in range(3)]
        objects.write_status("aaaa", replace(STATUS, state="BACKOFF"))
        changed = heard(watch).split()
        objects.remove("bbbb")  # of one file: of more it may see one that is half gone
        gone = heard(watch).split()
        watch.send_signal(signal.SIGINT)
        out, err = watch.communicate(timeout=60)

    assert first == ["NAME", "aaaa", "bbbb"]
    assert changed[:2] == ["aaaa", "BACKOFF"]
    assert gone[0] == "bbbb"
    assert (watch.returncode, out, err) == (130, "", "")


def test_a_watch_of_documents_prints_one_for_each(objects: ObjectDirectory) -> None:
    with watching(objects, "-o", "yaml") as watch:
        assert heard(watch) == "---\n"
        assert heard(watch).startswith("apiVersion: oci.oraclecloud.com/")


def heard_document(watch: "subprocess.Popen[str]") -> Any:
    """Read lines up to the one that ends a document of JSON."""
    lines = [heard(watch)]
    while lines[-1] not in ("}\n", ""):
        lines.append(heard(watch))
    return json.loads("".join(lines))


def test_a_watch_of_json_prints_a_document_for_each_change(
    objects: ObjectDirectory,
) -> None:
    with watching(objects, "-o", "json") as watch:
        first = [heard_document(watch) for _ in range(2)]
        objects.write_status("aaaa", replace(STATUS, state="BACKOFF"))
        changed = heard_document(watch)
        objects.remove("bbbb")
        gone = heard_document(watch)
        watch.send_signal(signal.SIGINT)
        out, err = watch.communicate(timeout=60)

    told = [each["metadata"]["name"] for each in (*first, changed, gone)]
    assert told == ["aaaa", "bbbb", "aaaa", "bbbb"]
    assert changed["status"]["state"] == "BACKOFF"
    assert (watch.returncode, out, err) == (130, "", "")


def test_an_object_is_described(objects: ObjectDirectory, tmp_path: Path) -> None:
    shown = mooring(objects, "describe", "node", "aaaa", OCID + "bbbb")

    assert shown.exit_code == 0
    assert "  State:     SUCCESS" in shown.stdout
    assert "    IPv4 for pods:   2: 10.0.8.10-10.0.8.11" in shown.stdout
    assert f"Instance:  {OCID}bbbb" in shown.stdout
    assert shown.stderr == ""


def by_links(objects: ObjectDirectory) -> None:
    """The agent tells another link and table than its state on the node will."""
    link = VnicLink(vnic_id=VNIC.vnic_id, link="ens9", table=7126)
    usage = Usage(serial=1, counts=Counts(used=1, free=1, cooling=0), links=(link,))
    objects.write_usage("aaaa", usage)


def test_links_and_tables_are_known_by_what_the_agent_told(
    objects: ObjectDirectory, tmp_path: Path
) -> None:
    by_links(objects)

    state = str(tmp_path / "gone")
    shown = mooring(objects, "describe", "node", "aaaa", "--state", state).stdout

    assert "    Link:            ens9\n    Table:           7126\n" in shown
    assert "510: from all fwmark 0x7e0000/0x7f0000 lookup 7126" in shown
    assert "Agent:" not in shown


def test_the_agent_s_own_state_tells_links_and_tables_and_is_newer(
    objects: ObjectDirectory, tmp_path: Path
) -> None:
    by_links(objects)
    state = tmp_path / "state"
    state.mkdir()
    told = {
        "vnics": [{"id": VNIC.vnic_id, "link": "ens5", "slot": 2}],
        "trouble": "",
        "repairs": [{"at": "2026-11-21T11:00:00Z", "what": "route 10.0.8.10 put back"}],
    }
    (state / "status.json").write_text(json.dumps(told))

    shown = mooring(objects, "describe", "node", "aaaa", "--state", str(state)).stdout

    assert "    Link:            ens5\n    Table:           7002\n" in shown
    assert "510: from all fwmark 0x20000/0x7f0000 lookup 7002" in shown
    assert "  2026-11-21T11:00:00Z  route 10.0.8.10 put back" in shown


@pytest.mark.parametrize("text", ["", "{", "[]", '{"vnics": [{"id": "other"}]}'])
def test_another_node_s_agent_is_not_believed(
    objects: ObjectDirectory, tmp_path: Path, text: str
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "status.json").write_text(text)

    shown = mooring(objects, "describe", "node", "aaaa", "--state", str(state)).stdout

    assert "<unknown>: known on the node, from the agent's --state" in shown

    by_links(objects)
    shown = mooring(objects, "describe", "node", "aaaa", "--state", str(state)).stdout
    assert "    Link:            ens9\n" in shown
    assert "Agent:" not in shown


def test_kinds_are_completed_by_a_shell() -> None:
    found = BashComplete(main, {}, "mooring", "_MOORING_COMPLETE").get_completions(
        ["get"], "po"
    )

    assert [each.value for each in found] == ["pools", "pods"]
