"""RGB-D files and quilts from what the user has, as pictures and as videos."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from holodriver.errors import InputError
from holodriver.files.atomic import check_output, scratch_folder
from holodriver.files.halves import ENDS, Side, join
from holodriver.files.hop import SUFFIX as HOP
from holodriver.files.hop import write_hop
from holodriver.files.images import write_pixels
from holodriver.files.quilt import QuiltCanvas, check_quilt_suffix, go_sidecar, write_go_sidecar
from holodriver.files.video.film import Film as FilmFile
from holodriver.files.video.video import WRITABLE, is_video
from holodriver.files.video.writer import CodecName
from holodriver.lookingglass.grid import Fit, view_step
from holodriver.lookingglass.layout import Layout, laid_out
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.quilt import make_quilt
from holodriver.lookingglass.what_to_show import Film, Source, SourceOptions, is_film, open_film, read_source
from holodriver.optics.lookingglass import LookingGlass, quilt_path
from holodriver.progress import Progress, silent

GHOSTS_PX = 8.0
"""Pixels from view to view beyond which their mixture on the display shows as ghosts (quiltwright's figure)."""

PICTURES = (".png", ".jpg", ".jpeg")

Warn = Callable[[str], None]


def rgbd_path(path: Path, side: Side) -> Path:
    """`path` with the end that says where depth is; one that it has is replaced."""
    stem = path.stem
    for end in ENDS.values():
        stem = stem.removesuffix(end)
    return path.with_name(f"{stem}{ENDS[side]}{path.suffix}")


def check_options(source: Path, options: SourceOptions, *, rate: Fraction | None, codec: CodecName | None) -> None:
    """Refuse what would be given in vain.

    Raises:
        InputError: options of separate depth for a source that has its own, or of films for one picture.
    """
    if options != SourceOptions() and (source.is_dir() or source.suffix.lower() == ".holo"):
        raise InputError("has its own depth", where=source, remedy="leave --depth, --near and --source-side out")
    if not is_film(source) and (rate is not None or codec is not None):
        raise InputError("is one picture", where=source, remedy="leave --fps and --codec out")
    if is_video(source) and rate is not None:
        raise InputError("has its own frames a second", where=source, remedy="leave --fps out")


def make_rgbd_file(
    source: Path,
    output: Path,
    options: SourceOptions,
    layout: Layout,
    *,
    side: Side = "right",
    bits: int = 8,
    rate: Fraction | None = None,
    codec: CodecName | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Path:
    """Write colour and depth side by side in one file, near white.

    Args:
        source: see `source`.
        output: .png, .jpg, .mp4, .mov or .mkv; gets an end that says where depth is.
        side: where depth goes.
        bits: 8, or 16 in a .png file.
        rate: frames a second of a folder of pictures.

    Returns:
        the path written.

    Raises:
        InputError: the output's suffix does not fit the source, or 16 bits do not fit the suffix.
    """
    output = rgbd_path(output, side)
    film = _check(source, output, overwrite=overwrite)
    if bits not in (8, 16):
        raise InputError(f"bits is {bits}, expected 8 or 16")
    if bits == 16 and output.suffix.lower() != ".png":
        raise InputError("holds 8 bits a value", where=output, remedy="write a .png file, or leave 16 bits out")
    if not film:
        made = read_source(source, options, progress=progress)
        if made.note:
            warn(made.note)
        pixels = join(laid_out(made.image, layout), side, bits=bits)
        write_pixels(output, pixels[..., ::-1], overwrite=overwrite)
        return output
    with open_film(source, options, rate=rate) as opened, _film_file(output, opened, codec, overwrite) as film_file:
        for frame in _counted(opened, progress):
            film_file.add(join(laid_out(frame.image, layout), side), frame.time)
    return output


def make_quilt_file(
    source: Path,
    output: Path,
    options: SourceOptions,
    display: LookingGlass,
    settings: ViewSettings,
    *,
    fit: Fit = "crop",
    rate: Fraction | None = None,
    codec: CodecName | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> list[Path]:
    """Write the quilt of a picture with depth, or the quilts of a video of such.

    Args:
        source: see `source`.
        output: .png, .jpg, .mp4, .mov or .mkv; gets the suffix ``_qs{columns}x{rows}a{aspect}``. Or .hop, which holds
            such a picture.
        display: which views, and how large.
        settings: depthiness, focus and zoom.

    Returns:
        the paths written: the quilt, and for a Looking Glass Go the JSON by which it plays the picture on its own.

    Raises:
        InputError: the output's suffix does not fit the source, or the settings the display.
    """
    if output.suffix.lower() == HOP:
        check_output(output, overwrite=overwrite)
        with scratch_folder(output) as folder:
            inner = (folder / output.name).with_suffix(".mp4" if is_film(source) else ".png")
            packed = make_quilt_file(
                source, inner, options, display, settings, fit=fit, rate=rate, codec=codec, progress=progress, warn=warn
            )
            return [write_hop(output, packed[0], display, overwrite=overwrite)]
    output = quilt_path(output, display)
    if _check(source, output, overwrite=overwrite):
        _write_quilt_video(source, output, options, display, settings, fit, rate, codec, overwrite, progress)
        return [output]
    check_quilt_suffix(output)
    if display.plays_alone:
        check_output(go_sidecar(output), overwrite=overwrite)
    made = read_source(source, options, progress=progress)
    if made.note:
        warn(made.note)
    step = view_step(made.image.shape, display, settings, made.geometry, fit)
    if step > GHOSTS_PX:
        warn(
            f"things move by up to {step:.0f} pixels from view to view, which shows as ghosts beyond {GHOSTS_PX:g}: "
            f"take a --depthiness of {settings.depthiness * GHOSTS_PX / step:.2g} or less, or a smaller --view-cone"
        )
    canvas = make_quilt(made.image, display, settings, geometry=made.geometry, fit=fit, progress=progress)
    canvas.write(output, overwrite=overwrite)
    return [output, write_go_sidecar(output, display, overwrite=overwrite)] if display.plays_alone else [output]


def _write_quilt_video(
    source: Path,
    output: Path,
    options: SourceOptions,
    display: LookingGlass,
    settings: ViewSettings,
    fit: Fit,
    rate: Fraction | None,
    codec: CodecName | None,
    overwrite: bool,
    progress: Progress,
) -> None:
    canvas = QuiltCanvas(display.even())
    with open_film(source, options, rate=rate) as opened, _film_file(output, opened, codec, overwrite) as film_file:
        for frame in _counted(opened, progress):
            make_quilt(frame.image, canvas.display, settings, geometry=frame.geometry, fit=fit, canvas=canvas)
            film_file.add(canvas.pixels[..., ::-1], frame.time)


def _film_file(output: Path, film: Film, codec: CodecName | None, overwrite: bool) -> FilmFile:
    """What becomes of a film, with its sound."""
    return FilmFile(
        output,
        film.rate,
        time_base=film.time_base,
        codec=codec,
        sound=film.sound,
        start=film.start,
        overwrite=overwrite,
    )


def _check(source: Path, output: Path, *, overwrite: bool) -> bool:
    """Whether the source is a film; refuses what cannot become the output."""
    film = is_film(source)
    if film != is_video(output):
        kind, expected = ("many pictures", "a video (.mp4)") if film else ("one picture", "a picture (.png or .jpg)")
        raise InputError(f"{source.name} is {kind}, expected a name of {expected}", where=output)
    if output.suffix.lower() not in (WRITABLE if film else PICTURES):
        expected = ".mp4, .mov or .mkv" if film else ".png or .jpg"
        raise InputError(f"is of a kind that is not written, expected {expected}", where=output)
    check_output(output, overwrite=overwrite)
    if source.resolve() == output.resolve():
        raise InputError("is the source itself", where=output, remedy="choose another name")
    return film


def _counted(film: Film, progress: Progress) -> Iterator[Source]:
    stage = "converting frames"
    progress(stage, 0, film.count)
    done = 0
    for frame in film.frames:
        yield frame
        done += 1
        progress(stage, done, max(film.count, done))
    progress(stage, done, done)
