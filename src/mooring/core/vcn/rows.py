"""Records as rows (kind, id, JSON text), for a store that knows nothing of them.

Fields that have their default value are left out. How a field is written follows from
its annotation; one of a type that has no codec fails on import, not on a write.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from operator import attrgetter
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mooring.core.net.jsontext import written
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS, word
from mooring.core.vcn.model.tokens import RetryToken

Row = tuple[str, str, str]
Record = Resource | RetryToken
TOKEN = "token"  # noqa: S105 - a kind of row

Step = Callable[[Any], Any]


def to_row(record: Record) -> Row:
    """Write a record down."""
    return (*name_of(record), written(_WRITE[type(record)](record)).decode())


def name_of(record: Record) -> tuple[str, str]:
    """Give the kind and id under which a record is stored."""
    if isinstance(record, RetryToken):
        return TOKEN, record.key
    return word(record), record.id


def from_row(row: Row) -> Record:
    """Read a record back; ValueError, KeyError or TypeError for a row not of ours."""
    kind, name, text = row
    read, named = _READ[kind], "key" if kind == TOKEN else "id"
    # the row's own name, so that who keeps rows and records keeps it once
    record: Record = read({**json.loads(text), named: name})
    return record


@dataclass(frozen=True, slots=True)
class _Codec:
    """How a type's values become plain JSON, and back."""

    write: Step
    read: Step


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    codec: _Codec
    default: object


def _same(value: Any) -> Any:  # noqa: ANN401 - raw JSON
    return value


_SIMPLE: dict[object, _Codec] = {
    **{kind: _Codec(_same, _same) for kind in (str, int, float, bool)},
    **{
        kind: _Codec(str, kind)
        for kind in (IPv4Address, IPv4Network, IPv6Address, IPv6Network)
    },
    datetime: _Codec(datetime.isoformat, datetime.fromisoformat),
}


# An id that many records name stands in memory once.
_REFERENCE = _Codec(
    _same, lambda value: sys.intern(value) if isinstance(value, str) else value
)


def _codec(hint: Any) -> _Codec:  # noqa: ANN401 - an annotation of any form
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if is_dataclass(hint):
        return _record_codec(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Mapping:
        return _Codec(dict, _same)
    if origin is tuple:
        return _many(_codec(inner[0]))
    if origin is UnionType and type(None) in inner:
        return _maybe(_codec(inner[0]))
    raise AssertionError(f"no codec for {hint}")


def _many(one: _Codec) -> _Codec:
    return _Codec(
        lambda values: [one.write(value) for value in values],
        lambda values: tuple(one.read(value) for value in values),
    )


def _maybe(one: _Codec) -> _Codec:
    return _Codec(
        lambda value: None if value is None else one.write(value),
        lambda value: None if value is None else one.read(value),
    )


def _record_codec(cls: Any) -> _Codec:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(cls)
    columns = [_column(f, hints[f.name]) for f in fields(cls)]
    reads = {column.name: column.codec.read for column in columns}
    take = attrgetter(*(column.name for column in columns))
    many = len(columns) > 1
    writes = [(c.name, c.default, c.codec.write) for c in columns]

    def write(record: object) -> dict[str, object]:
        values = take(record) if many else (take(record),)
        return {
            name: value if step is _same else step(value)
            for value, (name, default, step) in zip(values, writes, strict=True)
            if value is not default and value != default
        }

    def read(plain: dict[str, object]) -> object:
        return cls(**{name: reads[name](value) for name, value in plain.items()})

    return _Codec(write, read)


def _column(field: Field[Any], hint: Any) -> _Column:  # noqa: ANN401 - an annotation of any form
    codec = _codec(hint)
    if field.name.endswith("_id"):
        codec = _REFERENCE if hint in (str, str | None) else codec
    return _Column(field.name, codec, _default(field))


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


_CODECS: dict[type[Record], _Codec] = {
    cls: _record_codec(cls) for cls in (*KINDS, RetryToken)
}
_WRITE = {cls: codec.write for cls, codec in _CODECS.items()}
_READ = {kind.word: _CODECS[cls].read for cls, kind in KINDS.items()}
_READ[TOKEN] = _CODECS[RetryToken].read
