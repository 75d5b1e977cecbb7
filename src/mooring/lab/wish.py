"""A lab.yaml off the disk: YAML in which a key stands once."""

from pathlib import Path
from typing import Any

import yaml

from mooring.lab.errors import LabError


class _Strict(yaml.SafeLoader):
    """YAML in which a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - PyYAML's
        """Make a mapping; a key that is there already is a fault."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                mark = node.value[number][0].start_mark
                raise yaml.MarkedYAMLError(None, None, f"{key!r} stands twice", mark)
        return super().construct_mapping(node, deep)


def read(file: Path) -> object:
    """Read a file, or say what keeps it from being YAML."""
    try:
        return yaml.load(file.read_text(), Loader=_Strict)  # noqa: S506 - a safe one
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        text = " ".join(str(error).split())
        raise LabError(f"{file}: no YAML: {text}") from None
