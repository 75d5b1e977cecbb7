"""Reading a `lab.yaml`: a fault names field, value and rule."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Unreadable(ValueError):
    """A wish for a lab that breaks a rule."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field}: {_shown(value)}: {rule}")
        self.field, self.value, self.rule = field, value, rule


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def mapping(field: str, value: object, known: Sequence[str]) -> Mapping[str, Any]:
    """Read a mapping with known keys."""
    if not isinstance(value, Mapping):
        raise Unreadable(field, value, "must be a mapping")
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise Unreadable(f"{field}.{key}", value[key], f"no such key; {hint}")
    return value


def one_of(field: str, value: object, choices: Sequence[str]) -> str:
    """Read one of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise Unreadable(field, value, f"must be one of {', '.join(choices)}")
    return value


def whole(field: str, value: object, least: int, most: int) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(field, value, "must be a whole number")
    if not least <= value <= most:
        raise Unreadable(field, value, f"must be from {least} to {most}")
    return value


def said(field: str, value: object, read: Callable[[object], T]) -> T:
    """Read what another module knows the rule of."""
    try:
        return read(value)
    except ValueError as rule:
        raise Unreadable(field, value, str(rule)) from None
