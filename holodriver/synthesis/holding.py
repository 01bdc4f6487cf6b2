"""Choice of the data that stay in memory between passes over the planes, within a memory budget.

Each optimisation step passes over the planes twice: once along the direction, to find the step length, and once for the
gradient. A plane that holds nothing is computed again from the spectrum in each pass; the more a plane holds, the fewer
transforms it needs.
"""

from enum import IntEnum

from holodriver.errors import SynthesisError


class Hold(IntEnum):
    """Data that one plane holds; each kind includes the data of the kinds before it."""

    nothing = 0
    """No data: a step takes 4 transforms, and weight and target are computed in both passes."""
    targets = 1
    """Weight and target: a step takes 4 transforms."""
    fields = 2
    """Wave field of the plane: a step takes 3 transforms."""
    moves = 3
    """Change of the wave field by the direction: a step takes 2 transforms, the smallest number possible."""


WORKSPACE = 22
"""Memory that every step needs, in complex fields of one plane: spectrum, direction, gradients, pairs of the
quasi-Newton method, preconditioner, transfer functions."""
WORKSPACE_A_THREAD = 8
"""Additional memory for each thread, in complex fields of one plane."""


def what_to_hold(planes: int, pixels: int, *, budget: float | None, complex_bytes: int, threads: int) -> list[Hold]:
    """Data that each plane holds so that a step fits a memory budget; the first planes may hold more than the last.

    Args:
        planes: number of planes.
        pixels: pixels of one plane, padding included.
        budget: bytes available beside the focal stack; None: every plane holds everything.
        complex_bytes: bytes of one complex value.
        threads: number of planes computed in parallel.

    Raises:
        SynthesisError: the budget is too small even if nothing is held; the message says how much is needed.
    """
    if budget is None:
        return [Hold.moves] * planes
    field = pixels * complex_bytes
    left = budget - least_bytes(pixels, complex_bytes=complex_bytes, threads=threads)
    if left < 0:
        needed = (budget - left) / 2**30
        raise SynthesisError(
            f"not enough memory: {pixels:,} pixels need at least {needed:.2f} GiB, {budget / 2**30:.2f} are available",
            remedy="close programs, allow more memory, or use a smaller picture or less padding",
        )
    steps = int(left // field)  # each kind of `Hold` adds one complex field for each plane
    everywhere, more = divmod(min(steps, len(Hold) * planes - planes), planes)
    return [Hold(everywhere + (n < more)) for n in range(planes)]


def least_bytes(pixels: int, *, complex_bytes: int, threads: int) -> int:
    """Bytes that a step needs if no plane holds anything."""
    return (WORKSPACE + WORKSPACE_A_THREAD * threads) * pixels * complex_bytes
