"""What decides the results of studies: sizes, effort, scenes and networks."""

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
    """Sizes, effort and sources.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    size: int = 512
    """Pixels of a side of the scenes."""
    wide: tuple[int, int] = (1920, 1080)
    """Width and height of the second size of the performance figure."""
    planes: int = 21
    samples: int = 16
    """Samples a pixel of each rendered image."""
    scenes: int = 5
    """Scenes over which is averaged."""
    iterations: int = 500
    """Most steps of the optimiser for each colour."""
    rounds: int = 3
    """Times that each timing is repeated."""
    source: Source = "rendered"
    """Where scenes come from: Blender, or layers drawn at random."""
    seed: int = 1
    stacks: tuple[Path, ...] = ()
    """Focal stacks of the user, in place of own scenes; the first is the one that is shown."""
    rgbd: Path | None = None
    """A real picture with depth for the real-world figure."""
    weights: Path | None = None
    """Folder of networks; those that come along if None."""
    training_steps: int = 2000
    """Steps that each network of the study of channels learns for, unless `networks` gives some."""
    training_records: int = 200
    """Scenes that they learn from."""
    training_size: int = 128
    """Pixels of a side of those scenes."""
    networks: Path | None = None
    """Folder with a folder of weights for each size of network, for the study of channels."""

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
        """Plain values, for files."""
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
"""Small: minutes on two cores."""


def chosen(*, quick: bool, **given: Any) -> Settings:
    """The settings that a user asks for: the small ones or the full ones, with what is given in place.

    Args:
        quick: small ones.
        given: fields of `Settings`; None for one that is not given.

    Raises:
        InputError: a field is out of range; the message names it.
    """
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(QUICK if quick else Settings(), **changed)


def shown_on(display: DisplayProfile, shape: tuple[int, int], coc_max: float | None = None) -> DisplayProfile:
    """The display with pixels (H, W), and another blur diameter if one is given."""
    resized = display.resized(shape[1], shape[0])
    return resized if coc_max is None or coc_max == display.coc_max else replace(resized, coc_max=coc_max)
