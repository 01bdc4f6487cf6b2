"""Floor 5: the program's batch jobs, each as a list of units of work."""
