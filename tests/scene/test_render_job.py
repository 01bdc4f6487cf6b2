"""The request for a render: refused values, and unchanged transfer to Blender's side."""

import json
from pathlib import Path

import pytest

from holodriver.errors import InputError
from holodriver.scene.render_job import QuiltViews, RenderJob


def job(scene="demo", **changes):
    return RenderJob(scene=str(scene), **({"width": 16, "height": 16} | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 0}, "width is 0"),
        ({"height": 12.5}, "height is 12.5"),
        ({"planes": 1}, "planes is 1"),
        ({"samples": 0}, "samples is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"coc_max": 0.0}, "coc_max is 0.0"),
        ({"coc_max": float("nan")}, "coc_max is nan"),
        ({"mapping": "radial"}, "mapping is 'radial'"),
        ({"near": 0.0}, "near is 0.0, expected metres above 0"),
        ({"near": 5.0, "far": 5.0}, "far is 5 m"),
        ({"near": 5.0, "far": 4.0, "mapping": "linear"}, "far is 4 m"),
        ({"near": 5.0, "far": float("inf"), "mapping": "linear"}, "far is infinite"),
        ({"scene": "/nowhere/scene.blend"}, "scene.blend: does not exist"),
    ],
)
def test_wrong_jobs_are_refused_by_field(changes, said):
    with pytest.raises(InputError, match=said):
        job(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"views": 1}, "views is 1"),
        ({"view_cone": 0.0}, "view_cone is 0.0, expected degrees above 0"),
        ({"focus": float("inf")}, "focus is inf, expected metres"),
        ({"look": "filmic"}, "look is 'filmic'"),
    ],
)
def test_wrong_views_are_refused_by_field(changes, said):
    with pytest.raises(InputError, match=said):
        QuiltViews(**({"views": 9, "view_cone": 30.0} | changes))


def test_a_request_survives_json(tmp_path):
    (tmp_path / "a.blend").touch()
    asked = job(
        tmp_path / "a.blend", near=0.25, far=float("inf"), mapping="dioptric", devices=("x",), frames=(-1, 3), seed=7
    )
    text = json.dumps(asked.as_dict(), allow_nan=False)
    assert RenderJob.from_dict(json.loads(text)) == asked


def test_a_request_for_another_folder_names_its_file_wholly(tmp_path, monkeypatch):
    (tmp_path / "a.blend").touch()
    monkeypatch.chdir(tmp_path)
    assert Path(job("a.blend").anywhere().scene) == tmp_path / "a.blend"
    assert job("random").anywhere() == job("random")
