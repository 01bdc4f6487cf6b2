"""`holodriver figures` and `holodriver sweep` as a user calls them."""

import json
from pathlib import Path

import pytest

from holodriver.cli.app import main
from holodriver.study.run import FIGURES, SWEEPS

TINY = ["--scenes-from", "layered", "--size", "48", "--planes", "5", "--scenes", "1", "--iterations", "3"]


def test_a_figure_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["figures", "9", "-o", str(tmp_path / "out"), *TINY]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "made in" in first
    assert "blur-considered depth" in first
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "studies.json", "cache", "figure_9.png", "figure_9.csv", "figure_9.json", "figure_9.npz",
    }  # fmt: skip
    assert main(arguments) == 0
    assert "as it was" in capsys.readouterr().out


def test_a_sweep_prints_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--progress", "json", "sweep", "depth", "-o", str(tmp_path / "out"), *TINY]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (table,) = [event for event in events if event["event"] == "table"]
    assert [row[0] for row in table["rows"]] == ["all-in-focus", "blur-considered"]
    assert any(event["event"] == "progress" for event in events)


def test_the_help_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    for command, table in (("figures", FIGURES), ("sweep", SWEEPS)):
        assert main([command, "--help"]) == 0
        said = capsys.readouterr().out
        assert all(name in said for name in table)


def test_the_page_of_claims_is_judged_by_the_results_that_are_there(tmp_path: Path) -> None:
    made = tmp_path / "out"
    assert main(["figures", "9", "-o", str(made), *TINY]) == 0
    before = {path.name for path in made.iterdir()}
    assert main(["figures", "page", "-o", str(made), *TINY]) == 0
    assert {path.name for path in made.iterdir()} - before == {"claims.html", "claims.md", "claims.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["figures", "8", "-o", "new"], "there is no figure '8'"),
        (["sweep", "colour", "-o", "new"], "there is no sweep 'colour'"),
        (["figures", "3", "-o", "."], "holds no studies"),
        (["figures", "3", "-o", "new", "--size", "64x48"], "own scenes are square"),
        (["figures", "3", "-o", "new", "--size", "16"], "enough to score, from 27"),
        (["figures", "5", "-o", "new", "--size", "64,20x16"], "enough to score, from 27"),
        (["figures", "3", "-o", "new", "--stack", "gone.stack"], "gone.stack"),
        (["figures", "6", "-o", "new", "--rgbd", "gone.png"], "gone.png"),
        (["sweep", "channels", "-o", "new", "--networks", "gone", *TINY], "gone"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    monkeypatch.chdir(tmp_path)
    assert main(["--progress", "none", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert (tmp_path / "letter.txt").read_text() == "dear"
