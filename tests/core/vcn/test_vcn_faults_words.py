"""Durations, budgets and wishes in words: read, written back, refused by name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.faults import settled, words
from mooring.core.vcn.faults.fault import Fault
from mooring.core.vcn.faults.kinds import KINDS, RANK
from mooring.core.vcn.faults.names import OPERATION_NAMES, called, is_list, nearest
from mooring.core.vcn.faults.shown import shown
from mooring.core.vcn.faults.wish import OPTIONS, fault, options
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.limits import Budget, Delays

NOW = datetime(2026, 7, 12, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def refused(wish: dict[str, object]) -> str:
    with pytest.raises(Unread) as why:
        fault(wish, NOW)
    return str(why.value)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("300ms", 300), ("2s", 2000), ("1.5m", 90_000), ("1h", 3_600_000), ("0s", 0)],
)
def test_a_duration_is_read(text: str, milliseconds: int) -> None:
    assert words.duration(text) == milliseconds * MS


@pytest.mark.parametrize(
    "text", ["", "3", "-1s", "1 s", "1d", "25h", "s", "1e3s", "٣s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Unread):
        words.duration(text)


@given(st.integers(0, 86_400_000))
def test_a_duration_that_is_written_reads_back(milliseconds: int) -> None:
    value = milliseconds * MS
    if milliseconds < 1_000_000 or milliseconds % 1000 == 0:
        assert words.duration(words.said_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "rate", "burst"),
    [
        ("20/s", 20, 20),
        ("20/s:5", 20, 5),
        ("60/m", 1, 1),
        ("0.5/s", 0.5, 1),
        ("36/h:2", 0.01, 2),
    ],
)
def test_a_budget_is_read_and_written(text: str, rate: float, burst: int) -> None:
    read = words.budget(text)

    assert read == Budget(rate, burst)
    assert words.budget(words.said_budget(read)) == read


@pytest.mark.parametrize(
    "text", ["", "20", "20/d", "0/s", "200000/s", "1/s:0", "1/s:9999999", "-1/s"]
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(Unread):
        words.budget(text)


@pytest.mark.parametrize("text", ["0", "1.1", "-1", "nan", "inf", "x", ""])
def test_what_is_no_chance_is_refused(text: str) -> None:
    with pytest.raises(Unread):
        words.rate(text)


@pytest.mark.parametrize("text", ["x", "", "1.5", "-", "9" * 30, "11", "-1", "٣"])
def test_what_is_no_number_within_bounds_is_refused(text: str) -> None:
    with pytest.raises(Unread):
        words.whole(text, 0, 10)


def test_a_wish_says_everything() -> None:
    made = fault(
        {
            "kind": "latency",
            "operation": "Create*",
            "rate": 0.5,
            "count": "3",
            "for": "30s",
            "seed": 7,
            "delay": "2s",
        },
        NOW,
    )

    assert made == Fault(
        kind="latency",
        operation="Create*",
        rate=0.5,
        count=3,
        since=NOW,
        until=NOW + timedelta(seconds=30),
        seed=7,
        delay=timedelta(seconds=2),
    )


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({}, 500, "InternalServerError"),
        ({"status": 409}, 409, "IncorrectState"),
        ({"code": "ResourceLocked"}, 409, "ResourceLocked"),
        (
            {"code": "NotAuthorizedOrResourceAlreadyExists"},
            409,
            "NotAuthorizedOrResourceAlreadyExists",
        ),
        ({"status": 418, "code": "Teapot"}, 418, "Teapot"),
    ],
)
def test_an_error_has_status_and_code(
    wish: dict[str, object], status: int, code: str
) -> None:
    made = fault({"kind": "error", **wish}, NOW)

    assert (made.status, made.code) == (status, code)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({}, "kind: '' is no kind of fault; there are unreachable, outage,"),
        (
            {"kind": "latncy"},
            "kind: 'latncy' is no kind of fault; did you mean latency?",
        ),
        ({"kind": "latency"}, "delay: latency needs it"),
        (
            {"kind": "outage", "delay": "1s"},
            "delay: outage has no such option; it has count, for, rate, seed",
        ),
        ({"kind": "error", "colour": "x"}, "colour: error has no such option"),
        (
            {"kind": "error", "operation": "CreatPrivateIp"},
            "no operation; did you mean CreatePrivateIp?",
        ),
        ({"kind": "error", "operation": "Zzzz*"}, "operation: 'Zzzz*' is no operation"),
        ({"kind": "error", "status": 200}, "status: '200' must be from 400 to 599"),
        ({"kind": "error", "status": 418}, "status: 418 needs a code along with it"),
        (
            {"kind": "error", "code": "IncorectState"},
            "needs a status along with it; did you mean IncorrectState?",
        ),
        ({"kind": "error", "code": "no code"}, "code: 'no code' is no error code"),
        ({"kind": "error", "message": ""}, "message: a text of 0 characters"),
        ({"kind": "error", "for": "0s"}, "for: must be longer than nothing"),
        ({"kind": "error", "count": 0}, "count: '0' must be from 1"),
        (
            {"kind": "fragment-subnet", "subnet": "x"},
            "prefix: fragment-subnet needs it",
        ),
        (
            {"kind": "fragment-subnet", "subnet": "x", "prefix": 31},
            "prefix: '31' must be from 18 to 30",
        ),
        (
            {"kind": "slow-attach", "delay": "1s", "operation": "*"},
            "operation: slow-attach has no such option",
        ),
    ],
)
def test_a_wish_that_cannot_be_is_refused_by_name(
    wish: dict[str, object], says: str
) -> None:
    assert says in refused(wish)


def test_every_kind_can_be_wished_for_and_shown() -> None:
    said = {"delay": "1s", "subnet": "ocid1.subnet.x", "prefix": 28, "budget": "5/s:1"}
    for name, kind in KINDS.items():
        wish = {o: said[o] for o in said if o in kind.needs | kind.may}
        made = fault({"kind": name, **wish}, NOW)
        told = shown(made)

        assert told["kind"] == name
        assert {o: told[o] for o in wish} == wish
        assert options(kind) <= set(OPTIONS)
    assert list(RANK) == list(KINDS)


def test_a_fault_with_an_end_shows_it() -> None:
    told = shown(fault({"kind": "throttle", "for": "1s", "operation": "List*"}, NOW))

    assert told["until"] == "2026-07-12T00:00:01+00:00"
    assert (told["status"], told["code"]) == (429, "TooManyRequests")


def test_operations_have_names() -> None:
    assert called("POST", "/20160918/privateIps") == "CreatePrivateIp"
    assert called("GET", "/20160918/vcns/ocid1.vcn.x") == "GetVcn"
    assert called("GET", "/20160918/nothing") == ""
    assert called("GET", "/v1/x509") == ""
    assert "AttachVnic" in OPERATION_NAMES
    assert is_list("ListVcns")
    assert not is_list("GetVcn")
    assert nearest("zzzzzz", OPERATION_NAMES) == ""


def test_delays_and_budgets_are_settled_by_name() -> None:
    assert settled.delay("vnic-attach=2s") == ("vnic_attach", timedelta(seconds=2))
    assert settled.budget("Create*=5/s:1") == ("Create*", Budget(5, 1))
    assert {name.replace("-", "_") for name in settled.DELAY_NAMES} == set(
        Delays.__slots__
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vcn-count", "'vcn-count' is not of the form vcn-count=5"),
        ("vnc-count=1", "'vnc-count' is no service limit that can be chosen; did you"),
        ("statements-count=1", "is no service limit that can be chosen"),
        ("vcn-count=-1", "'-1' is no number of things, such as 5"),
        ("vcn-count=1000000000", "is no number of things"),
    ],
)
def test_a_service_limit_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(Unread) as why:
        settled.service_limit(text)

    assert says in str(why.value)
    assert settled.service_limit("vcn-count=0") == ("vcn-count", 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vnic-attach", "'vnic-attach' is not of the form vnic-attach=300ms"),
        ("vnc-attach=1s", "'vnc-attach' is no delay; did you mean vnic-attach?"),
        ("vnic-attach=1", "'1' is no duration"),
    ],
)
def test_a_delay_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(Unread) as why:
        settled.delay(text)

    assert says in str(why.value)
