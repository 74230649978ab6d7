"""The examples run as a reader runs them, and the data they learn from is what it claims to be."""

import functools
import gzip
import hashlib
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
README = EXAMPLES / "data" / "README.md"

# arguments of short runs, in place of the long ones, which are slow
SHORT = {
    "cnn.py": ["--epochs", "3"],
    "names.py": ["--epochs", "2"],
    "alice.py": ["--steps", "40", "--batch", "4", "--every", "10"],
    "meta.py": ["--rounds", "20"],
    "soap_film.py": ["--points", "42"],
    "on_xla.py": ["--epochs", "5"],
}
with_scipy = pytest.mark.skipif(
    not importlib.util.find_spec("scipy"), reason="SciPy is not installed"
)


def without(*modules):
    """Skip where a module is missing."""
    missing = [name for name in modules if not importlib.util.find_spec(name)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


# script, arguments, what it prints (group 1, if there is one, being the score), the least score
SCRIPTS = [
    ("from_scratch.py", [], r"accuracy at the end +([\d.]+)", 1.0),
    ("digits.py", [], r"\ntest .* ([\d.]+)\n", 0.97),
    ("breast_cancer.py", [], r"\ntest .* ([\d.]+)\n", 0.96),
    ("diabetes.py", [], r"\ntest .* ([\d.]+)\n", 0.45),
    ("per_example.py", [], r"longest gradients hold ([\d.]+)\n", 0.8),
    ("laplace.py", [], r"\naveraged +([\d.]+)", 0.9),
    ("pendulum.py", [], r"\nlength +1\.3000 +1\.0000 +1\.(?:29|30)", 0.0),
    ("meta.py", SHORT["meta.py"], r"times lower .* ([\d.]+)\n", 1.5),
    pytest.param(*("meta.py", [], r"times lower .* ([\d.]+)\n", 3.0), marks=pytest.mark.slow),
    ("ensemble.py", [], r"\nall together +([\d.]+)", 0.97),
    ("cnn.py", SHORT["cnn.py"], r"\ntest .* ([\d.]+)\n", 0.96),
    pytest.param(*("cnn.py", [], r"\ntest .* ([\d.]+)\n", 0.985), marks=pytest.mark.slow),
    pytest.param(*("names.py", [], r"\nnetwork +([\d.]+)\n", 0.845), marks=pytest.mark.slow),
    pytest.param(*("swing_up.py", [], r"\noptimum +58\.83\d+ +13\.97", 0.0), marks=with_scipy),
    pytest.param(
        *("soap_film.py", SHORT["soap_film.py"], r"CSR of 1600 by 1600 .* 7 colours\n", 0.0),
        marks=with_scipy,
    ),
    ("alice.py", SHORT["alice.py"], r"\ntransformer +([\d.]+)\n", 0.0),
    ("compiled.py", [], r"\ncompiled: loss 0\.00\d+ after 3000 steps", 0.0),
    ("controller.py", [], r"\ncontrol: \d+ lines of C\n", 0.0),
    ("digits.py", ["--epochs", "1", "--batch", "1438"], r"epoch 1/1 .*\n", 0.0),
    pytest.param(
        *("on_xla.py", SHORT["on_xla.py"], r"\ntest accuracy +([\d.]+)\n", 0.95),
        marks=without("jax"),
    ),
    pytest.param(
        *("eight_schools.py", [], r"\nworst deviation: .*; divergences: 0\n", 0.0),
        marks=pytest.mark.slow,
    ),
    ("on_ranks.py", [], r"ranks +2\nloss +0\.59\d\n", 0.0),
    pytest.param(
        *("on_onnx.py", [], r"\ntest accuracy in onnxruntime +([\d.]+)\n", 0.96),
        marks=without("onnx", "onnxruntime"),
    ),
]

# a line of its help
OPTIONS = {
    "names.py": r"--folder FOLDER +of checkpoints",
    "alice.py": r"--folder FOLDER +of checkpoints",
    "compiled.py": r"--steps \w+ +of descent",
    "digits.py": r"--epochs \w+ +passes over",
    "breast_cancer.py": r"--epochs \w+ +passes over",
    "diabetes.py": r"--epochs \w+ +passes over",
    "per_example.py": r"--wrong \w+ +labels made wrong",
    "laplace.py": r"--seed \w+ +of all random",
    "pendulum.py": r"--steps \w+ +of Adam",
    "meta.py": r"--rounds \w+ +of training",
    "ensemble.py": r"--members \w+ +networks",
    "eight_schools.py": r"--seed \w+ +of all random",
}
# the help of each script in one process, as JSON
HELP = """
import contextlib, io, json, os, runpy, sys
said = {}
scripts = sys.argv[1:]
sys.path.insert(0, os.path.dirname(scripts[0]))
for script in scripts:
    sys.argv = [script, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as end:
            assert end.code == 0
    said[os.path.basename(script)] = out.getvalue()
print(json.dumps(said))
"""

# script, what it prints of a number against an independent one, the most that may be
PROOFS = [
    ("per_example.py", r"difference from a Python loop +(\S+)", 1e-12),  # sums in another order
    ("laplace.py", r"gradient norm at the end +(\S+)", 1e-10),  # where Newton's method stops
    ("laplace.py", r"hessian against the closed form +(\S+)", 1e-10),  # other arithmetic
    ("laplace.py", r"hvp against hessian @ v +(\S+)", 1e-10),  # other arithmetic
    ("laplace.py", r"averaged against 20,000 draws +(\S+)", 0.03),  # a formula for an integral
    ("pendulum.py", r"estimates are off by at most +(\S+)", 2.0),  # deviations of the noise
    ("pendulum.py", r"gradient against differences +(\S+)", 1e-7),  # their own error
    ("meta.py", r"gradient against a difference +(\S+)", 1e-6),  # its own error
    pytest.param(  # the trapezoids' error of second order, in motion that is not stable
        *("swing_up.py", r"simulated state against the target +(\S+)", 0.1), marks=with_scipy
    ),
    pytest.param(  # the triangles' error of second order
        *("soap_film.py", r"heights against Scherk's surface +(\S+)", 1e-4), marks=with_scipy
    ),
    ("ensemble.py", r"first alone against first of all +(\S+)", 1e-4),  # float32, 330 steps
    ("compiled.py", r"compiled against eager +(\S+)", 1e-9),  # other arithmetic, 3000 steps
    pytest.param(
        *("controller.py", r"\ncontrol: against Python (\S+)", 1e-11),  # systems of 12 equations
        marks=pytest.mark.skipif(
            not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler"
        ),
    ),
    ("compiled.py", r"against the compiled function +(\S+)", 1e-15),  # the same lines
    pytest.param(  # float32
        *("on_xla.py", r"loss against NumPy's source +(\S+)", 1e-5), marks=without("jax")
    ),
    pytest.param(  # standard errors, the largest of ten
        *("eight_schools.py", r"worst deviation: (\S+) standard", 4.0), marks=pytest.mark.slow
    ),
    ("on_ranks.py", r"weights against serial +(\S+)", 1e-12),  # sums in another order
    pytest.param(  # float32
        *("on_onnx.py", r"batch of 359: against NumPy +(\S+)", 1e-5),
        marks=without("onnx", "onnxruntime"),
    ),
]


def python(*args, cwd=EXAMPLES.parent):
    """Run Python as a reader would, and return what it did."""
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@functools.cache
def ran(script, *args):
    """Run an example, once for all that look at what it prints."""
    return python(EXAMPLES / script, *args)


@pytest.fixture(scope="module")
def common():
    spec = importlib.util.spec_from_file_location("examples_common", EXAMPLES / "common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scratch():
    return runpy.run_path(str(EXAMPLES / "from_scratch.py"))


@pytest.mark.parametrize(("script", "args", "expected", "least"), SCRIPTS)
def test_script_runs_and_reaches_its_score(script, args, expected, least):
    done = ran(script, *args)

    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(expected, done.stdout)
    assert found, f"{expected!r} is not in:\n{done.stdout}"
    assert found.re.groups == 0 or float(found[1]) >= least


@functools.cache
def helped():
    """The help of the scripts that have options."""
    done = python("-c", HELP, *(EXAMPLES / script for script in OPTIONS))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("script", OPTIONS)
def test_help_names_the_options(script):
    assert re.search(OPTIONS[script], helped()[script])


@pytest.mark.parametrize(("script", "expected", "most"), PROOFS)
def test_script_agrees_with_an_independent_number(script, expected, most):
    done = ran(script, *SHORT.get(script, []))
    found = re.search(expected, done.stdout)

    assert found, f"{expected!r} is not in:\n{done.stdout}{done.stderr}"
    assert float(found[1]) <= most


@pytest.mark.slow
def test_the_transformer_beats_counting():
    found = dict(
        re.findall(r"\n(transformer|counts of 4 characters) +([\d.]+)", ran("alice.py").stdout)
    )

    assert float(found["transformer"]) < float(found["counts of 4 characters"]) - 0.1


@pytest.mark.parametrize(
    "script",
    ["cnn.py", *(pytest.param(s, marks=pytest.mark.slow) for s in ("names.py", "alice.py"))],
)
def test_a_killed_run_ends_with_the_parameters_of_an_unbroken_one(script, tmp_path):
    command = [EXAMPLES / script, *SHORT[script]]
    digest = r"digest of the last state +(\w+)"
    want = re.search(digest, ran(script, *SHORT[script]).stdout)[1]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    rng = np.random.default_rng()
    for _ in range(2):
        arguments = [sys.executable, *map(str, command), "--folder", str(tmp_path)]
        with subprocess.Popen(arguments, env=environ, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
            process.stdout.read()
    done = python(*command, "--folder", tmp_path)

    assert "resuming after step" in done.stdout, done.stdout + done.stderr
    assert re.search(digest, done.stdout)[1] == want


BAD_OPTIONS = [
    ("--epochs", "0", "must be an integer >= 1: got 0"),
    ("--epochs", "many", "must be an integer >= 1: got many"),
    ("--seed", "-1", "must be an integer in [0, 2**64): got -1"),
    ("--seed", f"{2**64}", f"must be an integer in [0, 2**64): got {2**64}"),
    ("--rate", "nan", "must be finite and > 0: got nan"),
    ("--rate", "-1", "must be finite and > 0: got -1"),
    ("--rate", "inf", "must be finite and > 0: got inf"),
]
BAD_BATCHES = [
    ("--batch", "0", "must be an integer >= 1: got 0"),
    ("--batch", "100000", "--batch must be at most 1438, the training set: got 100000"),
]
BAD_STEPS = [("--steps", "0", "must be an integer >= 1: got 0")]
BAD_ROUNDS = [("--rounds", "0", "must be an integer >= 1: got 0")]
BAD_WRONGS = [
    ("--wrong", "0", "must be an integer >= 1: got 0"),
    ("--wrong", "1439", "--wrong must be at most 1438, the training set: got 1439"),
]
BAD_DECAYS = [("--decay", "-1", "must be finite and >= 0: got -1")]
REFUSED = [
    (script, *row)
    for script, rows in (
        ("digits.py", BAD_OPTIONS + BAD_BATCHES),
        ("breast_cancer.py", BAD_OPTIONS + BAD_DECAYS),
        ("diabetes.py", BAD_OPTIONS + BAD_DECAYS),
        ("per_example.py", BAD_OPTIONS[:4] + BAD_WRONGS),
        ("laplace.py", BAD_OPTIONS[2:4]),
        ("pendulum.py", BAD_OPTIONS[2:4] + BAD_STEPS),
        ("meta.py", BAD_OPTIONS[2:4] + BAD_STEPS + BAD_ROUNDS),
    )
    for row in rows
]


@pytest.mark.parametrize(("script", "option", "value", "words"), REFUSED)
def test_a_bad_option_is_refused_in_one_line(monkeypatch, capsys, script, option, value, words):
    monkeypatch.syspath_prepend(EXAMPLES)  # for common.py
    monkeypatch.setattr(sys, "argv", [script, option, value])
    main = runpy.run_path(str(EXAMPLES / script))["main"]

    with pytest.raises(SystemExit, match="2"):
        main()

    *usage, error = capsys.readouterr().err.splitlines()
    assert usage[0].startswith(f"usage: {script}")
    assert error.startswith(f"{script}: error: ") and error.endswith(words)


# from_scratch.py


def test_from_scratch_is_at_most_300_lines_and_needs_numpy_alone():
    source = (EXAMPLES / "from_scratch.py").read_text()
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))

    assert len(source.splitlines()) <= 300
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_from_scratch_names_files_that_exist():
    rulers = re.findall(r"^# [1-7]\. .* -+ (.*)$", (EXAMPLES / "from_scratch.py").read_text(), re.M)
    folders = (EXAMPLES, EXAMPLES.parent / "funcgrad")
    there = [path.as_posix() for folder in folders for path in folder.rglob("*.py")]
    named = [name for ruler in rulers for name in ruler.split(", ")]

    assert len(rulers) == 7
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []


def test_from_scratch_prints_the_gradient_as_a_program():
    want = """\
{ lambda ; a:f64[]. let
    b:f64[] = sin a
    c:f64[] = mul a b
    d:f64[] = mul 1.0 b
    e:f64[] = mul a 1.0
    f:f64[] = cos a
    g:f64[] = mul e f
    h:f64[] = add d g
  in (h,) }
"""

    assert want in python(EXAMPLES / "from_scratch.py").stdout


A = np.random.default_rng(1).normal(size=(3, 4))

LOSSES = {
    "broadcasting": (lambda x: np.sum(np.sin(A * x) / (2 + np.cos(x))), (4,)),
    "stretching": (lambda x: np.mean(np.tanh(A - x) * x), (3, 1)),
    "matmul": (lambda x: np.sum(np.log(2 + (A @ x) * (A @ x))), (4, 2)),
    "transpose": (lambda x: np.sum(np.exp(x.T @ A)), (3, 2)),
    "scalar": (lambda x: np.mean(A * x * x) + x, ()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_from_scratch_gradients_are_right_in_every_mode(scratch, name):
    loss, shape = LOSSES[name]
    rng = np.random.default_rng(2)
    x, v = rng.normal(size=shape), rng.normal(size=shape)
    grad, jvp, make_jaxpr = scratch["grad"], scratch["jvp"], scratch["make_jaxpr"]
    step = 1e-6
    slope = (loss(x + step * v) - loss(x - step * v)) / (2 * step)
    bend = (grad(loss)(x + step * v) - grad(loss)(x - step * v)) / (2 * step)
    program = make_jaxpr(grad(loss), x)

    # central differences of step 1e-6 lose about ten digits of sixteen
    np.testing.assert_allclose(np.sum(grad(loss)(x) * v), slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(jvp(loss, x, v)[1], slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(jvp(grad(loss), x, v)[1], bend, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(grad(lambda x: jvp(loss, x, v)[1])(x), bend, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(program(x), grad(loss)(x), rtol=1e-14)  # the same arithmetic
    np.testing.assert_allclose(jvp(program, x, v)[1], bend, rtol=1e-6, atol=1e-8)


LOST = {
    "a reduction it does not know": (lambda x: np.add.reduce(x), "numpy.add"),
    "a function it does not know": (lambda x: np.sort(x)[0], "numpy.sort"),
    "float": (lambda x: float(x), "plain data"),
    "asarray": (lambda x: np.sum(np.asarray(x)), "plain data"),
    "truth": (lambda x: 1.0 if x else 0.0, "plain data"),
    "out=": (lambda x: np.sum(np.sin(x, out=np.zeros(3))), "numpy.sin"),
    "not a scalar": (lambda x: 2.0 * x, "scalar"),
}


@pytest.mark.parametrize("name", LOST)
def test_from_scratch_refuses_to_lose_a_gradient(scratch, name):
    fun, words = LOST[name]

    with pytest.raises(TypeError, match=words):
        scratch["grad"](fun)(np.ones(3))


# the data, and what the scripts share

TABLES = {
    "digits": ((1797, 64), np.uint8, 561718.0, np.int64, 8070),
    "breast_cancer": ((569, 30), np.float64, 1056474.4596356, np.int64, 357),
    "diabetes": ((442, 10), np.float64, 276404.2336, np.float64, 67243.0),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_has_its_shape_dtype_and_sum(common, name):
    shape, x_dtype, x_sum, y_dtype, y_sum = TABLES[name]
    x, y = common.load(name)

    assert (x.shape, x.dtype, y.shape, y.dtype) == (shape, x_dtype, shape[:1], y_dtype)
    np.testing.assert_allclose(x.sum(dtype=float), x_sum, rtol=1e-12)  # order of summation
    assert y.sum() == y_sum


@pytest.mark.parametrize("name", [*TABLES, "names", "alice"])
def test_data_readme_gives_the_checksum(name):
    ending = "txt" if name == "alice" else "csv"
    text = gzip.decompress((EXAMPLES / "data" / f"{name}.{ending}.gz").read_bytes())

    assert f"{hashlib.sha256(text).hexdigest()}  {name}\n" in README.read_text()


@pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="scikit-learn is not installed")
def test_data_readme_makes_the_files(tmp_path):
    (tmp_path / "examples" / "data").mkdir(parents=True)
    (export,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    done = python("-c", export, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    for name in TABLES:
        got, want = (
            r / "examples" / "data" / f"{name}.csv.gz" for r in (tmp_path, EXAMPLES.parent)
        )
        assert gzip.decompress(got.read_bytes()) == gzip.decompress(want.read_bytes())


def test_data_is_small():
    assert sum(path.stat().st_size for path in (EXAMPLES / "data").iterdir()) < 250_000


def test_load_names_the_tables_there_are(common):
    with pytest.raises(ValueError, match=r"load: there is no table 'mnist'; choose one of digits"):
        common.load("mnist")


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (None, FileNotFoundError, "is missing"),
        (b"not gzip", ValueError, "is damaged"),
        (gzip.compress(b"a,b\n1,2\n3,4\n"), ValueError, r"442 rows of 11 numbers: got \(2, 2\)"),
    ],
)
def test_load_says_what_is_wrong_with_a_file(common, monkeypatch, tmp_path, content, error, words):
    if content is not None:
        (tmp_path / "diabetes.csv.gz").write_bytes(content)
    monkeypatch.setattr(common, "DATA", tmp_path)

    with pytest.raises(error, match=words):
        common.load("diabetes")


def test_split_is_a_partition_that_the_seed_decides(common):
    x = np.arange(10).reshape(10, 1)
    y = np.arange(10)
    (x_train, y_train), (x_test, y_test) = common.split(x, y, fraction=0.3, seed=5)
    (_, again), _ = common.split(x, y, fraction=0.3, seed=5)
    (_, other), _ = common.split(x, y, fraction=0.3, seed=6)

    assert (len(y_train), len(y_test)) == (7, 3)
    assert sorted([*y_train, *y_test]) == list(range(10))
    np.testing.assert_array_equal(x_train[:, 0], y_train)
    np.testing.assert_array_equal(x_test[:, 0], y_test)
    np.testing.assert_array_equal(again, y_train)
    assert not np.array_equal(other, y_train)


@pytest.mark.parametrize(
    ("x", "y", "fraction", "words"),
    [
        (np.ones(3), np.ones(4), 0.5, "the same length: got 3 and 4 rows"),
        (np.ones(3), np.ones(3), 0.0, "both parts: got 0.0"),
        (np.ones(3), np.ones(3), 1.0, "both parts: got 1.0"),
    ],
)
def test_split_refuses_what_it_cannot_split(common, x, y, fraction, words):
    with pytest.raises(ValueError, match=words):
        common.split(x, y, fraction)


def test_summary_has_a_row_a_set_and_a_column_a_measure(common, capsys):
    sets = {"train": (np.ones(2), np.zeros(2)), "test": (np.ones(3), np.zeros(3))}
    common.summarize("it", 2.0, sets, loss=lambda m, x, y: m, n=lambda m, x, y: len(x))
    head, _, *rows = capsys.readouterr().out.splitlines()

    assert head.split() == ["it", "loss", "n"]
    assert [row.split() for row in rows] == [
        ["train", "2.0000", "2.0000"],
        ["test", "2.0000", "3.0000"],
    ]


def test_progress_prints_one_line_an_epoch_with_the_time_left(common, capsys):
    report = common.Progress(epochs=10)
    report(loss=np.float32(0.25), accuracy=0.5)
    report(loss=0.125, accuracy=1)
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 2
    assert re.fullmatch(r"epoch  1/10   loss 0\.2500   accuracy 0\.5000   \d+\.\d s left", lines[0])
    assert lines[1].startswith("epoch  2/10   loss 0.1250   accuracy 1.0000")


def test_the_readme_prints_the_source_that_runs():
    printed = python(EXAMPLES / "compiled.py", "--steps", "1").stdout
    source = printed[printed.index("def workspace") : printed.index("free.append(space)")]

    assert source in (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")


def test_readme_lists_all_scripts():
    listed = set(
        re.findall(r"^\| `(\w+\.py)` ", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    )
    scripts = {path.name for path in EXAMPLES.glob("*.py")}

    assert listed == scripts - {"common.py", "training.py"}


@pytest.mark.parametrize(("script", "module"), [("on_xla.py", "jax"), ("on_onnx.py", "onnx")])
def test_a_script_skips_without_its_extra(monkeypatch, capsys, script, module):
    find = importlib.util.find_spec
    hidden = lambda name, *args: None if name == module else find(name, *args)
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    monkeypatch.syspath_prepend(EXAMPLES)  # for common.py
    monkeypatch.setattr(sys, "argv", [script])
    runpy.run_path(str(EXAMPLES / script))["main"]()

    assert re.fullmatch(rf"skipped: {module} is not installed: .*\n", capsys.readouterr().out, re.I)
