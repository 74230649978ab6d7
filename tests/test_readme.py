"""Claims of README and of the guide that can be checked: names, files, floors and numbers."""

import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

import funcgrad as fg
from funcgrad.scipy.stats.frozen import Freezable

from .support import namespaces
from .support.house import PACKAGE
from .test_architecture import FLOORS, READING_PATHS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path.read_text(encoding="utf-8") for path in (ROOT / "examples/guide").glob("*.md")]
TEXTS = "\n".join([README, *PAGES])
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", TEXTS, flags=re.M | re.S))
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
SPACES = {
    "derivatives": "funcgrad", "memory": "funcgrad", "programs": "funcgrad",
    "control flow": "funcgrad.lax", "convolution": "funcgrad.lax",
    "implicit derivatives": "funcgrad.lax", "models": "funcgrad.nn",
}  # fmt: skip


def part(title, text=README):
    """The text of a section."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title, text=README):
    """The cells of each row of the first table in a section, without its head."""
    table = re.search(r"^\|.*?(?=\n\n|\Z)", part(title, text).strip(), re.M | re.S)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[2:]]


def found(space, name):
    return functools.reduce(getattr, name.split("."), importlib.import_module(space))


def test_the_first_model_stands_on_the_first_screen():
    lines = README.splitlines()

    assert next(i for i, line in enumerate(lines) if "nn.Sequential" in line) < 30
    assert next(line for line in lines if line.startswith("## ")) == "## Capabilities"


def test_detail_stands_in_the_guide():
    assert len(README.partition("\n## Changes\n")[0].splitlines()) <= 440


@pytest.mark.parametrize("name", sorted({n for n in CODE if re.fullmatch(r"fg(\.\w+)+", n)}))
def test_a_dotted_name_exists(name):
    if name != "fg.optim.adan":  # named with its successor
        assert found("funcgrad", name.removeprefix("fg.")) is not None


@pytest.mark.parametrize("title", SPACES)
def test_a_row_of_capabilities_names_what_is_there(title):
    (cell,) = (row[1] for row in rows("Capabilities") if row[0] == title)
    names = [name for code in re.findall(r"`([\w. ]+)`", cell) for name in code.split()]
    names = [n for n in names if not n.startswith(("fg", "nn.", "jit", "vmap"))]

    assert names and all(found(SPACES[title], name) is not None for name in names)


@pytest.mark.parametrize("path", sorted({n for n in CODE if re.fullmatch(r"[\w./]+\.py", n)}))
def test_a_file_exists(path):
    folders = (ROOT, PACKAGE, ROOT / "examples")

    assert any((folder / path).is_file() for folder in folders)


def test_the_floors_are_those_of_the_architecture():
    listed = {
        name.strip("/").removesuffix(".py"): int(floor)
        for floor, names, _ in rows("Where things are", CONTRIBUTING)
        for name in re.findall(r"`([\w./]+)`", names)
    }

    assert listed == {name: FLOORS[name] for name in listed}
    assert {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file()} <= set(listed)


def test_numbers_are_those_of_the_library():
    (path,) = re.findall(r"at most (\d+) functions in (\d+) files", README)
    (distributions,) = re.findall(r"`stats\.norm\.logpdf` and (\d+) more", README)
    (programs,) = re.findall(r"The (\d+) most recent programs are kept, and 1 GiB", TEXTS)
    stats = importlib.import_module("funcgrad.scipy.stats")
    found = [n for n in dir(stats) if isinstance(getattr(stats, n), Freezable)]

    assert tuple(map(int, path)) == READING_PATHS["grad"]
    assert 1 + int(distributions) == len(found)
    assert (int(programs), 2**30) == (fg.config.jit_cache_size, fg.config.jit_workspace_bytes)


def test_the_optimizers_are_counted():
    (count,) = re.findall(r"(\d+) optimizers with optax's names", README)
    made = {"lookahead"}  # which wraps an optimizer; lbfgs is named apart
    for space in (fg.optim, fg.optim.contrib):
        for name, f in vars(space).items():
            code = getattr(inspect.unwrap(f), "__code__", None) if callable(f) else None
            parameters = code.co_varnames[: code.co_argcount] if code else ()
            if "learning_rate" in parameters and not name.startswith(("_", "scale_by", "lbfgs")):
                made.add(name)

    assert len(made) == int(count)


def test_the_version_has_its_changes():
    version = fg.__version__.partition(".dev")[0]
    heads = re.findall(
        r"^### (\d+\.\d+\.\d+), (unreleased|\d{4}-\d\d-\d\d)$", part("Changes"), re.M
    )

    assert heads[0][0] == version and (heads[0][1] == "unreleased") == (".dev" in fg.__version__)
    assert all(date != "unreleased" for _, date in heads[1:])


@pytest.mark.peers
def test_as_many_names_of_other_libraries_are_here_as_it_says():
    stated = re.findall(r"`([a-z_.]+)` (\d+) of \d+", README)
    assert len(stated) > 20
    for space, count in stated:
        pytest.importorskip(space)
        assert len(namespaces.counted(space)[0]) >= int(count), space
