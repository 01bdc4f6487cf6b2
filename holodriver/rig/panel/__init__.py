"""The panel: its process, its window, its monitor."""
