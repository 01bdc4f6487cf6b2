"""Batches: lists of independent units of work, done by one process, a pool of processes or many machines."""
