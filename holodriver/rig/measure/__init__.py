"""Measurements on a rig: calibration, capture, cameras and meters."""
