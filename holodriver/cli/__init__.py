"""Floor 5: commands. Parse, call one function, print."""

import os


def main() -> int:
    """The console script `holodriver`; the exit code."""
    # Before torch loads OpenMP: threads that wait must sleep, not spin, or on a machine with anything else to do one
    # transform waits for the next (an nCGH took 10 s instead of 1 s beside one busy process on two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from holodriver.cli.app import main as run

    return run()
