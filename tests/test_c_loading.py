"""Compiled C in a process: which objects are loaded, and how calls share it with signals."""

import errno
import os
import pickle
import signal
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.c import compiler, costs, objects

pytestmark = [
    pytest.mark.skipif(not compiler.is_found(), reason="needs a C compiler"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="signals, owners and modes of POSIX"),
]
X = np.linspace(-1.0, 2.0, 40)
VOID = "int call_1(char *args) { (void)args; return 0; }\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory of objects, with the paths that are loaded."""
    monkeypatch.setenv("FUNCGRAD_C_CACHE", str(tmp_path / "objects"))
    return tmp_path / "objects"


@pytest.fixture
def loads(monkeypatch):
    """The paths and contents of the objects that are loaded, and no more."""
    found, load = [], objects.ctypes.PyDLL

    def recorded(path):
        with open(path, "rb") as file:
            found.append((os.path.dirname(path), file.read()))
        return load(path)

    monkeypatch.setattr(objects.ctypes, "PyDLL", recorded)
    return found


def called():
    """Call a new compiled function, whose source is always the same."""
    got = fg.jit(lambda x: (x * 3 - 2) * x + 1, backend="c")(X)
    np.testing.assert_array_equal(got, (X * 3 - 2) * X + 1)


def in_three_groups(x):
    """Operations in C with one of NumPy between them, twice; each group has a table."""
    y = x @ np.linspace(-1.0, 1.0, 36).reshape(6, 6) + 1
    y = np.linalg.eigvalsh(y * 2 + y.T + x[0]) * x
    y = y @ np.linspace(-2.0, 1.0, 36).reshape(6, 6) - y
    return np.linalg.eigvalsh(y - y.T * x) @ np.cos(np.linspace(0.0, 1.0, 36).reshape(6, 6)) * 2 + x


call = lambda x: in_three_groups(x)  # the names of its functions are those of entries
call.__name__ = "call"


# the objects


@pytest.mark.parametrize("f", [in_three_groups, call], ids=["own name", "call"])
def test_the_functions_of_a_program_are_compiled_as_one_file(f, folder, loads):
    x = np.cos(np.arange(36.0)).reshape(6, 6)
    compiled = fg.jit(f, backend="c")

    np.testing.assert_allclose(compiled(x), in_three_groups(x), rtol=1e-12)
    assert compiled.source(x).count("_c((") == 3 and len(loads) == 1

    again = pickle.loads(pickle.dumps(fg.jit(in_three_groups, backend="c")))
    np.testing.assert_array_equal(again(x), compiled(x))


def test_long_functions_are_compiled_at_once(folder, loads, monkeypatch):
    monkeypatch.setattr(costs, "LONG_FILE", 1.0)
    x = np.cos(np.arange(36.0)).reshape(6, 6)

    np.testing.assert_allclose(
        fg.jit(in_three_groups, backend="c")(x), in_three_groups(x), rtol=1e-12
    )
    assert len(loads) > 1


def test_files_share_the_time_of_the_compiler():
    assert costs.in_files([30.0]) == costs.in_files([0.0]) == [[0]]
    assert costs.in_files([100.0, 200.0, 90.0]) == [[0, 1, 2]]
    assert costs.in_files([100.0, 900.0, 90.0]) == [[0, 1, 2]]  # one takes nearly all
    assert costs.in_files([500.0, 300.0, 400.0, 150.0]) == [[0], [2], [1, 3]]
    assert len(costs.in_files([400.0] * 50)) == costs.FILES


def evil(tmp_path):
    """The content of an object that gives no results."""
    return compiler.compiled([VOID], tmp_path)[0].read_bytes()


def replaced(path, content):
    path.unlink()
    path.write_bytes(content)


def of_another_program(path, content):
    fg.jit(lambda x: (x * 5 - 2) * x + 1, backend="c")(X)
    (other,) = set(path.parent.glob("*.so")) - {path}
    other.rename(path.with_name(f"{path.name.partition('-')[0]}-{other.name.partition('-')[2]}"))
    path.unlink()


def writable(path, content):
    path.chmod(0o666)


def linked(path, content):
    os.link(path, path.with_name("another"))


def pipe(path, content):
    path.unlink()
    os.mkfifo(path)


def of_another_user(path, content):
    if os.getuid():
        pytest.skip("only root gives files away")
    os.chown(path, 65534, -1)


ATTACKS = [replaced, of_another_program, writable, linked, pipe, of_another_user]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda f: f.__name__)
def test_a_planted_object_is_not_loaded(attack, folder, tmp_path, loads):
    called()
    (path,) = folder.glob("*.so")
    genuine = path.read_bytes()
    attack(path, evil(tmp_path))
    loads.clear()

    called()

    assert [content for _, content in loads] == [genuine]  # compiled again, to the same bits


def open_to_others(folder):
    folder.mkdir(mode=0o755)


def below_one_open_to_others(folder):
    folder.parent.chmod(0o777)


def a_link(folder):
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def a_file(folder):
    folder.write_text("")


def relative(folder):
    os.environ["FUNCGRAD_C_CACHE"] = "objects"


def switched_off(folder):
    os.environ["FUNCGRAD_C_CACHE"] = "off"


UNUSED = [open_to_others, below_one_open_to_others, a_link, a_file, relative, switched_off]


@pytest.mark.parametrize("make", UNUSED, ids=lambda f: f.__name__)
def test_a_directory_that_is_not_private_is_not_used(make, folder, loads):
    make(folder)
    before = set(folder.parent.rglob("*"))

    called()

    assert set(folder.parent.rglob("*")) == before
    assert [path for path, _ in loads if not path.startswith(str(folder.parent))]


def test_the_directory_of_another_user_is_not_used(folder, loads, monkeypatch):
    called()
    user = os.getuid()
    monkeypatch.setattr(objects, "_user", lambda: user + 1)

    called()

    assert loads[0][0] == str(folder) and loads[1][0] != str(folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_where_nothing_can_be_kept_a_program_runs(code, folder, loads, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "mkstemp", full)

    called()

    assert len(loads) == 1 and not list(folder.iterdir())


def test_left_over_files_are_deleted(folder):
    folder.mkdir(mode=0o700)
    old, new = folder / "old.tmp", folder / "new.tmp"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))

    called()

    assert new.exists() and not old.exists()


def in_child(run):
    """Start a child that runs a function, and exits with 0 unless that raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        run()
        code = 0
    finally:
        os._exit(code)


def test_processes_at_once_share_one_object(folder):
    children = [in_child(called) for _ in range(3)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert codes == [0, 0, 0]
    assert [p.suffix for p in folder.iterdir()] == [".so"]


def test_a_forked_child_calls_and_compiles(folder):
    f = fg.jit(lambda x: (x * 3 - 1) * x + 1, backend="c")
    want = f(X)

    def run():
        np.testing.assert_array_equal(f(X), want)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(X), want)

    assert os.waitstatus_to_exitcode(os.waitpid(in_child(run), 0)[1]) == 0


# signals and threads

LONG = 3_000_000_000  # steps: ten seconds, if nothing ends them
step = lambda c: c * 0.999999 + 1e-9
LOOPS = {
    "while": lambda x, n: fg.lax.while_loop(
        lambda c: c[0] < n, lambda c: (c[0] + 1, step(c[1])), (0, x)
    )[1],
    "scan": lambda x, n: fg.lax.scan(lambda c, _: (step(c), None), x, None, length=n)[0],
    "nested": lambda x, n: fg.lax.fori_loop(
        0, 1000, lambda _, c: fg.lax.fori_loop(0, n // 1000, lambda _, c: step(c), c), x
    ),
}


class Stopped(Exception):  # noqa: N818, as KeyboardInterrupt
    pass


@contextmanager
def alarm(handler, seconds=0.02):
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


EACH = ["while", *(pytest.param(x, marks=pytest.mark.slow) for x in ("scan", "nested"))]


@pytest.mark.parametrize("name", EACH)
def test_a_signal_ends_a_long_loop_and_the_program_can_be_called_again(name):
    f = fg.jit(LOOPS[name], backend="c", static_argnums=None if name == "while" else 1)
    want = f(1.0, 5000)
    stopped = []

    def stop(*_):
        stopped.append(time.perf_counter())
        raise Stopped

    with pytest.raises(Stopped), alarm(stop, 0.02 if name == "while" else 2.0):  # it compiles
        f(1.0, LONG)
    took = time.perf_counter() - stopped[0]

    assert took < 0.2
    assert f(1.0, 5000) == want


def test_a_signal_ends_the_compilers(folder, monkeypatch, tmp_path):
    slow = tmp_path / "cc"
    slow.write_text("#!/bin/sh\ncase $* in *--version*) exit 0;; esac\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("CC", str(slow))
    started, start = [], compiler.subprocess.Popen
    kept = lambda *args, **kwargs: started.append(start(*args, **kwargs)) or started[-1]
    monkeypatch.setattr(compiler.subprocess, "Popen", kept)

    def stop(*_):
        raise Stopped

    with pytest.raises(Stopped), alarm(stop, 0.5):
        called()

    assert started and all(run.poll() is not None for run in started)


def test_a_signal_whose_handler_returns_does_not_end_a_loop():
    f = fg.jit(LOOPS["while"], backend="c")
    seen = []
    want = f(1.0, 20_000_000)

    with alarm(lambda *_: seen.append(True), 0.01):
        got = f(1.0, 20_000_000)

    assert got == want and seen


def test_a_long_program_leaves_the_interpreter_to_other_threads():
    f = fg.jit(LOOPS["while"], backend="c")
    f(1.0, 20_000_000)
    thread = threading.Thread(target=f, args=(1.0, 20_000_000))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)

    assert turns > 5
