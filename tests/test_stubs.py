"""The stubs of namespaces whose names are loaded later: the real names, signatures and checkers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg

from .support.stubs import NUMPYS, SPACES, origins, path_of, stub
from .test_public_names import PUBLIC

ROOT = Path(__file__).parent.parent
each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.__name__)


def written(space):
    """The names of a stub, with the modules that it imports them from."""
    text = path_of(space).read_text(encoding="utf-8")
    blocks = re.findall(r"^from (\S+) import \((.*?)^\)", text, re.M | re.S)
    return {n: module for module, names in blocks for n in re.findall(r"(\w+) as \1,", names)}


@each_space
def test_a_stub_has_the_names_of_its_namespace(space):
    text = path_of(space).read_text(encoding="utf-8")
    if space not in NUMPYS or np.__version__ in text.partition("\n")[0]:
        assert text == stub(space), "run python -m tests.support.stubs"
    numpys = {n for n, module in written(space).items() if module == NUMPYS.get(space)}
    ours = {n for n in written(space) if n not in numpys}
    real = {n for n, module in origins(space).items() if module != NUMPYS.get(space)}

    assert ours == real  # NumPy's names differ from version to version
    assert {*dir(space)} <= {*written(space), *dir(np), *dir(np.linalg)}


@pytest.mark.parametrize("space", NUMPYS, ids=lambda space: space.__name__)
def test_a_name_that_a_stub_takes_from_numpy_has_numpys_signature(space):
    numpys = np.lib.scimath if space is fg.numpy.emath else sys.modules[NUMPYS[space]]
    for name, module in written(space).items():
        if module != NUMPYS[space] or not hasattr(numpys, name):
            continue
        ours, theirs = getattr(space, name), getattr(numpys, name)

        assert ours is theirs or ours.__wrapped__ is theirs  # whose signature it has


@pytest.fixture(scope="module")
def every_name(tmp_path_factory):
    """A script that uses every public name."""
    path = tmp_path_factory.mktemp("names") / "every_name.py"
    used = [f"    {module}.{name}," for module, inner in PUBLIC.items() for name in dir(inner)]
    path.write_text("\n".join(["import funcgrad", "", "NAMES: list[object] = [", *used, "]", ""]))
    return path


def errors(command, tmp_path):
    env = {**os.environ, "MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.slow
def test_mypy_sees_every_public_name(every_name, tmp_path):
    pytest.importorskip("mypy")
    options = ["--config-file=", "--strict", "--follow-imports=silent", "--no-error-summary"]
    output = errors([sys.executable, "-m", "mypy", *options, str(every_name)], tmp_path)

    assert not [line for line in output.splitlines() if "[deprecated]" not in line]


@pytest.mark.slow
def test_pyright_sees_every_public_name(every_name, tmp_path):
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    found = json.loads(errors([*command, str(every_name)], tmp_path))["generalDiagnostics"]

    assert not [e["message"] for e in found if e["severity"] == "error"]
