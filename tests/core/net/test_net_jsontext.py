import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.net.jsontext import written, written_in_lines

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@dataclass
class Thing:
    """Something that JSON has no form for."""

    name: str = "x"


@given(values)
def test_what_is_written_is_read_back_as_it_was(value: object) -> None:
    assert json.loads(written(value)) == value


def test_the_text_is_short_and_in_order() -> None:
    assert (
        written({"b": [1, None, "ü"], "a": True})
        == '{"b":[1,null,"ü"],"a":true}'.encode()
    )


@given(values)
def test_lines_say_the_same(value: object) -> None:
    text = written_in_lines({"it": value})
    assert json.loads(text) == {"it": value}
    assert text.startswith('{\n  "it": ')
    assert text.endswith("\n}\n")


def test_an_integer_may_be_of_any_length() -> None:
    assert written({"tag": 2**80}) == b'{"tag":%d}' % 2**80


def test_half_of_a_character_is_escaped() -> None:
    assert written("\ud800") == b'"\\ud800"'


@pytest.mark.parametrize("value", [datetime(2026, 7, 12, tzinfo=UTC), Thing(), {1}])
def test_what_json_has_no_form_for_is_an_error(value: object) -> None:
    with pytest.raises(TypeError):
        written([value])
