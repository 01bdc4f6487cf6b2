"""The simulated rig: panel, laser controller ("box"), sync wire and camera."""
