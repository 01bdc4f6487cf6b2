"""Names of the methods that compute a wave field."""

from typing import Literal

Method = Literal["net", "opt", "net+opt", "ncgh", "dcgh", "points", "flat"]
"""DEHNet, the optimiser, the optimiser started from DEHNet's field, and the baselines."""
