"""What is loaded when: a name of the library costs nothing until it is first asked for."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import contents
from funcgrad.core.lazy import homes_of
from funcgrad.core.registry import overrides, primitives
from funcgrad.ops import activations

from .support.house import PLAIN
from .support.processes import python

ROOT = Path(__file__).parent.parent
MODULES = sorted(PLAIN)


# the contents

RECORD = """
import importlib, json, sys, types

package = types.ModuleType("funcgrad")
package.__path__ = ["funcgrad"]
sys.modules["funcgrad"] = package
from funcgrad.core import registry

class Recorder(registry.Registry):
    __slots__ = ("makers",)

    def __setitem__(self, key, value):
        frame = sys._getframe(1)
        while frame.f_code.co_name != "<module>":
            frame = frame.f_back
        name, module = registry.entry_name(key), frame.f_globals["__name__"]
        self.makers.setdefault(name, []).append(module.removeprefix("funcgrad."))
        dict.__setitem__(self, key, value)

for name, contents in (("primitives", registry.PRIMITIVES), ("overrides", registry.FUNCTIONS)):
    recorder = Recorder(contents)
    recorder.makers = {}
    setattr(registry, name, recorder)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([registry.primitives.makers, registry.overrides.makers]))
"""


def numpys(name):
    """Return whether a name of the contents is one that this NumPy has."""
    found = np
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is not None


@pytest.fixture(scope="module")
def makers():
    """Give the modules that make each primitive, and each meaning of a name of NumPy's."""
    return json.loads(python(RECORD, *(m for m in MODULES if m != "funcgrad")))


def test_the_contents_list_the_primitives_that_the_modules_make(makers):
    listed = {n: [m] for n, m in homes_of(contents.PRIMITIVES).items()}

    assert makers[0] == listed, "funcgrad/contents.py lists names and modules, mend it"


def test_the_contents_list_the_functions_that_the_modules_take(makers):
    listed = homes_of(contents.FUNCTIONS)
    texts = ("strings.", "char.", "funcgrad.")  # refused as a whole; the namespaces' own functions
    meant = {n: m[-1] for n, m in makers[1].items() if not n.startswith(texts)}
    strange = {n for n in meant.keys() - listed.keys() if not numpys(n)}  # ufuncs of text

    assert {meant[n] for n in strange} <= {"numpy.refusals"}
    assert {n: m for n, m in meant.items() if n not in strange} == {
        n: m for n, m in listed.items() if n in meant or numpys(n)
    }


def test_a_function_has_one_meaning_whatever_was_loaded_before(makers):
    several = {n: m for n, m in makers[1].items() if len(set(m)) > 1}
    code = "import funcgrad as fg, numpy as np; print(fg.jvp(np.sign, (4 + 0j,), (1j,))[1])"

    # a primitive for real numbers registers it, and is taken back at once
    assert set(several) == {"sign"}
    assert complex(python(code)) == 0.25j


def test_a_function_that_the_contents_do_not_know_is_found_all_the_same():
    code = (
        "import numpy as np, funcgrad as fg\n"
        "from funcgrad.core.registry import overrides\n"
        "del overrides.homes['median']\n"
        "print(fg.grad(np.median)(np.arange(3.0)))"
    )
    assert python(code) == "[0. 1. 0.]\n"


def test_a_refusal_has_its_words_at_first_use():
    code = (
        "import numpy as np, funcgrad as fg\n"
        "for f in (np.savetxt, np.char.upper, np.char.lower, np.isnat):\n"
        "    try: fg.make_jaxpr(lambda x: f('name', x) if f is np.savetxt else f(x))(1.0)\n"
        "    except Exception as err: print(type(err).__name__, str(err).partition(':')[0])"
    )
    assert python(code).splitlines() == [
        "ConversionError numpy.savetxt",
        "UnsupportedError numpy.char.upper",
        "UnsupportedError numpy.char.lower",
        "UnsupportedError numpy.isnat",
    ]


# the namespaces


@pytest.mark.parametrize("package", [fg, fg.numpy, fg.numpy.linalg, fg.numpy.fft, fg.numpy.emath])
def test_every_name_that_is_listed_is_there_and_stays_the_same(package):
    for name in dir(package):
        assert getattr(package, name) is getattr(package, name), name


def test_a_namespace_of_numpys_names_gives_all_of_them():
    names, given = {n for n in np.__all__ if n[0] != "_"}, {}
    exec("from funcgrad.numpy import *", given)
    plain = {n for n in names if n in vars(np) and not isinstance(vars(np)[n], type(np))}

    assert plain <= set(dir(fg.numpy)) and plain <= given.keys()
    assert given["sin"] is fg.numpy.sin and given["linalg"] is fg.numpy.linalg
    assert fg.numpy.ufunc is np.ufunc and fg.numpy.float32 is np.float32
    assert pickle.loads(pickle.dumps(fg.numpy.median)) is fg.numpy.median


def test_importing_the_library_loads_no_transform():
    code = (
        "import sys, funcgrad; print(*sorted(m for m in sys.modules if m.startswith('funcgrad')))"
    )
    needed = "contents core core.errors core.lazy core.registry"

    assert python(code).split() == ["funcgrad", *(f"funcgrad.{name}" for name in needed.split())]


def test_a_gradient_loads_only_what_it_needs():
    code = (
        "import sys, numpy as np, funcgrad as fg\n"
        "assert fg.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2)).tolist() == [1, 1]\n"
        "print(*(m for m in sys.modules if m.startswith(('funcgrad', 'numpy'))))"
    )
    loaded = set(python(code).split())
    heavy = (
        "funcgrad.numpy.linalg funcgrad.numpy.fft funcgrad.numpy.refusals funcgrad.control "
        "funcgrad.transforms.jit.api funcgrad.transforms.checking funcgrad.ops.convolve "
        "funcgrad.nn "
        "numpy.random numpy.fft numpy.strings"
    )

    assert not loaded & set(heavy.split())
    assert len([m for m in loaded if m.startswith("funcgrad")]) <= 88


# what relies on it


def test_a_name_of_the_librarys_is_taken_before_its_part_is_loaded():
    code = (
        "import numpy as np\n"
        "from funcgrad.extend import Elementwise\n"
        "for name in ('relu', 'random_normal', 'cholesky', 'sin'):\n"
        "    try: Elementwise(name, np.sin, lambda t, y, x: t)\n"
        "    except ValueError as err: print(str(err).split(chr(39))[1])\n"
        "import funcgrad\n"
        "print(funcgrad.nn.relu(2.0), funcgrad.numpy.linalg.cholesky(np.eye(1)))"
    )
    lines = python(code).splitlines()

    assert lines[:-1] == ["relu", "random_normal", "cholesky", "sin"]
    assert lines[-1] == "2.0 [[1.]]"


def test_a_primitive_loads_only_its_module():
    data = pickle.dumps(primitives["cholesky"])
    code = (
        "import pickle, sys, funcgrad\n"
        f"print(pickle.loads({data!r}).name, 'funcgrad.nn' in sys.modules)"
    )
    assert python(code) == "cholesky False\n"
    assert activations.relu_p.is_builtin and "no such primitive" not in primitives
    with pytest.raises(KeyError):
        overrides[test_a_primitive_loads_only_its_module]


THREADS = """
import sys, threading
import numpy as np
import funcgrad as fg

x = np.array([[2.0, 0.3], [0.3, 1.0]])
uses = [
    lambda: fg.grad(lambda a: np.sum(np.linalg.cholesky(a)))(x),
    lambda: fg.grad(lambda a: np.sum(fg.numpy.linalg.inv(a)))(x),
    lambda: fg.jit(lambda a: np.median(a) + a[0, 0])(x),
    lambda: fg.grad(lambda a: np.sum(np.abs(np.fft.fft(a))))(x),
    lambda: fg.numpy.sin(x),
    lambda: fg.hessian(lambda a: np.std(a))(x),
    lambda: fg.nn.relu(x),
    lambda: fg.lax.scan(lambda c, a: (c + a.sum(), c), 0.0, x)[0],
    lambda: fg.random.normal(fg.random.key(0), (2,)),
    lambda: fg.optim.adam(0.1).init(x),
]
barrier, failed = threading.Barrier(2 * len(uses)), []

def run(use):
    barrier.wait()
    try:
        use()
    except BaseException as err:
        failed.append(repr(err))

threads = [threading.Thread(target=run, args=(use,)) for use in uses * 2]
sys.setswitchinterval(1e-5)
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""


def test_threads_may_ask_for_the_same_names_at_once():
    for _ in range(2):
        assert python(THREADS) == "[]\n"


def test_descriptions_of_arrays_make_arrays_at_first_use():
    code = (
        "import numpy as np, funcgrad as fg\n"
        "print(np.zeros_like(fg.ShapeDtypeStruct((2,), np.float32)).dtype)"
    )
    assert python(code) == "float32\n"


INTERRUPTED = """
import os, sys
import numpy as np
import funcgrad as fg

x = np.arange(6.0).reshape(2, 3)
use = lambda: fg.grad(lambda a: np.median(a) + np.linalg.svdvals(a)[0])(x)

def interrupt(frame, event, arg):
    global left
    if event == "call" and "funcgrad" in frame.f_code.co_filename:
        left -= 1
        if left < 0:
            sys.setprofile(None)
            raise KeyboardInterrupt

for left in range(20, 600, 60):
    child = os.fork()
    if not child:
        sys.setprofile(interrupt)
        try:
            use()
        except KeyboardInterrupt:
            pass
        sys.setprofile(None)
        print(round(use().sum(), 8), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each interrupt in a process of its own")
def test_what_was_interrupted_while_it_was_loaded_is_loaded_again():
    x = np.arange(6.0).reshape(2, 3)
    want = fg.grad(lambda a: np.median(a) + np.linalg.svdvals(a)[0])(x).sum()

    assert python(INTERRUPTED).split() == [str(round(want, 8))] * 10
