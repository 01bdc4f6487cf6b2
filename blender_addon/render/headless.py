# SPDX-License-Identifier: GPL-3.0-or-later
"""Script of the child process: reads a job, renders it, and reports as JSON lines.

The driver starts it with one of these commands::

    python -I headless.py JOB.json HOLODRIVER_FOLDER ADDON_FOLDER
    blender --background --factory-startup --disable-autoexec --python headless.py -- JOB.json ...

The two folders contain the packages `holodriver` and `blender_addon`. They are loaded by path, because the driver's
site-packages must never be on Blender's sys.path: Blender has another version of numpy.

Each report is one line on the standard output: `MARK` and a JSON object, {"event": "progress", stage, done, total} |
{"event": "written", kind, plane} | {"event": "warning", what} | {"event": "error", type, what, where, remedy} |
{"event": "done"}.
"""

import importlib.util
import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

MARK = "holodriver: "
"""Beginning of each report's line, which distinguishes it from Blender's own output."""


REMOVALS, REMOVAL_PAUSE_S = 50, 0.1
"""Largest number of attempts to remove the scratch folder, and the pause between two attempts, s."""


def main(arguments: list[str]) -> int:
    """Run one job and return the exit status."""
    job_file, holodriver_folder, addon_folder = (Path(argument) for argument in arguments)
    channel = _private_output()
    try:
        job = json.loads(job_file.read_text(encoding="utf-8"))
        _leave_with_the_driver(job)
        _load_package("holodriver", holodriver_folder)
        _load_package("blender_addon", addon_folder)
        _run(job, channel)
    except BaseException as error:
        traceback.print_exc()
        _report(channel, event="error", **_described(error))
        return 1
    _report(channel, event="done")
    return 0


def _run(job: dict[str, Any], channel: IO[str]) -> None:
    from blender_addon.render.job import run_job

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        _report(channel, event="progress", stage=stage, done=done, total=total, note=note)

    def written(kind: str, plane: int) -> None:
        _report(channel, event="written", kind=kind, plane=plane)

    def warn(text: str) -> None:
        _report(channel, event="warning", what=text)

    run_job(job, progress=progress, written=written, warn=warn)


def _private_output() -> IO[str]:
    """Reserve the standard output for reports and send Blender's own output to the standard error.

    Redirecting `sys.stdout` is not enough, because Blender prints from C as well, even in the middle of lines.
    """
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    channel = os.fdopen(private, "w", encoding="utf-8", newline="\n")
    channel.write("\n")  # ends an unfinished line of Blender's
    return channel


def _report(channel: IO[str], **event: Any) -> None:
    channel.write(MARK + json.dumps(event) + "\n")
    channel.flush()


def _described(error: BaseException) -> dict[str, Any]:
    fields = {name: getattr(error, name, None) for name in ("where", "remedy")}
    what = getattr(error, "what", None) or f"{type(error).__name__}: {error}".splitlines()[0]
    return {"type": type(error).__name__, "what": what, **fields}


def _load_package(name: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _leave_with_the_driver(job: dict[str, Any]) -> None:
    """Start a thread that waits for the end of the driver, then removes the scratch folder and ends this process."""
    wait = _wait_for_process if os.name == "nt" else _wait_for_end_of_input

    def watch() -> None:
        wait(job["driver"])
        _remove(Path(job["scratch"]))
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


def _remove(folder: Path) -> None:
    # repeatedly, because the render goes on meanwhile and may write an image into the folder
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(REMOVAL_PAUSE_S)


def _wait_for_end_of_input(driver: int) -> None:
    # the driver holds the other end of this pipe and writes nothing: the pipe closes when the driver ends
    while os.read(0, 1):
        pass


def _wait_for_process(driver: int) -> None:
    # on Windows a pending read of the standard input can block other calls: wait for the process itself
    import ctypes

    synchronize, forever = 0x00100000, 0xFFFFFFFF
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(synchronize, False, driver)
    if handle:
        kernel.WaitForSingleObject(handle, forever)


if __name__ == "__main__":
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    status = main(own)
    sys.stdout.flush()
    sys.stderr.flush()
    # os._exit: Blender ignores the status of a script, and can crash while it shuts down
    os._exit(status)
