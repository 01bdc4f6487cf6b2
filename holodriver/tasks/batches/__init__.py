"""Batches for the farm: the list of a batch's units, and the function that computes one unit."""
