"""Floor 2: what is to be shown, as plain data with checked shapes."""
