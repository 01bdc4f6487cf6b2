"""The page of claims: one self-contained HTML file; JSON and Markdown files beside it have the same content."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from holodriver.files.atomic import check_output, written_file
from holodriver.files.images import read_levels
from holodriver.study.claims import CLAIMS, NOT_MEASURED, Claim, Finding
from holodriver.study.run import FIGURES, SWEEPS, Result, run, standing, stem
from holodriver.study.store import write_json
from holodriver.study.work import Work

WIDEST = 1100
"""Largest width of a picture on the page, pixels."""
WORDS = ("yes", "partly", "no", "not comparable", "not measured")
"""All verdicts, in the order of the summary."""


@dataclass(frozen=True)
class Page:
    """The page that was written."""

    path: Path
    """The HTML file."""
    rows: Sequence[tuple[str, str, str, str]]
    """Text, the paper's number, our result and verdict of each claim."""
    same: int
    """Number of claims with the verdict "yes"."""


def claims_page(work: Work, path: Path, *, as_made: bool = False, overwrite: bool = False) -> Page:
    """Make all figures and sweeps that are not up to date, judge the claims, write the page.

    Args:
        path: the HTML file to write, with JSON and Markdown files beside it. A page in the folder of studies is always
            replaced.
        as_made: do not run studies; judge the claims by the existing results.
        overwrite: replace a page outside the folder of studies, and results of other settings.

    Raises:
        OutputExistsError: the page exists outside the folder of studies, and `overwrite` is false.
        HolodriverError: a study failed.
    """
    mine = overwrite or path.parent.resolve() == work.folder.resolve()
    files = [path.with_suffix(suffix) for suffix in (".html", ".json", ".md")]
    for file in files:
        check_output(file, overwrite=mine)
    results: dict[tuple[str, str], Result] = {}
    for kind, table in (("figure", FIGURES), ("sweep", SWEEPS)):
        made = standing(work, kind) if as_made else run(work, kind, table, overwrite=overwrite)
        results |= {(kind, result.name): result for result in made}
    judged = judge(results)
    write_json(files[1], {"settings": work.settings.as_dict(), "claims": [_plain(c, f) for c, f in judged]})
    _write(files[2], markdown(judged, work))
    _write(files[0], document(judged, results, work))
    rows = [(claim.says, claim.paper, finding.measured, finding.same) for claim, finding in judged]
    return Page(files[0], rows, sum(finding.same == "yes" for _, finding in judged))


def judge(results: dict[tuple[str, str], Result]) -> list[tuple[Claim, Finding]]:
    """Each claim with its finding."""
    everything = {
        f"{kind} {name}: {key}": value
        for (kind, name), result in results.items()
        for key, value in result.outcome.numbers.items()
    }
    judged = []
    for claim in CLAIMS:
        result = results.get((claim.kind, claim.study))
        try:
            finding = None if result is None else claim.judge(everything | result.outcome.numbers)
        except KeyError:
            if len(results) == len(FIGURES) + len(SWEEPS):
                raise
            finding = None  # the claim also needs numbers of another study, which has not run yet
        judged.append((claim, finding or Finding("–", "not measured", "The study for this claim has not run yet.")))
    return judged


def markdown(judged: Sequence[tuple[Claim, Finding]], work: Work) -> str:
    """The claims as a table in Markdown."""
    lines = [
        f"Measured by `holodriver figures claims` ({_sizes(work)}).",
        "",
        "| claim | paper | here | same | by |",
        "|---|---|---|---|---|",
    ]
    for claim, finding in judged:
        cells = (claim.says, claim.paper, finding.measured, finding.same, f"`{claim.command}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def document(judged: Sequence[tuple[Claim, Finding]], results: dict[tuple[str, str], Result], work: Work) -> str:
    """The page in HTML."""
    count = {word: sum(finding.same == word for _, finding in judged) for word in WORDS}
    summary = ", ".join(f"{number} {word}" for word, number in count.items() if number)
    rows = "\n".join(_row(claim, finding) for claim, finding in judged)
    left = "".join(f"<li>{_e(place)}: {_e(says)} — {_e(why)}.</li>" for place, says, why in NOT_MEASURED)
    parts = "\n".join(_section(kind, result) for (kind, _), result in results.items())
    return TEMPLATE.format(sizes=_e(_sizes(work)), summary=_e(summary), rows=rows, left=left, parts=parts)


def _row(claim: Claim, finding: Finding) -> str:
    mark = finding.same.split()[0]
    return (
        f"<tr><td><small>{_e(claim.place)}</small><br>{_e(claim.says)}</td><td>{_e(claim.paper)}</td>"
        f"<td>{_e(finding.measured)}</td><td class='{mark}'><b>{_e(finding.same)}</b>"
        f"<br><small>{_e(claim.criterion)}</small></td><td>{_e(finding.why)} "
        f"<a href='#{_anchor(claim.kind, claim.study)}'><code>{_e(claim.command)}</code></a></td></tr>"
    )


def _section(kind: str, result: Result) -> str:
    outcome = result.outcome
    heads = "".join(f"<th>{_e(column)}</th>" for column in outcome.columns)
    body = "".join("<tr>" + "".join(f"<td>{_e(_cell(cell))}</td>" for cell in row) + "</tr>" for row in outcome.rows)
    older = () if result.current else ("Made by an earlier version of this program, or from other files.",)
    says = " ".join(_e(line) for line in (*outcome.says, *older))
    command = f"holodriver {'figures' if kind == 'figure' else 'sweep'} {result.name}"
    return (
        f"<section id='{_anchor(kind, result.name)}'><h3>{_e(outcome.title)}</h3>"
        f"<img alt='{_e(outcome.title)}' src='data:image/png;base64,{_picture(result.picture)}'>"
        f"<p>{says} <code>{_e(command)}</code></p>"
        f"<details><summary>Table</summary><div class='wide'><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></details></section>"
    )


def _picture(path: Path) -> str:
    """Picture as a PNG in base64, at most `WIDEST` pixels wide."""
    pixels = read_levels(path)
    scale = WIDEST / pixels.shape[1]
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return base64.b64encode(data.tobytes()).decode()


def _cell(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _sizes(work: Work) -> str:
    s = work.settings
    if s.stacks:
        return f"the focal stacks {', '.join(path.stem for path in s.stacks)}; at most {s.iterations} steps"
    where = "rendered in Blender" if s.source == "rendered" else "drawn in layers"
    return (
        f"{s.scenes} scenes of {s.size} × {s.size} {where}, {s.planes} planes, second size {s.wide[0]} × {s.wide[1]}, "
        f"at most {s.iterations} steps"
    )


def _plain(claim: Claim, finding: Finding) -> dict[str, str]:
    return {
        "place": claim.place,
        "claim": claim.says,
        "paper": claim.paper,
        "here": finding.measured,
        "same": finding.same,
        "criterion": claim.criterion,
        "why": finding.why,
        "command": claim.command,
    }


def _anchor(kind: str, name: str) -> str:
    return stem(name, kind)


def _e(text: str) -> str:
    return html.escape(text)


def _write(path: Path, text: str) -> None:
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


TEMPLATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The paper's claims, measured</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fafaf8; margin: 0 auto; max-width: 1180px;
  padding: 1.5rem; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .3rem; }} h2 {{ margin-top: 2.4rem; }} h3 {{ margin: 0 0 .6rem; }}
table {{ border-collapse: collapse; width: 100%; background: #fff; }}
th, td {{ text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid #e4e2dc; }}
th {{ background: #f0eee8; position: sticky; top: 0; }}
small {{ color: #6b6b6b; }} code {{ font-size: .85em; background: #f0eee8; padding: 0 .25em; border-radius: 3px; }}
td.yes b {{ color: #1d7a3e; }} td.partly b {{ color: #a36a00; }} td.no b {{ color: #b3261e; }}
td.not b {{ color: #555; }}
section {{ background: #fff; border: 1px solid #e4e2dc; border-radius: 6px; padding: 1rem; margin: 1.2rem 0; }}
img {{ width: 100%; height: auto; }} .wide {{ overflow-x: auto; }} summary {{ cursor: pointer; }}
@media (max-width: 700px) {{ body {{ padding: .8rem; font-size: 14px; }} }}
</style></head><body>
<h1>The paper's claims, measured</h1>
<p>The claims of <i>Diffraction-engineered holography: Beyond the depth representation limit of holographic
displays</i>, Nature Communications 13, 6012 (2022), in our own words, tested with holodriver's own scenes: {sizes}.
Number of claims by verdict: {summary}. PSNR and SSIM are those of linear intensity, without a fitted scale, as means
over planes and scenes. No panel, laser or camera was used: "frames" are 8-bit panel frames seen through the simulated
bench.</p>
<div class="wide"><table><thead><tr><th>claim</th><th>paper</th><th>here</th><th>same?</th><th>why</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<h2>Not measured</h2><ul>{left}</ul>
<h2>Figures and studies</h2>
{parts}
</body></html>
"""
