"""From files to what the viewer shows: focal stacks, holograms, panel frames, pictures with depth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.frames import MANIFEST, read_frames_folder
from holodriver.files.hologram import Hologram, read_hologram
from holodriver.files.manifest import StackManifest
from holodriver.files.rgbd import Near, read_rgbd
from holodriver.files.stack import read_stack
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.panel.behind_slit import camera_field
from holodriver.progress import Progress, silent
from holodriver.scene.cut import layers_of
from holodriver.scene.focus_depth import depth_of_planes
from holodriver.scene.layered import focal_stack
from holodriver.scene.stack import FocalStack
from holodriver.scores.evaluation import frames_of
from holodriver.viewer.choices import Show
from holodriver.viewer.facts import flat
from holodriver.viewer.method_pictures import RENDERED, Method, method_of, page_size, shrunk

Warn = Callable[[str], None]
Floats = NDArray[np.float32]

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".exr")
"""Suffixes of files that are read as pictures with depth."""

PAGE_WIDTH = 960
"""Pixels that a picture is wide at most unless more is asked for."""

FROM_DEPTH = "made from depth"
MEASURED = "Depth for click-to-focus was measured from the hologram's own blur; where it has no detail it is a guess."


@dataclass(frozen=True)
class Content:
    """Everything that one page shows."""

    title: str
    methods: tuple[Method, ...]
    positions: tuple[float, ...]
    """Normalised depth of each focal plane."""
    shape: tuple[int, int]
    """Full (H, W); the pictures may be smaller."""
    depth: Floats | None = None
    """(h, w) of the pictures' size, normalised depth, for click-to-focus."""
    profile: DisplayProfile | None = None
    """Display, by which depth has dioptres."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewSettings:
    """What is read, and how it is shown."""

    width: int = PAGE_WIDTH
    """Pixels that a picture is wide at most."""
    planes: int | None = None
    """Focal planes; those of the focal stack, or of the display, if None."""
    show: Show | None = None
    """Of holograms; what is seen of the frames, or of the field where there are none, if None."""
    depth: Path | None = None
    """Depth of a picture; looked for beside it if None."""
    near: Near | None = None
    title: str | None = None


def read_content(
    paths: Sequence[Path],
    settings: ViewSettings = ViewSettings(),
    *,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Content:
    """Read the files and look at every focal plane.

    Args:
        paths: holograms, folders of panel frames, and at most one focal stack or picture with depth.
        settings: what is shown.
        progress: told of every plane.
        warn: told what the user should know.

    Raises:
        FileFormatError: a file cannot be read.
        InputError: two focal stacks, different sizes, or nothing to show.
    """
    holograms: list[tuple[str, Hologram]] = []
    sources: list[Path] = []
    for path in paths:
        if path.suffix.lower() == ".holo" or (path / MANIFEST).is_file():
            frames_folder = path.is_dir()
            hologram = Hologram(frames=read_frames_folder(path)) if frames_folder else read_hologram(path)
            holograms.append((str(path), hologram))
        elif path.is_dir() or path.suffix.lower() in PICTURES:
            sources.append(path)
        else:
            raise FileFormatError(
                "cannot be shown" if path.exists() else "does not exist",
                where=path,
                remedy="expected a .holo file, a focal stack, panel frames, or a picture with depth",
            )
    if len(sources) > 1:
        raise InputError(
            f"is a second focal stack or picture with depth, after {sources[0]}; a page has one", where=sources[1]
        )
    profile = holograms[0][1].profile if holograms else None
    stack = _source(sources[0], settings, profile or REFERENCE, progress, warn) if sources else None
    shape = stack.shape if stack is not None else holograms[0][1].profile.shape
    for where, hologram in holograms:
        if hologram.profile.shape != shape:
            (h, w), (height, width) = hologram.profile.shape, shape
            raise InputError(f"shows {w} × {h} pixels, the others {width} × {height}", where=where)
    if stack is not None:
        stack = _fewer(stack, settings.planes)
        depths = stack.positions.astype(float)
    else:
        assert profile is not None
        depths = positions(settings.planes or profile.planes)
    size = page_size(shape, settings.width)
    methods: list[Method] = []
    if stack is not None:
        methods.append(_shown_stack(sources[0], stack, size, progress))
    names = _short([Path(where) for where, _ in holograms])
    for name, (_, hologram) in zip(names, holograms, strict=True):
        methods += _shown_hologram(name, hologram, depths.tolist(), size, stack, settings.show, progress)
    title = settings.title or (sources[0].stem if sources else names[0])
    content = Content(title, tuple(methods), tuple(depths.tolist()), shape, profile=profile)
    if stack is not None:
        return replace(content, depth=shrunk(stack.all_in_focus_depth, size))
    return replace(content, depth=_measured(content), notes=(MEASURED,))


def _source(path: Path, settings: ViewSettings, profile: DisplayProfile, progress: Progress, warn: Warn) -> FocalStack:
    """The exposed focal stack in a folder, or made of a picture with depth."""
    if path.is_dir():
        stack = read_stack(path)
    else:
        image = read_rgbd(path, settings.depth, near=settings.near)
        for warning in image.warnings():
            warn(f"{path}: {warning}")
        planes = positions(settings.planes or profile.planes)
        stack = focal_stack(layers_of(image, profile.coc_max), planes, profile.coc_max, progress=progress)
    try:
        return stack.exposed()
    except InputError as error:
        raise InputError(error.what, where=path) from error


def _fewer(stack: FocalStack, planes: int | None) -> FocalStack:
    """The stack with `planes` of its planes, evenly chosen."""
    if planes is None or planes >= stack.planes:
        return stack
    if planes < 2:
        raise InputError(f"{planes} focal planes, expected at least 2", where="--planes")
    chosen = np.rint(np.linspace(0, stack.planes - 1, planes)).astype(int)
    return replace(stack, images=stack.images[chosen], depths=stack.depths[chosen], positions=stack.positions[chosen])


def _shown_stack(path: Path, stack: FocalStack, size: tuple[int, int], progress: Progress) -> Method:
    rendered = (path / StackManifest.FILE_NAME).is_file()
    notes = [] if rendered else ["Made of the picture and its depth; surfaces that it hides are invented."]
    facts = flat(
        {
            "file": path.name,
            "images": list(stack.images.shape),
            "mapping": stack.mapping,
            "blur from near to far, px": stack.coc_max,
            **stack.provenance,
        }
    )
    return method_of(
        RENDERED if rendered else FROM_DEPTH,
        "focal stack",
        iter(stack.images),
        size,
        notes=[*notes, *stack.warnings()],
        facts=facts,
        progress=progress,
        count=stack.planes,
    )


def _shown_hologram(
    name: str,
    hologram: Hologram,
    depths: Sequence[float],
    size: tuple[int, int],
    stack: FocalStack | None,
    show: Show | None,
    progress: Progress,
) -> Iterator[Method]:
    """What is seen of a hologram: of its panel frames, of its wave field, or of both."""
    frames, made = frames_of(hologram)
    wanted = show or ("frames" if made is None else "field")
    if wanted == "field" and hologram.field is None:
        raise InputError("holds panel frames and no wave field", where=name, remedy="leave --show out")
    fields: list[tuple[str, WaveField, int]] = []
    if wanted in ("frames", "both"):
        fields.append(("panel frames", camera_field(frames), 0))
    if wanted in ("field", "both") and hologram.field is not None:
        fields.append(("wave field", hologram.field, hologram.padding))
    for seen, field, padding in fields:
        yield method_of(
            f"{name}, {seen}" if len(fields) > 1 else name,
            seen,
            (field.intensity(t, padding=padding) for t in depths),
            size,
            against=stack,
            frames=frames,
            frames_note=made,
            notes=hologram.profile.warnings(),
            facts=_facts(hologram),
            progress=progress,
            count=len(depths),
        )


def _facts(hologram: Hologram) -> list[tuple[str, str]]:
    provenance = {key: value for key, value in hologram.provenance.items() if key != "scores"}
    return flat(
        {
            "wave field": None if hologram.field is None else list(hologram.field.values.shape),
            "panel frames": None if hologram.frames is None else list(hologram.frames.pixels.shape),
            "encoding gains": None if hologram.frames is None else [round(g, 4) for g in hologram.frames.gains],
            "display": hologram.profile.as_dict(),
            **provenance,
        }
    )


def _measured(content: Content) -> Floats | None:
    """Depth from focus of the first hologram, if it has planes enough."""
    from holodriver.optics.colour import srgb_decode

    if len(content.positions) < 3:
        return None
    first = content.methods[0]
    light = (srgb_decode(p.astype(np.float32) / 255).astype(np.float32).transpose(2, 0, 1) for p in first.pictures)
    return depth_of_planes(light)


def _short(paths: Sequence[Path]) -> list[str]:
    """Names of files without folders and suffixes where that tells them apart, else as much as it takes."""
    for names in ([p.stem for p in paths], [f"{p.parent.name}/{p.stem}" for p in paths], [str(p) for p in paths]):
        if len(set(names)) == len(names):
            return names
    return [f"{p.stem} {number + 1}" for number, p in enumerate(paths)]
