"""The errors that a runtime sees: one numbered table.

The numbers are those of the CNI specification 1.1.0 (section 5) and of libcni.

`docs/programs/cni.md` prints the table; a test keeps the two equal.
"""

from collections.abc import Mapping
from enum import IntEnum

from mooring.core.cni.versions import FALLBACK, SUPPORTED


class Code(IntEnum):
    """What went wrong, by what the runtime should think of it; ours from 100."""

    INCOMPATIBLE_VERSION = 1
    UNSUPPORTED_FIELD = 2
    UNKNOWN_CONTAINER = 3
    INVALID_ENVIRONMENT = 4
    IO_FAILURE = 5
    DECODING_FAILURE = 6
    INVALID_CONFIG = 7
    INVALID_NETNS = 8
    TRY_AGAIN_LATER = 11
    NOT_AVAILABLE = 50
    LIMITED_CONNECTIVITY = 51
    KERNEL_REFUSED = 100
    NOT_AS_ADDED = 101
    INTERFACE_EXISTS = 102
    LEFT_BEHIND = 103
    INTERNAL = 999


MEANINGS: Mapping[Code, str] = {
    Code.INCOMPATIBLE_VERSION: "`cniVersion` is not spoken, or too old for the command",
    Code.UNSUPPORTED_FIELD: "the network configuration has a key that nobody reads",
    Code.UNKNOWN_CONTAINER: "CHECK: no such attachment was made here",
    Code.INVALID_ENVIRONMENT: "a `CNI_*` variable is missing or breaks its rule",
    Code.IO_FAILURE: "reading, writing or talking to the agent failed for good",
    Code.DECODING_FAILURE: "standard input is no JSON, or `prevResult` no result",
    Code.INVALID_CONFIG: "a field of the configuration is missing or breaks its rule",
    Code.INVALID_NETNS: "`CNI_NETNS` is no network namespace, or the node's own",
    Code.TRY_AGAIN_LATER: "the agent is away or starting, or no address is free yet",
    Code.NOT_AVAILABLE: "STATUS: an ADD could not be served now",
    Code.LIMITED_CONNECTIVITY: "STATUS: as 50, and running pods suffer too",
    Code.KERNEL_REFUSED: "the kernel refused a step; those before it were undone",
    Code.NOT_AS_ADDED: "CHECK: something that ADD made is not there any more",
    Code.INTERFACE_EXISTS: "ADD: the container already has an interface of that name",
    Code.LEFT_BEHIND: "GC: something could not be removed; all the rest was",
    Code.INTERNAL: "a defect of Mooring; the agent's log has the story",
}
"""When each code is used, in the words of the documentation."""


class CniError(Exception):
    """An answer that is a refusal: what the runtime gets on standard output."""

    def __init__(self, code: Code, msg: str, details: str = "") -> None:
        super().__init__(code, msg, details)
        self.code = code
        self.msg = msg
        self.details = details

    def __str__(self) -> str:
        """Read as one line of a log."""
        return f"{self.msg} ({self.details})" if self.details else self.msg

    def as_json(self, version: str = FALLBACK) -> dict[str, object]:
        """Give the error object; a version that is not spoken becomes 1.0.0."""
        spoken = version if version in SUPPORTED else FALLBACK
        document: dict[str, object] = {
            "cniVersion": spoken,
            "code": int(self.code),
            "msg": self.msg,
        }
        if self.details:
            document["details"] = self.details
        return document
