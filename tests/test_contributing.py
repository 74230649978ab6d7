"""The papers for contributors: their example keeps the laws of a primitive, their paths exist."""

import ast
import inspect
import re
import textwrap
import warnings

import numpy as np
import pytest

import funcgrad
from funcgrad.core.registry import primitives

from . import test_jit, test_rules
from .support.cases import CASES
from .support.house import PACKAGE, ROOT, tree_of

PAPERS = ROOT / ".github"
CONTRIBUTING = PAPERS / "CONTRIBUTING.md"
LAWS = (
    test_rules.test_transpose_is_the_adjoint_of_jvp,
    test_rules.test_jvp_is_the_limit_of_differences,
    test_rules.test_jvp_of_a_gradient_is_the_limit_of_its_differences,
    test_rules.test_second_derivatives_in_reverse_are_adjoint_to_those_forward,
    test_rules.test_derivatives_staged_equal_derivatives_eager,
    test_rules.test_infer_says_what_run_does,
    test_rules.test_a_staged_program_gives_the_values_and_dtypes_of_numpy,
    test_rules.test_values_and_derivatives_do_not_depend_on_strides,
    test_rules.test_a_batch_is_a_loop_over_its_examples,
    test_jit.test_a_compiled_primitive_gives_the_values_and_dtypes_of_numpy,
    test_jit.test_compiled_derivatives_equal_eager_ones,
    test_jit.test_a_compiled_batch_equals_an_eager_one,
)


@pytest.fixture(scope="module")
def example():
    """The name of the primitive that CONTRIBUTING adds, for the time of a module."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", text, re.M | re.S)
    before = set(primitives)
    scope = {}
    for block in blocks:
        exec(textwrap.dedent(block), scope)
    (name,) = set(primitives) - before
    yield name
    del primitives[name], CASES[name]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_primitive_of_the_example_keeps_the_laws(law, example):
    whole = {"full": True} if "full" in inspect.signature(law).parameters else {}
    for case in CASES[example]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            law(example, case, **whole)


def test_each_path_that_is_named_exists():
    text = CONTRIBUTING.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_./]+(?:/|\.py|\.md|\.toml))`", text)) | {".ci/run"}
    homes = (ROOT, PACKAGE, ROOT / "tests" / "support", ROOT / "examples" / "guide", PAPERS)

    assert {name for name in named if not any((home / name).exists() for home in homes)} == set()


def test_every_package_is_public_or_private():
    text = (PAPERS / "STABILITY.md").read_text(encoding="utf-8")
    kinds = ("Public", "Private")
    public, private = (re.search(rf"\*\*{kind}\*\*.*?\n\n", text, re.S)[0] for kind in kinds)
    packages = {p.stem for p in PACKAGE.iterdir() if p.stem.isidentifier()} - {"py"}
    packages -= {"__init__", "__main__", "__pycache__", "doctor", "migrate"}
    named = [set(re.findall(r"`(?:funcgrad\.)?(\w+)`", part)) for part in (public, private)]

    assert packages == {name for names in named for name in names if name in packages}
    assert not named[0] & named[1] & packages
    assert all(getattr(funcgrad, name).__all__ for name in named[0] & packages)


def test_the_workflow_runs_what_ci_runs():
    text = (PAPERS / "workflows" / "tests.yml").read_text(encoding="utf-8")

    assert "bash .ci/run" in text
    assert [f'"3.{minor}"' in text for minor in range(11, 15)] == [True] * 4


LOOKUPS = re.findall(
    r"^\| ([^|]+) \| `([\w/]+\.py)` \| `([\w.]+)` \|$",
    CONTRIBUTING.read_text(encoding="utf-8"),
    re.M,
)


def definitions(path):
    """The names that a file defines: its own, and those of the members of its classes."""
    for node in tree_of(path).body:
        yield from names_of(node)
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                for name in names_of(member):
                    yield from (name, f"{node.name}.{name}")


def names_of(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))


@pytest.mark.parametrize(("file", "name"), [row[1:] for row in LOOKUPS])
def test_a_look_up_ends_in_its_file(file, name):
    assert name in set(definitions(PACKAGE / file))


def test_there_are_twenty_look_ups():
    assert len(LOOKUPS) >= 20
