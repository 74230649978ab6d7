"""Run random programs: ``python -m tests.fuzz --help``."""

import sys

from .run import main

sys.exit(main())
