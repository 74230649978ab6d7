"""The backend of jit: chosen by cost, fixed by argument, config or environment, and recorded."""

import pickle
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import doctor, io
from funcgrad.c import compiler, costs
from funcgrad.core.config import Settings, _from_environment
from funcgrad.core.errors import UnsupportedError
from funcgrad.transforms.jit.api import Frozen

from .support.compare import assert_same
from .test_c import needs_compiler, own_cache  # noqa: F401, a fixture

XS = np.linspace(-1.0, 1.0, 500)


def loop(a, xs=XS):
    """A long loop of few operations, whose gradient is one too."""

    def step(carry, x):
        y = carry * a + np.sin(x) * 0.5
        return y, y * y

    last, squares = fg.lax.scan(step, np.float64(0.5), xs)
    return last + squares.sum()


def small(x):
    return np.tanh(x * 2 + 1).sum()


def by_auto(f):
    return fg.jit(f, backend="auto")


# the choice


@needs_compiler
def test_a_long_loop_is_in_c_and_a_small_program_in_numpy():
    long, short = by_auto(fg.grad(loop)), by_auto(small)
    assert_same(fg.grad(loop)(0.7), long(0.7), 1e-12)
    assert_same(small(XS[:5]), short(XS[:5]), 1e-15)

    assert "loop_c(" in long.source(0.7) and "_c(" not in short.source(XS[:5])
    assert "backend 'auto': 1 call of C for" in long.explain(0.7)
    assert "ms of the compiler" in long.explain(0.7)
    assert "backend 'auto': all in NumPy:" in short.explain(XS[:5])
    assert "of which 1,000 gain less than the compiler takes" in short.explain(XS[:5])


@needs_compiler
def test_the_choice_depends_on_the_program_alone():
    sources = {by_auto(fg.grad(loop)).source(0.7) for _ in range(3)}

    assert len(sources) == 1


@needs_compiler
def test_groups_that_stay_in_numpy_are_told_with_their_reasons():
    def f(x, a):
        return loop(x) + np.linalg.eigvalsh(np.outer(a, a) + x).sum()

    auto = by_auto(f)
    assert_same(f(0.7, XS[:4]), auto(0.7, XS[:4]), 1e-12)

    told = auto.explain(0.7, XS[:4])
    assert "\n  C: " in told and "\n  NumPy: eigvalsh" in told


@needs_compiler
def test_derivatives_and_batches_of_auto_are_those_of_numpy():
    xs = np.linspace(0.1, 0.9, 3)
    auto = by_auto(loop)

    assert_same(fg.grad(loop)(0.7), fg.grad(auto)(0.7), 1e-12)
    assert_same(fg.hessian(loop)(0.7), fg.hessian(auto)(0.7), 1e-12)
    assert_same(fg.vmap(fg.grad(loop))(xs), fg.vmap(fg.grad(auto))(xs), 1e-12)
    assert_same(loop(0.7), fg.jit(lambda a: auto(a), backend="numpy")(0.7), 1e-12)


@needs_compiler
def test_draws_in_a_loop_and_small_systems_are_in_c():
    def walk(key, a):
        def step(x, key):
            x = np.linalg.solve(a, x) + fg.random.normal(key, (3,))
            return x, x[0]

        return fg.lax.scan(step, a[0], fg.random.split(key, 50))[1]

    args = fg.random.key(1), np.eye(3) * 2 + 0.1
    auto = by_auto(walk)

    assert_same(fg.jit(walk)(*args), auto(*args), 1e-5, 1e-5)  # float32 draws
    assert "walk_c(" in auto.source(*args)


def test_costs_grow_with_the_length_of_loops():
    def eqns(n):
        return fg.jit(loop).jaxpr(0.7, XS[:n]).jaxpr.eqns

    assert costs.in_numpy(eqns(500)) > 30 * costs.in_numpy(eqns(10))
    assert costs.in_c(eqns(500)) < 0.1 * costs.in_numpy(eqns(500))


def test_long_rows_are_sorted_by_numpy():
    def sorts(n):
        return fg.jit(lambda x: np.argsort(x, axis=0, stable=True)).jaxpr(np.ones(n)).jaxpr.eqns

    assert costs.in_c(sorts(30)) < 0.3 * costs.in_numpy(sorts(30))
    assert costs.in_c(sorts(1000)) > costs.in_numpy(sorts(1000))


def test_absolute_values_of_complex_numbers_and_large_arrays_gain_little_in_c():
    def ratio(f, x):
        eqns = fg.jit(f).jaxpr(x).jaxpr.eqns
        return costs.in_c(eqns) / costs.in_numpy(eqns)

    assert ratio(np.abs, XS + 1j) > 1 > ratio(lambda z: z * z, XS + 1j)
    assert ratio(lambda x: np.concatenate([x, x]), np.ones(100)) < 0.1
    assert ratio(lambda x: np.concatenate([x, x]), np.ones(100_000)) > costs.MARGIN
    assert ratio(lambda x: x * x + x, np.ones(100_000)) < costs.MARGIN  # of which one is stored
    assert ratio(lambda x: fg.lax.scan(lambda c, y: (c + y, c), 0.0, x), np.ones(100_000)) < 0.1


@needs_compiler
@pytest.mark.parametrize("size, is_called", [(128_000, True), (1_000_000, False)])
def test_operations_between_loops_of_numpy_stay_there_beyond_the_cache(size, is_called):
    def f(x):
        y = np.sin(x)
        return np.sin((y * 0.5 + 1.0) * y * (y - 0.3) + y)

    assert ("f_c(" in by_auto(f).source(np.zeros(size, np.float32))) is is_called


# without a compiler


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)


def test_without_a_compiler_auto_is_numpy_in_silence(no_compiler):
    auto = by_auto(fg.grad(loop))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = auto(0.7)

    assert_same(fg.grad(loop)(0.7), got, 1e-12)
    assert "backend 'auto': all in NumPy: no C compiler is found" in auto.explain(0.7)


@pytest.mark.parametrize(
    "platform, cure",
    [
        ("linux", r"apt-get install gcc$"),
        ("darwin", r"xcode-select --install$"),
        ("win32", r"install gcc \(MinGW-w64\) or clang; cl does not take their flags$"),
    ],
)
def test_without_a_compiler_c_and_the_doctor_name_one_to_install(
    no_compiler, monkeypatch, platform, cure
):
    monkeypatch.setattr(compiler.sys, "platform", platform)
    with pytest.raises(UnsupportedError, match=r"\$CC, cc, gcc and clang are not found; .*" + cure):
        fg.jit(small, backend="c")(XS)

    lines = compiler.told()
    assert lines[0] == "C compiler: none: $CC, cc, gcc and clang are not found"
    assert lines[1].startswith("-> for jit(backend='c'), install")


def test_a_compiler_that_fails_leaves_auto_to_numpy(monkeypatch, tmp_path):
    failing = tmp_path / "cc"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("CC", str(failing))
    auto = by_auto(fg.grad(loop))

    assert_same(fg.grad(loop)(0.7), auto(0.7), 1e-12)
    assert "all in NumPy: jit: the C compiler" in auto.explain(0.7)


@needs_compiler
def test_a_command_in_front_of_the_compiler_is_run_with_it(monkeypatch, tmp_path):
    cache = tmp_path / "ccache"
    cache.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/log\nexec "$@"\n')
    cache.chmod(0o755)
    path = compiler.compiler()
    monkeypatch.setenv("CC", f"{cache} {path}")

    assert_same(small(XS[:6]), fg.jit(small, backend="c")(XS[:6]), 1e-14)
    assert (tmp_path / "log").read_text().split() == [path, path]  # its version, a program


@needs_compiler
def test_the_doctor_tells_the_compiler_and_the_backend():
    facts = list(doctor._facts())

    (line,) = [x for x in facts if x.startswith("C compiler: ")]
    assert compiler.compiler() in line and any(c.isdigit() for c in line)
    assert "backend of jit: numpy" in facts


# the default


@needs_compiler
def test_config_sets_the_backend_of_functions_that_have_none():
    f, fixed = fg.jit(loop), fg.jit(loop, backend="numpy")
    want = f(0.7)
    with fg.config(backend="c"):
        assert_same(want, f(0.7), 1e-12)
        assert "_c(" in f.source(0.7) and "_c(" not in fixed.source(0.7)
        assert "the backend was 'numpy', and is 'c'; backend 'c': " in f.explain(0.7)
        again = f.cache_info()
        f(0.7)
        assert f.cache_info() == again._replace(hits=again.hits + 1)

    assert "_c(" not in f.source(0.7)
    assert f.cache_info().misses == 2


@needs_compiler
def test_config_sets_the_backend_of_derivatives_of_compiled_functions():
    f = fg.jit(loop)
    with fg.config(backend="c"):
        fg.grad(f)(0.7)
        programs = [p for s in f._signatures.values() for p in s.programs()]

    assert programs and all("_c(" in p.source.text for p in programs)


@pytest.mark.parametrize("name", ["cuda", "C", "", None, 3])
def test_a_backend_that_does_not_exist_is_refused_by_name(name, monkeypatch):
    words = "must be 'numpy', 'c', 'auto' or 'jax': got "
    with pytest.raises(ValueError, match="config: backend " + words):
        fg.config(backend=name).__enter__()
    if name is not None:
        with pytest.raises(ValueError, match="jit: backend " + words):
            fg.jit(loop, backend=name)
    if isinstance(name, str) and name:
        monkeypatch.setenv("FUNCGRAD_BACKEND", name)
        with pytest.raises(ValueError, match="config: FUNCGRAD_BACKEND " + words):
            _from_environment()


@pytest.mark.parametrize("name", ["numpy", "c", "auto"])
def test_the_environment_sets_the_default(name, monkeypatch):
    monkeypatch.setenv("FUNCGRAD_BACKEND", name)
    assert _from_environment() == Settings(backend=name)

    monkeypatch.setenv("FUNCGRAD_BACKEND", "")
    assert _from_environment() == Settings(backend="numpy")


def test_the_default_is_numpy():
    assert fg.config.backend == "numpy"


# pickles, files


def test_a_pickled_function_keeps_the_backend_that_it_was_given():
    options = {name: pickle.loads(pickle.dumps(fg.jit(small, backend=name))).options["backend"]
               for name in ("numpy", "c", "auto", None)}  # fmt: skip

    assert options == {name: name for name in options}


@needs_compiler
def test_programs_of_auto_are_pickled_without_c():
    auto = by_auto(lambda a: loop(a))
    want = auto(0.7)
    parts = [s.frozen() for s in auto._signatures.values()]

    assert_same(want, Frozen("loop", parts)(0.7), 1e-12)
    assert "_c(" in auto.source(0.7) and "_c(" not in parts[0][1].source.text
    assert "_c(" not in auto.source(0.7, standalone=True)


@needs_compiler
def test_a_checkpoint_records_the_backend_and_restore_warns_of_another(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path)
    state = {"w": np.ones(2)}
    with fg.config(backend="c"):
        checkpoints.save(1, state, metadata={"note": "x"})
        assert checkpoints.read(like=state).metadata == {"note": "x"} == checkpoints.metadata()

    words = r"^CheckpointManager: step 1 was saved with .* 'c' of jit, and now it is 'numpy': .*=c$"
    with pytest.warns(RuntimeWarning, match=words):
        checkpoints.restore(like=state)
    with pytest.raises(ValueError, match=r"the metadata name 'funcgrad.backend' is reserved"):
        checkpoints.save(2, state, metadata={"funcgrad.backend": "c"})


def test_auto_without_a_compiler_is_recorded_as_numpy(tmp_path, no_compiler):
    checkpoints = io.CheckpointManager(tmp_path)
    with fg.config(backend="auto"):
        checkpoints.save(1, {"w": np.ones(2)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checkpoints.restore()
