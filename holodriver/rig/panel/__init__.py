"""The panel: its process, its window and its monitor."""
