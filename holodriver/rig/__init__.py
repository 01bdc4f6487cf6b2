"""Floor 4: what stands in the lab: panel, lasers, the player that keeps them in step, and their simulations."""
