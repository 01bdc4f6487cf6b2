"""What a user may choose of pictures for a Looking Glass, by name; importing this needs no picture library."""

from typing import Literal

Fit = Literal["crop", "pad"]
"""A picture of another aspect than the display's is cropped to it, or shown whole between black bars."""

Kind = Literal["quilt", "rgbd", "picture"]
"""What a file holds that is cast to a display."""

Codec = Literal["h264", "h265"]
"""How a video for a display is encoded."""
