"""Label selectors: read, asked, written."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_nonsense import NEARLY

from mooring.core.kube.selector import Requirement, Selector, parse, read
from mooring.core.net.fields import Field, Unreadable

LABELS = {"app": "web", "tier": "front", "mooring/pool": "a"}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("", True),
        ("app=web", True),
        ("app == web", True),
        ("app=other", False),
        ("app!=other", True),
        ("none!=x", True),
        ("app!=web", False),
        ("tier in (front, back)", True),
        ("tier in(back)", False),
        ("tier notin (back)", True),
        ("none notin (x)", True),
        ("app", True),
        ("none", False),
        ("!none", True),
        ("! app", False),
        ("mooring/pool=a,app", True),
        (" app=web , tier in (front),!x ", True),
        ("app=web,tier=back", False),
        ("empty=", False),
        ("in in (in)", False),
    ],
)
def test_a_selector_selects(text: str, *, met: bool) -> None:
    selector = parse(text)

    assert selector.met(LABELS) is met
    assert parse(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app=web,", "must not end with a comma"),
        (",app", "cannot be read from ',app' on"),
        ("app web", "must have a comma before 'web'"),
        ("tier in front", "must have a comma before 'in front'"),
        ("a=b=c", "must have a comma before '=c'"),
        ("-a=b", "must be a label's key"),
        ("a/b/c=d", "must be a label's key"),
        ("a=-b", "labelSelector a: '-b': must be a label's value"),
        ("a in (b c)", "must be a label's value"),
        ("(a)", "cannot be read"),
        ("a=" + "x" * 64, "must be a label's value"),
    ],
)
def test_what_is_wrong_with_a_selector_is_told(text: str, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_selector_object_is_read() -> None:
    found = read(
        Field(
            "selector",
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["front"]},
                    {"key": "x", "operator": "DoesNotExist"},
                    {"key": "app", "operator": "Exists"},
                    {"key": "app", "operator": "NotIn", "values": ["a"]},
                ],
            },
        )
    )

    assert found.met(LABELS)
    assert str(found) == "app in (web),tier in (front),!x,app,app notin (a)"
    assert read(Field("selector", None)) == Selector()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({"key": "a", "operator": "Is"}, "selector.matchExpressions[0].operator: 'Is'"),
        ({"key": "a", "operator": "In"}, "values: None: must not be empty"),
        (
            {"key": "a", "operator": "Exists", "values": ["x"]},
            "must be empty for this operator",
        ),
        ({"key": "?", "operator": "Exists"}, "must be a label's key"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told(
    expression: object, said: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        read(Field("selector", {"matchExpressions": [expression]}))
    assert said in str(caught.value)


def test_a_label_that_is_no_text_is_told() -> None:
    with pytest.raises(Unreadable, match="matchLabels app: 5: must be a label's value"):
        read(Field("selector", {"matchLabels": {"app": 5}}))


@given(st.text(alphabet="ab1=!,() -/.in", max_size=20) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except Unreadable:
        return
    assert parse(str(found)) == found


@given(NEARLY)
def test_any_object_is_read_or_refused(document: object) -> None:
    with contextlib.suppress(Unreadable):
        read(Field("selector", document))


def test_a_requirement_is_a_value() -> None:
    assert Requirement("a", "exists") == Requirement("a", "exists")
