"""The command line: ``python -m funcgrad coverage`` and ``python -m funcgrad doctor``."""

import argparse
import sys

from .doctor import report
from .numpy.coverage import table


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m funcgrad", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("coverage", help="the status of each name of NumPy for traced arrays")
    commands.add_parser("doctor", help="NumPy, BLAS and threads on this machine, with advice")
    command = parser.parse_args(arguments).command
    print(table() if command == "coverage" else report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
