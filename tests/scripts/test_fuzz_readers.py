"""scripts/fuzz/readers.py: a hundred damaged files for every reader, and the detection of defects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holodriver.files.guard import guard

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz" / "readers.py"
CASES = 100
CRASHES = ("array",)
"""Readers whose library is known to crash on damaged files (SciPy's of .mat), which the reading process holds."""

pytestmark = pytest.mark.skipif(not guard.AVAILABLE, reason="this system has no reading process")


def run(*arguments: str) -> tuple[int, list[dict]]:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert reports, done.stderr
    return done.returncode, reports


def test_no_damaged_file_does_harm():
    code, reports = run("--count", str(CASES), "--seed", "7")
    assert code == 0, [report for report in reports if report["defect"]]
    assert len(reports) >= 26
    for report in reports:
        assert report["read"] + report["refused"] <= report["cases"] == CASES
        assert report["hang held"] == 0, report
        assert report["crash held"] == 0 or report["reader"] in CRASHES, report


@pytest.mark.parametrize(
    ("reader", "case"), [("holo", 192), ("holo", 2924), ("sound", 3), ("stack", 110), ("video", 8470)]
)
def test_what_it_found_once_stays_mended(reader, case):
    code, _ = run("--readers", reader, "--first", str(case), "--count", "1")
    assert code == 0


def test_a_case_is_the_same_every_time():
    _, first = run("--readers", "rig,exr", "--count", "40")
    _, second = run("--readers", "rig,exr", "--count", "40")
    kinds = ("read", "refused", "defect")
    assert [[one[kind] for kind in kinds] for one in first] == [[one[kind] for kind in kinds] for one in second]


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ("lambda path: 1 / 0", "ZeroDivisionError"),
        ("lambda path: (_ for _ in ()).throw(FileFormatError('is wrong', where='elsewhere'))", "names no file"),
        ("lambda path: (_ for _ in ()).throw(FileFormatError('x' * 900, where=path, remedy='y' * 9000))", "refused"),
        ("lambda path: bytearray(600 << 20) and None", "grew by"),
    ],
)
def test_it_sees_what_it_looks_for(tmp_path, reader, said):
    """A reader that is fine with the file as it was, and wrong with a damaged one."""
    code = f"""
import sys
sys.argv = ["fuzz", "--readers", "edid", "--count", "3", "--log", {str(tmp_path / "log")!r}]
sys.path.insert(0, {str(SCRIPT.parent)!r})
import readers
from holodriver.errors import FileFormatError
from dataclasses import replace
wrong = {reader}
(edid,) = [one for one in readers.READERS if one.name == "edid"]
good = edid.seeds
readers.READERS = (replace(edid, read=lambda path: None if path.parent.name == "sound" else wrong(path)),)
readers.main()
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    report = json.loads((tmp_path / "log").read_text())
    assert said in json.dumps(report)
    assert bool(report["defect"]) is (said != "refused")
