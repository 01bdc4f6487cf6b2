"""Run Blender as a child process and read its reports."""

import json
import os
import queue
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import holodriver
from holodriver import errors
from holodriver.blender.find import Blender, blender_environment
from holodriver.errors import BlenderError, HolodriverError
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import QuiltViews, RenderJob
from holodriver.system.children import ending, kill_group, listen, own_group
from holodriver.system.machine import threads_to_use

Warn = Callable[[str], None]
"""Function called with a one-line text for each reason why the images differ from the scene."""

_MARK = "holodriver: "  # as in blender_addon/render/headless.py
_LINES_KEPT = 40
_HEARTBEAT_S = 0.2


@contextmanager
def raw_renders(
    blender: Blender,
    job: RenderJob,
    raw: Path,
    *,
    scratch: Path,
    kind: str = "stack",
    quilt: QuiltViews | None = None,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Iterator[Iterator[tuple[str, int]]]:
    """Render raw images in a child Blender; leaving the block early kills the child.

    Args:
        job: what to render.
        raw: existing folder for the raw images and their manifest.
        scratch: folder that the child removes if this process dies.
        kind: kind of images to render; `run_job` in blender_addon/render/job.py lists the kinds.
        quilt: the views, if `kind` is "quilt".
        progress: called for each image.
        warn: called with a text for each fault of the scene.

    Yields:
        Pairs of a kind and a number, such as ("plane", 3), each as soon as all raw images of that kind and number are
        written.

    Raises:
        HolodriverError: the child reported an error.
        BlenderError: the child did not start, or ended before it had rendered everything.
    """
    if not job.built:
        job = replace(job, scene=str(Path(job.scene).resolve()))
    values = {
        "kind": kind,
        "request": job.as_dict(),
        "quilt": asdict(quilt) if quilt else None,
        "folder": str(raw.resolve()),
        "scratch": str(scratch.resolve()),
        "driver": os.getpid(),
        "threads": threads_to_use(),
    }
    job_file = raw / "job.json"
    job_file.write_text(json.dumps(values), encoding="utf-8")
    addon = _addon_folder()
    package = Path(holodriver.__file__).parent
    command = blender.command(addon / "render" / "headless.py", [str(job_file.resolve()), str(package), str(addon)])
    try:
        process = subprocess.Popen(
            command,
            env=blender_environment() | _temporary_folder(raw),
            stdin=subprocess.PIPE,  # when the pipe closes, the child knows that this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **own_group(),  # Ctrl-C reaches this process only, which then ends the child in an orderly way
        )
    except OSError as error:
        raise BlenderError(f"does not start: {error.strerror or error}", where=blender.path) from error
    try:
        yield _written(process, blender, progress, warn)
    finally:
        _end(process)


def _written(
    process: subprocess.Popen[bytes], blender: Blender, progress: Progress, warn: Warn
) -> Iterator[tuple[str, int]]:
    said: deque[str] = deque(maxlen=_LINES_KEPT)
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    listen(process.stdout, lines.put)
    chatter = listen(process.stderr, lambda line: said.append(_text(line)) if line else None)
    failure: HolodriverError | None = None
    done = False
    while (line := _next(lines)) is not None:
        report = _report(_text(line))
        if report is None:
            said.append(_text(line))
        elif report["event"] == "progress":
            progress(report["stage"], report["done"], report["total"], report["note"])
        elif report["event"] == "warning":
            warn(report["what"])
        elif report["event"] == "written":
            yield report["kind"], report["plane"]
        elif report["event"] == "error":
            failure = _failure(report, blender)
        elif report["event"] == "done":
            done = True
    status = process.wait()
    chatter.join()
    if failure is not None:
        raise failure
    if not done or status != 0:
        raise BlenderError(f"stopped with {ending(status)}{_last_words(said)}", where=blender.path)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _report(line: str) -> dict[str, Any] | None:
    if not line.startswith(_MARK):
        return None
    try:
        return json.loads(line[len(_MARK) :])
    except ValueError:  # cut off: the child died while it wrote
        return None


def _next(lines: "queue.SimpleQueue[bytes | None]") -> bytes | None:
    while True:
        try:
            # short waits: on Windows an endless wait would block Ctrl-C
            return lines.get(timeout=_HEARTBEAT_S)
        except queue.Empty:
            continue


def _failure(report: dict[str, Any], blender: Blender) -> HolodriverError:
    kind = getattr(errors, report["type"], None)
    if isinstance(kind, type) and issubclass(kind, HolodriverError):
        return kind(report["what"], where=report["where"], remedy=report["remedy"])
    return BlenderError(f"failed: {report['what']}", where=blender.path)


def _last_words(said: deque[str]) -> str:
    telling = [line.strip() for line in said if line.strip()]
    errors_first = [line for line in telling if "error" in line.lower()] or telling
    return ": " + " | ".join(errors_first[-2:])[:300] if errors_first else ""


def _temporary_folder(raw: Path) -> dict[str, str]:
    # Blender leaves its session's folder behind when it is killed
    folder = raw / "tmp"
    folder.mkdir(exist_ok=True)
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder.resolve()))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        kill_group(process)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _addon_folder() -> Path:
    # by path, not as a module: a folder of that name in the working directory would be run instead
    folder = Path(holodriver.__file__).parent.parent / "blender_addon"
    if not (folder / "render" / "headless.py").is_file():
        raise BlenderError("the Blender add-on is not installed", where=folder, remedy="reinstall holodriver")
    return folder
