"""Render a focal stack: Blender as a child process, its raw images assembled while it works."""

import json
import math
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import holodriver
from holodriver import errors
from holodriver.blender.find import Blender, clean_environment, find_blender
from holodriver.blender.refocus import Refocusing
from holodriver.errors import BlenderError, HolodriverError, InputError
from holodriver.files.atomic import check_output_folder, written_folder
from holodriver.files.manifest import MAXIMUM_PLANES, MAXIMUM_SIZE
from holodriver.files.stack import HOLDS, Assembly, Outside
from holodriver.optics.focus import MAPPINGS, check_range
from holodriver.progress import Progress, silent
from holodriver.system.machine import threads_to_use

DEMO, RANDOM = BUILT = ("demo", "random")
"""Names of the scenes that the add-on builds by itself."""

SPLITS = ("train", "test")
"""Sets of things and textures for random scenes, which have none in common."""

ROUTES = ("planes", "refocus")
"""How the images of the focal planes are made."""

_MARK = "holodriver: "  # as in blender_addon/render/headless.py
_LINES_KEPT = 40
_HEARTBEAT_S = 0.2


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """What to render.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    scene: str
    """"demo", "random", or the path of a .blend file."""
    width: int
    height: int
    planes: int
    coc_max: float
    """Blur circle diameter between the near and the far plane, pixels."""
    samples: int = 16
    """Samples per pixel of each image."""
    near: float | None = None
    """Distance of the near focal plane, m (scene units); None: the nearest surface in view."""
    far: float | None = None
    """Distance of the far focal plane, m, or infinity; None: the farthest surface in view."""
    mapping: str | None = None
    """"dioptric", "linear", or None: what the camera's type gives."""
    depth_samples: int = 10
    """One-ray depth renders of each plane; the paper's Methods take 10."""
    seed: int = 0
    denoise: bool = True
    """Remove noise from the images (OpenImageDenoise)."""
    split: str = "test"
    """Of a random scene: "test", or "train", whose things and textures never occur in "test"."""
    device: str = "CPU"
    """What Cycles computes on: "CPU", or a type of GPU as Cycles names it, such as "OPTIX"."""
    devices: tuple[str, ...] = ()
    """Cycles' identifiers of the GPUs to use; none: all of that type."""
    route: str = "planes"
    """"planes": each focal plane through a thin lens; "refocus": views over the aperture, shifted and added."""
    frames: tuple[int, ...] = ()
    """Frames of the scene's animation; none: the one that the file was saved at."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("width", 8, MAXIMUM_SIZE),
            ("height", 8, MAXIMUM_SIZE),
            ("planes", 2, MAXIMUM_PLANES),
            ("samples", 1, 1_000_000),
            ("depth_samples", 1, 1_000),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} is {value!r}, expected a whole number from {least} to {most}")
        if not (self.coc_max > 0 and math.isfinite(self.coc_max)):
            raise InputError(f"coc_max is {self.coc_max!r}, expected pixels above 0")
        if self.mapping is not None and self.mapping not in MAPPINGS:
            raise InputError(f"mapping is {self.mapping!r}, expected 'dioptric' or 'linear'")
        if self.near is not None and not (self.near > 0 and math.isfinite(self.near)):
            raise InputError(f"near is {self.near:g} m, expected a distance above 0")
        if self.far is not None and not self.far > (self.near or 0):
            raise InputError(f"far is {self.far:g} m, expected a distance above near = {self.near or 0:g} m")
        if self.near is not None and self.far is not None and self.mapping is not None:
            check_range(self.near, self.far, self.mapping)  # type: ignore[arg-type]
        if self.route not in ROUTES:
            raise InputError(f"route is {self.route!r}, expected 'planes' or 'refocus'")
        if self.split not in SPLITS:
            raise InputError(f"split is {self.split!r}, expected 'train' or 'test'")
        if self.scene not in BUILT and not Path(self.scene).is_file():
            raise InputError("does not exist", where=self.scene, remedy="give a .blend file, demo or random")


def render_stack(
    job: RenderJob,
    path: Path,
    *,
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda text: None,
) -> Path:
    """Render the focal stack of a scene into the folder `path`.

    Raw renders and the unfinished stack lie in one hidden folder beside `path`, which is gone afterwards, whatever
    happens: on an error and on Ctrl-C this process removes it, after its own sudden death the child does.

    Args:
        job: what to render.
        path: of the focal stack, by custom NAME.stack.
        blender: one that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for images and depth maps rendered.
        warn: told in one line of each thing that makes the stack other than its scene.

    Returns:
        `path`.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: the scene cannot be opened, has no usable camera, or the depth range does not fit it.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    check_output_folder(path, overwrite=overwrite, holds=HOLDS)
    found = blender if isinstance(blender, Blender) else find_blender(blender)
    with written_folder(path, overwrite=overwrite, holds=HOLDS) as folder:
        raw = folder / "raw"
        raw.mkdir()
        assembly: Assembly | None = None
        refocusing: Refocusing | None = None
        with raw_renders(found, job, raw, scratch=folder) as reports:
            for report in reports:
                if report["event"] == "progress":
                    progress(report["stage"], report["done"], report["total"], report["note"])
                elif report["event"] == "warning":
                    warn(report["what"])
                elif report["event"] == "written":
                    assembly = assembly or Assembly.of(raw, folder)
                    if report["kind"] == "view":
                        refocusing = refocusing or Refocusing(raw, assembly.manifest)
                        refocusing.add(report["plane"])
                    elif report["kind"] == "plane":
                        light = refocusing.image(report["plane"]) if refocusing else None
                        assembly.add_plane(report["plane"], light)
                    else:
                        assembly.add_all_in_focus()
        if assembly is None:
            raise BlenderError("wrote no images", where=found.path)
        assembly.finish()
        for text in _outside(job, assembly.outside):
            warn(text)
        shutil.rmtree(raw)
    return path


def _outside(job: RenderJob, outside: Outside) -> Iterator[str]:
    # a range that was not given is the scene's own: nothing is told of what little it leaves out
    if job.near is not None and outside.in_front > 0:
        yield (
            f"{outside.in_front:.2%} of the image is nearer than the near plane at {job.near:g} m and put on it: "
            f"give --near {outside.nearest:.4g} or less, or leave it out"
        )
    if job.far is not None and outside.behind > 0:
        yield (
            f"{outside.behind:.2%} of the image is farther than the far plane at {job.far:g} m and put on it: "
            f"give --far {outside.farthest:.4g} or more, or leave it out"
        )


@contextmanager
def raw_renders(
    blender: Blender, job: RenderJob, raw: Path, *, scratch: Path, kind: str = "stack"
) -> Iterator[Iterator[dict[str, Any]]]:
    """Render raw images in a child; the block gets its reports, and leaving it early kills the child.

    Args:
        kind: what to render, as in `blender_addon.render.job.run_job`.
        raw: folder for the raw images and their manifest; exists.
        scratch: removed by the child if this process dies.

    Yields:
        Reports as they come: {"event": "progress", "stage", "done", "total", "note"} for each image,
        {"event": "written", "kind": "plane" or "all_in_focus", "plane"} when the raw images of one are complete, and
        {"event": "warning", "what"} for what is wrong with the scene.

    Raises:
        HolodriverError: what the child reported as its error.
        BlenderError: the child did not start, or ended otherwise than done.
    """
    values = asdict(job) | {"kind": kind}
    values["far"] = "infinity" if job.far == math.inf else job.far
    with child_reports(blender, values, raw, scratch=scratch) as reports:
        yield reports


@contextmanager
def child_reports(
    blender: Blender, job: dict[str, Any], raw: Path, *, scratch: Path
) -> Iterator[Iterator[dict[str, Any]]]:
    """Run any job of the add-on (see `blender_addon/render/job.py`) in a child; as `raw_renders`."""
    job_file = raw / "job.json"
    values = job | {"folder": str(raw.resolve()), "scratch": str(scratch.resolve()), "driver": os.getpid()}
    values["threads"] = threads_to_use()
    values["scene"] = job["scene"] if job["scene"] in BUILT else str(Path(job["scene"]).resolve())
    job_file.write_text(json.dumps(values), encoding="utf-8")
    addon = _addon_folder()
    package = Path(holodriver.__file__).parent
    command = blender.command(addon / "render" / "headless.py", [str(job_file.resolve()), str(package), str(addon)])
    try:
        process = subprocess.Popen(
            command,
            env=clean_environment() | _temporary_folder(raw),
            stdin=subprocess.PIPE,  # its end tells the child that this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **_own_group(),
        )
    except OSError as error:
        raise BlenderError(f"does not start: {error.strerror or error}", where=blender.path) from error
    try:
        yield _reports(process, blender)
    finally:
        _kill(process)


def _reports(process: subprocess.Popen[str], blender: Blender) -> Iterator[dict[str, Any]]:
    """Progress and written files as the child reports them, until it is done.

    Raises:
        HolodriverError: what the child reported as its error.
        BlenderError: the child ended otherwise than done.
    """
    said: deque[str] = deque(maxlen=_LINES_KEPT)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    assert process.stdout is not None
    assert process.stderr is not None
    threads = [
        threading.Thread(target=_collect, args=(process.stdout, lines.put, lambda: lines.put(None)), daemon=True),
        threading.Thread(target=_collect, args=(process.stderr, said.append, lambda: None), daemon=True),
    ]
    for thread in threads:
        thread.start()
    failure: HolodriverError | None = None
    done = False
    while (line := _next(lines)) is not None:
        report = _report(line)
        if report is None:
            said.append(line)
        elif report["event"] == "error":
            failure = _failure(report, blender)
        elif report["event"] == "done":
            done = True
        else:
            yield report
    status = process.wait()
    threads[1].join()
    if failure is not None:
        raise failure
    if not done or status != 0:
        raise BlenderError(f"stopped with {_status(status)}{_last_words(said)}", where=blender.path)


def _report(line: str) -> dict[str, Any] | None:
    if not line.startswith(_MARK):
        return None
    try:
        return json.loads(line[len(_MARK) :])
    except ValueError:  # cut off: the child died while it wrote
        return None


def _collect(stream: IO[str], keep: Callable[[str], None], end: Callable[[], None]) -> None:
    with suppress(ValueError):  # closed under the reader, when the child was killed
        for line in stream:
            keep(line.rstrip("\n"))
    end()


def _next(lines: "queue.SimpleQueue[str | None]") -> str | None:
    while True:
        try:
            # in short waits: on Windows a wait without end would not let Ctrl-C in
            return lines.get(timeout=_HEARTBEAT_S)
        except queue.Empty:
            continue


def _failure(report: dict[str, Any], blender: Blender) -> HolodriverError:
    kind = getattr(errors, report["type"], None)
    if isinstance(kind, type) and issubclass(kind, HolodriverError):
        return kind(report["what"], where=report["where"], remedy=report["remedy"])
    return BlenderError(f"failed: {report['what']}", where=blender.path)


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _last_words(said: deque[str]) -> str:
    telling = [line.strip() for line in said if line.strip()]
    errors_first = [line for line in telling if "error" in line.lower()] or telling
    return ": " + " | ".join(errors_first[-2:])[:300] if errors_first else ""


def _temporary_folder(raw: Path) -> dict[str, str]:
    # Blender leaves its session's folder behind when it is killed
    folder = raw / "tmp"
    folder.mkdir(exist_ok=True)
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder.resolve()))


def _own_group() -> dict[str, Any]:
    # a group of its own: Ctrl-C reaches this process alone, which then ends the child in its own order
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
    return {"start_new_session": True}


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        if os.name == "nt":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _addon_folder() -> Path:
    # by its place alone: looked up as a module, a folder of that name in the working directory would be run instead
    folder = Path(holodriver.__file__).parent.parent / "blender_addon"
    if not (folder / "render" / "headless.py").is_file():
        raise BlenderError("the Blender add-on is not installed", where=folder, remedy="reinstall holodriver")
    return folder
