"""Making of RGB-D files and quilts from a source, as pictures and as videos."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from holodriver.errors import InputError, check_base_name
from holodriver.files.atomic import check_output, scratch_folder
from holodriver.files.halves import ENDS, Side, join
from holodriver.files.hop import SUFFIX as HOP
from holodriver.files.hop import write_hop
from holodriver.files.images import write_pixels
from holodriver.files.quilt import QuiltCanvas, check_quilt_suffix, go_sidecar, write_go_sidecar
from holodriver.files.video.film import Film as FilmFile
from holodriver.files.video.video import WRITABLE, is_video
from holodriver.files.video.writer import CodecName
from holodriver.lookingglass.choices import Fit
from holodriver.lookingglass.grid import view_step
from holodriver.lookingglass.layout import Layout, laid_out
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.quilt import make_quilt
from holodriver.lookingglass.what_to_show import Film, Source, SourceOptions, is_film, open_film, read_source
from holodriver.optics.lookingglass import LookingGlass, quilt_path
from holodriver.progress import Progress, silent

GHOSTS_PX = 8.0
"""Largest movement from view to view, pixels, that shows no ghosts on the display (value of quiltwright)."""

PICTURES = (".png", ".jpg", ".jpeg")

Warn = Callable[[str], None]


def rgbd_path(path: Path, side: Side) -> Path:
    """Replace or add the end of a file name that says where depth is.

    Raises:
        InputError: `path` ends in no name.
    """
    check_base_name(path)
    stem = path.stem
    for end in ENDS.values():
        stem = stem.removesuffix(end)
    return path.with_name(f"{stem}{ENDS[side]}{path.suffix}")


def check_options(source: Path, options: SourceOptions, *, rate: Fraction | None, codec: CodecName | None) -> None:
    """Refuse options that would have no effect.

    Raises:
        InputError: options of separate depth are given for a source with its own, or options of films for one picture.
    """
    if options != SourceOptions() and (source.is_dir() or source.suffix.lower() == ".holo"):
        raise InputError("has its own depth", where=source, remedy="leave out --depth, --near and --source-side")
    if not is_film(source) and (rate is not None or codec is not None):
        raise InputError("is one picture", where=source, remedy="leave out --fps and --codec")
    if is_video(source) and rate is not None:
        raise InputError("has its own frame rate", where=source, remedy="leave out --fps")


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
    """Write colour and depth side by side in one file; near is white.

    Args:
        source: see `read_source` and `open_film`.
        output: .png, .jpg, .mp4, .mov or .mkv; its name gets an end that says where depth is.
        side: half that gets depth.
        bits: bits of each value: 8, or 16 in a .png file.
        rate: frame rate for a folder of pictures, frames a second.

    Returns:
        the path of the file.

    Raises:
        InputError: the output's suffix does not fit the source, or 16 bits do not fit the suffix.
    """
    output = rgbd_path(output, side)
    film = _check(source, output, overwrite=overwrite)
    if bits not in (8, 16):
        raise InputError(f"bits is {bits}, expected 8 or 16")
    if bits == 16 and output.suffix.lower() != ".png":
        raise InputError("can hold only 8 bits a value", where=output, remedy="write a .png file, or choose 8 bits")
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
    """Write the quilt of a picture with depth, or the quilts of a video with depth.

    Args:
        source: see `read_source` and `open_film`.
        output: .png, .jpg, .mp4, .mov or .mkv; its name gets the end ``_qs{columns}x{rows}a{aspect}``.
            A .hop file holds such a quilt.
        display: display that sets the views and their size.
        settings: depthiness, focus and zoom.

    Returns:
        paths of the files: the quilt, and for a Looking Glass Go the JSON with which it plays without a computer.

    Raises:
        InputError: the output's suffix does not fit the source, or the settings do not fit the display.
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
            f"things move by up to {step:.0f} pixels from view to view; more than {GHOSTS_PX:g} show as ghosts: "
            f"choose a --depthiness of {settings.depthiness * GHOSTS_PX / step:.2g} or less, or a smaller --view-cone"
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
    """Output file of a film, with the sound of its source."""
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
    """Refuse a source that cannot become the output; returns whether the source is a film."""
    film = is_film(source)
    if film != is_video(output):
        kind, expected = ("many pictures", "a video (.mp4)") if film else ("one picture", "a picture (.png or .jpg)")
        raise InputError(f"{source.name} is {kind}, expected the name of {expected}", where=output)
    if output.suffix.lower() not in (WRITABLE if film else PICTURES):
        expected = ".mp4, .mov or .mkv" if film else ".png or .jpg"
        raise InputError(f"has no suffix that can be written, expected {expected}", where=output)
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
