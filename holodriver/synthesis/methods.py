"""Names of the ways to a wave field."""

from typing import Literal

Method = Literal["net", "opt", "net+opt", "ncgh", "dcgh", "points", "flat"]
"""DEHNet, the optimiser, the optimiser begun with what DEHNet found, and the baselines."""
