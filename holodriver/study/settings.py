"""Settings of studies: sizes, effort, scenes and networks."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from holodriver.errors import Expected, check_fields, numbers, one_of
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.scores.psnr_ssim import smallest_size

Source = Literal["rendered", "layered"]
SOURCES: tuple[Source, ...] = ("rendered", "layered")


@dataclass(frozen=True)
class Settings:
    """Settings that decide the results of studies.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    size: int = 512
    """Side of the scenes, pixels."""
    wide: tuple[int, int] = (1920, 1080)
    """Second size (width, height) for the performance figure, pixels."""
    planes: int = 21
    """Number of focal planes."""
    samples: int = 16
    """Samples per pixel of each rendered image."""
    scenes: int = 5
    """Number of scenes over which results are averaged."""
    iterations: int = 500
    """Largest number of steps of the optimiser for each colour."""
    rounds: int = 3
    """Number of times that each timing is repeated."""
    source: Source = "rendered"
    """Source of the scenes: rendered by Blender, or layers drawn at random."""
    seed: int = 1
    """Seed of the first scene."""
    stacks: tuple[Path, ...] = ()
    """Focal stacks of the user, in place of our scenes; figures show the first one."""
    rgbd: Path | None = None
    """Real picture with depth for the real-world figure."""
    weights: Path | None = None
    """Folder of networks; None: the networks that come with holodriver."""
    training_steps: int = 2000
    """Training steps of each network for the study of channels, unless `networks` is given."""
    training_records: int = 200
    """Number of training scenes for the study of channels."""
    training_size: int = 128
    """Side of the training scenes, pixels."""
    networks: Path | None = None
    """Folder for the study of channels, with a folder of weights for each size of network."""

    def __post_init__(self) -> None:
        least = smallest_size(REFERENCE.coc_max)
        one, side = numbers(1, whole=True), numbers(least, whole=True, kind="pixels, enough to score,")
        check_fields(
            self,
            "study",
            size=side,
            wide=Expected(side.text, lambda wide: all(map(side.holds, wide))),
            planes=numbers(3, whole=True),
            samples=one,
            scenes=one,
            iterations=one,
            rounds=one,
            training_steps=one,
            training_records=numbers(8, whole=True),
            training_size=numbers(32, whole=True, kind="pixels"),
            source=one_of(*SOURCES),
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, for files."""
        values = asdict(self)
        values["wide"] = list(self.wide)
        values["stacks"] = [str(path) for path in self.stacks]
        for name in ("rgbd", "weights", "networks"):
            values[name] = None if values[name] is None else str(values[name])
        return values


QUICK = Settings(
    size=128,
    wide=(256, 144),
    planes=11,
    samples=8,
    scenes=2,
    iterations=100,
    rounds=2,
    training_steps=200,
    training_records=40,
    training_size=64,
)
"""Small settings, with which all studies take minutes on two cores."""


def chosen(*, quick: bool, **given: Any) -> Settings:
    """The full or the small settings, with the fields that the user gave.

    Args:
        quick: start from the small settings.
        given: fields of `Settings`; a value of None is ignored.

    Raises:
        InputError: a field is out of range; the message names it.
    """
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(QUICK if quick else Settings(), **changed)


def shown_on(display: DisplayProfile, shape: tuple[int, int], coc_max: float | None = None) -> DisplayProfile:
    """The display with `shape` (H, W) pixels, and with the blur diameter `coc_max` (px) if given."""
    resized = display.resized(shape[1], shape[0])
    return resized if coc_max is None or coc_max == display.coc_max else replace(resized, coc_max=coc_max)
