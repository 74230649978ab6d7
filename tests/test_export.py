"""Exported C: it gives what Python gives, needs no Python, and overwrites no file of the user."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import UnsupportedError

EXAMPLES = Path(__file__).parent.parent / "examples"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
COMPILERS = [path for path in map(shutil.which, ("gcc", "clang")) if path]

needs_compiler = pytest.mark.skipif(not COMPILERS, reason="needs a C compiler: gcc or clang")
each_compiler = pytest.mark.parametrize("cc", COMPILERS or ["none"])


@pytest.fixture(scope="module")
def controllers():
    sys.path.insert(0, str(EXAMPLES))  # for common.py
    try:
        return runpy.run_path(str(EXAMPLES / "controller.py"))
    finally:
        sys.path.remove(str(EXAMPLES))


def ran(folder, name, cc, *flags):
    """Compile the example of an exported function; the code that it returns, and its results."""
    files = ["example_main.c", f"{name}.c"]
    subprocess.run([cc, *STRICT, *flags, "-o", "example", *files, "-lm"], cwd=folder, check=True)
    done = subprocess.run(["./example"], cwd=folder, check=False, capture_output=True, text=True)
    return done.returncode, np.array(re.findall(r" = (\S+)", done.stdout), float)


def flat(tree):
    return np.concatenate([np.ravel(x).astype(float) for x in fg.tree.leaves(tree)])


def filter_args(n):
    rng = np.random.default_rng(n)
    noise = {"process": np.log(0.1), "measured": np.log(0.01)}
    return noise, np.cumsum(rng.normal(0, 0.1, n)), rng.normal(0, 1, n)


@needs_compiler
@each_compiler
def test_an_exported_filter_gives_the_value_and_gradient_of_python(cc, controllers, tmp_path):
    f, args = fg.value_and_grad(controllers["misfit"]), filter_args(30)
    fg.export.c(f, *args, path=tmp_path / "kalman.c")

    code, got = ran(tmp_path, "kalman", cc)

    assert code == 0
    np.testing.assert_allclose(got, flat(f(*args)), rtol=1e-12)  # sums in another order


@needs_compiler
@each_compiler
def test_an_exported_controller_gives_the_plan_of_python(cc, controllers, tmp_path):
    f, args = controllers["control"], (np.array([0.4, -0.2]), np.linspace(-1, 1, 8))
    fg.export.c(f, *args, path=tmp_path / "mpc.c")

    code, got = ran(tmp_path, "mpc", cc)

    assert code == 0
    np.testing.assert_allclose(got, flat(f(*args)), rtol=1e-9)  # four systems of 8 equations


@needs_compiler
def test_an_exported_program_in_single_precision_has_no_double(controllers, tmp_path):
    f, args = fg.value_and_grad(controllers["misfit"]), filter_args(30)
    fg.export.c(f, *args, path=tmp_path / "kalman.c", dtype="float32", static=True)

    code, got = ran(tmp_path, "kalman", COMPILERS[0])
    _, _, body = (tmp_path / "kalman.c").read_text().partition("\nint kalman(")

    assert code == 0 and body and "double" not in body  # sin and cos of a float use double inside
    np.testing.assert_allclose(got, flat(f(*args)), rtol=2e-3)  # 30 steps in float32


@needs_compiler
def test_arrays_lie_in_the_workspace_where_the_stack_is_small(controllers, tmp_path):
    f, args = controllers["control"], (np.array([0.4, -0.2]), np.linspace(-1, 1, 6))
    files = fg.export.c(f, *args, path=tmp_path / "mpc.c", stack=100)

    code, got = ran(tmp_path, "mpc", COMPILERS[0])
    (on_stack,) = re.findall(r"a workspace of \d+ bytes, (\d+) bytes", files.header.read_text())

    assert code == 0 and int(on_stack) <= 100
    np.testing.assert_allclose(got, flat(f(*args)), rtol=1e-9)  # four systems of 6 equations


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O2", "-O3", "-Os"])
def test_large_products_compile_without_warnings_at_all_levels(level, tmp_path):
    f = lambda x, y: fg.lax.fori_loop(0, 3, lambda _, c: np.tanh(c @ y), x)
    files = fg.export.c(f, np.ones((120, 120)), np.ones((120, 120)), path=tmp_path / "f.c")
    for cc in COMPILERS:
        command = [cc, *STRICT, level, "-c", str(files.source), "-o", str(tmp_path / "f.o")]
        subprocess.run(command, check=True)


def test_the_readme_prints_lines_that_are_written(controllers, tmp_path):
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```c\n(.*?)```", readme, re.DOTALL)
    f = fg.value_and_grad(controllers["misfit"])
    files = fg.export.c(f, *filter_args(50), path=tmp_path / "kalman.c")
    plain = lambda text: re.sub(r"\bt_\d+", "t", text)  # the numbers of temporaries change

    assert plain(lines) in plain(files.source.read_text())


@needs_compiler
def test_exported_code_has_no_state(controllers, tmp_path):
    files = fg.export.c(controllers["control"], np.ones(2), np.zeros(8), path=tmp_path / "mpc.c")
    command = [COMPILERS[0], *STRICT, "-c", str(files.source), "-o", str(tmp_path / "mpc.o")]
    subprocess.run(command, check=True)
    size = shutil.which("size")
    told = subprocess.run([size, tmp_path / "mpc.o"], capture_output=True, text=True, check=True)
    text, data, bss = map(int, told.stdout.split()[6:9])

    assert (data, bss) == (0, 0) and text < 20_000
    assert "malloc" not in files.source.read_text()


@needs_compiler
def test_the_caller_gives_memory_for_the_rows_of_a_reversed_loop(tmp_path):
    def root(a):
        go = lambda x: np.abs(x * x - a) > 1e-10
        return fg.lax.while_loop(go, lambda x: 0.5 * (x + a / x), a)

    fg.export.c(fg.grad(root), 2.0, path=tmp_path / "slope.c")

    code, got = ran(tmp_path, "slope", COMPILERS[0])
    none = tmp_path / "example_main.c"
    none.write_text(none.read_text().replace("sizeof rows", "0"))

    assert code == 0 and got == fg.grad(root)(2.0)
    assert ran(tmp_path, "slope", COMPILERS[0])[0] == 4  # too many steps


class Pose(NamedTuple):
    place: np.ndarray
    turns: np.ndarray


def mixed(pose, options, n, unread, *, scale=2.0, empty):
    """Numbers of many kinds."""
    place = pose.place * scale + np.sum(empty)
    return {
        "pose": Pose(place @ place.T, pose.turns << n),
        "far": [place[0] > 1.0, np.zeros((0, 2))],
        "power": place**1.5,  # /* solve_double(log_double(x)) and ??/
        "sum": np.sum(np.tanh(options["gains"])) + 1,
        "count": np.sum(pose.turns),
        "last": (unread * 0 == 0)[:0],
    }


MIXED = (
    Pose(np.arange(6.0).reshape(2, 3), np.array([1, -2, 3])),
    {"gains": np.linspace(0, 1, 7, dtype=np.float32)}, 2, np.ones(3, np.uint8),
)  # fmt: skip


@needs_compiler
@each_compiler
def test_trees_of_all_kinds_of_numbers_compile_without_warnings(cc, tmp_path):
    f = fg.jit(mixed, static_argnames="n")
    keywords = {"scale": 1.5, "empty": np.zeros((0, 3))}
    files = fg.export.c(f, *MIXED, **keywords, path=tmp_path / "mixed.c", static=True)

    code, got = ran(tmp_path, "mixed", cc)
    header = files.header.read_text()

    assert code == 0
    np.testing.assert_allclose(got, flat(mixed(*MIXED, **keywords)), rtol=1e-6)  # some in float32
    assert "const double pose_place[MIXED_STATIC 6], /* pose.place: f64[2,3] */" in header
    assert "double out_pose_place[MIXED_STATIC 4], /* result['pose'].place: f64[2,2] */" in header
    assert "Static arguments: n = 2." in header and "Numbers of many kinds." in header


def test_a_program_that_is_not_written_in_c_is_refused_with_its_line(tmp_path):
    def f(x):
        y = np.linalg.eigvalsh(x)
        return y * 2

    words = r"export.c: f is not written in C: .*eigvalsh.* at test_export.py:\d+  y = np.linalg"
    with pytest.raises(UnsupportedError, match=words):
        fg.export.c(f, np.eye(9), path=tmp_path / "f.c")

    assert not list(tmp_path.iterdir())


@needs_compiler
def test_a_derivative_that_is_not_finite_gives_a_code_or_takes_masks(tmp_path):
    f = fg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))
    x = np.array([4.0, 0.0, 1.0, 2.0, 0.25, 9.0])
    fg.export.c(f, x, path=tmp_path / "f.c")
    code, _ = ran(tmp_path, "f", COMPILERS[0])
    fg.export.c(f, x, path=tmp_path / "f.c", masked=True)

    assert code == 1
    assert "F_NOT_FINITE = 1 /* a derivative" in (tmp_path / "f.h").read_text()
    np.testing.assert_allclose(ran(tmp_path, "f", COMPILERS[0])[1], f(x), rtol=1e-15)


@needs_compiler
def test_errors_are_codes(tmp_path):
    fg.export.c(np.linalg.solve, np.zeros((5, 5)), np.ones(5), path=tmp_path / "solve.c")
    fg.export.c(lambda x, i: x[i] * 2, np.ones(5), np.int64(7), path=tmp_path / "pick.c")

    assert ran(tmp_path, "pick", COMPILERS[0])[0] == 2
    fg.export.c(np.linalg.solve, np.zeros((5, 5)), np.ones(5), path=tmp_path / "solve.c")
    assert ran(tmp_path, "solve", COMPILERS[0])[0] == 3


# the files


def square(x):
    return x * x


def test_files_of_the_user_are_not_overwritten(tmp_path):
    files = fg.export.c(square, 2.0, path=tmp_path / "square.c")
    again = fg.export.c(square, np.ones(3), path=str(tmp_path / "square.c"))
    assert again == files and "square.h" in files.source.read_text()

    files.example.write_text(files.example.read_text().replace("code", "status"))
    before = files.source.read_bytes()
    with pytest.raises(FileExistsError, match=r"export.c: '.*example_main.c' exists, and was not"):
        fg.export.c(square, 2.0, path=tmp_path / "square.c")
    assert files.source.read_bytes() == before

    (tmp_path / "cube.h").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=r"cube.h' exists"):
        fg.export.c(square, 2.0, path=tmp_path / "cube.c")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("square", r"path must end in .c: got 'square'"),
        ("my-square.c", r"the name of a function in C: got 'my-square.c'; write my_square.c"),
        ("exp.c", r"write exp_1.c"),
        ("example_main.c", r"write example_main_1.c"),
    ],
)
def test_a_file_needs_the_name_of_a_function(path, words):
    with pytest.raises(ValueError, match=words):
        fg.export.c(square, 2.0, path=path)


def test_a_dtype_is_single_precision():
    with pytest.raises(ValueError, match=r"dtype must be 'float32' or None: got 'float64'"):
        fg.export.c(square, 2.0, path="square.c", dtype="float64")


def test_numbers_out_of_the_range_of_single_precision_are_refused(tmp_path):
    with pytest.raises(UnsupportedError, match=r"the constant 1e-300 is out of the range of flo"):
        fg.export.c(lambda x: x + 1e-300, np.ones(3), path=tmp_path / "f.c", dtype="float32")


def test_complex_parameters_are_refused_and_complex_values_within_are_not(tmp_path):
    with pytest.raises(UnsupportedError, match=r"export.c: x is c128\[3\]; pass its real and imag"):
        fg.export.c(lambda x: x * 2, np.ones(3, complex), path=tmp_path / "f.c")

    files = fg.export.c(lambda x: abs(np.exp(1j * x)), np.ones(3), path=tmp_path / "g.c")

    assert "#include <complex.h>" in files.source.read_text()
    assert "complex" not in files.header.read_text()


def test_single_precision_holds_beside_arrays_that_a_function_closes_over(tmp_path):
    weights = np.linspace(0.0, 1.0, 4)
    f = lambda x: fg.lax.scan(lambda c, w: (np.sin(c) * w, None), x, weights)[0]
    files = fg.export.c(f, np.ones(3), path=tmp_path / "f.c", dtype="float32")

    assert "float out[3]" in files.header.read_text()
    assert "double" not in files.source.read_text().partition("\nint f(")[2]


def test_integers_of_python_are_refused_where_c_computes_with_them(tmp_path):
    f = lambda x, i: fg.lax.dynamic_slice(x, (i,), (2,))

    with pytest.raises(UnsupportedError, match=r"pass integers as np.int64, for those of Py"):
        fg.export.c(f, np.ones(5), 1, path=tmp_path / "f.c")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OSError, match=r"no") as err:
        fg.export.c(square, 2.0, path=tmp_path / "no" / "square.c")

    assert os.fspath(tmp_path / "no") in str(err.value)
