"""A journal in memory, for services that are tested without a disk."""

from collections.abc import Iterable

from mooring.adapters.journal import Entry, JournalError


class FakeJournal:
    """Keeps entries in a dictionary; `refuse` makes the next commits fail."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse = refuse
        self.held: dict[tuple[str, str], str] = {}
        self.commits = 0

    def entries(self) -> list[Entry]:
        return [Entry(*key, body) for key, body in sorted(self.held.items())]

    def read(self, kind: str, key: str) -> str | None:
        return self.held.get((kind, key))

    def commit(self, entries: Iterable[Entry]) -> None:
        draft = dict(self.held)
        for entry in entries:
            if entry.body is None:
                draft.pop((entry.kind, entry.key), None)
            else:
                draft[entry.kind, entry.key] = entry.body
        if self.refuse:
            raise JournalError("memory: full; nothing was changed")
        self.held = draft
        self.commits += 1

    def close(self) -> None:
        """Nothing is open."""
