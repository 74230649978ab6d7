"""Every example in a docstring, and every one in README.md, is run; each docstring has its form."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import funcgrad

from .support.house import PATHS, ROOT, each_file, is_of_engine, tree_of
from .support.turns import in_one

README = ROOT / "README.md"
MODULES = [
    "funcgrad",
    *(
        m.name
        for m in pkgutil.walk_packages(funcgrad.__path__, "funcgrad.")
        if "__main__" not in m.name
    ),
]


# modules whose import, or whose examples, need an optional extra
NEEDS = {
    "funcgrad.bridge.": "jax", "funcgrad.export.onnx_": "onnx", "funcgrad.dist.mpi": "mpi4py",
    "funcgrad.bridge.conversions": "jax array_api_strict",
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    for start, extra in NEEDS.items():
        if name.startswith(start) and (is_of_engine(name) or start != "funcgrad.bridge."):
            for module in extra.split():
                pytest.importorskip(module, reason="an optional extra")
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)

    assert failures == 0


def test_the_examples_of_the_readme_give_what_they_say():
    failures, _ = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)

    assert failures == 0


def test_the_python_of_the_readme_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    scripts = [block for block in blocks if ">>>" not in block]
    for script in scripts:
        exec(compile(script, str(README), "exec"), {"__name__": "readme"})

    assert blocks


# each public name and each module says what it is

DOCSTRING_LINES = 25


def public(module):
    """Yield the public functions and classes of a table of contents."""
    for name in dir(module):
        value = getattr(module, name)
        ours = getattr(value, "__module__", "").startswith("funcgrad")
        if not name.startswith("_") and callable(value) and ours:
            yield name, value


CONTENTS = [
    funcgrad,
    *(
        importlib.import_module(f"funcgrad.{name}")
        for name in (
            "tree",
            "numpy",
            "random",
            "nn",
            "nn.init",
            "losses",
            "optim",
            "optim.contrib",
            "lax",
            "linalg",
            "numpy.linalg",
            "extend",
            "special",
            "data",
            "train",
            "scipy.integrate",
            "scipy.linalg",
            "scipy.optimize",
            "scipy.signal",
            "sparse",
        )
        if f"funcgrad.{name}" in PATHS
    ),
]
NAMES = {
    f"{module.__name__}.{name}": value for module in CONTENTS for name, value in public(module)
}


@in_one(NAMES)
def test_every_public_name_says_in_one_sentence_what_it_is(name):
    lines = (inspect.getdoc(NAMES[name]) or "").splitlines()

    assert lines and lines[0].endswith(".") and (len(lines) == 1 or not lines[1].strip())
    assert len(lines) <= DOCSTRING_LINES


@each_file
def test_every_module_says_what_it_is(path):
    docstring = ast.get_docstring(tree_of(path)) or ""

    assert docstring.partition("\n")[0].endswith((".", ":"))
