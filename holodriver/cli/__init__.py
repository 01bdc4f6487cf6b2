"""The command line: each command parses its options, calls one task and prints the result."""

import os


def main() -> int:
    """Run the console script `holodriver`, and return the exit code."""
    # Before torch loads OpenMP: waiting threads must sleep, not spin, or on a busy machine one transform waits for the
    # next (an nCGH took 10 s instead of 1 s beside one busy process on two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from holodriver.cli.app import main as run

    return run()
