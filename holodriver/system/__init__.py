"""The machine, its threads and its child processes."""
