"""Batches of many units of work: what the units are, and how one is done."""
