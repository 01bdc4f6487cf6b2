"""The simulated rig: panel, laser box, wire and camera."""
