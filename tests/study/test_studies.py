"""Each figure and sweep at tiny size: files, tables, numbers, and no repeated work."""

import csv
import json
import math
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from holodriver.errors import InputError, OutputExistsError
from holodriver.study.claims import CLAIMS
from holodriver.study.page import claims_page
from holodriver.study.run import FIGURES, SWEEPS, run
from holodriver.study.work import Work

ALL = [("figure", name) for name in FIGURES] + [("sweep", name) for name in SWEEPS]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_study_leaves_a_picture_a_table_and_its_numbers(studies, kind: str, name: str) -> None:
    result = studies[1][kind, name]
    picture = cv2.imread(str(result.picture))
    assert picture.shape[1] == 432  # 7.2 inches
    assert picture.std() > 5
    with result.picture.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == result.outcome.columns
    assert len(rows) == len(result.outcome.rows) > 1
    record = json.loads(result.picture.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["numbers"] == pytest.approx(result.outcome.numbers)
    assert all(math.isfinite(value) for value in result.outcome.numbers.values())
    assert record["says"]


def test_a_second_run_computes_nothing(studies, monkeypatch: pytest.MonkeyPatch) -> None:
    work, results = studies
    times = {result.picture: result.picture.stat().st_mtime_ns for result in results.values()}
    again = Work(work.folder, work.settings)
    found = run(again, "figure", FIGURES) + run(again, "sweep", SWEEPS)
    assert again.store.computed == []
    assert not any(result.fresh for result in found)
    assert times == {result.picture: result.picture.stat().st_mtime_ns for result in found}


def test_a_lost_picture_is_drawn_from_what_was_kept(studies) -> None:
    work, results = studies
    before = results["figure", "3"]
    before.picture.unlink()
    again = Work(work.folder, work.settings)
    (after,) = run(again, "figure", ["3"])
    assert after.fresh
    assert again.store.computed == []
    assert after.outcome.numbers == before.outcome.numbers


def test_results_of_other_settings_are_not_replaced_unasked(studies) -> None:
    work, _ = studies
    other = Work(work.folder, replace(work.settings, iterations=7))
    with pytest.raises(OutputExistsError, match="other settings"):
        run(other, "figure", ["2a"])


def test_a_folder_of_something_else_is_left_alone(studies, tmp_path) -> None:
    settings = studies[0].settings
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputExistsError, match="holds no studies"):
        run(Work(tmp_path, settings), "figure", ["9"])
    with pytest.raises(InputError, match="there is no figure '8'"):
        run(Work(tmp_path / "new", settings), "figure", ["8"])


def test_rendered_cubes_blur_as_discs_do(studies) -> None:
    """Out of focus half of a small cube's light lies within 15/√2 px."""
    numbers = studies[1]["figure", "2a"].outcome.numbers
    assert numbers["rendered 3 px, out of focus"] == pytest.approx(15 / math.sqrt(2), abs=0.3)
    assert numbers["rendered 3 px, in focus"] == pytest.approx(2 * 3 / math.sqrt(2 * math.pi), abs=0.05)
    assert numbers["nCGH share of blur, 6 px"] < 0.6


def test_performance_tells_time_and_quality_of_two_sizes(studies) -> None:
    outcome = studies[1]["figure", "5"].outcome
    assert {row[0] for row in outcome.rows} == {"48 × 48", "64 × 48"}
    for tag in ("small", "wide"):
        assert outcome.numbers[f"{tag} OPT psnr"] > outcome.numbers[f"{tag} flat phase psnr"]
        assert outcome.numbers[f"{tag} encoding seconds"] > 0


def test_more_planes_do_not_hurt_between_planes(studies) -> None:
    outcome = studies[1]["sweep", "planes"].outcome
    assert [row[0] for row in outcome.rows] == [2, 3, 5, 6, 9, 11, 21, 41]
    assert outcome.numbers["21 psnr"] > outcome.numbers["2 psnr"]


def test_without_the_all_in_focus_term_the_mean_gains_and_focus_loses(studies) -> None:
    numbers = studies[1]["sweep", "all-in-focus"].outcome.numbers
    assert numbers["gain without, psnr"] > 0 > numbers["gain without, in focus"]


def test_an_extended_source_takes_speckle_away(studies) -> None:
    numbers = studies[1]["sweep", "source"].outcome.numbers
    assert numbers["dCGH contrast at 5 mrad"] < numbers["dCGH contrast at 0 mrad"]


def test_a_smaller_pupil_lets_less_light_through(studies) -> None:
    rows = studies[1]["sweep", "pupil"].outcome.rows
    light = [row[2] for row in rows]
    assert light == sorted(light)
    assert light[-1] == pytest.approx(1, abs=1e-3)


def test_the_page_judges_every_claim_and_stands_alone(studies) -> None:
    work, _ = studies
    page = claims_page(work, work.folder / "claims.html")
    text = page.path.read_text(encoding="utf-8")
    assert len(page.rows) == len(CLAIMS)
    assert {row[3] for row in page.rows} <= {"yes", "partly", "no", "not comparable"}
    assert not re.search(r"(src|href)=['\"](?!data:|#)", text)
    assert text.count("<img") == len(ALL)
    claims = json.loads((work.folder / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert [claim["claim"] for claim in claims] == [claim.says for claim in CLAIMS]
    geometry = {claim["claim"]: claim["same"] for claim in claims if claim["command"].endswith("distance")}
    assert list(geometry.values())[:5] == ["yes"] * 5  # they hang on no scene
    assert (work.folder / "claims.md").read_text(encoding="utf-8").count("\n|") == len(CLAIMS) + 2
    again = claims_page(work, work.folder / "claims.html", as_made=True)
    assert again.rows == page.rows
    elsewhere = work.folder.parent / "elsewhere.html"
    elsewhere.write_text("mine")
    with pytest.raises(OutputExistsError):
        claims_page(work, elsewhere)


def test_a_page_of_what_was_made_says_what_was_not(tmp_path, studies) -> None:
    work = Work(tmp_path / "some", studies[0].settings, cache=studies[0].store.folder)
    run(work, "sweep", ["distance"])
    page = claims_page(work, work.folder / "claims.html", as_made=True)
    assert {row[3] for row in page.rows} >= {"yes", "not measured"}
    assert work.store.computed == []
    assert not list(work.folder.glob("figure_*"))


def test_arrays_are_beside_the_pictures_that_need_them(studies) -> None:
    _, results = studies
    with np.load(results["figure", "9"].picture.with_suffix(".npz")) as held:
        assert held["all_in_focus_depth"].shape == (48, 48)
    with np.load(results["figure", "phase-noise"].picture.with_suffix(".npz")) as held:
        assert held["¼ noisy"].shape == (96, 96)
