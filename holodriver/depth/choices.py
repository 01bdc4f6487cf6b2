"""Options of depth estimation that users choose by name; importing them needs no network and no picture library."""

from typing import Literal

Precision = Literal["fp16", "bf16", "fp32"]
"""Number format in which a network computes."""

Polarity = Literal["inverse", "distance"]
"""Whether a network gives inverse depth (near is large) or distance (near is small)."""

Refiner = Literal["edges", "guided", "bilateral", "median", "smooth", "crf", "none"]
"""Method that moves depth edges onto the edges of the picture."""
