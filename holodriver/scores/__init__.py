"""Floor 4: scores, tables and pictures of holograms."""
