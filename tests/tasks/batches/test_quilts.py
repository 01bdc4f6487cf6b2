"""Quilts of many sources as a batch."""

from pathlib import Path

import numpy as np

from holodriver.farm.unit import fingerprint
from holodriver.files.rgbd import write_rgbd
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.what_to_show import SourceOptions, files_of
from holodriver.optics.lookingglass import looking_glass
from holodriver.scene.rgbd import RgbdImage
from holodriver.tasks.batches.quilts import QuiltSettings, quilts_batch


def write(path: Path, depth: float) -> Path:
    write_rgbd(RgbdImage(np.zeros((3, 8, 8), np.float32), np.full((8, 8), depth)), path, overwrite=True)
    return path


def test_another_depth_beside_a_picture_is_another_source(tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.mkdir()
    write(film / "1.png", 0.5)
    sources = [write(tmp_path / "a.png", 0.5), write(tmp_path / "a_rgbd_lr.png", 0.5), film]
    settings = QuiltSettings(looking_glass("go"), ViewSettings(), SourceOptions())

    def prints() -> list[str]:
        return [fingerprint(*unit.sources) for unit in quilts_batch(sources, tmp_path / "out", settings).units]

    before = prints()
    assert prints() == before
    write(tmp_path / "a.png", 0.25)
    write(film / "1.png", 0.25)
    assert [now == then for now, then in zip(prints(), before, strict=True)] == [False, True, False]


def test_what_is_read_with_a_source(tmp_path: Path) -> None:
    picture = write(tmp_path / "a.png", 0.5)
    assert files_of(picture) == (picture, tmp_path / "a_depth.png")
    assert files_of(picture, SourceOptions(depth=tmp_path / "d.png")) == (picture, tmp_path / "d.png")
    assert files_of(tmp_path) == (tmp_path, picture, tmp_path / "a_depth.png")
    alone = write(tmp_path / "b.exr", 0.5)
    assert files_of(alone) == (alone,)
    (tmp_path / "a_depth.png").unlink()
    assert files_of(picture) == (picture,)
