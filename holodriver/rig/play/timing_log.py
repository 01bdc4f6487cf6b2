"""The timing of a play as CSV, one row a frame, written while it plays."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from holodriver.files.atomic import written_file
from holodriver.rig.panel.panel_process import ShownFrame

# hologram 0 without a file is the dark before the first
COLUMNS = ("frame", "hologram", "file", "colour", "at_s", "interval_ms", "dropped", "starved")


class TimingLog:
    """Rows of what was shown; a play that was stopped, by whom ever, leaves those until then.

    Args:
        path: CSV to write; None for no log.
        names: of what lights each plane of a hologram.
        overwrite: replace the file.

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
        self._stack.close()  # as if nothing had happened: the log of a play that failed is worth the most

    def write(self, frames: Sequence[ShownFrame], paths: Sequence[Path]) -> None:
        """Log frames that came to stand; `paths` are the holograms' files."""
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
