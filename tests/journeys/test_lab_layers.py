"""What makes the lab put a layer of its images together anew."""

import os
from pathlib import Path

from mooring.lab.images_built import Layer


def test_a_layer_is_named_by_its_files_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    first = Layer("x", {"file": file}).key()
    os.utime(file, (1, 1))
    touched = Layer("x", {"file": file}).key()

    assert first != touched
    assert touched == Layer("other", {"file": file}).key()
    assert touched != Layer("x", {"elsewhere": file}).key()
