"""What stands after `where` in a statement, and what a dynamic group's rule is.

One clause, or `all {…}` or `any {…}` around clauses and further such groups. A clause compares
a variable with a text, a pattern (`/HR*/`), another variable, or with one of several
(`in ('a', 'b')`). Letters' case means nothing. A variable that the request does not have makes
its clause false, `!=` too: so does the cloud. In a rule a tag's variable may stand alone: the
tag is there, with any value.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Variables = Callable[[str], tuple[str, ...]]
"""Gives a variable's values by its name in lower case; none for one that is not known."""

DEEPEST = 8
_TOKEN = re.compile(
    r"(?P<text>'[^']*'(?:/'[^']*')?)|(?P<pattern>/[^/\s]*/)|(?P<sign>!=|[={}(),])"
    r"|(?P<word>[^\s{}(),=!'/][^\s{}(),=!']*)"
)
_VARIABLE = re.compile(
    r"(request|target|instance|resource|tag)(\.[\w-]+)+", re.IGNORECASE
)
_PLAIN = re.compile(r"true|false|[0-9]+", re.IGNORECASE)


class UnreadableError(ValueError):
    """The text is no statement or rule; `place` counts characters from 1."""

    def __init__(self, place: int, says: str) -> None:
        super().__init__(f"at character {place}: {says}")
        self.place = place
        self.says = says


@dataclass(frozen=True, slots=True)
class Token:
    """A word, text, pattern or sign, and where it begins."""

    kind: str
    text: str
    place: int

    def __str__(self) -> str:
        """Quote it for an error."""
        return f"{self.text!r}" if self.text else "the end"


@dataclass(slots=True)
class Reader:
    """A statement's tokens, taken one after the other."""

    tokens: list[Token]
    at: int = 0

    @property
    def next(self) -> Token:
        """Look at the next token; the last one is empty."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """Go past a token."""
        token = self.next
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def is_word(self, *words: str) -> bool:
        """Tell whether the next token is one of some words, in any case of letters."""
        return self.next.kind == "word" and self.next.text.lower() in words

    def take_if(self, text: str) -> bool:
        """Go past this word or sign if it comes next."""
        if self.next.kind in ("word", "sign") and self.next.text.lower() == text:
            self.take()
            return True
        return False

    def must(self, *texts: str) -> str:
        """Take one of some words or signs."""
        for text in texts:
            if self.take_if(text):
                return text
        raise self.wrong(f"must be {' or '.join(texts)}")

    def wrong(self, rule: str) -> UnreadableError:
        """Say what is wrong with the next token."""
        return UnreadableError(self.next.place, f"{self.next} {rule}")


def read(text: str) -> Reader:
    """Take a text apart."""
    return Reader(list(_tokens(text)))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnreadableError(at + 1, f"{text[at]!r} has no place here")
        yield Token(match.lastgroup or "", match[0], at + 1)
        at = match.end()
    yield Token("end", "", len(text) + 1)


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable is compared with: a text, a pattern, or another variable."""

    text: str = ""
    pattern: re.Pattern[str] | None = field(default=None, compare=False)
    variable: str | None = None

    def fits(self, value: str, variables: Variables) -> bool:
        """Tell whether a variable's value, in lower case, is this."""
        if self.pattern is not None:
            return self.pattern.fullmatch(value) is not None
        if self.variable is not None:
            return value in (other.lower() for other in variables(self.variable))
        return value == self.text


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; without values: the variable is there."""

    variable: str
    is_equal: bool = True
    values: tuple[Value, ...] = ()

    def holds(self, variables: Variables) -> bool:
        """Compare; of a variable with several values one must fit, or none."""
        known = [value.lower() for value in variables(self.variable)]
        if not known or not self.values:
            return bool(known)
        fits = any(one.fits(value, variables) for value in known for one in self.values)
        return fits == self.is_equal


@dataclass(frozen=True, slots=True)
class Several:
    """Clauses of which all must hold, or any."""

    is_all: bool
    parts: "tuple[Condition, ...]"

    def holds(self, variables: Variables) -> bool:
        """Ask the parts."""
        held = (part.holds(variables) for part in self.parts)
        return all(held) if self.is_all else any(held)


Condition = Clause | Several


def condition(reader: Reader, depth: int = 0) -> Condition:
    """Read a clause or a group of them."""
    if not reader.is_word("all", "any"):
        return _clause(reader)
    if depth == DEEPEST:
        raise reader.wrong(f"must not be nested deeper than {DEEPEST}")
    is_all = reader.take().text.lower() == "all"
    reader.must("{")
    parts = [condition(reader, depth + 1)]
    while reader.must(",", "}") == ",":
        parts.append(condition(reader, depth + 1))
    return Several(is_all, tuple(parts))


def _clause(reader: Reader) -> Clause:
    name = reader.next
    if name.kind != "word" or not _VARIABLE.fullmatch(name.text):
        raise reader.wrong("must be a variable (request.…, target.…)")
    variable = reader.take().text.lower()
    if variable.startswith("tag.") and reader.next.text in ("", ",", "}"):
        return Clause(variable)
    if reader.take_if("in"):
        reader.must("(")
        values = [_value(reader)]
        while reader.must(",", ")") == ",":
            values.append(_value(reader))
        return Clause(variable, values=tuple(values))
    sign = reader.must("=", "!=", "in")
    return Clause(variable, sign == "=", (_value(reader),))


def _value(reader: Reader) -> Value:
    token = reader.next
    if token.kind == "text":
        return Value(reader.take().text[1:-1].lower())
    if token.kind == "pattern":
        shape = reader.take().text[1:-1].lower()
        parts = (re.escape(part) for part in shape.split("*"))
        return Value(shape, re.compile(".*".join(parts)))
    if token.kind == "word" and _VARIABLE.fullmatch(token.text):
        return Value(variable=reader.take().text.lower())
    if token.kind == "word" and _PLAIN.fullmatch(token.text):
        return Value(reader.take().text.lower())
    raise reader.wrong("must be a text in single quotation marks or a /pattern*/")
