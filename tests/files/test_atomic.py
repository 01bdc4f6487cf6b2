"""Writing files: complete or not at all, and never over an existing file unasked."""

import os
from pathlib import Path

import pytest

from holodriver.errors import InputError, OutputExistsError
from holodriver.files.atomic import written_file, written_folder

HOLDS = ("old", "new")


def interrupted_write(path: Path) -> None:
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def failed_write(path: Path) -> None:
    with written_folder(path, overwrite=True, holds=HOLDS) as temporary:
        (temporary / "new").touch()
        raise ValueError("half way")


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with written_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.stack"
    with written_folder(path, holds=HOLDS) as temporary:
        (temporary / "old").touch()
    with pytest.raises(OutputExistsError), written_folder(path, holds=HOLDS):
        pass
    with pytest.raises(ValueError, match="half way"):
        failed_write(path)
    assert [p.name for p in path.iterdir()] == ["old"]
    with written_folder(path, overwrite=True, holds=HOLDS) as temporary:
        (temporary / "new").touch()
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.stack"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"), written_file(tmp_path / "file" / "deep" / "a.txt"):
        pass


@pytest.mark.parametrize("failing", [1, 2])
def test_an_interrupted_exchange_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    path = tmp_path / "a.stack"
    with written_folder(path, holds=HOLDS) as temporary:
        (temporary / "old").touch()
    calls, replace = iter(range(1, 9)), os.replace

    def interrupted(source: Path, target: Path) -> None:
        if next(calls) == failing:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), written_folder(path, overwrite=True, holds=HOLDS):
        pass
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.stack"]


@pytest.mark.parametrize("foreign", ["thesis.txt", "old.txt", ".hidden", "new/"])
def test_a_folder_with_other_things_in_it_is_never_replaced(tmp_path: Path, foreign: str) -> None:
    path = tmp_path / "a.stack"
    with written_folder(path, holds=HOLDS) as temporary:
        (temporary / "old").touch()
    (path / foreign).mkdir() if foreign.endswith("/") else (path / foreign).write_text("years of work")
    before = sorted(path.rglob("*"))
    with pytest.raises(OutputExistsError, match="would lose"), written_folder(path, overwrite=True, holds=HOLDS):
        pass
    assert sorted(path.rglob("*")) == before


def test_files_and_folders_are_not_taken_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a folder"), written_file(tmp_path, overwrite=True):
        pass
    with pytest.raises(InputError, match="is a file"), written_folder(tmp_path / "file", overwrite=True, holds=HOLDS):
        pass
