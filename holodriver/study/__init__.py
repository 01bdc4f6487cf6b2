"""Between cli and floor 4: the paper's figures, its studies and its claims, measured on our own scenes."""
