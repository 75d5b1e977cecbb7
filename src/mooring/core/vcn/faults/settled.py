"""What an operator settles at start, in words: delays, budgets and service limits by name."""

from dataclasses import fields
from datetime import timedelta

from mooring.core.vcn.faults import words
from mooring.core.vcn.faults.names import nearest, pattern
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.limits import Budget, Delays
from mooring.core.vcn.servicelimits import CHOSEN

DELAY_NAMES = tuple(field.name.replace("_", "-") for field in fields(Delays))

LONGEST_NUMBER = 9  # digits


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


def service_limit(text: str) -> tuple[str, int]:
    """Read `vcn-count=5`: a service limit and how many there may be."""
    name, number = _split(text, "vcn-count=5")
    if name not in CHOSEN:
        near = nearest(name, tuple(sorted(CHOSEN)))
        raise Unread(f"{name!r} is no service limit that can be chosen{near}")
    if not number.isascii() or not number.isdigit() or len(number) > LONGEST_NUMBER:
        raise Unread(f"{number!r} is no number of things, such as 5")
    return name, int(number)


def _split(text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Unread(f"{text!r} is not of the form {example}")
    return name, value
