"""The library without an operating system, as in Pyodide: no threads, processes, mmap or ctypes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# what Pyodide's Python lacks, and what it has but cannot run
LACKING = (
    "_curses _dbm _gdbm _hashlib _multiprocessing _posixshmem _posixsubprocess _tkinter _uuid "
    "ctypes curses dbm ensurepip fcntl grp mmap multiprocessing pwd readline resource subprocess "
    "syslog termios tkinter venv"
)
BLOCKED = f"""
import _thread, importlib.abc, os, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LACKING.split()!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

def refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")

for name in [n for n in sys.modules if n.partition(".")[0] in {LACKING.split()!r}]:
    del sys.modules[name]
sys.meta_path.insert(0, Blocker())
_thread.start_new_thread = os.fork = refuse
"""
PROGRAM = """
import io, tempfile
import numpy as np
import funcgrad as fg
from funcgrad import nn, optim

x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
y = np.array([[0], [1], [1], [0]], np.float32)
model = nn.Sequential(nn.Dense(2, 8, activation=nn.tanh), nn.Dense(8, 1)).init(fg.random.key(0))
optimizer = optim.adam(0.1)

@fg.jit
def step(model, state, x, y):
    loss = lambda m: fg.losses.binary_cross_entropy_with_logits(m(x), y)
    updates, state = optimizer.update(fg.grad(loss)(model), state, model)
    return optim.apply_updates(model, updates), state

state = optimizer.init(model)
for _ in range(100):
    for a, b in fg.data.Loader((x, y), 4, key=fg.random.key(1)):
        model, state = step(model, state, a, b)
folder = tempfile.mkdtemp()
path = folder + "/model.safetensors"
fg.io.save(path, model)
again = fg.io.load(path, like=model)
large = fg.jit(fg.grad(lambda x: np.sum(np.tanh(np.sin(x) * 2))))(np.ones(200_000))
loop = fg.jit(fg.grad(lambda x: fg.lax.fori_loop(0, 9, lambda i, x: np.sin(x), x)))
rows = fg.vmap(fg.grad(np.sin))(np.ones(3)), fg.hessian(np.prod)(np.ones(3)), loop(1.0)
P = fg.dist.P
one = fg.dist.spmd(lambda x: fg.lax.psum(x, "data"), in_specs=P(), out_specs=P())(x)
for refused in (lambda: fg.dist.launch(print, ranks=2), lambda: fg.io.load(path, mmap=True)):
    try:
        refused()
    except fg.errors.UnsupportedError as err:
        print(err)
print((again(x) > 0).astype(int).ravel().tolist(), large.shape)
for name in dir(fg):  # the other packages load, too
    getattr(fg, name)
"""


def test_a_model_is_trained_without_what_a_browser_lacks():
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + PROGRAM], env=environ, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip

    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "launch: this Python has no processes: got no multiprocessing; call the function",
            "load: mmap=True needs Python's module mmap: leave it out",
            "[0, 1, 1, 0] (200000,)",
        ],
        "",
    )


IN_NODE = """
const { loadPyodide } = await import(process.argv[2]);
const python = await loadPyodide();
python.FS.mkdir("/library");
python.FS.mount(python.FS.filesystems.NODEFS, { root: process.argv[3] }, "/library");
console.log(await python.runPythonAsync(`
    from pathlib import Path
    files = sorted(Path("/library/funcgrad").rglob("*.py"))
    for path in files:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
    len(files)
`));
"""


@pytest.mark.slow
def test_every_module_compiles_under_pyodides_python(tmp_path):
    home = os.environ.get("PYODIDE", "")  # the folder of the npm package: npm install pyodide
    if not (shutil.which("node") and Path(home, "pyodide.mjs").exists()):
        pytest.skip("node, and PYODIDE=node_modules/pyodide, are needed")
    script = tmp_path / "compile.mjs"
    script.write_text(IN_NODE)
    command = ["node", script, Path(home, "pyodide.mjs").resolve(), ROOT]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, check=True
    )

    assert int(done.stdout) == len([*(ROOT / "funcgrad").rglob("*.py")])
