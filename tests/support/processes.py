"""Other interpreters, and the memory that a call takes."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(code, *args, environment=None):
    """Print of a fresh interpreter; it may keep bytecode, as an installed one does."""
    command = [sys.executable, "-c", code, *args]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env.update(environment or {})
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def peak_of(function, *args):
    """Result of a call, and the most bytes that were allocated at once while it ran."""
    tracemalloc.start()
    try:
        result = function(*args)
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
