"""Names of the user's choices for the viewer's page; importing this module needs no picture library."""

from typing import Literal

Show = Literal["frames", "field", "both"]
"""View of a hologram: the camera's picture of its panel frames, its wave field, or both."""
