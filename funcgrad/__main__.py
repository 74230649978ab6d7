"""The command line: ``python -m funcgrad coverage``, ``doctor`` and ``migrate FILE``."""

import argparse
import sys

from . import doctor, migrate
from .numpy.coverage import table


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m funcgrad", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("coverage", help="the status of each name of NumPy for traced arrays")
    commands.add_parser("doctor", help="NumPy, BLAS, threads and C compiler, with advice")
    moving = commands.add_parser("migrate", help="names of other libraries in a file, and ours")
    moving.add_argument("file")
    moving.add_argument("--write", action="store_true", help="rewrite its import lines")
    given = parser.parse_args(arguments)
    if given.command == "migrate":
        print(migrate.migration(given.file, given.write))
    else:
        print(table() if given.command == "coverage" else doctor.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
