"""Pages of lists, and the tokens that lead from one to the next.

A page token says where the next page begins, so that nothing is left out or told twice when
what was shown, or what would come next, is deleted meanwhile:

- the number of a place in an index (`numbered`), by which the list goes on whether the place is
  still taken or not; a page costs what it shows and filters out, not what there is;
- name and number of a record in a list that is put in order by wish (`ordered`);
- the short names of an element and of some that follow it (`in_order`), for elements that have no
  order but the one in which they stand: rules, log entries, what a catalogue has.

It also says which list it is of; with another operation, parent or filter it is refused.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

from mooring.core.vcn.api.errors import invalid
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.iam.evaluate import sight
from mooring.core.vcn.indexes import order
from mooring.core.vcn.limits import PAGE
from mooring.core.vcn.model import Resource

T = TypeVar("T", bound=Resource)
Cursor = tuple[str, int]  # where a page begins; None: at the beginning
Scan = Callable[[Cursor | None], Iterable[tuple[Cursor, object]]]
ByNumber = Callable[[int], Iterable[tuple[int, object]]]

VERSION = "v2"
LARGEST_NUMBER = 1 << 130
NAMES_IN_TOKEN = 8
OF_PAGES = frozenset(["limit", "page"])


def paged(call: Call, scan: Scan) -> Answer:
    """Answer with one page of a scan, and where the next one begins."""
    size = call.query.get("limit", int) or PAGE
    token = call.query.get("page", str)
    visible = sight(call.world, call.request.caller, call.operation)
    items = iter(scan(None if token is None else _read(call, token)))
    if visible is not None:
        items = (pair for pair in items if visible(pair[1]))
    found = list(islice(items, size + 1))
    shown = tuple(item for _, item in found[:size])
    next_page = _token(call, found[size][0]) if len(found) > size else None
    return Answer(draft=call.draft, shown=shown, next_page=next_page)


def numbered(scan: ByNumber) -> Scan:
    """Make a scan of one that begins at a number."""

    def marked(start: Cursor | None) -> Iterator[tuple[Cursor, object]]:
        for number, item in scan(0 if start is None else start[1]):
            yield ("", number), item

    return marked


def ordered(records: Iterable[T], *, by_name: bool, latest_first: bool) -> Scan:
    """Make the scan of records in order of name or time; among equals that of creation decides."""
    marks = [
        ((record.display_name if by_name else "", _when(record)), record)
        for record in records
    ]
    marks.sort(key=lambda pair: pair[0], reverse=latest_first)

    def scan(start: Cursor | None) -> Iterator[tuple[Cursor, object]]:
        for mark, record in marks:
            if start is None or (mark <= start if latest_first else mark >= start):
                yield mark, record

    return scan


def _when(record: Resource) -> int:
    return order(record.time_created, record.id).base


def in_order(items: Sequence[object]) -> Scan:
    """Make the scan of elements in the order in which they stand."""
    names = [_name(item) for item in items]

    def scan(start: Cursor | None) -> Iterator[tuple[Cursor, object]]:
        first = 0 if start is None else _place(names, start)
        for n in range(first, len(items)):
            yield (" ".join(names[max(n - 1, 0) : n + NAMES_IN_TOKEN]), n), items[n]

    return scan


def _name(item: object) -> str:
    """Give an element's short name: of its id if it has one, else of all that it says."""
    id = item.get("id") if isinstance(item, dict) else getattr(item, "id", None)
    return blake2b(repr(id or item).encode(), digest_size=4).hexdigest()


def _place(names: Sequence[str], start: Cursor) -> int:
    """Find where a page begins: behind the last one shown, or at the first of the next that is there."""
    wanted, number = start[0].split(" "), start[1]
    for n, name in enumerate(wanted):
        behind = 1 if n == 0 else 0
        places = [at + behind for at, one in enumerate(names) if one == name]
        if places:
            return min(places, key=lambda at: abs(at - number))
    return number


def _token(call: Call, cursor: Cursor) -> str:
    text, number = cursor
    words = f"{VERSION}.{_list(call)}.{number}.{text}"
    return base64.urlsafe_b64encode(words.encode()).decode()


def _list(call: Call) -> str:
    """Name the list that a call asks for: operation, path and filters, not the page's size."""
    asked = sorted(
        (n, str(v)) for n, v in call.query.items.items() if n not in OF_PAGES
    )
    words = repr((call.operation, call.request.path.strip("/"), asked))
    return blake2b(words.encode(), digest_size=4).hexdigest()


def _read(call: Call, token: str) -> Cursor:
    try:
        words = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
        version, list_, number, text = words.split(".", 3)
        is_ours = version == VERSION and number.isascii() and number.isdigit()
        start = int(number) if is_ours else -1
    except (ValueError, binascii.Error):
        start = -1
    if not 0 <= start < LARGEST_NUMBER:
        raise invalid("page", token, "is no page token of ours.")
    if list_ != _list(call):
        raise invalid("page", token, "is a token of another list.")
    return text, start
