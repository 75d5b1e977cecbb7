"""The kinds of differences: one table of codes with cause and remedy, in words.

`docs/programs/audit.md` prints the table; a test keeps the two equal.
"""

from collections.abc import Mapping

from mooring.core.wiring.audit.codes import By, Code, Kind
from mooring.core.wiring.audit.kinds_node import NODES
from mooring.core.wiring.audit.kinds_pods import PODS

__all__ = ["KINDS", "By", "Code", "Kind"]

KINDS: Mapping[Code, Kind] = {**PODS, **NODES}
