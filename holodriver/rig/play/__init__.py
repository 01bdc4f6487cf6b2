"""Playing holograms: frames on the panel and lasers in step, or dark."""
