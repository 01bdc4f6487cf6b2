"""Floor 2: from a wave field to what an amplitude panel shows, and back."""
