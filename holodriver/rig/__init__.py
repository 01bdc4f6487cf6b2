"""Floor 4, the lab rig: panel, lasers, the player that keeps panel and lasers in step, and simulations of all three."""
