"""The names of operations: what a request asks for, and which names a pattern means."""

from difflib import get_close_matches
from fnmatch import fnmatchcase

from mooring.core.vcn.api.elsewhere import ELSEWHERE, name_elsewhere, segments
from mooring.core.vcn.api.operations import OPERATIONS, methods
from mooring.core.vcn.faults.words import Unread

ANY = "*"
OPERATION_NAMES = tuple(
    sorted({o.name for o in OPERATIONS.values()} | set(ELSEWHERE.values()))
)


def called(method: str, path: str) -> str:
    """Name the operation of a request; "" for what has no name."""
    place = segments(path)
    operation = methods(place).get(method)
    if operation is not None:
        return operation.name
    return name_elsewhere(method, place) or ""


def is_list(operation: str) -> bool:
    """Tell whether an operation lists."""
    return operation.startswith("List")


def pattern(text: str) -> str:
    """Check a name or pattern of operations: it must mean at least one."""
    if any(fnmatchcase(name, text) for name in OPERATION_NAMES):
        return text
    raise Unread(f"{text!r} is no operation{nearest(text, OPERATION_NAMES)}")


def nearest(text: str, names: tuple[str, ...]) -> str:
    """Say which name was perhaps meant."""
    by_small = {name.lower(): name for name in names}
    close = get_close_matches(text.lower(), by_small, n=1)
    return f"; did you mean {by_small[close[0]]}?" if close else ""
