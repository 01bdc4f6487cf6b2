"""Focal-stack folders: round trips, assembly from raw renders, and refusal of incomplete folders."""

import json
import math

import numpy as np
import pytest

from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.atomic import written_folder
from holodriver.files.exr import read_exr, write_exr
from holodriver.files.manifest import RawManifest, raw_color_name, raw_depth_name
from holodriver.files.stack import HOLDS, Assembly, Outside, read_stack, write_stack
from holodriver.scene.stack import FocalStack

N, H, W = 3, 5, 7
SAMPLES = 2


def make_stack(**changes):
    rng = np.random.default_rng(2)
    values = {
        "images": rng.random((N, 3, H, W)),
        "depths": rng.random((N, H, W)),
        "all_in_focus": rng.random((3, H, W)),
        "all_in_focus_depth": rng.random((H, W)),
        "positions": np.linspace(0, 1, N),
        "mapping": "dioptric",
        "coc_max": 15.0,
        "provenance": {"scene": "test", "near": 0.5, "far": math.inf, "camera": {"type": "perspective"}},
    }
    return FocalStack(**(values | changes))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "a.stack"
    write_stack(make_stack(), path)
    return path


def test_round_trip(folder):
    made, found = make_stack(), read_stack(folder)
    for name in ("depths", "all_in_focus_depth", "positions"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    for name in ("images", "all_in_focus"):
        np.testing.assert_allclose(getattr(found, name), getattr(made, name), rtol=2**-11, atol=1e-7)  # half precision
    assert found.mapping == "dioptric"
    assert found.coc_max == 15.0
    assert made.provenance.items() <= found.provenance.items()


def test_a_second_round_trip_changes_nothing(folder, tmp_path):
    once = read_stack(folder)
    write_stack(once, tmp_path / "b.stack")
    twice = read_stack(tmp_path / "b.stack")
    np.testing.assert_array_equal(twice.images, once.images)
    assert twice.provenance == once.provenance


def test_a_scene_without_metres_has_none(tmp_path):
    write_stack(make_stack(provenance={}), tmp_path / "a.stack")
    assert json.loads((tmp_path / "a.stack" / "stack.json").read_text(encoding="utf-8"))["near"] is None
    assert "near" not in read_stack(tmp_path / "a.stack").provenance


def test_nothing_is_overwritten_unasked(folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_stack(make_stack(coc_max=3.0), folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    write_stack(make_stack(coc_max=3.0), folder, overwrite=True)
    assert read_stack(folder).coc_max == 3.0


def test_one_colour_is_refused(tmp_path):
    with pytest.raises(InputError, match="1 colours"):
        write_stack(make_stack(images=np.ones((N, 1, H, W)), all_in_focus=np.ones((1, H, W))), tmp_path / "a.stack")


def test_what_is_no_stack_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        read_stack(tmp_path / "none.stack")
    (tmp_path / "file.stack").write_text("")
    with pytest.raises(FileFormatError, match="is not a folder"):
        read_stack(tmp_path / "file.stack")
    (tmp_path / "empty.stack").mkdir()
    with pytest.raises(FileFormatError, match=r"empty\.stack.stack\.json: does not exist"):
        read_stack(tmp_path / "empty.stack")


@pytest.mark.parametrize("name", ["plane_00.exr", "plane_02.exr", "all_in_focus.exr"])
def test_a_missing_image_is_refused_by_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileFormatError, match=f"{name}: does not exist"):
        read_stack(folder)


def test_a_truncated_image_is_refused_by_name(folder):
    path = folder / "plane_01.exr"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match=r"plane_01\.exr"):
        read_stack(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"R": np.ones((H, W + 1))}, "size"),
        ({"R": None}, "channel 'R' is missing"),
        ({"Z": np.full((H, W), 1.5)}, "normalised depth"),
        ({"G": np.full((H, W), -0.1)}, "negative light"),
    ],
)
def test_a_wrong_image_is_refused_by_name_and_field(folder, change, said):
    channels = {
        name: np.full(next(iter(change.values()), None).shape if change.get("R") is not None else (H, W), 0.5)
        for name in "RGBZ"
    }
    channels |= change
    write_exr(folder / "plane_01.exr", {name: values for name, values in channels.items() if values is not None})
    with pytest.raises(FileFormatError, match=rf"plane_01\.exr: .*{said}"):
        read_stack(folder)


def test_another_version_is_refused(folder):
    path = folder / "stack.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"version": 1', '"version": 7'), encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"stack\.json: field 'version' is 7, expected 1"):
        read_stack(folder)


@pytest.fixture
def raw(tmp_path):
    """Raw renders as the add-on writes them: depth in metres, no hit 1e10."""
    path = tmp_path / "raw"
    path.mkdir()
    manifest = RawManifest(
        width=W,
        height=H,
        positions=(0.0, 0.5, 1.0),
        mapping="linear",
        near=10.0,
        far=14.0,
        coc_max=15.0,
        layer="Layer",
        samples=8,
        depth_samples=SAMPLES,
    )
    manifest.write(path)

    def write(name, channels, samples):
        write_exr(path / name, channels, header={"cycles.Layer.samples": str(samples)})

    rng = np.random.default_rng(3)
    for name in ("all_in_focus.exr", *(raw_color_name(plane) for plane in range(N))):
        write(name, {f"Layer.Combined.{color}": rng.random((H, W)) - 1e-4 for color in "RGB"}, 8)
    depth = np.full((H, W), 12.0)
    depth[0], depth[1] = 1e10, 9.0  # nothing hit, and a thing in front of the near plane
    write("all_in_focus_depth.exr", {"Layer.Depth.Z": depth}, 1)
    for plane in range(N):
        for sample in range(SAMPLES):
            other = depth.copy()
            other[2, sample] = 11.0
            write(raw_depth_name(plane, sample), {"Layer.Depth.Z": other}, 1)
    return path


def assemble(raw, path):
    """As the renderer does it, once all raw files are there; yields after each part."""
    with written_folder(path, holds=HOLDS) as folder:
        assembly = Assembly.of(raw, folder)
        assembly.add_all_in_focus()
        yield assembly
        for plane in range(N):
            assembly.add_plane(plane)
            yield assembly
        assembly.finish()


def test_assembly_takes_the_front_most_depth_and_normalises_it(raw, tmp_path):
    path = tmp_path / "a.stack"
    list(assemble(raw, path))
    stack = read_stack(path)
    for depth in (*stack.depths, stack.all_in_focus_depth):
        assert (depth[0] == 1).all()  # no hit: the far plane
        assert (depth[1] == 0).all()  # nearer than the near plane: clipped
        np.testing.assert_allclose(depth[3:], 0.5)
    np.testing.assert_allclose(stack.depths[:, 2, :SAMPLES], 0.25)
    np.testing.assert_allclose(stack.depths[:, 2, SAMPLES:], 0.5)
    assert stack.images.min() >= 0
    assert stack.provenance["near"] == 10.0


def test_assembly_deletes_raw_files_plane_by_plane(raw, tmp_path):
    before = len(list(raw.iterdir()))
    left = [len(list(raw.iterdir())) for _ in assemble(raw, tmp_path / "a.stack")]
    # the all-in-focus image with its depth goes first, then a colour image with its depth samples each time
    assert left == [before - 2 - plane * (1 + SAMPLES) for plane in range(N + 1)]
    assert list(raw.iterdir()) == []


def test_assembly_counts_what_lies_outside_the_range(raw, tmp_path):
    """A row of W in front; what was not hit at all is not behind."""
    *_, assembly = assemble(raw, tmp_path / "a.stack")
    assert assembly.outside == Outside(in_front=1 / H, behind=0.0, nearest=9.0, farthest=12.0)
    assert read_stack(tmp_path / "a.stack").provenance["outside"] == {"in_front": 1 / H, "behind": 0.0}


@pytest.mark.parametrize("name", ["raw.json", "all_in_focus.exr", raw_color_name(1), raw_depth_name(2, 1)])
def test_a_missing_raw_file_leaves_no_half_stack(raw, tmp_path, name):
    (raw / name).unlink()
    with pytest.raises(FileFormatError, match=name):
        list(assemble(raw, tmp_path / "a.stack"))
    assert [file.name for file in tmp_path.iterdir()] == ["raw"]


def test_raw_files_of_another_sample_count_are_refused(raw, tmp_path):
    depth = read_exr(raw / raw_depth_name(0, 0), ("Layer.Depth.Z",)).channels
    write_exr(raw / raw_depth_name(0, 0), depth, header={"cycles.Layer.samples": "8"})
    with pytest.raises(FileFormatError, match=r"depth_00_00\.exr: field 'cycles.Layer.samples' is '8', expected '1'"):
        list(assemble(raw, tmp_path / "a.stack"))
