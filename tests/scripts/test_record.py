"""scripts/bench/record.py: a bench's tables in RESULTS.md."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))

import record


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A RESULTS.md with figures that were carried over, in a repository of its own."""
    file = tmp_path / "scripts" / "bench" / "RESULTS.md"
    file.parent.mkdir(parents=True)
    file.write_text(
        "# Measured\n\n## Measured earlier\n\n<!-- earlier: play -->\n### Old play\n<!-- end -->\n\n"
        "<!-- earlier: guard -->\n### Old guard\n<!-- end -->\n"
    )
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "RESULTS", file)
    return file


def measure(key: str, value: str, *, write: bool = True) -> None:
    with record.section(key, key.capitalize(), about="About.", write=write) as section:
        section.table(("what", "ms"), [("a | b", value)], title="Times")
        section.say("Said.")


def test_a_section_takes_its_alphabetical_place_and_the_place_of_what_was_carried_over(results):
    for key in ("play", "encoding", "synthesis core"):
        measure(key, "1")
    text = results.read_text()
    places = [text.index(words) for words in ("## Encoding", "## Play", "## Synthesis core", record.EARLIER)]
    assert places == sorted(places)
    assert "Old play" not in text
    assert "Old guard" in text


def test_recording_again_replaces_the_section_alone(results):
    for key in ("encoding", "play"):
        measure(key, "1")
    measure("encoding", "2")
    text = results.read_text()
    assert text.count("## Encoding") == text.count("## Play") == 1
    assert ("| a \\| b | 2 |" in text, text.count("| a \\| b | 1 |")) == (True, 1)


def test_nothing_is_written_without_the_option_or_after_an_error(results, capsys):
    before = results.read_text()
    measure("play", "1", write=False)
    with pytest.raises(ZeroDivisionError), record.section("play", "Play", write=True) as section:
        section.say(str(1 / 0))
    assert results.read_text() == before
    assert "a \\| b" in capsys.readouterr().out


def test_the_section_says_commit_machine_and_command(results, tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        done = subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    (tmp_path / "code.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "a")
    monkeypatch.setattr(
        sys, "argv", [str(tmp_path / "scripts/bench/play.py"), "/elsewhere/my stack", "--record", "-n", "3"]
    )
    measure("play", "1")
    measure("play", "1")  # what the first wrote is no change of the code
    text = results.read_text()
    commit = git("rev-parse", "--short", "HEAD")
    assert f"commit {commit};" in text
    assert "cores" in text
    assert "python scripts/bench/play.py 'my stack' -n 3\n" in text
    (tmp_path / "code.py").write_text("2")
    measure("play", "1")
    assert f"commit {commit} + local changes;" in results.read_text()
