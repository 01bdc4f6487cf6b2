"""What a study gets to work with, and what it gives."""

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
    """What a study found."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    """Plain values, under `columns`."""
    numbers: dict[str, float] = field(default_factory=dict)
    """Named figures, by which claims are judged."""
    says: tuple[str, ...] = ()
    """Of what, how large and how it was measured; what must stand beside the figures."""
    arrays: Arrays = field(default_factory=dict)
    """What is in the picture, where numbers alone do not tell."""


class Work:
    """Settings, scenes, methods and the store of one run of studies.

    Args:
        folder: for results.
        settings: sizes and sources.
        display: of which holograms are studied.
        cache: folder of what was computed; within `folder` unless given.
        blender: Blender or a Python with bpy; looked for if None, once something is to be rendered.
        progress: told of every long step.
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
