"""JSON from outside, read field by field; a complaint names field, value and rule."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from mooring.core.cni.errors import CniError, Code

_SHOWN = 80


def decode(text: bytes) -> Mapping[str, Any]:
    """Decode standard input: one JSON object, in UTF-8, without NaN."""
    try:
        value = json.loads(text.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as why:
        raise CniError(
            Code.DECODING_FAILURE, "standard input is no JSON", str(why)
        ) from why
    if not isinstance(value, dict):
        raise CniError(
            Code.DECODING_FAILURE, f"standard input is {show(value)}; must be an object"
        )
    return value


def show(value: object) -> str:
    """Quote a value for a complaint, not more of it than helps."""
    try:
        text = json.dumps(value)
    except RecursionError:
        text = "…"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Find the name that may have been meant; "" when none is that like it (1: the same)."""
    by_small = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), by_small, n=1, cutoff=likeness)
    return by_small[near[0]] if near else ""


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


class Fields:
    """One JSON object; `path` and `code` are for complaints. null is as good as absent."""

    def __init__(self, value: object, path: str, code: Code) -> None:
        self._path = path
        self._code = code
        if not isinstance(value, Mapping):
            raise self._complaint(path, value, "must be an object")
        self._value: Mapping[str, Any] = value

    def text(self, key: str) -> str:
        """Give a string; "" when absent."""
        value = self._value.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, "must be a string")
        return value

    def name(self, key: str) -> str:
        """Give a string that must be there."""
        value = self.text(key)
        if not value:
            raise self.wrong(key, "must not be empty")
        return value

    def number(self, key: str) -> int | None:
        """Give an integer; None when absent."""
        value = self._value.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(key, "must be an integer")
        return value

    def truth(self, key: str) -> bool:
        """Give true or false; false when absent."""
        value = self._value.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Give a list of strings; () when absent."""
        value = self._value.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(key, "must be a list of strings")
        return tuple(value)

    def child(self, key: str) -> "Fields":
        """Give an object; an empty one when absent."""
        value = self._value.get(key)
        return Fields({} if value is None else value, self._at(key), self._code)

    def children(self, key: str) -> tuple["Fields", ...]:
        """Give a list of objects; () when absent."""
        value = self._value.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(key, "must be a list")
        return tuple(
            Fields(item, f"{self._at(key)}[{index}]", self._code)
            for index, item in enumerate(value)
        )

    def names(self) -> tuple[str, ...]:
        """Name the keys that are there."""
        return tuple(self._value)

    def refuse_others(
        self, known: Iterable[str], prefixes: tuple[str, ...] = ()
    ) -> None:
        """Refuse a key that is not known: a mistake, or a wish that nobody grants."""
        for key in self._value:
            if key in known or key.startswith(prefixes):
                continue
            near = nearest(key, known)
            hint = f"; did you mean {near}?" if near else ""
            raise self.unsupported(key, f"no such key{hint}")

    def unsupported(self, key: str, why: str) -> CniError:
        """Make the complaint about a field that means nothing here."""
        plain = key.isprintable() and len(key) <= _SHOWN
        where = self._at(key if plain else show(key))
        shown = show(self._value.get(key))
        return CniError(Code.UNSUPPORTED_FIELD, f"{where}: {shown}: {why}")

    def wrong(self, key: str, rule: str) -> CniError:
        """Make the complaint about one field."""
        return self._complaint(self._at(key), self._value.get(key), rule)

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _complaint(self, path: str, value: object, rule: str) -> CniError:
        shown = "absent" if value is None else show(value)
        return CniError(self._code, f"{path}: {shown}: {rule}")
