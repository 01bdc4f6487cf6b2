"""Our versions of the DEH paper's figures, one module for each subject."""
