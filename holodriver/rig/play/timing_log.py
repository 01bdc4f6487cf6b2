"""A CSV file with one row for each shown frame, written during a play."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from holodriver.files.atomic import written_file
from holodriver.rig.panel.panel_process import ShownFrame

# rows with hologram 0 and no file are the dark frames before the first hologram
COLUMNS = ("frame", "hologram", "file", "colour", "at_s", "interval_ms", "dropped", "starved")


class TimingLog:
    """The log of shown frames; a play that stops early leaves the rows written so far.

    Args:
        path: CSV file to write; None for no log.
        names: name of the laser that lights each plane of a hologram.
        overwrite: replace the file if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """

    def __init__(self, path: Path | None, names: Sequence[str], *, overwrite: bool = False):
        self._names = names
        self._stack = ExitStack()
        self._rows: Any = None
        self._frames = 0
        self._first_s = self._last_s = 0.0
        if path is not None:
            temporary = self._stack.enter_context(written_file(path, overwrite=overwrite))
            file = self._stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
            self._rows = csv.writer(file)
            self._rows.writerow(COLUMNS)

    def __enter__(self) -> "TimingLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()  # without the error, so that the log of a failed play is kept: it is the most useful one

    def write(self, frames: Sequence[ShownFrame], paths: Sequence[Path]) -> None:
        """Log frames that the panel has shown; `paths` are the holograms' files, by number."""
        for frame in frames:
            at_s = frame.flip.at_s
            if not self._frames:
                self._first_s = self._last_s = at_s
            if self._rows is not None:
                self._rows.writerow(
                    (
                        self._frames,
                        frame.hologram + 1,
                        paths[frame.hologram] if frame.hologram >= 0 else "",
                        self._names[frame.plane],
                        f"{at_s - self._first_s:.6f}",
                        f"{(at_s - self._last_s) * 1e3:.3f}",
                        frame.flip.dropped,
                        int(frame.starved),
                    )
                )
            self._frames += 1
            self._last_s = at_s
