"""Reading files from unknown sources in a separate process, which runs in a sandbox."""
