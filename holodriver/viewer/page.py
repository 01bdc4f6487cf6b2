"""The page: pictures, figures and the program that shows them, in one HTML file that asks nothing of any network."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from holodriver import __version__
from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import check_output, written_file
from holodriver.progress import Progress, silent
from holodriver.viewer.images import Quality, best_quality, data_uri, encoded, next_quality
from holodriver.viewer.inputs import Content
from holodriver.viewer.method_pictures import Method
from holodriver.viewer.panel_view import panel_view

FORMAT, VERSION = "holodriver viewer page", 1
LIMIT = 15_000_000
"""Bytes that a page has at most unless more is asked for: phones and mail take this much."""

SCRIPTS = ("data.js", "stage.js", "gestures.js", "curves.js", "panel.js", "details.js", "main.js")
"""In the order in which they are put into the page."""

DATA_OPENS = '<script type="application/json" id="data">'


@dataclass(frozen=True)
class Page:
    """What was written."""

    size: int
    """Bytes."""
    quality: Quality
    """Of the pictures: "lossless", or that of WebP."""
    picture_size: tuple[int, int]
    """(width, height)"""


def write_page(
    path: Path, content: Content, *, limit: int = LIMIT, overwrite: bool = False, progress: Progress = silent
) -> Page:
    """Write the page, its pictures as good as the limit allows.

    Args:
        path: NAME.html.
        content: what it shows.
        limit: bytes.
        overwrite: replace what is there.
        progress: told of each step.

    Raises:
        InputError: it does not fit into `limit` at any quality.
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    panels = _panels(content, progress)
    depth = None if content.depth is None else data_uri(_grey(content), "lossless")
    frame = _assembled(_data(content, panels, depth, "lossless", [[] for _ in content.methods]))
    room = limit - len(frame.encode())
    groups = [method.pictures for method in content.methods]
    height, width = groups[0][0].shape[:2]
    quality = best_quality(groups, room) if room > 0 else None
    while quality is not None:
        pictures = [encoded(group, quality, "Encoding pictures", progress) for group in groups]
        text = _assembled(_data(content, panels, depth, quality, pictures)).encode()
        if len(text) <= limit:
            with written_file(path, overwrite=overwrite) as temporary:
                temporary.write_bytes(text)
            return Page(len(text), quality, (width, height))
        quality = next_quality(quality)
    count = sum(len(group) for group in groups)
    raise InputError(
        f"{count} pictures of {width} × {height} pixels do not fit into {limit / 1e6:g} MB",
        where=path,
        remedy="pass a smaller --width, fewer --planes or files, or a higher --limit",
    )


def read_page(path: Path) -> dict[str, Any]:
    """The data of a page that `write_page` wrote, pictures included.

    Raises:
        FileFormatError: missing, or not such a page.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"cannot be read: {error}", where=path) from error
    _, found, rest = text.partition(DATA_OPENS)
    try:
        data = json.loads(rest.partition("</script>")[0]) if found else None
    except ValueError as error:
        raise FileFormatError(f"its data is not JSON: {error}", where=path) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FileFormatError(f"is not a {FORMAT}", where=path)
    if data.get("version") != VERSION:
        raise FileFormatError(f"field 'version' is {data.get('version')!r}, expected {VERSION}", where=path)
    return data


def describe_page(path: Path) -> dict[str, Any]:
    """What a page shows, without the pictures, as plain values.

    Raises:
        FileFormatError: as `read_page`.
    """
    data = read_page(path)
    try:
        return {
            "kind": "viewer page",
            "made by": data["made_by"],
            "title": data["title"],
            "size": f"{path.stat().st_size / 1e6:.1f} MB",
            "pictures": [len(data["planes"]), data["height"], data["width"]],
            "full size": data["full"][::-1],
            "quality": data["quality"],
            "methods": {
                method["name"]: {"seen": method["seen"], **(method["means"] or {})} for method in data["methods"]
            },
        }
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"its data lacks or spoils a field: {error}", where=path) from error


def _panels(content: Content, progress: Progress) -> list[dict[str, Any] | None]:
    """The panel of each method; None where there is none, or where a method before has the same frames."""
    views: list[dict[str, Any] | None] = []
    seen: list[int] = []
    for number, method in enumerate(content.methods):
        new = method.frames is not None and id(method.frames) not in seen
        views.append(panel_view(method.frames) | {"note": method.frames_note} if new and method.frames else None)
        seen.append(id(method.frames))
        progress("Spectra of the panel frames", number + 1, len(content.methods))
    return views


def _data(
    content: Content,
    panels: list[dict[str, Any] | None],
    depth: str | None,
    quality: Quality,
    pictures: list[list[str]],
) -> dict[str, Any]:
    height, width = content.methods[0].pictures[0].shape[:2]
    profile = content.profile
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"holodriver {__version__}",
        "title": content.title,
        "width": width,
        "height": height,
        "full": [content.shape[1], content.shape[0]],
        "quality": quality,
        "planes": [
            {"t": round(t, 6), "dioptres": None if profile is None else round(profile.dioptres(t), 4)}
            for t in content.positions
        ],
        "depth": depth,
        "notes": list(content.notes),
        "methods": [
            _method(method, panel, uris) for method, panel, uris in zip(content.methods, panels, pictures, strict=True)
        ],
    }


def _method(method: Method, panel: dict[str, Any] | None, uris: list[str]) -> dict[str, Any]:
    scores = None
    if method.scores is not None:
        scores = {name: [_short(v) for v in values] for name, values in method.scores.planes().items()}
    return {
        "name": method.name,
        "seen": method.seen,
        "notes": list(method.notes),
        "facts": [list(fact) for fact in method.facts],
        "scores": scores,
        "means": None if method.scores is None else {k: _short(v) for k, v in method.scores.means().items()},
        "panel": panel,
        "pictures": uris,
    }


def _short(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def _grey(content: Content) -> np.ndarray:
    assert content.depth is not None
    return np.rint(np.clip(content.depth, 0, 1) * 255).astype(np.uint8)


def _assembled(data: dict[str, Any]) -> str:
    assets = files("holodriver.viewer") / "assets"

    def asset(name: str) -> str:
        return (assets / name).read_text(encoding="utf-8")

    # "<" cannot end the script element early when it is escaped; JSON has it inside strings alone
    values = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "TITLE": _escaped(data["title"]),
        "STYLE": asset("style.css"),
        "SCRIPT": "\n".join(asset(name) for name in SCRIPTS),
        "DATA": values,
    }
    page = asset("page.html")
    before, *rest = page.split("{{")
    out = [before]
    for part in rest:
        name, _, after = part.partition("}}")
        out += [parts[name], after]
    return "".join(out)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
