"""A spool in memory."""

from collections.abc import Callable

from mooring.core.cni.spool import SpooledDel, Unreadable, is_half, is_spooled, read


class FakeSpool:
    """Stands where `Spool` stands; `files` is the directory."""

    def __init__(self, files: dict[str, bytes], report: Callable[[str], None]) -> None:
        self.files = files
        self._report = report

    def pending(self) -> list[SpooledDel]:
        items = []
        for name in sorted(filter(is_spooled, self.files)):
            try:
                items.append(read(name, self.files[name]))
            except Unreadable as why:
                self._report(f"spool: {why}; set aside as {name}.bad")
                self.files[f"{name}.bad"] = self.files.pop(name)
        return items

    def sweep(self) -> None:
        for name in sorted(filter(is_half, self.files)):
            self._report(f"spool: {name}: half a DEL; removed")
            del self.files[name]

    def done(self, item: SpooledDel) -> None:
        self.files.pop(item.name, None)
