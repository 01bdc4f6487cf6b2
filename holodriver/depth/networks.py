"""Depth networks of the transformers library, made to accept pictures of any size in their own aspect.

torchvision is never needed: pictures are resized here, and only the mean and standard deviation of a model's
pre-processing are read.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from holodriver.depth.choices import Polarity
from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files.text import read_json
from holodriver.system.quiet import import_transformers

FAMILIES: dict[str, Polarity] = {
    "dpt": "inverse",
    "depth_anything": "inverse",
    "depth_pro": "inverse",  # canonical inverse depth, which only its post-processing turns into metres
    "prompt_depth_anything": "distance",
    "zoedepth": "distance",
    "glpn": "distance",
}
"""Output of the networks of each family (`model_type` in config.json); `_polarity` recognises metric Depth Anything."""

FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
"""Names of the files in a model's folder."""


class Network(nn.Module):
    """Network that maps sRGB pictures (B, 3, h, w), 0 … 1, to (B, h, w), and the meaning of its output."""

    def __init__(self, model: nn.Module, *, mean: list[float], std: list[float], polarity: Polarity):
        super().__init__()
        self.model = model
        self.polarity: Polarity = polarity
        self.multiple = side_multiple(model.config)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self._forward = route(model)

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute the network's output at its own output size."""
        return self._forward((pictures - self.mean) / self.std)


def load_network(
    name: str, *, polarity: Polarity | None = None, warn: Callable[[str], None] = lambda text: None
) -> Network:
    """Load a network by its hub name or folder, in float32 on the CPU.

    Args:
        polarity: meaning of its output; needed for families that are not in `FAMILIES`.
        warn: called with one line before anything is downloaded.

    Raises:
        FileFormatError: the folder lacks a file or holds no depth network.
        HolodriverError: the files are not here and cannot be downloaded; the message says which files to put where.
        InputError: the meaning of the output is unknown.
    """
    transformers = _transformers()
    if polarity not in (None, *get_args(Polarity)):
        raise InputError(f"polarity is {polarity!r}, expected 'inverse' or 'distance'")
    _check_folder(name)
    # local files first: a request to the hub would wait for a timeout for each file if there is no connection
    attempts = (True,) if Path(name).is_dir() else (True, False)
    for local in attempts:
        if not local:
            warn(f"{name} is not on this machine yet and is downloaded from huggingface.co, once")
        try:
            config, model, (mean, std) = _read(transformers, name, local_files_only=local)
            break
        except HolodriverError:
            raise
        except Exception as error:  # damaged files raise errors of many types
            if local is attempts[-1]:
                raise _not_loaded(name, error) from error
    return Network(model.eval(), mean=mean, std=std, polarity=polarity or _polarity(config, name))


def _read(transformers: Any, name: str, **where: bool) -> tuple[Any, Any, tuple[list[float], list[float]]]:
    where |= {"trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(name, **where)
    known = transformers.models.auto.modeling_auto.MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES
    if config.model_type not in known:
        raise FileFormatError(f"holds a {config.model_type} model, which does not estimate depth", where=name)
    model = transformers.AutoModelForDepthEstimation.from_pretrained(
        name,
        dtype=torch.float32,
        use_safetensors=True,  # the alternative is pickles, which can run code
        **where,
    )
    return config, model, _normalisation(transformers, name, **where)


def side_multiple(config: Any) -> int:
    """Number, pixels, of which both sides of a picture must be multiples for a model of this configuration."""
    patch = getattr(config, "patch_size", 0)
    backbone = getattr(config, "backbone_config", None)
    if config.model_type == "dpt" and (backbone is None or config.is_hybrid):
        return 2 * int(patch)  # the deepest features have half the resolution of the patches
    if config.model_type == "depth_pro":
        return 1536  # the network itself cuts the picture into patches of a fixed size
    if config.model_type == "zoedepth":
        return 2 * int(getattr(backbone, "patch_size", 16))
    return int(patch or getattr(backbone, "patch_size", 32))


def route(model: Any) -> Callable[[Tensor], Tensor]:
    """Function that runs `model` on a picture of any size and aspect that `side_multiple` allows.

    DPT's own forward method assumes a square picture, and the hybrid refuses every size but one. Their parts
    are therefore called here one after the other, with the size given. On squares of the native size the result is the
    same.
    """
    config = model.config
    if config.model_type != "dpt" or model.backbone is not None:
        return lambda pixels: model(pixels).predicted_depth
    if config.is_hybrid:
        embeddings = model.dpt.embeddings
        embeddings.forward = functools.partial(embeddings.forward, interpolate_pos_encoding=True)
    indices = config.backbone_out_indices[2:] if config.is_hybrid else config.backbone_out_indices

    def dpt(pixels: Tensor) -> Tensor:
        outputs = model.dpt(pixels, output_hidden_states=True)
        features = list(outputs.intermediate_activations) if config.is_hybrid else []
        features += [state for index, state in enumerate(outputs.hidden_states[1:]) if index in indices]
        height, width = (side // config.patch_size for side in pixels.shape[-2:])
        return model.head(model.neck(features, height, width))

    return dpt


def _polarity(config: Any, name: str) -> Polarity:
    if getattr(config, "depth_estimation_type", "relative") == "metric":
        return "distance"
    try:
        return FAMILIES[config.model_type]
    except KeyError:
        raise InputError(
            f"is a {config.model_type} model, of which it is unknown whether it gives inverse depth or distance",
            where=name,
            remedy="pass --polarity inverse or --polarity distance",
        ) from None


def _normalisation(transformers: Any, name: str, **where: bool) -> tuple[list[float], list[float]]:
    """Mean and standard deviation with which a model's pictures are normalised."""
    settings, _ = transformers.image_processing_base.ImageProcessingMixin.get_image_processor_dict(name, **where)
    if not settings.get("do_normalize", settings.get("image_mean") is not None):
        return [0.0] * 3, [1.0] * 3
    mean, std = settings.get("image_mean"), settings.get("image_std")
    if not (isinstance(mean, list) and isinstance(std, list) and len(mean) == len(std) == 3 and min(std) > 0):
        raise FileFormatError(
            f"image_mean is {mean} and image_std {std}, expected three numbers each",
            where=f"{name}, preprocessor_config.json",
        )
    return mean, std


def _check_folder(name: str) -> None:
    """Refuse a model folder that lacks a file, and name the file."""
    folder = Path(name)
    if not folder.is_dir():
        if folder.is_absolute() or name.startswith(".") or folder.exists():
            raise FileFormatError(
                "is not a folder with a model", where=name, remedy=f"such a folder holds {', '.join(FILES)}"
            )
        return
    there = {path.name for path in folder.iterdir()}
    missing = [file for file in FILES[:2] if file not in there]
    if not any(file.endswith(".safetensors") for file in there):
        missing.append(FILES[2])
        if pickles := sorted(file for file in there if file.endswith((".bin", ".pt", ".pth"))):
            raise FileFormatError(
                f"has its weights only as {pickles[0]}, a pickle, which could run code",
                where=name,
                remedy=f"take a model that comes as {FILES[2]}, or convert it if you trust it",
            )
    if missing:
        raise FileFormatError(
            f"lacks {' and '.join(missing)}", where=name, remedy=f"a model's folder holds {', '.join(FILES)}"
        )
    kind = read_json(folder / "config.json").get("model_type")
    if not isinstance(kind, str):
        raise FileFormatError("has no model_type", where=folder / "config.json")


def _not_loaded(name: str, error: BaseException) -> HolodriverError:
    reason = " ".join(str(error).split())[:160]
    if Path(name).is_dir():
        return FileFormatError(f"cannot be loaded: {reason}", where=name)
    cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return HolodriverError(
        f"is not in {cache} and cannot be downloaded ({reason})",
        where=name,
        remedy=f"with an Internet connection, try again; without, put {', '.join(FILES)} of huggingface.co/{name} into "
        "a folder and pass it as --backend FOLDER",
    )


def _transformers() -> Any:
    try:
        transformers = import_transformers()
    except ImportError as error:
        raise HolodriverError("transformers is not installed", remedy='pip install "holodriver[depth]"') from error
    import huggingface_hub

    huggingface_hub.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
