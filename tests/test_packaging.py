"""The sdist and the wheel: complete, small, and usable from another folder."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import funcgrad
from tests.test_architecture import FILES, PACKAGE, ROOT, WHEEL_BYTES, name_of

BUILD = "import sys, flit_core.buildapi as b; print(b.build_sdist(sys.argv[1]))"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sdist of this checkout."""
    pytest.importorskip("flit_core")
    source, folder = (
        tmp_path_factory.mktemp("source") / "checkout",
        tmp_path_factory.mktemp("sdist"),
    )
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", *ignored))
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
def test_the_wheel_is_small_and_only_python(sdist, tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(sdist)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        members = [i for i in archive.infolist() if ".dist-info/" not in i.filename]
    names = {i.filename for i in members}
    sources = {*FILES, *PACKAGE.rglob("*.pyi")}

    assert wheel.name == f"funcgrad-{funcgrad.__version__}-py3-none-any.whl"
    assert sum(i.compress_size for i in members) < WHEEL_BYTES
    assert names - {"funcgrad/py.typed"} == {f"funcgrad/{name_of(p)}" for p in sources}
    assert {Path(name).suffix for name in names} == {".py", ".pyi", ".typed"}
