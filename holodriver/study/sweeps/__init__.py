"""The DEH paper's studies; each varies one quantity and keeps the others constant."""
