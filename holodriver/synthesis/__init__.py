"""Floor 3: from a focal stack to a wave field."""
