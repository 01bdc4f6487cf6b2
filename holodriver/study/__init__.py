"""Between cli and floor 4: the DEH paper's figures, studies and claims, measured on our own scenes."""
