"""The contract: our operations, the SDK's calls, the names of what is not there, and the page that tells of it."""

import os
from collections import Counter
from pathlib import Path

import pytest
import sdk_calls
from journeys.vcn_contract import BESIDE, CALLS, CONTRACT
from sdk_calls import bare
from vcn_cloud import Cloud, placed

from mooring.core.vcn.api.elsewhere import ELSEWHERE, FAMILIES
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.faults.names import called

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/vcn-operations.md"
OURS = {(method, bare(path)): o.name for (method, path), o in OPERATIONS.items()}
SDK = sdk_calls.calls()
ROUTES = {(call.method, call.path): call for call in SDK.values()}


def test_every_operation_is_in_the_contract_once() -> None:
    names = Counter(name for family in CONTRACT.values() for name in family)

    assert names == Counter(o.name for o in OPERATIONS.values())


@pytest.mark.parametrize(("route", "name"), sorted(OURS.items()))
def test_the_client_asks_at_the_same_place_by_the_same_name(
    route: tuple[str, str], name: str
) -> None:
    call = SDK[CALLS[name]]

    assert (call.method, call.path) == route
    assert call.name == name


def test_what_the_sdk_has_and_we_have_not_is_known_by_name() -> None:
    """A line that is missing here belongs into `api/elsewhere/`, in its family."""
    known = ELSEWHERE | OURS
    missing = [
        f"{call.method} {call.path} {call.name}"
        for call in SDK.values()
        if known.get((call.method, call.path)) != call.name
    ]

    assert missing == []


def test_nothing_is_called_elsewhere_that_is_here_or_nowhere() -> None:
    assert set(ELSEWHERE) & set(OURS) == set()
    assert set(ELSEWHERE) <= set(ROUTES)


def test_each_of_them_is_answered_501_with_its_name() -> None:
    cloud = Cloud()
    for (method, path), name in ELSEWHERE.items():
        place = path.replace("{id}", "ocid1.some.oc1..thing")

        assert called(method, placed(place)) == name
        assert cloud.refused(method, place, {}) == (
            501,
            "MethodNotImplemented",
            f"The local VCN does not have {name}.",
        )


def test_each_of_ours_is_found_by_its_path() -> None:
    for (method, path), name in OURS.items():
        place = path.replace("{id}", "ocid1.some.oc1..thing")

        assert called(method, placed(place)) == name


def test_what_has_no_name_has_its_test() -> None:
    tests = {test for _, test in BESIDE.values()}

    assert [t for t in tests if not (ROOT / "tests/journeys" / t).exists()] == []


# -- the page


def a_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def what_is_there() -> list[str]:
    lines = []
    paths = {o.name: f"`{method} {path}`" for (method, path), o in OPERATIONS.items()}
    for family, calls in CONTRACT.items():
        lines += ["", f"## {family}", ""]
        rows = [(f"`{n}`", paths[n], f"`{call}`") for n, call in calls.items()]
        lines += a_table(("operation", "method and path", "client call"), rows)
    lines += ["", "## What has no operation's name", ""]
    beside = [
        (what, call, f"`tests/journeys/{test}`")
        for what, (call, test) in BESIDE.items()
    ]
    return lines + a_table(("what", "who calls", "test"), beside)


def what_is_not_there() -> list[str]:
    rows = [
        (family, str(len(calls)), ", ".join(f"`{name}`" for name in calls.values()))
        for family, calls in FAMILIES.items()
    ]
    return [
        "",
        "## What is not there",
        "",
        *a_table(("family", "calls", "names"), rows),
    ]


HEAD = """# Operations of the local VCN

{here} operations, each with the call of the official Python SDK that makes it: the journey
`tests/journeys/test_vcn_every_operation.py` makes them all and asks the server whether it granted each. Paths are
below `/20160918` unless they begin with another version. The other {there} that the cloud has at the same endpoints are
answered 501 `MethodNotImplemented` by name (last table). Other services (DNS, load balancers, Object Storage, …) have
other versions in their paths: 404 `NotFound`. `ListLimitServices` is what the limits service calls `ListServices`, a
name that the network's call has. `make golden` writes this page.
"""


def the_page() -> str:
    head = HEAD.format(here=len(OPERATIONS), there=len(ELSEWHERE))
    return head + "\n".join([*what_is_there(), *what_is_not_there(), ""])


def test_the_page_is_golden() -> None:
    if os.environ.get("MOORING_GOLDEN") == "write":
        PAGE.write_text(the_page())

    assert PAGE.read_text() == the_page()
