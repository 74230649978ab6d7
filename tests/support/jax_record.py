"""Numbers of programs under JAX, in files beside them: ``python -m tests.support.jax_record``."""

import json
from pathlib import Path

FILES = ("jax_programs.py", "jax_names.py")


def numbers(result):
    """Tree of Python numbers, lists and dicts of a program's result."""
    import numpy as np

    if isinstance(result, dict):
        return {key: numbers(x) for key, x in sorted(result.items())}
    if isinstance(result, list | tuple):
        return [numbers(x) for x in result]
    return result if isinstance(result, str | int | float) else np.asarray(result).tolist()


def recorded(name):
    """The numbers of a file's programs under JAX."""
    names = {"__name__": name.removesuffix(".py")}
    text = (Path(__file__).parents[1] / name).read_text()
    exec(text.replace("funcgrad.compat.jax", "jax"), names)
    return {fun.__name__: numbers(fun()) for fun in names["PROGRAMS"]}


def rounded(x):
    """A tree of numbers in 7 digits."""
    if isinstance(x, dict):
        return {key: rounded(y) for key, y in x.items()}
    if isinstance(x, list):
        return [rounded(y) for y in x]
    return float(f"{x:.7g}") if isinstance(x, float) else x


def main():
    for name in FILES:
        found = recorded(name)
        path = (Path(__file__).parents[1] / name).with_suffix(".json")
        rows = [f"{json.dumps(key)}: {json.dumps(rounded(x))}" for key, x in found.items()]
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
        print(name, len(found))


if __name__ == "__main__":
    main()
