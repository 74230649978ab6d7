"""Every example in a docstring, and every one in README.md, is run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import funcgrad

README = Path(__file__).parent.parent / "README.md"
MODULES = [
    "funcgrad",
    *(
        m.name
        for m in pkgutil.walk_packages(funcgrad.__path__, "funcgrad.")
        if "__main__" not in m.name
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
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
