"""No name in a manifest or an archive, and no link, leads a reader out of the given folder."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from layered import layered_stack

from holodriver.errors import FileFormatError
from holodriver.files.frames import read_frames_folder, write_frames
from holodriver.files.guard.source import inside, stays
from holodriver.files.hop import unpack_hop
from holodriver.files.stack import read_all_in_focus, read_stack, write_stack
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.laser_colour import Colour
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.recording import MANIFEST, read_recording, write_recording

OUT = ("../secret.png", "/etc/passwd", "..", ".", "", "a/../../secret.png", "a\\..\\b", "C:secret.png", "a\0b")


@pytest.mark.parametrize("name", OUT)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(FileFormatError, match="which is no file in its folder") as caught:
        inside(tmp_path, name)
    assert str(caught.value).isprintable()


def test_a_link_within_the_folder_is_followed(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").symlink_to("a.png")
    assert stays(tmp_path, tmp_path / "b.png").is_file()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.exr", "loop.exr"])
def test_a_link_that_leads_out_is_refused(tmp_path, target):
    folder = tmp_path / "a.stack"
    folder.mkdir()
    (tmp_path / "outside.exr").touch()
    (folder / "loop.exr").symlink_to(target)
    with pytest.raises(FileFormatError, match="a link that leads out of"):
        stays(folder, folder / "loop.exr")


@pytest.mark.parametrize("name", ["stack.json", "plane_01.exr", "all_in_focus.exr"])
def test_every_file_of_a_focal_stack_is_its_own(tmp_path, name):
    folder = tmp_path / "a.stack"
    write_stack(layered_stack(16, planes=3, coc_max=2.0, rays=4), folder)
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(FileFormatError, match="a link that leads out of"):
        read_stack(folder)
    if name != "plane_01.exr":
        with pytest.raises(FileFormatError, match="a link that leads out of"):
            read_all_in_focus(folder)


def test_a_focal_stack_that_is_itself_a_link_is_read(tmp_path):
    write_stack(layered_stack(16, planes=3, coc_max=2.0, rays=4), tmp_path / "a.stack")
    (tmp_path / "b.stack").symlink_to(tmp_path / "a.stack")
    assert read_stack(tmp_path / "b.stack").planes == 3


@pytest.fixture
def frames(tmp_path) -> Path:
    profile = REFERENCE.resized(8, 6)
    pixels = np.zeros((3, *profile.native_shape), np.uint8)
    write_frames(tmp_path / "a.frames", PanelFrames(pixels, profile, (1.0,) * 3, (AmplitudeLut.linear(),) * 3))
    return tmp_path / "a.frames"


@pytest.mark.parametrize("name", ["../a.frames/colour_0.png", "/etc/passwd"])
def test_frames_name_pictures_beside_them(frames, name):
    manifest = json.loads((frames / "frames.json").read_text())
    (frames / "frames.json").write_text(json.dumps({**manifest, "frames": [name] * 3}))
    with pytest.raises(FileFormatError, match="which is no file in its folder"):
        read_frames_folder(frames)


def test_frames_that_are_links_to_elsewhere(frames):
    (frames / "colour_0.png").rename(frames.parent / "elsewhere.png")
    (frames / "colour_0.png").symlink_to("../elsewhere.png")
    with pytest.raises(FileFormatError, match="a link that leads out of"):
        read_frames_folder(frames)


def test_a_recording_names_pictures_beside_it(tmp_path):
    write_recording(tmp_path / "seen", [Exposure(0, 0, 0, Colour.RED, np.zeros((4, 4), np.uint8), 0.1, 0.1)])
    manifest = json.loads((tmp_path / "seen" / MANIFEST).read_text())
    manifest["exposures"][0]["pixels"] = "../../x.png"
    (tmp_path / "seen" / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(FileFormatError, match="pixels"):
        read_recording(tmp_path / "seen")


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "..", "a/b.png", "C:evil.png"])
def test_an_archive_writes_nothing_beside_its_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.hop", "w") as packed:
        packed.writestr(name, b"x")
        settings = {"viewX": 2, "viewY": 2, "aspect": 1.0}
        packed.writestr("a.json", json.dumps({"mediaType": "quilt", "quilt_settings": settings}))
    (tmp_path / "into").mkdir()
    with pytest.raises(FileFormatError, match="which is no file in its folder"):
        unpack_hop(tmp_path / "a.hop", tmp_path / "into")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.hop", "into"]
    assert list((tmp_path / "into").iterdir()) == []
