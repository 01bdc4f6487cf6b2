"""Reading files of strangers in a process of its own, behind a sandbox."""
