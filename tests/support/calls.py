"""Wrong calls of public functions, made from a valid call in their examples."""

import contextlib
import doctest
import importlib
import inspect
import io
import warnings

import numpy as np

import funcgrad as fg

MODULES = (
    "tree", "nn", "losses", "optim", "optim.contrib", "random", "lax", "special", "sparse", "data",
    "scipy.linalg", "scipy.signal", "scipy.integrate", "scipy.ndimage", "scipy.interpolate",
)  # fmt: skip
BAD = {"None": None, "text": "text", "object": object(), "texts": np.array(["a", "b"])}


def public_functions():
    """The functions and classes with an example, by their paths."""
    found = {}
    for part in MODULES:
        module = importlib.import_module(f"funcgrad.{part}")
        for name in dir(module):
            value = getattr(module, name)
            if callable(value) and ">>>" in (inspect.getdoc(value) or ""):
                found.setdefault(id(value), (f"{part}.{name}", value))
    return dict(found.values())


def valid_call(name, function):
    """The arguments of the first call in the function's example, or None."""
    calls = []

    def recorder(*args, **kwargs):
        calls.append((args, kwargs))
        return function(*args, **kwargs)

    home = importlib.import_module(function.__module__)
    names = {**vars(fg.nn), **vars(home), "np": np, "fg": fg, name.rpartition(".")[2]: recorder}
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(function))
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for example in examples:
            with contextlib.suppress(Exception):  # of names that only the module has
                exec(compile(example.source, "<example>", "single"), names)
            if calls:
                return calls[0]
    return None


def wrong_calls(args, kwargs):
    """Calls with one argument of another kind, without one, and with an unknown keyword."""
    for kind, bad in BAD.items():
        for i in range(min(len(args), 2)):
            yield f"argument {i} = {kind}", (*args[:i], bad, *args[i + 1 :]), kwargs
    yield "no argument", (), {}
    yield "unknown keyword", args, {**kwargs, "unknown_": 1}
