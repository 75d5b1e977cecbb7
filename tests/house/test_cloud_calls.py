"""Every call that the controller's adapter makes stands in the table of rights, and no other."""

import re
from pathlib import Path

from mooring.core.npn.permissions import RIGHTS

ADAPTER = Path(__file__).parents[2] / "src/mooring/adapters/oci"
OPERATION = re.compile(
    r'"((?:Get|List|Create|Delete|Update|Attach|Detach|Bulk)[A-Z]\w+)"'
)


def test_the_calls_of_the_adapter_are_those_of_the_table() -> None:
    texts = (path.read_text() for path in sorted(ADAPTER.glob("*.py")))
    made = {name for text in texts for name in OPERATION.findall(text)}

    assert made == set(RIGHTS)
