"""Numbers of ``jax_programs.py`` under JAX: ``python -m tests.support.jax_record``."""

import json
from pathlib import Path

FILE = Path(__file__).parents[1] / "jax_programs.py"


def numbers(result):
    """Tree of Python numbers, lists and dicts of a program's result."""
    import numpy as np

    if isinstance(result, dict):
        return {key: numbers(x) for key, x in sorted(result.items())}
    if isinstance(result, list | tuple):
        return [numbers(x) for x in result]
    return result if isinstance(result, str | int | float) else np.asarray(result).tolist()


def main():
    names = {"__name__": "jax_programs"}
    exec(FILE.read_text().replace("funcgrad.compat.jax", "jax"), names)
    found = {fun.__name__: numbers(fun()) for fun in names["PROGRAMS"]}
    FILE.with_suffix(".json").write_text(json.dumps(found, indent=0) + "\n")
    print(len(found))


if __name__ == "__main__":
    main()
