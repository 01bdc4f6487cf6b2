"""What a user may choose of depth estimation, by name; importing this needs no network and no picture library."""

from typing import Literal

Precision = Literal["fp16", "bf16", "fp32"]
"""Numbers that a network computes with."""

Polarity = Literal["inverse", "distance"]
"""Whether a network gives inverse depth (near is large) or distance (near is small)."""

Refiner = Literal["edges", "guided", "bilateral", "median", "smooth", "crf", "none"]
"""How depth edges are put where the picture has them."""
