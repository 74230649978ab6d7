"""Grades of the messages for typical mistakes, by the tables of tests/support/mistakes.py.

0: silent; 1: it names neither the function nor what came; 2: true; 3: it says who, what came, and
one cure.
"""

import importlib.util
import pathlib
import re
import warnings

import numpy as np
import pytest

import funcgrad as fg

from .support.mistakes import CHECKED, FIRST
from .support.mistakes_of_five import FIVE
from .support.mistakes_of_others import OTHERS

ROWS = {row.name: row for row in (*FIRST, *OTHERS, *FIVE)}

MODULES = (
    "nn", "optim", "losses", "lax", "linalg", "random", "data", "io", "train", "export", "sparse",
)  # fmt: skip

# true words without our name or cure, and why
BELOW = {
    "loss divided by zero rows": "NumPy's warning",
}


def names_for(folder):
    names = {"np": np, "fg": fg, "sp": fg.scipy, "key": fg.random.key(0), "tmp": folder}
    return names | {name: getattr(fg, name) for name in MODULES}


def needs_scipy(row):
    return bool(re.search(r"\bsp\.|scipy", row.program)) and not importlib.util.find_spec("scipy")


def said(program, folder):
    """What a program says: the message of its error with notes, or its warnings."""
    names = names_for(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(program, "<program>", "exec"), names)
        except Exception as err:
            return "\n".join([str(err), *getattr(err, "__notes__", [])])
    return "\n".join(str(w.message) for w in caught)


def grade(row, words):
    """The grade of what was said, from 0 to 3."""
    if not words:
        return 0
    who, came, cure = (re.search(p, words, re.DOTALL) for p in (row.who, row.came, row.cure))
    return 3 if who and came and cure else 2 if who or came else 1


@pytest.fixture(scope="module")
def grades(tmp_path_factory):
    folder = pathlib.Path(tmp_path_factory.mktemp("files"))
    rows = {name: row for name, row in ROWS.items() if not needs_scipy(row)}
    return {name: grade(row, said(row.program, folder)) for name, row in rows.items()}


@pytest.mark.parametrize("name", ROWS)
def test_a_mistake_is_answered_by_who_what_came_and_the_cure(name, grades, tmp_path):
    if needs_scipy(ROWS[name]):
        pytest.skip("SciPy is not installed")
    words = said(ROWS[name].program, tmp_path)

    assert grades[name] == 3 or (name in BELOW and grades[name] > 0), words


@pytest.mark.parametrize("rows", [FIRST, OTHERS, FIVE], ids=["first", "others", "five"])
def test_most_mistakes_have_the_best_grade_and_none_is_silent(rows, grades):
    found = [grades[row.name] for row in rows if row.name in grades]
    print({n: found.count(n) for n in range(4)})  # pytest -s shows the count of each grade

    assert found.count(3) >= (0.95 if rows is FIRST else 0.8) * len(found)
    assert 0 not in found


def test_what_is_below_the_best_grade_still_is(grades):
    assert {name for name, n in grades.items() if n < 3} == set(BELOW) & grades.keys()


@pytest.mark.parametrize("row", CHECKED, ids=lambda row: row.name)
def test_a_check_finds_legal_programs_that_are_mistakes(row, tmp_path):
    names = names_for(tmp_path)
    exec(compile(row.program, "<program>", "exec"), names)
    report = str(fg.debug.check(names["f"], *names["args"]))

    assert grade(row, report) == 3, report
