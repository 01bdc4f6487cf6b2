"""Pictures that a camera behind the slit of the simulated bench takes of panel frames."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.bench import SimulatedBench
from holodriver.panel.frames import PanelFrames
from holodriver.system.threads import side_by_side


def pictures(
    bench: SimulatedBench, frames: PanelFrames, exposure: Sequence[float], positions: Sequence[float]
) -> NDArray[np.float32]:
    """Pictures (N, C, H, W) with the focus at each normalised depth in `positions`.

    Args:
        exposure: factor on the intensity of each colour.
    """
    return np.stack(side_by_side(lambda t: bench.picture(frames.pixels, t, exposure), positions))
