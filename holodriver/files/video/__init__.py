"""Reading and writing video files, their sound included."""
