"""Options of Looking Glass pictures that users choose by name; importing them needs no picture library."""

from typing import Literal

Fit = Literal["crop", "pad"]
"""Treatment of a picture with another aspect than the display's: cropped, or shown whole between black bars."""

Kind = Literal["quilt", "rgbd", "picture"]
"""Kind of file that is cast to a display."""

Codec = Literal["h264", "h265"]
"""Codec of a video for a display."""
