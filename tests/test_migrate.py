"""The report of other libraries' names in a file, and the rewriting of its import lines."""

from funcgrad import migrate
from funcgrad.__main__ import main

SOURCE = """
import autograd.numpy as np
from autograd import grad, elementwise_grad
from jax import vmap, jit
import jax
import optax
import torch.nn as nn
from scipy.stats import norm
import scipy.linalg

def f(x):
    layer = nn.Linear(2, 3)
    y = scipy.linalg.solve(np.eye(2), np.tanh(x)) + jax.pmap(f)(x)
    return scipy.linalg.blas(y), norm.logpdf(y), optax.adam(0.1), jax.make_mesh(2), math.sin(1)
"""


def test_a_report_has_a_line_for_each_name():
    assert [str(use) for use in migrate.uses(SOURCE)] == [
        "3: autograd.elementwise_grad -> grad(lambda x: f(x).sum()), or vmap(grad(f))",
        "3: autograd.grad -> funcgrad.grad",
        "4: jax.jit -> funcgrad.jit",
        "4: jax.vmap -> funcgrad.vmap",
        "12: torch.nn.Linear -> funcgrad.nn.Dense(in, out), whose initial values differ",
        "13: autograd.numpy.eye -> numpy.eye",
        "13: autograd.numpy.tanh -> numpy.tanh",
        "13: jax.pmap -> funcgrad.vmap",
        "13: scipy.linalg.solve -> funcgrad.scipy.linalg.solve",
        '14: jax.make_mesh -> funcgrad.jit(f, backend="jax", in_shardings=...), with a mesh of JAX',
        "14: optax.adam -> funcgrad.optim.adam",
        "14: scipy.linalg.blas: no counterpart",
        "14: scipy.stats.norm.logpdf -> funcgrad.scipy.stats.norm.logpdf",
    ]


def test_import_lines_are_rewritten_where_all_names_stay():
    old, new = SOURCE.splitlines(), migrate.rewritten(SOURCE).splitlines()

    assert [(a, b) for a, b in zip(old, new, strict=True) if a != b] == [
        ("import autograd.numpy as np", "import numpy as np"),
        ("from jax import vmap, jit", "from funcgrad import vmap, jit"),
        ("import optax", "from funcgrad import optim as optax"),
        ("from scipy.stats import norm", "from funcgrad.scipy.stats import norm"),
    ]


def test_a_file_changes_only_if_asked(tmp_path, capsys):
    file = tmp_path / "program.py"
    file.write_text(SOURCE)

    assert main(["migrate", str(file)]) == 0
    assert file.read_text() == SOURCE
    assert capsys.readouterr().out.endswith("12 of 13 names have a counterpart\n")

    assert main(["migrate", str(file), "--write"]) == 0
    assert file.read_text() == migrate.rewritten(SOURCE)
    assert capsys.readouterr().out.endswith(
        "4 import lines rewritten; write those of lines 3, 5, 7, 9 by hand\n"
    )


def test_import_lines_stay_where_a_call_is_written_in_another_way():
    source = """from autograd import hessian_vector_product
from autograd.test_util import check_grads
hessian_vector_product(f)(x, v)
check_grads(f, modes=["rev"])(x)
"""

    assert migrate.rewritten(source) == source
    assert "funcgrad.hvp(f, (x,), (v,))" in str(migrate.uses(source)[0])


def test_arrays_of_traced_values_are_made_by_our_numpy():
    source = """import autograd.numpy as np
import autograd.numpy.random as npr
f = lambda x: np.sum(np.array([np.tanh(x), x])) + npr.rand()
"""
    new = migrate.rewritten(source)

    assert new.splitlines()[:2] == [
        "from funcgrad import numpy as np",
        "from numpy import random as npr",
    ]
    assert "3: autograd.numpy.array -> funcgrad.numpy.array" in map(str, migrate.uses(source))
