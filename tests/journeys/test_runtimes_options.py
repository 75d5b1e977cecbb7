"""The agent's options: each wrong value is refused by name, value and rule, and nothing is touched."""

import math
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from journeys.kubeconfigs import BROKEN, written

from mooring.cli.agent import SOCKET_BYTES, agent

INSTANCE = "ocid1.instance.oc1.eu-frankfurt-1.abtheljs"
LONG = "/run/" + "x" * SOCKET_BYTES
A_PATH = (
    *("--npn-dir", "--kubeconfig", "--state", "--socket", "--spool"),
    *("--conflist", "--volatile", "--install", "--plugins", "--sysctls"),
)


def refusal(*words: str, place: Path) -> str:
    """Give the line that the command ends with; a later option counts."""
    sound = [
        *("--npn-dir", str(place / "npn"), "--instance", INSTANCE),
        *("--state", str(place / "state"), "--spool", str(place / "spool")),
        *("--socket", str(place / "agent.sock"), "--conflist", str(place / "net.d")),
    ]
    done = CliRunner().invoke(agent, [*sound, *words])
    assert done.exit_code in {1, 2}, done.output
    assert list(place.iterdir()) == []
    return done.output.splitlines()[-1]


NOT_AN_INSTANCE = "must be ocid1.instance.REALM.REGION.ID, in lower case."
A_NAME = "must match [a-zA-Z0-9][a-zA-Z0-9_.-]*."
A_PREFIX = "must be a prefix such as 10.1.0.0/16 or fd00:1::/64."
A_SETTING = "must be net.KEY=VALUE, as net.core.somaxconn=1024."
A_NODE = "must be a node's name, as `kubectl get nodes` shows it."
A_SOCKET = "must be a socket, or not there yet."
A_URL = "must be http://HOST or http://HOST:PORT."
WRONG = [
    ("--instance", "", f"'': {NOT_AN_INSTANCE}"),
    ("--instance", "web-1", f"'web-1': {NOT_AN_INSTANCE}"),
    ("--instance", "ocid1.vnic.oc1..a", f"'ocid1.vnic.oc1..a': {NOT_AN_INSTANCE}"),
    (
        "--instance",
        "ocid1.instance.oc1..",
        f"'ocid1.instance.oc1..': {NOT_AN_INSTANCE}",
    ),
    (
        "--instance",
        "ocid1.instance.oc1..../x",
        f"'ocid1.instance.oc1..../x': {NOT_AN_INSTANCE}",
    ),
    ("--network", "", f"'': {A_NAME}"),
    ("--network", "a/b", f"'a/b': {A_NAME}"),
    ("--network", "-a", f"'-a': {A_NAME}"),
    ("--network", "x" * 81, f"'{'x' * 81}': must have 80 characters at most, has 81."),
    ("--cooldown", "soon", "'soon' is not a valid number of seconds."),
    ("--cooldown", "nan", "'nan' is not a valid number of seconds."),
    ("--cooldown", "inf", "inf is not in the range 0<=x<=3600."),
    ("--cooldown", "-1", "-1.0 is not in the range 0<=x<=3600."),
    ("--cooldown", "3601", "3601.0 is not in the range 0<=x<=3600."),
    ("--mtu", "9k", "'9k' is not a valid integer range."),
    ("--mtu", "1279", "1279 is not in the range 1280<=x<=9216."),
    ("--mtu", "9217", "9217 is not in the range 1280<=x<=9216."),
    ("--conntrack", "yes", "'yes' is not one of 'auto', 'on', 'off'."),
    ("--fast-path", "yes", "'yes' is not one of 'off', 'on', 'auto'."),
    ("--fast-path-cidr", "", f"'': {A_PREFIX}"),
    ("--fast-path-cidr", "10.1.0.1/16", f"'10.1.0.1/16': {A_PREFIX}"),
    ("--fast-path-cidr", "pods", f"'pods': {A_PREFIX}"),
    ("--fast-path-after", "-1", "-1.0 is not in the range 0<=x<=3600."),
    ("--repair-interval", "NaN", "'NaN' is not a valid number of seconds."),
    ("--repair-interval", "0", "0.0 is not in the range 0.1<=x<=3600."),
    ("--repair-interval", "1h", "'1h' is not a valid number of seconds."),
    (
        "--socket",
        LONG,
        f"'{LONG}': must have {SOCKET_BYTES} bytes at most, has {len(LONG)}.",
    ),
    ("--socket", "/etc", f"'/etc': {A_SOCKET}"),
    ("--socket", "/etc/passwd", f"'/etc/passwd': {A_SOCKET}"),
    *((option, "", "'': must not be empty.") for option in A_PATH),
    ("--npn-dir", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--state", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--spool", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--conflist", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--volatile", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--install", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--plugins", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--sysctls", "/etc/passwd", "Directory '/etc/passwd' is a file."),
    ("--plugins", "/none", "Directory '/none' does not exist."),
    ("--sysctls", "/none", "Directory '/none' does not exist."),
    ("--kubeconfig", "/etc", "File '/etc' is a directory."),
    ("--tuning", "kernel.x=1", f"'kernel.x=1': {A_SETTING}"),
    ("--tuning", "net.core.somaxconn", f"'net.core.somaxconn': {A_SETTING}"),
    ("--node", "Node_1", f"'Node_1': {A_NODE}"),
    ("--metadata", "169.254.169.254", f"'169.254.169.254': {A_URL}"),
    ("--metadata", "http://:99999999", f"'http://:99999999': {A_URL}"),
    ("--metrics-port", "0", "0 is not in the range 1<=x<=65535."),
]


@pytest.mark.parametrize(("option", "value", "rule"), WRONG)
def test_a_wrong_value_is_refused_with_option_value_and_rule(
    tmp_path: Path, option: str, value: str, rule: str
) -> None:
    said = refusal(f"{option}={value}", place=tmp_path)

    said = said.replace(" (env var: 'NODE_NAME')", "")
    assert said == f"Error: Invalid value for '{option}': {rule}"


def test_the_table_has_every_option() -> None:
    known = {
        name
        for option in agent.params
        if isinstance(option, click.Option) and not option.is_flag
        for name in option.opts
    }

    assert {option for option, *_ in WRONG} == known


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--mtuu", "--mtu"),
        ("--coldown", "--cooldown"),
        ("--repair-intervall", "--repair-interval"),
        ("--con-ntrack", "--conntrack"),
        ("--sockets", "--socket"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest(
    tmp_path: Path, option: str, meant: str
) -> None:
    said = refusal(option, "1", place=tmp_path)

    assert said == f"Error: No such option '{option}'. Did you mean '{meant}'?"


IN_A_DIRECTORY = ("--npn-dir=/n", f"--instance={INSTANCE}", "--state=/s")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (IN_A_DIRECTORY[:2], "Missing option '--state'"),
        (IN_A_DIRECTORY[1:], "give either --npn-dir or --kubernetes"),
        ((*IN_A_DIRECTORY, "--kubernetes"), "give either --npn-dir or --kubernetes"),
        (("--npn-dir=/n", "--state=/s"), "--npn-dir needs --instance OCID"),
        (("--kubernetes", "--state=/s"), "--kubernetes needs --node NAME"),
        *(
            (
                (*IN_A_DIRECTORY, *words.split()),
                f"{words.partition('=')[0]} needs {what}",
            )
            for words, what in [
                ("--kubeconfig=/k", "--kubernetes"),
                ("--node=n", "--kubernetes"),
                ("--metadata=http://m", "--kubernetes"),
                ("--volatile=/v", "--conflist DIR"),
                ("--network=mooring", "--conflist DIR"),
                ("--plugins=/etc", "--install DIR"),
                ("--plugins=/etc --conflist=/c", "--install DIR"),
                ("--tuning=net.x=1 --install=/i", "--conflist DIR"),
                ("--tuning=net.x=1 --install=/i --conflist=/c", "--plugins DIR"),
                ("--fast-path-cidr=10.0.0.0/8", "--fast-path on or auto"),
                ("--fast-path-after=5 --fast-path=off", "--fast-path on or auto"),
            ]
        ),
    ],
)
def test_what_is_required_is_asked_for(words: tuple[str, ...], rule: str) -> None:
    done = CliRunner(env={"NODE_NAME": None}).invoke(agent, words)

    assert done.exit_code == 2
    assert done.output.splitlines()[-1].startswith(f"Error: {rule}")


def test_tuning_needs_its_plugin_among_those_that_are_there(tmp_path: Path) -> None:
    """Else pods would run without the settings, and nobody would be told."""
    words = (
        "--tuning=net.x=1",
        f"--plugins={tmp_path}",
        "--install=/i",
        "--conflist=/c",
    )
    done = CliRunner().invoke(agent, [*IN_A_DIRECTORY, *words])

    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == (
        f"Error: --tuning needs the plugin tuning: --plugins {tmp_path} has none"
    )


def test_a_node_of_the_environment_is_no_option_that_somebody_gave() -> None:
    """The variable may stand there for others; the next rule is the one that is broken."""
    words = (*IN_A_DIRECTORY, "--volatile=/v")
    done = CliRunner(env={"NODE_NAME": "n"}).invoke(agent, words)

    assert "--volatile needs --conflist" in done.output


A_POD_S = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


@pytest.mark.parametrize(
    ("words", "environment", "rule"),
    [
        (("--kubeconfig=/k",), {}, "kubeconfig /k: file: '/k': No such file"),
        (("--kubeconfig=/etc/passwd",), {}, "kubeconfig /etc/passwd: "),
        ((), {}, f"environment variable {A_POD_S[0]}: is not set"),
        ((), dict.fromkeys(A_POD_S, "1"), "the pod's service account: "),
    ],
)
def test_an_api_server_that_cannot_be_said_is_refused(
    tmp_path: Path, words: tuple[str, ...], environment: dict[str, str], rule: str
) -> None:
    known = dict.fromkeys(A_POD_S) | environment
    place = ("--kubernetes", "--node=n", f"--state={tmp_path / 'state'}")
    done = CliRunner(env=known).invoke(agent, [*place, *words])

    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith(f"Error: {rule}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "rule"), BROKEN)
def test_a_kubeconfig_is_read_before_anything_is_touched(
    tmp_path: Path, text: str, rule: str
) -> None:
    file, state = written(tmp_path, text), tmp_path / "state"
    state.mkdir()
    words = ("--kubernetes", "--node=n", f"--state={state}", f"--kubeconfig={file}")
    done = CliRunner().invoke(agent, words)

    assert done.exit_code == 1
    assert done.output == f"Error: kubeconfig {file}: {rule}\n"
    assert list(state.iterdir()) == []


def test_a_stray_word_is_refused(tmp_path: Path) -> None:
    assert "(stray)" in refusal("stray", place=tmp_path)


def test_the_bounds_themselves_are_fine() -> None:
    """What is just within the bounds is read, and read as what it is."""
    sound = {"--cooldown": [0, 3600], "--repair-interval": [0.1, 3600]}
    options = {name: p for p in agent.params for name in p.opts}
    for name, values in sound.items():
        for value in values:
            read = options[name].type.convert(str(value), None, None)
            assert math.isclose(read, value)
