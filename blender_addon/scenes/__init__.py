"""Scenes that come along: the demo, and random scenes for training."""
