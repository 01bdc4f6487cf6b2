"""Floor 4: batches. Lists of independent, idempotent units of work, done by a pool of processes or on many machines."""
