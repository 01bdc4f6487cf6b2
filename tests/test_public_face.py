"""The public interface `import holodriver as hd`: light, typed, complete, and as the README shows it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from layered import layered_stack

import holodriver as hd

ROOT = Path(__file__).parents[1]
HEAVY = ("numpy", "torch", "scipy", "cv2", "h5py", "OpenEXR", "numba", "onnxruntime", "typer", "rich")


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_public_name_is_there_and_described():
    for name in hd.__all__:
        assert getattr(hd, name).__doc__
    assert set(hd.__all__) <= set(dir(hd))
    assert sorted(name for names in hd._HOMES.values() for name in names) == sorted(hd.__all__)


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys; import holodriver; dir(holodriver); print([name for name in {HEAVY} if name in sys.modules])"
    assert run(code) == "[]"


def test_data_types_need_no_torch():
    code = "import sys, holodriver as hd; hd.FocalStack, hd.REFERENCE, hd.Calibration; print('torch' in sys.modules)"
    assert run(code) == "False"


def test_star_import_brings_the_public_names_alone():
    found = run("from holodriver import *; print(sorted(name for name in dir() if not name.startswith('__')))")
    assert found == str(sorted(hd.__all__))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'synthesize'"):
        hd.synthesize  # noqa: B018


def test_type_checkers_see_the_types(tmp_path):
    (tmp_path / "ours.py").write_text(
        "import holodriver as hd\n"
        'stack = hd.read("scene.stack", hd.FocalStack)\n'
        "reveal_type(stack)\n"
        'reveal_type(hd.encode(hd.synthesise(stack, method="net")))\n'
        'hd.synthesise(stack, method="gs")\n'
        "hd.synthesize\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "ours.py"]
    config = ["--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, *config], cwd=tmp_path, capture_output=True, text=True)
    assert 'Revealed type is "holodriver.scene.stack.FocalStack"' in done.stdout, done.stdout
    assert 'Revealed type is "holodriver.panel.frames.PanelFrames"' in done.stdout
    assert "incompatible type \"Literal['gs']\"" in done.stdout
    assert 'has no attribute "synthesize"' in done.stdout


def test_the_lines_in_the_readme_run(tmp_path, monkeypatch):
    (block,) = [code for code in python_blocks((ROOT / "README.md").read_text("utf-8")) if "import holodriver" in code]
    statements = [line for line in block.splitlines() if line and not line.startswith("import")]
    assert len(statements) == 5
    monkeypatch.chdir(tmp_path)
    hd.write("scene.stack", layered_stack(64))
    names: dict[str, object] = {}
    exec(block, names)
    picture = names["picture"]
    assert isinstance(picture, np.ndarray)
    assert picture.shape == (3, 64, 64)
    hologram = hd.read("scene.holo", hd.Hologram)
    assert hologram.field is not None
    assert hologram.frames is not None
    assert hologram.provenance["settings"]["method"] == "net"
    assert np.array_equal(hd.look(hologram, focus=0.3), picture)
