"""An image as bytes: what a strict reader finds in it."""

import hashlib
import io
import json
import tarfile
from typing import Any

from mooring.core.linux.image import Entry, Image, Recipe, archive, layout, tar

RECIPE = Recipe(
    name="localhost/mooring/pod:1",
    machine="x86_64",
    busybox=b"\x7fELF" + bytes(700),
    applets=("sh", "busybox", "ls"),
)


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {m.name: m for m in opened.getmembers()}


def content(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        file = opened.extractfile(name)
        assert file is not None
        return file.read()


def blob(data: bytes, descriptor: dict[str, Any]) -> bytes:
    found = content(data, f"blobs/sha256/{descriptor['digest'][7:]}")
    assert len(found) == descriptor["size"]
    assert f"sha256:{hashlib.sha256(found).hexdigest()}" == descriptor["digest"]
    return found


def manifest(data: bytes) -> dict[str, Any]:
    index = json.loads(content(data, "index.json"))
    (only,) = index["manifests"]
    assert only["annotations"] == {"io.containerd.image.name": RECIPE.name}
    found: dict[str, Any] = json.loads(blob(data, only))
    return found


def test_every_digest_and_size_is_right() -> None:
    data = archive(RECIPE)
    found = manifest(data)
    config = json.loads(blob(data, found["config"]))
    layer = blob(data, found["layers"][0])

    assert config["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256(layer).hexdigest()}"
    ]
    assert config["architecture"] == "amd64"


def test_the_layer_holds_the_program_its_names_and_a_merged_usr() -> None:
    data = archive(RECIPE)
    layer = blob(data, manifest(data)["layers"][0])
    found = members(layer)

    assert content(layer, "bin/busybox") == RECIPE.busybox
    assert found["bin/sh"].linkname == "busybox"
    assert found["lib64"].linkname == "usr/lib64"
    assert found["tmp"].mode == 0o1777
    assert found["bin/busybox"].mode == 0o755
    assert found["usr"].isdir()


def test_the_same_recipe_gives_the_same_bytes() -> None:
    assert archive(RECIPE) == archive(RECIPE)


def test_an_unknown_machine_keeps_its_name() -> None:
    riscv = Recipe(name=RECIPE.name, machine="riscv64", busybox=b"", applets=())
    data = archive(riscv)

    assert json.loads(blob(data, manifest(data)["config"]))["architecture"] == "riscv64"


def test_a_tar_is_read_back_whole() -> None:
    data = tar([Entry("a"), Entry("a/b", b"x" * 513, 0o640), Entry("c", link="a/b")])

    assert content(data, "a/b") == b"x" * 513
    assert members(data)["c"].issym()


def test_an_image_of_several_layers_answers_to_each_of_its_names() -> None:
    layers = [tar([Entry("a", b"1")]), tar([Entry("b", b"2")])]
    wish = Image(
        names=("x/one:1", "x/two:2"),
        machine="x86_64",
        entrypoint=("/a",),
        user="65532:65532",
    )
    data = b"".join(layout(wish, layers))
    index = json.loads(content(data, "index.json"))["manifests"]
    found = json.loads(blob(data, index[0]))
    config = json.loads(blob(data, found["config"]))

    assert [each["annotations"]["io.containerd.image.name"] for each in index] == [
        "x/one:1",
        "x/two:2",
    ]
    assert index[0]["digest"] == index[1]["digest"]
    assert [blob(data, each) for each in found["layers"]] == layers
    assert config["config"]["User"] == "65532:65532"
    assert "Cmd" not in config["config"]


def test_a_layer_that_comes_twice_is_kept_once() -> None:
    layer = tar([Entry("a", b"1")])
    data = b"".join(layout(Image(names=("x",), machine="x86_64"), [layer, layer]))
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        names = opened.getnames()

    assert len(names) == len(set(names))
