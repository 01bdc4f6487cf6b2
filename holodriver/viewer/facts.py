"""Metadata of files as rows for people to read."""

from typing import Any

LONG = 4
"""Largest number of values of a list that is written in full."""


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested plain values as rows of dotted names and text; values of None are left out."""
    rows = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and len(value) > LONG:
            rows.append((f"{prefix}{key}", f"{', '.join(map(str, value[:3]))} … {value[-1]} ({len(value)})"))
        elif value is not None:
            rows.append((f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows
