"""What a user may choose of the viewer's page, by name; importing this needs no picture library."""

from typing import Literal

Show = Literal["frames", "field", "both"]
"""What is shown of a hologram: what a camera sees of its panel frames, its wave field, or both."""
