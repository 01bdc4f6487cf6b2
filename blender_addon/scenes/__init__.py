"""Built-in scenes: the demo scene, and random scenes for training and evaluation."""
