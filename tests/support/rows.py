"""Rows: lines of NumPy as functions of the inputs that they name."""

import ast
import functools
import re

import numpy as np


def split(family):
    """Rows of a text, which are two spaces or a line apart; a list is given back."""
    return family if isinstance(family, list) else re.split(r"\s{2,}", family.strip())


def known_to_numpy(row, inputs, constants):
    """Whether this NumPy has the names and keywords of a row: an older one lacks some."""
    try:
        eval(row, {**constants, **{k: np.array(v)[()] for k, v in inputs.items()}})
    except (AttributeError, TypeError):
        return False
    except Exception:  # its tests will tell what is wrong with it
        pass
    return True


@functools.cache
def names_in(row):
    """The names that a row reads."""
    return {node.id for node in ast.walk(ast.parse(row)) if isinstance(node, ast.Name)}


code_of = functools.cache(compile)  # laws of a row, and its inputs, share it


def function_of(row, inputs, constants):
    """Give a row as a function that does not warn, and its inputs in the order of their names."""
    names = sorted(names_in(row) & inputs.keys())
    function = eval(
        code_of(f"lambda {', '.join(names)}: {row}", "<string>", "eval"), dict(constants)
    )
    function.__name__ = function.__qualname__ = row

    def quiet(*args):
        with np.errstate(all="ignore"):
            return function(*args)

    quiet.__name__ = row
    return quiet, [inputs[name] for name in names]


def after(write, x, *args, **kwargs):
    """Copy of an array after a function has written into it."""
    y = x.copy()
    write(y, *args, **kwargs)
    return y


def narrowed(x, char):
    """Cast to single (``"f"``) or half (``"e"``) precision, real or complex as it is."""
    kind = {"f": (np.float32, np.complex64), "e": (np.float16, None)}[char]
    return np.asarray(x).astype(kind[np.iscomplexobj(x)])[()]
