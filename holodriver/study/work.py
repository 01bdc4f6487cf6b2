"""Input of every study (`Work`) and its result (`Outcome`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.progress import Progress, silent
from holodriver.study.methods import Methods
from holodriver.study.scenes import Scenes
from holodriver.study.settings import Settings
from holodriver.study.store import Arrays, Store

STAGE = "Studying"


@dataclass(frozen=True)
class Outcome:
    """Result of a study."""

    title: str
    columns: tuple[str, ...]
    """Headings of the table."""
    rows: Sequence[Sequence[Any]]
    """Rows of the table, plain values under `columns`."""
    numbers: dict[str, float] = field(default_factory=dict)
    """Named numbers by which claims are judged."""
    says: tuple[str, ...] = ()
    """Sentences on scenes, sizes and measurement, which stand beside the figure."""
    arrays: Arrays = field(default_factory=dict)
    """Named arrays that the picture shows."""


class Work:
    """Settings, scenes, methods and the store of one run of studies.

    Args:
        folder: folder for results.
        settings: sizes, effort and sources.
        display: display whose holograms are studied.
        cache: folder of the store; None: a folder within `folder`.
        blender: Blender or a Python with bpy; None: found when a scene is to be rendered.
        progress: called for every long step.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        display: DisplayProfile = REFERENCE,
        *,
        cache: Path | None = None,
        blender: Path | None = None,
        progress: Progress = silent,
    ):
        self.folder, self.settings, self.display, self.progress = folder, settings, display, progress
        self._steps = 0
        self.store = Store(cache or folder / "cache", self._said)
        self.scenes = Scenes(settings, display, self.store, progress, blender)
        self.methods = Methods(settings, display, self.store, progress)

    def _said(self, name: str) -> None:
        self._steps += 1
        self.progress(STAGE, self._steps, 0, name)
