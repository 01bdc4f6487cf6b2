"""Floor 5: commands. Parse, call one function, print."""


def main() -> int:
    """The console script `holodriver`; the exit code."""
    from holodriver.cli.app import main as run

    return run()
