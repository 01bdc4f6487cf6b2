"""The methods that studies compare, each from a scene to a wave field, kept once computed."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.load_weights import load_networks, shipped_folder
from holodriver.dehnet.runtimes.kinds import present
from holodriver.dehnet.synthesiser import NetworkSynthesiser
from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.progress import Progress
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import score_field
from holodriver.study.scenes import Scene
from holodriver.study.settings import Settings, shown_on
from holodriver.study.store import FIELD, Store, Timed, digest, folder_digest
from holodriver.synthesis.baselines import dcgh, flat_phase, ncgh
from holodriver.synthesis.optimise import synthesise

OPT, NET, QNET = "OPT", "DEHNet", "DEHNet int8"
NCGH, DCGH, FLAT = "nCGH", "dCGH", "flat phase"

INT8_RUNTIMES = ("openvino-int8", "onnxruntime-int8")
"""Those that run the rounded network; the first that the machine has is taken."""

BASELINES: dict[str, Callable[..., Any]] = {NCGH: ncgh, DCGH: dcgh, FLAT: flat_phase}


class Methods:
    """Computes and keeps wave fields by the names of their methods."""

    def __init__(self, settings: Settings, display: DisplayProfile, store: Store, progress: Progress):
        self.settings, self.display, self._store, self._progress = settings, display, store, progress
        self._ready: dict[tuple[bool, DisplayProfile], NetworkSynthesiser] = {}

    def field(
        self,
        method: str,
        scene: Scene,
        options: Mapping[str, Any] | None = None,
        *,
        display: DisplayProfile | None = None,
    ) -> Timed:
        """The wave field of a scene.

        Args:
            method: one of the names of this module.
            scene: what is to be shown; networks take its all-in-focus image and depth alone.
            options: of `synthesise`, for OPT alone.
            display: with other optics than the study's; its size does not matter.
        """
        profile = shown_on(display or self.display, scene.stack.shape, scene.stack.coc_max)
        options = dict(options or {})
        inputs: dict[str, Any] = {"scene": scene.key, "display": profile.as_dict(), "options": options}
        if method == OPT:
            inputs["iterations"] = self.settings.iterations
        if method in (NET, QNET):
            inputs["weights"] = self.weights_digest
        name = method.replace(" ", "-")
        kept = self._store.keep(
            f"{name}-{scene.stack.shape[1]}x{scene.stack.shape[0]}",
            inputs,
            FIELD,
            lambda: self.timed(method, scene.stack, profile, **options),
        )
        return kept.value

    def timed(self, method: str, stack: FocalStack, profile: DisplayProfile, **options: Any) -> Timed:
        """Compute, and say how long it took."""
        notes: dict[str, Any] = {}
        network = self.network(method == QNET, profile) if method in (NET, QNET) else None
        start = time.perf_counter()
        if method == OPT:
            result = synthesise(stack, profile, iterations=self.settings.iterations, progress=self._progress, **options)
            field = result.field
            notes = {"steps": [len(history) - 1 for history in result.history], "ended": list(result.reasons)}
        elif network is not None:
            field = network.field(stack.all_in_focus, stack.all_in_focus_depth)
            notes = {"runtime": network.kind.name}
        else:
            field = BASELINES[method](stack, profile)
        return Timed(field, time.perf_counter() - start, notes)

    def scored(self, method: str, scene: Scene, *, display: DisplayProfile | None = None) -> StackScores:
        """The scores of a method on a scene."""
        timed = self.field(method, scene, display=display)
        return score_field(method, timed.field, scene.stack, seconds=timed.seconds)

    def network(self, quantised: bool, profile: DisplayProfile) -> NetworkSynthesiser:
        """The networks, ready to run."""
        optics = replace(profile, width=1, height=1)
        if (quantised, optics) not in self._ready:
            self._ready[quantised, optics] = NetworkSynthesiser(
                self._networks, optics, runtime=int8_runtime() if quantised else "float"
            )
        return self._ready[quantised, optics]

    @cached_property
    def _networks(self) -> Any:
        return load_networks(self.settings.weights)

    @cached_property
    def weights_digest(self) -> str:
        """Of the networks that are used."""
        return folder_digest(self.settings.weights or shipped_folder(), ("*.onnx",))


def int8_runtime() -> str:
    """The first of the int8 runtimes that this machine has.

    Raises:
        InputError: it has none.
    """
    names = {kind.name for kind in present()}
    for name in INT8_RUNTIMES:
        if name in names:
            return name
    raise InputError("this machine has no runtime for int8 networks", remedy='pip install "holodriver[cpu,openvino]"')


def changed(
    scene: Scene,
    name: str,
    *,
    depths: NDArray[np.float32] | None = None,
    all_in_focus_depth: NDArray[np.float32] | None = None,
) -> Scene:
    """The scene with other depth maps, as methods are given it; `name` says what is other."""
    stack = scene.stack
    depths = stack.depths if depths is None else depths
    sharp = stack.all_in_focus_depth if all_in_focus_depth is None else all_in_focus_depth
    contents = [hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest() for values in (depths, sharp)]
    other = replace(stack, depths=depths, all_in_focus_depth=sharp)
    return Scene(other, digest(scene.key, contents), f"{scene.name}, {name}")
