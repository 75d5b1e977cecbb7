"""`mooring get` and `mooring describe` on an API server (the fake one), by their command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.shell_completion import BashComplete
from click.testing import CliRunner, Result
from core.npn.shown_builders import (
    INSTANCE,
    VNIC,
    an_npn,
)
from fakes.apiserver import ApiServer, an_api_server
from journeys.get_cluster import AGENT_POD, filled, refuse

from mooring.cli.get.completion import Moment
from mooring.cli.main import main
from mooring.core.kube.resource import (
    EVENTS,
    NODES,
    NPNS,
    PODS,
    Resource,
)
from mooring.core.npn.usage import VnicLink


@pytest.fixture(scope="module")
def quiet() -> Iterator[ApiServer]:
    """A server that is only read."""
    with an_api_server() as made:
        filled(made)
        yield made


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A server of the test's own."""
    with an_api_server() as made:
        filled(made)
        yield made


def kubeconfig(place: Path, url: str) -> Path:
    """A kubeconfig with two contexts: `here`, the current one, and `data` of another namespace."""
    contexts = [
        {"name": "here", "context": {"cluster": "c"}},
        {"name": "data", "context": {"cluster": "c", "namespace": "data"}},
    ]
    # Without it each connection reads all authorities of the machine, for plain HTTP too.
    cluster = {"server": url, "insecure-skip-tls-verify": True}
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": contexts,
        "current-context": "here",
    }
    file = place / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


Mooring = Callable[..., Result]


def runner(place: Path, server: ApiServer) -> Mooring:
    file = kubeconfig(place, server.url)

    def run(*words: str) -> Result:
        given = ["--kubeconfig", str(file), "--state", str(place)]
        return CliRunner().invoke(
            main, [*words, *(given if words[0] == "describe" else given[:2])]
        )

    return run


@pytest.fixture
def mooring(quiet: ApiServer, tmp_path: Path) -> Mooring:
    """Runs mooring with a kubeconfig of the quiet server."""
    return runner(tmp_path, quiet)


@pytest.fixture
def here(server: ApiServer, tmp_path: Path) -> Mooring:
    """Runs mooring with a kubeconfig of the test's own server."""
    return runner(tmp_path, server)


def rows(shown: Result) -> list[list[str]]:
    return [line.split() for line in shown.stdout.splitlines()]


# Tables and documents.


def test_nodes_are_listed_with_what_they_have(mooring: Mooring) -> None:
    shown = mooring("get", "nodes")

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert [row[:8] for row in rows(shown)] == [
        ["NAME", "STATUS", "STATE", "REASON", "VNICS", "PODS", "FREE", "COOLING"],
        ["node-1", "Ready", "SUCCESS", "COMPLETED", "1", "2", "2", "0"],
        ["node-2", "Ready", "<none>", "<none>", "<none>", "0", "<none>", "<none>"],
    ]


def test_wide_shows_an_object_s_node_and_pool(mooring: Mooring) -> None:
    head, row = rows(mooring("get", "npn", "-owide"))
    found = dict(zip(head, row, strict=False))

    assert (found["NODE"], found["VNICS"]) == ("node-1", "1")
    assert (found["USED"], found["FREE"]) == ("1", "2")


def test_pools_are_listed(mooring: Mooring) -> None:
    (row,) = rows(mooring("get", "pools", "--no-headers"))

    assert row[:7] == ["aaaa", "node-1", "preallocate", "3", "1", "2", "0"]


def test_pods_are_of_the_context_s_namespace(mooring: Mooring) -> None:
    usual = mooring("get", "pods", "--no-headers")
    other = mooring("get", "po", "--context", "data", "--no-headers")
    everywhere = mooring("get", "pods", "-A", "--no-headers")

    assert [row[0] for row in rows(usual)] == ["web"]
    assert [row[:2] for row in rows(other)] == [["db", "CrashLoopBackOff"]]
    assert len(rows(everywhere)) == 3


def test_documents_are_given_in_both_forms(mooring: Mooring) -> None:
    listed = json.loads(mooring("get", "nodes", "-o", "json").stdout)
    one = yaml.safe_load(mooring("get", "npn", "node-1", "-o=yaml").stdout)

    assert [each["pods"] for each in listed["items"]] == [2, 0]
    assert one["spec"]["id"] == INSTANCE


# What cannot be had.


def test_an_unknown_credential_is_told(server: ApiServer, here: Mooring) -> None:
    server.tokens = {"another"}

    shown = here("get", "nodes")

    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "nodes cannot be read: GET /api/v1/nodes" in shown.stderr
    assert "Unauthorized" in shown.stderr


def test_what_is_needed_and_refused_is_an_error(
    server: ApiServer, here: Mooring
) -> None:
    refuse(server, PODS)

    shown = here("get", "pods")

    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "ask for the right to list and watch pods" in shown.stderr


@pytest.mark.parametrize(
    ("refused", "words", "field"),
    [
        (NODES, ("pools", "aaaa"), "node"),
        (PODS, ("nodes", "node-1"), "pods"),
        (NPNS, ("nodes", "node-1"), "nativePodNetwork"),
        (NPNS, ("pods", "web"), "vnics"),
    ],
)
def test_what_only_helps_and_is_refused_is_unknown_with_a_warning(
    server: ApiServer,
    here: Mooring,
    refused: Resource,
    words: tuple[str, str],
    field: str,
) -> None:
    server.store.put(NPNS, an_npn())  # owned by no node, as a new one is
    refuse(server, refused)

    table = here("get", *words)
    item = json.loads(here("get", *words, "-o", "json").stdout)

    assert table.exit_code == 0
    assert "<unknown>" in table.stdout
    assert table.stderr.startswith(f"Warning: {refused.plural} cannot be read:")
    assert (item[field], item["unknown"]) == (None, [refused.plural])


def test_a_cluster_without_the_resource_is_told_what_to_do(
    server: ApiServer, here: Mooring
) -> None:
    refuse(server, NPNS, 404)

    shown = here("get", "npn")

    assert shown.exit_code == 1
    assert "is Mooring installed in this cluster?" in shown.stderr


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with an_api_server() as gone:
        mooring = runner(tmp_path, gone)

    shown = mooring("get", "nodes")

    assert shown.exit_code == 1
    assert "see --kubeconfig and --context" in shown.stderr


def test_a_context_that_is_not_there_is_told_with_those_that_are(
    mooring: Mooring,
) -> None:
    shown = mooring("get", "nodes", "--context", "nowhere")

    assert shown.exit_code == 1
    assert "'nowhere': must be one of the contexts: here, data" in shown.stderr


def test_several_kubeconfigs_are_one(tmp_path: Path, server: ApiServer) -> None:
    """Who chooses a context, and who knows its cluster, may be two files."""
    file = kubeconfig(tmp_path, server.url)
    chosen = tmp_path / "chosen"
    chosen.write_text("current-context: data\n")
    several = f"{tmp_path / 'absent'}:{chosen}:{file}"

    shown = CliRunner().invoke(main, ["get", "nodes"], env={"KUBECONFIG": several})
    wrong = CliRunner().invoke(
        main, ["get", "nodes", "--context", "x"], env={"KUBECONFIG": several}
    )

    assert shown.exit_code == 0
    assert f"kubeconfig {several}: current-context: 'x'" in wrong.stderr


# Watching.


@pytest.mark.parametrize("names", [("gone",), ("aaaa", "gone")])
def test_a_watch_of_a_name_that_is_not_there_ends(
    mooring: Mooring, names: tuple[str, ...]
) -> None:
    shown = mooring("get", "npn", "-w", *names)

    assert shown.exit_code == 1
    assert shown.stderr == 'Error: npn "gone" not found\n'
    assert [row[0] for row in rows(shown)[1:]] == list(names[:-1])


def test_a_first_list_that_fails_is_asked_for_again(
    server: ApiServer, here: Mooring
) -> None:
    server.fail("GET", NODES.path(), status=503, times=1)

    assert here("get", "nodes").exit_code == 0


# Describing.


def the_agent_told(place: Path) -> None:
    told = {
        "vnics": [{"id": VNIC, "link": "ens5", "slot": 1}],
        "repairs": [{"at": "2026-11-21T11:00:00Z", "what": "a route put back"}],
    }
    (place / "status.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("word", "name"),
    [("node", "node-1"), ("nodes", INSTANCE), ("no", "aaaa"), ("NODE", "node-1")],
)
def test_a_node_is_described_by_any_name_of_it(
    mooring: Mooring, word: str, name: str
) -> None:
    shown = mooring("describe", word, name)

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "Status:        Ready" in shown.stdout
    assert "NPN_CR_Success" in shown.stdout
    assert f"kubectl exec -n kube-system {AGENT_POD} -- python3 -m mooring" in (
        shown.stdout
    )


def test_a_node_is_described_from_afar_with_the_links_that_its_agent_told(
    server: ApiServer, here: Mooring, tmp_path: Path
) -> None:
    link = VnicLink(vnic_id=VNIC, link="ens9", table=7003)
    server.store.put(NPNS, an_npn(owner="node-1", links=(link,)))

    shown = here("describe", "node", "node-1").stdout

    assert "    Link:            ens9\n    Table:           7003\n" in shown
    assert "    Rule:            510: from all fwmark 0x30000/0x7f0000" in shown
    assert "  Repairs:  <unknown>\n" in shown
    assert f"kubectl exec -n kube-system {AGENT_POD} -- python3 -m mooring" in shown

    the_agent_told(tmp_path)
    shown = here("describe", "node", "node-1").stdout
    assert "    Link:            ens5\n    Table:           7001\n" in shown
    assert "  2026-11-21T11:00:00Z  a route put back" in shown


def test_the_object_s_document_has_the_links(server: ApiServer, here: Mooring) -> None:
    link = VnicLink(vnic_id=VNIC, link="ens9", table=7003)
    server.store.put(NPNS, an_npn(owner="node-1", links=(link,)))

    document = json.loads(here("get", "npn", "aaaa", "-o", "json").stdout)

    (said,) = document["status"]["usage"]["vnics"]
    assert said == {"vnicId": VNIC, "link": "ens9", "table": 7003}


def test_where_nodes_and_events_are_refused_the_object_tells_the_node(
    server: ApiServer, here: Mooring, tmp_path: Path
) -> None:
    """As in the agent's pod: its account reads objects and pods."""
    refuse(server, NODES)
    refuse(server, EVENTS)
    the_agent_told(tmp_path)

    shown = here("describe", "node", "node-1")

    assert shown.exit_code == 0
    for line in (
        "Name:          node-1",
        "Status:        <unknown>",
        "  State:     SUCCESS",
        "  Used:         1",
        "    Pods:            2",
        "    Link:            ens5",
        "    Table:           7001",
        "  2026-11-21T11:00:00Z  a route put back",
        "Events:  <unknown>",
    ):
        assert line in shown.stdout.splitlines()
    assert [line.split()[1] for line in shown.stderr.splitlines()] == [
        "nodes",
        "events",
    ]


def test_a_pod_s_account_reads_what_is_of_the_one_node(
    server: ApiServer, here: Mooring
) -> None:
    here("describe", "node", "node-1")

    assert server.count("GET", PODS.path(), fieldSelector="spec.nodeName=node-1")
    assert server.count("GET", PODS.path()) == server.count(
        "GET", PODS.path(), fieldSelector="spec.nodeName=node-1"
    )


def test_where_objects_are_refused_none_is_said_to_be_there(
    server: ApiServer, here: Mooring
) -> None:
    refuse(server, NPNS)

    shown = here("describe", "node", "node-1")

    assert (shown.exit_code, "Object:        <unknown>" in shown.stdout) == (0, True)
    assert shown.stderr.startswith("Warning: nativepodnetworks cannot be read")


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ((), 'nodes "node-3" not found; did you mean node-'),
        ((NODES,), 'npn "node-3" not found'),
        ((NPNS,), 'nodes "node-3" not found; did you mean node-'),
        ((NODES, NPNS), "ask for the right to list and watch nodes"),
    ],
)
def test_a_node_that_nobody_finds_is_told_with_what_was_not_read(
    server: ApiServer, here: Mooring, refused: tuple[Resource, ...], said: str
) -> None:
    for each in refused:
        refuse(server, each)

    shown = here("describe", "node", "node-3")

    assert (shown.exit_code, shown.stdout) == (1, "")
    assert said in shown.stderr
    assert all(f"{each.plural} cannot be read" in shown.stderr for each in refused[:1])


# Completion.


def offered(file: Path | str, *words: str) -> list[str]:
    """What a shell offers for the last of the words."""
    *before, begun = words
    given = [before[0], *before[1:2], "--kubeconfig", str(file), *before[2:]]
    patient = {"obj": Moment(60)}
    complete = BashComplete(main, patient, "mooring", "_MOORING_COMPLETE")
    return [each.value for each in complete.get_completions(given, begun)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("get", "nodes", ""), ["node-1", "node-2"]),
        (("get", "nodes", "node-1", ""), ["node-2"]),
        (("get", "pools", "a"), ["aaaa"]),
        (("get", "pods", ""), ["web"]),
        (("get", "pods", "-n", "data", ""), ["db"]),
        (("get", "pods", "-A", "v"), [AGENT_POD]),
        (("get", "pods", "-n", "d"), ["data", "default"]),
        (("get", "pods", "--node", ""), ["node-1", "node-2"]),
        (("get", "pods", "--context", ""), ["data", "here"]),
        (("describe", "node", "node-2"), ["node-2"]),
    ],
)
def test_a_shell_is_offered_what_is_there(
    quiet: ApiServer, tmp_path: Path, words: tuple[str, ...], found: list[str]
) -> None:
    assert offered(kubeconfig(tmp_path, quiet.url), *words) == found


@pytest.mark.parametrize("text", ["", "{", "clusters: 7", "[]"])
def test_a_shell_is_offered_nothing_on_trouble(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)

    assert offered(file, "get", "nodes", "") == []
    assert offered(file, "get", "nodes", "--context", "") == []
    assert offered(tmp_path / "gone", "get", "pods", "-n", "") == []
