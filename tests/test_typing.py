"""The public types: user scripts and README's examples check, wrong code does not."""

import doctest
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "tests" / "typing").glob("*.py"))
WRONG = next(path for path in SCRIPTS if path.stem == "wrong_code")
# a reader may leave out annotations
HEADER = (
    "# mypy: allow-untyped-defs, allow-untyped-calls\nimport numpy as np\nimport funcgrad as fg\n"
)


def readme_blocks():
    """The python blocks of README as source, with the lines that they stand on."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
        block = match[1]
        if ">>>" in block:
            block = "".join(e.source for e in doctest.DocTestParser().get_examples(block))
        yield 2 + text.count("\n", 0, match.start()), block


def sources(tmp_path):
    """The files to check: the scripts, and each block of README as a file of its own."""
    files = list(SCRIPTS)
    for line, block in readme_blocks():
        files.append(tmp_path / f"readme_{line}.py")
        # a block that imports another np needs no NumPy
        header = HEADER.replace("import numpy as np\n", "") if "numpy as np\n" in block else HEADER
        files[-1].write_text(header + block, encoding="utf-8")
    return files


def expected():
    """Lines of the wrong code -> the code of their error; the lines that are not refused yet."""
    marks = {"error": {}, "later": {}}
    for i, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), 1):
        if mark := re.search(r"# (error|later): ([\w-]+)$", line):
            marks[mark[1]][i] = mark[2]
    return marks["error"], marks["later"]


def split(found):
    """The errors in wrong code by their lines, but for those of later, and all other errors."""
    _, later = expected()
    wrong = {line: code for path, line, code, _ in found if path == WRONG}
    others = [f"{path.name}:{line}: {text}" for path, line, _, text in found if path != WRONG]
    return {line: code for line, code in wrong.items() if line not in later}, others


def run(command, tmp_path):
    env = {**os.environ, "MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.slow
def test_mypy_accepts_right_code_and_refuses_wrong_code(tmp_path):
    pytest.importorskip("mypy")
    options = ["--config-file=", "--strict", "--follow-imports=silent", "--show-error-codes"]
    command = [sys.executable, "-m", "mypy", *options, "--no-error-summary", "--hide-error-context"]
    output = run([*command, *map(str, sources(tmp_path))], tmp_path)
    lines = re.findall(r"^(.*?):(\d+): error: (.*?)  \[([\w-]+)\]$", output, re.M)
    found = [((ROOT / name).resolve(), int(n), code, text) for name, n, text, code in lines]
    wrong, others = split(found)

    assert not others
    assert wrong == expected()[0]


@pytest.mark.slow
def test_pyright_accepts_right_code_and_refuses_wrong_code(tmp_path):
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    output = run([*command, *map(str, sources(tmp_path))], tmp_path)
    errors = [e for e in json.loads(output)["generalDiagnostics"] if e["severity"] == "error"]
    at = lambda e: e["range"]["start"]["line"] + 1
    found = [(Path(e["file"]).resolve(), at(e), e.get("rule"), e["message"]) for e in errors]
    wrong, others = split(found)

    assert not others
    assert wrong.keys() == expected()[0].keys()  # it has other codes than mypy


@pytest.mark.parametrize("path", [p for p in SCRIPTS if p != WRONG], ids=lambda path: path.stem)
def test_the_scripts_that_check_also_run(path, capsys):
    runpy.run_path(str(path))

    assert capsys.readouterr().out
