"""What an operator settles at start, in words: delays and budgets by name."""

from dataclasses import fields
from datetime import timedelta

from mooring.core.vcn.faults import words
from mooring.core.vcn.faults.names import nearest, pattern
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.limits import Budget, Delays

DELAY_NAMES = tuple(field.name.replace("_", "-") for field in fields(Delays))


def delay(text: str) -> tuple[str, timedelta]:
    """Read `vnic-attach=300ms`: a field of `Delays` and its value."""
    name, value = _split(text, "vnic-attach=300ms")
    if name not in DELAY_NAMES:
        near = nearest(name, DELAY_NAMES)
        known = ", ".join(DELAY_NAMES)
        raise Unread(f"{name!r} is no delay{near}; there are {known}")
    return name.replace("-", "_"), words.duration(value)


def budget(text: str) -> tuple[str, Budget]:
    """Read `CreatePrivateIp=20/s:5`: an operation or pattern and its budget."""
    name, value = _split(text, "CreatePrivateIp=20/s")
    return pattern(name), words.budget(value)


def _split(text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Unread(f"{text!r} is not of the form {example}")
    return name, value
