"""The package as shipped: sdist and wheel, what it may import, and what importing it costs."""

import fnmatch
import itertools
import pkgutil
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

import funcgrad

from .support.house import FILES, PACKAGE, PATHS, ROOT, is_of_engine, name_of
from .support.processes import python

WHEEL_BYTES = 1_900_000
IMPORT_SECONDS = {"bytecode": 0.030, "source": 0.100}  # beyond NumPy's own, of the main thread

BUILD = "import sys, flit_core.buildapi as b; print(b.build_sdist(sys.argv[1]))"


def left_out(folder, names):
    """The names in a folder that git ignores; a pattern with a slash in front is of the top."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    top = Path(folder) == ROOT
    patterns = [line.strip("/") for line in lines if top or line[0] != "/"]
    return {name for p in (".git", *patterns) for name in fnmatch.filter(names, p)}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sdist of this checkout."""
    pytest.importorskip("flit_core")
    source, folder = (
        tmp_path_factory.mktemp("source") / "checkout",
        tmp_path_factory.mktemp("sdist"),
    )
    shutil.copytree(ROOT, source, ignore=left_out)
    command = [sys.executable, "-c", BUILD, str(folder)]
    name = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    return folder / name.strip()


def test_the_version_is_written_once():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert 'dynamic = ["version"]' in text and not re.search(r"^version", text, re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", funcgrad.__version__)


@pytest.mark.slow
def test_the_sdist_holds_examples_and_tests_that_run(sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    kept = ("examples", "funcgrad", "tests")
    files = {p.relative_to(ROOT) for d in kept for p in (ROOT / d).rglob("*") if p.is_file()}
    files = {p for p in files if "__pycache__" not in p.parts}
    script = [sys.executable, "examples/compiled.py", "--steps", "1"]

    assert {p for p in files if not (root / p).is_file()} == set()
    subprocess.run(script, cwd=root, check=True, capture_output=True, env={"PYTHONPATH": str(root)})


@pytest.mark.slow
def test_the_wheel_is_small_and_only_sources(sdist, tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(sdist)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        members = [i for i in archive.infolist() if ".dist-info/" not in i.filename]
    names = {i.filename for i in members}
    sources = {*FILES, *PACKAGE.rglob("*.pyi"), *PACKAGE.rglob("*.c")}

    assert wheel.name == f"funcgrad-{funcgrad.__version__}-py3-none-any.whl"
    assert sum(i.compress_size for i in members) < WHEEL_BYTES
    assert names - {"funcgrad/py.typed"} == {f"funcgrad/{name_of(p)}" for p in sources}
    assert {Path(name).suffix for name in names} == {".py", ".pyi", ".typed", ".c"}


def test_the_package_is_small_and_only_sources():
    files = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    others = {name_of(p) for p in files if p.suffix not in (".py", ".pyi")}

    assert {p for p in others if not p.startswith("c/elementary/")} == {"py.typed"}
    assert sum(len(zlib.compress(p.read_bytes())) for p in files) < WHEEL_BYTES  # as in the wheel


BLOCKED = """
import sys
import numpy, typing_extensions

allowed = sys.stdlib_module_names | {"numpy", "typing_extensions", "funcgrad"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"funcgrad may not need {name}")

sys.meta_path.insert(0, Blocker())
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
import numpy as np, funcgrad as fg
assert fg.grad(np.sin)(0.0) == 1.0
"""


def test_nothing_is_imported_but_numpy_and_typing_extensions():
    modules = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "funcgrad.")]

    assert set(modules) | {"funcgrad"} == set(PATHS)
    python(BLOCKED, *(m for m in modules if not m.endswith("__main__") and not is_of_engine(m)))


def test_modules_of_engines_are_those_that_import_one():
    engines = re.compile(r"^(?:import|from) (?:jax|onnx|mpi4py)\b", re.M)
    found = {m for m, path in PATHS.items() if engines.search(path.read_text(encoding="utf-8"))}
    of_engines = {m for m in PATHS if is_of_engine(m)}

    assert found <= of_engines
    assert all(m.startswith("funcgrad.bridge.") for m in of_engines - found - RULES_OF_ONNX)


# they import the graph, which imports onnx
RULES_OF_ONNX = {
    f"funcgrad.export.onnx_{part}" for part in ("rules", "model", "indexing", "functions")
}


@pytest.mark.slow
@pytest.mark.parametrize("kept", IMPORT_SECONDS)
def test_importing_costs_little_more_than_numpy(kept, tmp_path, capsys):
    shutil.copytree(PACKAGE, tmp_path / "funcgrad", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys, time; sys.path.insert(0, {str(tmp_path)!r});"
        f"sys.dont_write_bytecode = {kept == 'source'}; t = time.thread_time(); import {{}};"
        f"print(time.thread_time() - t)"
    )
    times = {"numpy": [], "funcgrad": []}
    if kept == "bytecode":
        python(code.format("funcgrad"))  # compiles it
    for _, name in itertools.product(range(11), times):
        times[name].append(float(python(code.format(name))))
    extra = statistics.median(times["funcgrad"]) - statistics.median(times["numpy"])
    with capsys.disabled():
        print(f"\nimport funcgrad from {kept} costs {1000 * extra:.0f} ms more than import numpy")

    assert extra <= IMPORT_SECONDS[kept]
