"""Which names a user sees: dir() shows the public ones alone, each defined in one module."""

import ast
import inspect
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import funcgrad as fg

from .support.house import PLAIN

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "funcgrad"


def public_modules(module, path="funcgrad"):
    """The public modules by the path on which a user finds them, the top one first."""
    yield path, module
    for name in dir(module):
        inner = getattr(module, name)
        if isinstance(inner, ModuleType) and path != "funcgrad.compat":  # of other libraries' names
            yield from public_modules(inner, f"{path}.{name}")


PUBLIC = dict(public_modules(fg))
each_module = pytest.mark.parametrize("path", PUBLIC)


def test_the_public_modules():
    assert sorted(name.removeprefix("funcgrad") for name in PUBLIC) == [
        "", ".bridge", ".compat", ".data", ".debug", ".dist", ".errors", ".export", ".extend",
        ".io", ".lax", ".linalg", ".losses",
        ".nn", ".nn.init", ".numpy", ".numpy.emath", ".numpy.fft", ".numpy.linalg", ".optim",
        ".optim.contrib", ".random", ".random.bijectors", ".scipy", ".scipy.fft",
        ".scipy.integrate", ".scipy.interpolate", ".scipy.linalg", ".scipy.ndimage",
        ".scipy.optimize", ".scipy.signal", ".scipy.signal.windows", ".scipy.sparse",
        ".scipy.sparse.linalg",
        ".scipy.special", ".scipy.stats", ".sparse", ".special", ".train", ".tree",
    ]  # fmt: skip


@each_module
def test_dir_shows_public_names_that_are_there(path):
    module = PUBLIC[path]

    assert dir(module) == sorted(module.__all__)
    assert not [name for name in dir(module) if name[0] == "_" or not hasattr(module, name)]


@each_module
def test_a_public_name_is_of_this_library_or_numpys(path):
    values = {name: getattr(PUBLIC[path], name) for name in dir(PUBLIC[path])}
    ours = {n: inspect.getmodule(x) for n, x in values.items() if inspect.isroutine(x)}

    assert not [n for n, m in ours.items() if m and m.__name__.partition(".")[0] == "typing"]
    if not path.startswith("funcgrad.numpy"):
        # NumPy's exceptions are its own, and its types come as arguments do
        strange = {n for n, m in ours.items() if m and m.__name__.split(".")[0] != "funcgrad"}
        assert not strange


DIRS = """
import importlib, json, sys
import funcgrad as fg

def listed():
    found = {}
    for path in json.loads(sys.argv[1]):
        module = fg
        for name in path.split(".")[1:]:
            module = getattr(module, name)
        found[path] = dir(module)
    return found

before = listed()
for name in sys.argv[2:]:
    importlib.import_module(name)
for path, names in before.items():
    exec(f"from {path} import *" if path != "funcgrad.errors" else "", {})
print(json.dumps([before, listed()]))
"""


def test_dir_stays_the_same_when_everything_was_loaded():
    command = [sys.executable, "-c", DIRS, json.dumps(list(PUBLIC)), *PLAIN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)

    assert before == after == {path: dir(module) for path, module in PUBLIC.items()}


# each name in one place


def defined(path):
    """The public functions and classes that a file defines."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name for node in body if isinstance(node, kinds) and node.name[0] != "_"}


# known violations: names that two modules of a room define today
DEFINED_TWICE = {
    "io": {"write"},
    "ops": {"bell", "folded", "spread"},
    "ops/linalg": {"quotients"},
    "transforms": {"resumed"},
}
COMPAT = set((PACKAGE / "compat").rglob("*.py"))  # other libraries repeat names
ROOMS = sorted({path.parent for path in {*PACKAGE.rglob("*.py")} - COMPAT} - {PACKAGE})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_two_modules_of_a_room_define_the_same_public_name(room):
    counts = Counter(name for path in room.glob("*.py") for name in defined(path))

    twice = {name for name, n in counts.items() if n > 1}

    assert twice <= DEFINED_TWICE.get(room.relative_to(PACKAGE).as_posix(), set())


@pytest.mark.parametrize("package", [fg, fg.numpy], ids=["funcgrad", "funcgrad.numpy"])
def test_no_module_would_hide_a_name_that_its_package_loads_later(package):
    folder = Path(package.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {p.name for p in folder.iterdir()}

    assert not (modules & set(dir(package))) - {n.rpartition(".")[2] for n in PUBLIC}
