"""Measuring the rig: calibration, capture, cameras and meters."""
