"""Small files of every kind that holodriver reads; readers.py damages them."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 32, 24

Floats = NDArray[np.float32]


def picture(channels: int = 3, depth: type = np.uint8) -> NDArray[Any]:
    """Make a smooth picture with a little noise."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    made = np.stack([x * 7, y * 9, (x + y) * 4][:channels], -1) + rng.integers(0, 9, (HEIGHT, WIDTH, channels))
    scale = 1 if depth is np.uint8 else 257
    return np.clip(made, 0, 255).astype(depth) * depth(scale)


def pictures(folder: Path) -> list[Path]:
    """Photos of every format; one is turned by EXIF, one has a colour profile, one contains several pictures."""
    import pillow_heif
    from PIL import Image, ImageCms

    pillow_heif.register_heif_opener()
    image = Image.fromarray(picture())
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(folder / "a.jpg", exif=exif, icc_profile=profile)
    image.save(folder / "progressive.jpg", progressive=True)
    image.save(folder / "a.png", icc_profile=profile)
    image.convert("P").save(folder / "palette.png", interlace=1)
    image.convert("LA").save(folder / "alpha.png")
    image.save(folder / "a.tif", compression="tiff_lzw")
    image.save(folder / "plain.tif")
    image.save(folder / "a.webp")
    image.save(folder / "a.bmp")
    image.save(folder / "a.gif", save_all=True, append_images=[image.rotate(9)])
    image.save(folder / "a.avif")
    image.save(folder / "a.heic")
    cv2.imwrite(str(folder / "deep.png"), picture(3, np.uint16))
    cv2.imwrite(str(folder / "deep.tif"), picture(3, np.uint16))
    return sorted(folder.iterdir())


def plain_pictures(folder: Path) -> list[Path]:
    """Photos of the formats that OpenCV reads."""
    return [path for path in pictures(folder) if path.suffix not in (".heic", ".avif")]


def depths(folder: Path) -> list[Path]:
    """Depth pictures."""
    from holodriver.files.exr import write_exr
    from holodriver.files.rgbd import write_depth

    cv2.imwrite(str(folder / "millimetres.png"), picture(1, np.uint16)[..., 0] + 500)
    cv2.imwrite(str(folder / "disparity.png"), picture(1)[..., 0] + 1)
    write_depth(folder / "own.png", depth(), {"by": "seed"})
    write_exr(folder / "z.exr", {"Z": depth() + 1})
    return sorted(folder.iterdir())


def arrays(folder: Path) -> list[Path]:
    """Wave fields as NumPy files and as MATLAB files of versions 5 and 7.3."""
    import h5py
    from scipy.io import savemat

    field = np.exp(1j * depth()).astype(np.complex64)
    np.save(folder / "complex.npy", field)
    np.save(folder / "levels.npy", picture())
    savemat(folder / "plain.mat", {"field": field})
    savemat(folder / "packed.mat", {"field": field}, do_compression=True)
    with h5py.File(folder / "new.mat", "w", userblock_size=512) as file:
        file["field"] = field.view([("real", "<f4"), ("imag", "<f4")])
    with (folder / "new.mat").open("r+b") as head:
        head.write(b"MATLAB 7.3 MAT-file".ljust(116))
    return sorted(folder.iterdir())


def depth() -> Floats:
    """Make a map of normalised depth."""
    return np.linspace(0, 1, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)


def halves(folder: Path) -> list[Path]:
    """Side-by-side pictures of colour and depth."""
    from holodriver.files.halves import joined
    from holodriver.files.rgbd import write_pair

    write_pair(folder / "a_rgbd_lr.png", picture(), depth(), {"by": "seed"})
    cv2.imwrite(str(folder / "b_rgbd_lr.jpg"), joined(picture(), depth())[..., ::-1])
    return sorted(folder.iterdir())


def quilts(folder: Path) -> list[Path]:
    """A quilt."""
    cv2.imwrite(str(folder / "a_qs4x3a0.75.png"), picture())
    cv2.imwrite(str(folder / "b_qs4x3a0.75.jpg"), picture())
    return sorted(folder.iterdir())


def hops(folder: Path) -> list[Path]:
    """A HOP file of Looking Glass Studio."""
    from holodriver.files.hop import write_hop
    from holodriver.optics.lookingglass import looking_glass

    (quilt,) = [path for path in quilts(folder) if path.suffix == ".png"]
    return [write_hop(folder / "a.hop", quilt, looking_glass("go"))]


def exrs(folder: Path) -> list[Path]:
    """OpenEXR files of every compression, and one of several parts."""
    import OpenEXR

    from holodriver.files.exr import write_exr

    values = {name: picture(3)[..., index].astype(np.float32) / 255 for index, name in enumerate("RGB")} | {
        "Z": depth()
    }
    write_exr(folder / "own.exr", values, half=("R", "G", "B"))
    kinds = ("NO", "RLE", "ZIPS", "PIZ", "PXR24", "B44", "DWAA", "HTJ2K32")
    for kind in (kind for kind in kinds if hasattr(OpenEXR, f"{kind}_COMPRESSION")):
        header = {"compression": getattr(OpenEXR, f"{kind}_COMPRESSION"), "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, dict(values)) as file:
            file.write(str(folder / f"{kind}.exr"))
    parts = [OpenEXR.Part({"name": name}, {name: values[name]}) for name in values]
    with OpenEXR.File(parts) as file:
        file.write(str(folder / "parts.exr"))
    return sorted(folder.iterdir())


def display() -> Any:
    """A small display."""
    from holodriver.optics.display import REFERENCE

    return REFERENCE.resized(WIDTH, HEIGHT)


def panel_frames() -> Any:
    """Panel frames of the small display."""
    from holodriver.panel.frames import PanelFrames
    from holodriver.panel.lut import AmplitudeLut

    pixels = np.random.default_rng(2).integers(0, 256, (3, *display().native_shape), dtype=np.uint8)
    return PanelFrames(pixels, display(), (1.0, 1.1, 1.2), (AmplitudeLut.linear(),) * 3)


def holograms(folder: Path) -> list[Path]:
    """A hologram with wave field and panel frames."""
    from holodriver.files.hologram import Hologram, write_hologram
    from holodriver.optics.field import WaveField

    values = np.exp(1j * np.random.default_rng(3).random((3, HEIGHT, WIDTH))).astype(np.complex64)
    write_hologram(folder / "a.holo", Hologram(WaveField(values, display()), panel_frames(), {"stack": "seed"}))
    return [folder / "a.holo"]


def frames_folder(folder: Path) -> list[Path]:
    """A folder of panel frames."""
    from holodriver.files.frames import write_frames

    write_frames(folder / "a.frames", panel_frames())
    return [folder / "a.frames"]


def stacks(folder: Path) -> list[Path]:
    """A focal stack of three planes."""
    from holodriver.files.stack import write_stack
    from holodriver.scene.stack import FocalStack

    images = np.repeat(picture().transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255), 3, 0)
    deep = np.repeat(depth()[None], 3, 0)
    positions = np.array([0, 0.5, 1], np.float32)
    write_stack(
        FocalStack(images, deep, images[0], deep[0], positions, "linear", 4.0, {"by": "seed"}), folder / "a.stack"
    )
    return [folder / "a.stack"]


def raw_manifests(folder: Path) -> list[Path]:
    """Manifest of raw renders, as written by the child Blender."""
    from holodriver.files.manifest import RawManifest

    RawManifest(
        width=WIDTH, height=HEIGHT, positions=(0.0, 0.5, 1.0), mapping="dioptric", near=0.5, far=float("inf"),
        coc_max=4.0, layer="ViewLayer", samples=4, depth_samples=2,
    ).write(folder)  # fmt: skip
    return [folder / "raw.json"]


def videos(folder: Path) -> list[Path]:
    """Videos of several containers and codecs, with sound."""
    import av

    for name, codec, pixels, sound in (
        ("a.mp4", "libx264", "yuv420p", "aac"),
        ("a.mkv", "ffv1", "yuv420p", "pcm_s16le"),
        ("a.avi", "mjpeg", "yuvj420p", None),
        ("a.webm", "libvpx", "yuv420p", "libopus"),
    ):
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=12)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
            heard: Any = container.add_stream(sound, rate=48000) if sound else None
            for number in range(3):
                frame = av.VideoFrame.from_ndarray(np.roll(picture(), number, 1), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 12)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if heard is not None:
                silence = np.zeros((1, 4800), np.int16)
                audio = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
                audio.sample_rate, audio.pts, audio.time_base = 48000, 0, Fraction(1, 48000)
                resampler = av.AudioResampler(
                    heard.codec_context.format, "mono", 48000, frame_size=heard.frame_size or 960
                )
                for converted in [*resampler.resample(audio), *resampler.resample(None)]:
                    container.mux(heard.encode(converted))
                container.mux(heard.encode(None))
    return sorted(folder.iterdir())


def parts(folder: Path) -> list[Path]:
    """An unfinished video."""
    from holodriver.files.video.parts import Track, VideoParts
    from holodriver.files.video.writer import CODECS

    track = Track(folder / "a.mkv", (WIDTH, HEIGHT), CODECS["ffv1"])
    begun = VideoParts([track], {"source": "seed"}, rate=Fraction(12), time_base=Fraction(1, 12))
    begun.write([picture()], Fraction(0))
    begun.commit({"state": depth(), "count": np.array(3)})
    return [begun.folder]


def weights(folder: Path) -> list[Path]:
    """Trained weights of a small network."""
    import torch

    from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics
    from holodriver.files.weights import NetworkWeights, save_weights

    torch.manual_seed(0)
    shape = DEHNetShape(channels=2, convolutions=4)
    optics = asdict(NetworkOptics.of(display(), 0))
    save_weights(folder / "a.safetensors", NetworkWeights(DEHNet(shape).state_dict(), asdict(shape), False, optics))
    return [folder / "a.safetensors"]


def networks(folder: Path) -> list[Path]:
    """A small network as ONNX files."""
    from holodriver.dehnet.training.export import float_file
    from holodriver.files.network import write_network
    from holodriver.files.weights import load_weights

    write_network(folder / "red.onnx", float_file(load_weights(weights(folder)[0])))
    return [folder / "red.onnx"]


def profiles(folder: Path) -> list[Path]:
    """A display profile."""
    from holodriver.files.profile import write_profile

    write_profile(folder / "a.toml", display())
    return [folder / "a.toml"]


def rigs(folder: Path) -> list[Path]:
    """A rig file."""
    from holodriver.rig.settings import PanelSettings, Rig, write_rig

    write_rig(folder / "rig.toml", Rig(panel=PanelSettings(monitor="IRIS-U62")))
    return [folder / "rig.toml"]


def calibrations(folder: Path) -> list[Path]:
    """A calibration with look-up tables."""
    from holodriver.files.calibration import write_calibration
    from holodriver.panel.calibration import Calibration, ColourCalibration
    from holodriver.panel.lut import AmplitudeLut

    colours = tuple(ColourCalibration(w, AmplitudeLut.linear(), 0.01, 200) for w in display().wavelengths)
    write_calibration(
        folder / "a.json", Calibration("P", "1", datetime(2026, 1, 1, tzinfo=UTC), "m", "uniform", colours)
    )
    return [folder / "a.json"]


def readings(folder: Path) -> list[Path]:
    """A meter's readings."""
    rows = [
        f"{colour},{grey},{grey / 3 + 1}"
        for colour in ("red", "green", "blue")
        for grey in ("dark", *range(0, 256, 32))
        if grey != "dark"
    ]
    (folder / "a.csv").write_text("colour,grey,reading\nred,dark,0.1\n" + "\n".join(rows))
    return [folder / "a.csv"]


def recordings(folder: Path) -> list[Path]:
    """Recording of a simulated rig."""
    from holodriver.rig.laser_colour import Colour
    from holodriver.rig.simulated.exposures import Exposure
    from holodriver.rig.simulated.recording import write_recording

    grey = picture(1)[..., 0]
    shown = [Exposure(0, 0, 0, Colour.RED, grey, 0.003, 0.001), Exposure(0, 1, 1, None, grey, 0.0, 0.0)]
    write_recording(folder / "seen", shown)
    return [folder / "seen"]


def pools(folder: Path) -> list[Path]:
    """A pool of training stacks."""
    from holodriver.dehnet.training.pool import Pool, PoolSize

    Pool(folder / "pool", PoolSize(2, 8, 3, 1, 4.0))
    return [folder / "pool"]


def edids(folder: Path) -> list[Path]:
    """EDID of a monitor."""
    block = bytearray(b"\x00\xff\xff\xff\xff\xff\xff\x00" + bytes(120))
    block[8:10], block[54:72] = b"\x34\xac", b"\x00\x00\x00\xfc\x00IRIS-U62\n    "
    (folder / "edid.bin").write_bytes(bytes(block))
    return [folder / "edid.bin"]


def settings(folder: Path) -> list[Path]:
    """The user's settings, which contain the path of a Blender."""
    (folder / "holodriver.toml").write_text('blender = "/nowhere/blender"\n')
    return [folder / "holodriver.toml"]


def models(folder: Path) -> list[Path]:
    """Folder of a depth network, with the files that are checked before transformers loads the network."""
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": "dpt", "patch_size": 16}))
    (model / "preprocessor_config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    return [model]
