"""The counterparts of the paper's figures, one module a subject."""
