"""One place in a JSON document: reads the value or says where what is wrong."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, TypeVar

T = TypeVar("T")
SHOWN = 120


class Unreadable(ValueError):
    """A field whose value breaks a rule; `field` is its path, as `spec.maxPodCount`."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        self.field, self.value, self.rule = field, value, rule
        shown = repr(value)
        if len(shown) > SHOWN:
            shown = shown[:SHOWN] + "…"
        super().__init__(f"{field}: {shown}: {rule}")


@dataclass(frozen=True, slots=True)
class Field:
    """A value and where it stands. None is absent, as null is in Kubernetes."""

    path: str
    value: Any

    def wrong(self, rule: str) -> Unreadable:
        """Make the error that names this place."""
        return Unreadable(self.path, self.value, rule)

    @property
    def absent(self) -> bool:
        """Tell whether nothing stands here."""
        return self.value is None

    def at(self, *names: str) -> "Field":
        """Go to the first of `names` that is present, else to the first name."""
        here = self.mapping()
        name = next((n for n in names if here.get(n) is not None), names[0])
        return Field(f"{self.path}.{name}" if self.path else name, here.get(name))

    def mapping(self) -> Mapping[str, Any]:
        """Read an object; absent is empty."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.wrong("must be an object")
        return self.value

    def items(self, most: int, least: int = 0) -> tuple["Field", ...]:
        """Read a list of `least` to `most` items; absent is empty."""
        found = [] if self.value is None else self.value
        if not isinstance(found, list):
            raise self.wrong("must be a list")
        if not least <= len(found) <= most:
            raise self.wrong(f"must have {least} to {most} items, has {len(found)}")
        return tuple(Field(f"{self.path}[{i}]", v) for i, v in enumerate(found))

    def text(self, most: int = 1024, least: int = 1) -> str:
        """Read text of `least` to `most` characters."""
        if not isinstance(self.value, str):
            raise self.wrong(
                "must be text" if self.value is not None else "is required"
            )
        if not least <= len(self.value) <= most:
            raise self.wrong(
                f"must have {least} to {most} characters, has {len(self.value)}"
            )
        return self.value

    def texts(self, most: int, longest: int = 255) -> tuple[str, ...]:
        """Read a list of texts."""
        return tuple(item.text(longest) for item in self.items(most))

    def matching(self, pattern: re.Pattern[str], rule: str) -> str:
        """Read text that fits the whole pattern."""
        text = self.text()
        if not pattern.fullmatch(text):
            raise self.wrong(rule)
        return text

    def one_of(self, *words: str) -> str:
        """Read one of the words."""
        if not isinstance(self.value, str) or self.value not in words:
            raise self.wrong("must be one of " + ", ".join(repr(w) for w in words))
        return self.value

    def whole(self, least: int, most: int) -> int:
        """Read a whole number from `least` to `most`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong("must be a whole number")
        if not least <= self.value <= most:
            raise self.wrong(f"must be from {least} to {most}")
        return self.value

    def flag(self, *, absent: bool = False) -> bool:
        """Read true or false."""
        if self.absent:
            return absent
        if not isinstance(self.value, bool):
            raise self.wrong("must be true or false")
        return self.value

    def either(self, read: Callable[["Field"], T], default: T) -> T:
        """Read with `read`, or give `default` when absent."""
        return default if self.absent else read(self)

    def ipv4(self) -> IPv4Address:
        """Read an IPv4 address."""
        return self._net(IPv4Address, ip_address, "must be an IPv4 address")

    def ipv6(self) -> IPv6Address:
        """Read an IPv6 address."""
        return self._net(IPv6Address, ip_address, "must be an IPv6 address")

    def ipv4_block(self) -> IPv4Network:
        """Read an IPv4 block, no bit set behind its prefix."""
        return self._net(IPv4Network, ip_network, "must be an IPv4 CIDR block")

    def ipv6_block(self) -> IPv6Network:
        """Read an IPv6 block, no bit set behind its prefix."""
        return self._net(IPv6Network, ip_network, "must be an IPv6 CIDR block")

    def _net(self, kind: type[T], read: Callable[[str], object], rule: str) -> T:
        """Read text with one of ipaddress's functions, and only that kind."""
        try:
            found = read(self.text())
        except ValueError as error:
            if isinstance(error, Unreadable):
                raise
            raise self.wrong(rule) from None
        if not isinstance(found, kind):
            raise self.wrong(rule)
        return found
