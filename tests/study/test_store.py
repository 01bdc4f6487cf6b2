"""Stored studies are found again by their inputs and by the code that made them."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from holodriver.errors import FileFormatError
from holodriver.study import store as stores
from holodriver.study.store import (
    ARRAYS,
    JSON,
    NOT_IN_RENDERS,
    PACKAGE,
    UNCOUNTED,
    Store,
    code_digest,
    folder_digest,
)


def test_a_value_is_computed_once(tmp_path: Path) -> None:
    store, calls = Store(tmp_path / "cache"), []

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"answer": 0.1}

    first = store.keep("a", {"x": 1}, JSON, compute)
    again = Store(tmp_path / "cache").keep("a", {"x": 1}, JSON, compute)
    assert (first, len(calls)) == (again, 1)
    assert store.keep("a", {"x": 2}, JSON, compute).key != first.key
    assert store.keep("b", {"x": 1}, JSON, compute).key != first.key
    assert len(calls) == 3


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A small package in the place of the product, and a digest of its code that is made anew each time."""
    package = tmp_path / "package"
    (package / "optics").mkdir(parents=True)
    (package / "optics" / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(stores, "PACKAGE", package)
    monkeypatch.setattr(stores, "code_digest", code_digest.__wrapped__)
    return package


def test_other_code_makes_another_entry(package: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    keys = []
    for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
        (package / "optics" / "a.py").write_text(text)
        keys.append(store.keep("a", {}, JSON, lambda: 1).key)
    assert keys[0] == keys[2] != keys[1]
    assert store.computed == ["a", "a"]


@pytest.mark.parametrize(
    ("file", "counts", "renders"),
    [
        ("rogue/new.py", True, True),  # a room that nobody listed
        ("new.py", True, True),
        ("optics/b.py", True, True),
        ("depth/new.py", True, False),
        ("cli/new.py", False, False),
        ("rig/play/new.py", False, False),
        ("study/page.py", False, False),
        ("../blender_addon/new.py", False, True),
    ],
)
def test_every_room_counts_but_those_that_results_do_not_depend_on(
    package: Path, tmp_path: Path, file: str, counts: bool, renders: bool
) -> None:
    def keys() -> tuple[str, str]:
        store = Store(tmp_path / "cache")
        key = store.keep("a", {}, JSON, lambda: 1).key
        return key, store.made("r", {}, ".txt", lambda path: path.write_text(""), rendered=True)[1]

    before = keys()
    (package / file).parent.mkdir(parents=True, exist_ok=True)
    (package / file).write_text("x = 1\n")
    assert tuple(a != b for a, b in zip(before, keys(), strict=True)) == (counts, renders)


@pytest.mark.parametrize("renders", [False, True])
def test_what_counts_imports_nothing_that_does_not(renders: bool) -> None:
    """Else a change there would change results under an old key."""
    uncounted = (*UNCOUNTED, *NOT_IN_RENDERS) if renders else UNCOUNTED
    modules = tuple(part.removesuffix(".py").replace("/", ".") for part in uncounted)
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE)
        if any(name.is_relative_to(part) for part in (*uncounted, "__init__.py", "__main__.py")):
            continue  # the two at the top lead outwards, and nothing inside uses them
        for found in re.findall(r"(?:from|import) holodriver\.([\w.]+)", file.read_text(encoding="utf-8")):
            if any(f"{found}.".startswith(f"{module}.") for module in modules):
                wrong.append(f"{name} imports {found}")
    # drawing counts the viewer by itself: results, which have pictures, have it in their key
    assert wrong == ([] if renders else ["study/drawing.py imports viewer.contact_sheet"])


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    held = {"a": np.arange(6.0).reshape(2, 3), "b c": np.zeros((1, 2), np.complex64)}
    back = Store(tmp_path).keep("x", {}, ARRAYS, lambda: held).value
    assert back.keys() == held.keys()
    for name, values in held.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype == values.dtype


def test_a_killed_run_goes_on_with_what_was_finished(tmp_path: Path) -> None:
    """A process that is killed while its second entry is being written: the first is there, of the second nothing."""
    code = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from holodriver.study.store import JSON, Kind, Store
        store = Store(Path(sys.argv[1]))
        store.keep("first", {}, JSON, lambda: 1)
        def die(path, value):
            from holodriver.files.atomic import written_file
            with written_file(path) as temporary:
                temporary.write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        store.keep("second", {}, Kind(".json", die, JSON.read), lambda: 2)
    """)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode != 0
    store = Store(tmp_path)
    assert (store.keep("first", {}, JSON, lambda: 10).value, store.keep("second", {}, JSON, lambda: 20).value) == (
        1,
        20,
    )
    assert store.computed == ["second"]


def test_a_spoilt_entry_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep("a", {}, JSON, lambda: 1)
    (path,) = tmp_path.iterdir()
    path.write_text("{")
    with pytest.raises(FileFormatError, match="delete it") as raised:
        store.keep("a", {}, JSON, lambda: 1)
    assert raised.value.where == str(path)


def test_a_folder_is_known_by_its_contents(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"1")
    (tmp_path / "b.txt").write_bytes(b"1")
    before = folder_digest(tmp_path, ("*.exr",))
    (tmp_path / "b.txt").write_bytes(b"2")
    assert folder_digest(tmp_path, ("*.exr",)) == before
    (tmp_path / "a.exr").write_bytes(b"2")
    assert folder_digest(tmp_path, ("*.exr",)) != before
