"""Floor 5: commands. Parse, call one function, print."""
