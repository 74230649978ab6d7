"""Names of other libraries: the error for each names ours, by one table."""

import importlib
import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, optim
from funcgrad.core.missing import counterpart, counterpart_in, rows, value_of
from funcgrad.peers import KEYWORDS, KINDS, SPACES

from .support.turns import in_one

X = np.ones(3)
KIND_OF = {home: kind for kind, homes in KINDS.items() for home in homes.split()}
HOME = {name: name.rpartition(".")[0] for name in rows()}
METHODS = [name for name in rows() if HOME[name] in KIND_OF]
FUNCTIONS = [name for name in rows() if name not in METHODS and name.split(".")[0] not in
             ("scipy", "math", "cmath", "numpy")]  # fmt: skip


def of_kind(kind, name):
    """Ask an object of ours for an attribute."""
    if kind == "array":
        return fg.grad(lambda x: getattr(x, name))(1.0)
    ours = {"model": nn.Dense(2, 3), "optimizer": optim.sgd(0.1), "function": fg.grad(np.sin),
            "object": fg.data.standardizer(np.ones((2, 3)))}  # fmt: skip
    return getattr(ours[kind], name)


@in_one(rows())
def test_a_counterpart_exists(peer):
    ours = rows()[peer].ours

    assert ours is None or value_of(ours) is not None
    assert ours is not None or rows()[peer].words


@pytest.mark.parametrize("peer", METHODS)
def test_an_attribute_of_another_librarys_object_names_ours(peer):
    kind, name = KIND_OF[HOME[peer]], peer.rpartition(".")[2]
    if hasattr(nn.Dense if kind == "model" else np.ndarray, name):
        pytest.skip("we have the name too")
    with pytest.raises(AttributeError) as error:
        of_kind(kind, name)
    first = next(n for n in METHODS if KIND_OF[HOME[n]] == kind and n.endswith(f".{name}"))

    assert str(error.value).endswith(f": it is {first}; {rows()[first].use}")


@pytest.mark.parametrize("peer", FUNCTIONS)
def test_a_function_of_another_library_names_ours(peer):
    name = peer.rpartition(".")[2]
    if hasattr(fg, name):
        pytest.skip("we have the name too")
    row = counterpart_in("funcgrad", name)

    with pytest.raises(AttributeError) as error:
        getattr(fg, name)
    assert str(error.value).endswith(row.use)
    assert row.peer.endswith(f".{name}")


@pytest.mark.parametrize("space", SPACES)
def test_a_space_has_a_counterpart(space):
    homes = [
        home.replace("fg", "funcgrad").replace("np", "numpy") for home in SPACES[space].split()
    ]

    assert value_of(homes[-1]) is not None or space in OPEN


# to come: spaces of SciPy that funcgrad.scipy lacks
OPEN = ("scipy.interpolate", "scipy.ndimage", "scipy.sparse.linalg")

WORDS = {
    "module 'funcgrad.nn' has no attribute 'Linear': it is torch.nn.Linear; use "
    "funcgrad.nn.Dense(in, out), whose initial values differ": lambda: nn.Linear,
    "module 'funcgrad.optim' has no attribute 'Adam': it is torch.optim.Adam; use "
    "funcgrad.optim.adam": lambda: optim.Adam,
    "module 'funcgrad' has no attribute 'tree_map': it is jax.tree_map; use "
    "funcgrad.tree.map": lambda: fg.tree_map,
    "module 'funcgrad' has no attribute 'adam'; use funcgrad.optim.adam": lambda: fg.adam,
    "module 'funcgrad.numpy' has no attribute 'cat': it is torch.cat; use "
    "numpy.concatenate": lambda: fg.numpy.cat,
    "module 'funcgrad.lax' has no attribute 'nothing'": lambda: fg.lax.nothing,
    "use funcgrad.stop_gradient(x)": lambda: of_kind("array", "detach"),
    "use funcgrad.at(x)[index].set(value), or x[index] = value": lambda: of_kind("array", "at"),
    "has no attribute 'nothing'; its fields are in_features, out_features, use_bias, activation, "
    "kernel_init, bias_init, kernel, bias": lambda: of_kind("model", "nothing"),
    "adam: unexpected keyword argument 'lr'; use learning_rate": lambda: optim.adam(lr=0.1),
    "adamw: unexpected keyword argument 'betas'; use b1 and b2": lambda: optim.adamw(1, betas=2),
    "Dense: unexpected keyword argument 'bias'; use use_bias": lambda: nn.Dense(2, 3, bias=False),
    "Conv: unexpected keyword argument 'in_channels'; use in_features": lambda: nn.Conv(
        in_channels=3, out_features=3, kernel_size=(3,)
    ),
    "ndarray.sum: unexpected keyword argument 'dim'; use axis": lambda: fg.grad(
        lambda x: x.sum(dim=0)
    )(np.ones(2)),
    "use softmax_cross_entropy_with_integer_labels": lambda: fg.losses.softmax_cross_entropy(
        np.ones((2, 3)), np.array([0, 1])
    ),
}


@pytest.mark.parametrize("words", WORDS)
def test_the_words_of_a_hint(words):
    with pytest.raises((AttributeError, TypeError, ValueError)) as error:
        WORDS[words]()

    assert str(error.value).endswith(words)


def test_an_import_of_a_name_of_another_library_names_ours():
    with pytest.raises(ImportError, match=r"it is torch.optim.Adam; use funcgrad.optim.adam"):
        exec("from funcgrad.optim import Adam")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from funcgrad.nn import nothing")


def test_a_missing_attribute_stays_missing():
    assert not hasattr(nn, "Linear") and not hasattr(nn.Dense(2, 3), "parameters")
    assert fg.jit(lambda x: x + hasattr(x, "backward"))(1.0) == 1.0


def test_a_recipe_can_be_pickled():
    assert pickle.loads(pickle.dumps(optim.adam)) is optim.adam


def test_an_error_inside_of_a_function_stays():
    with pytest.raises(TypeError, match=r"^f\(\) missing 1 required positional argument: 'y'"):
        fg.hessian(lambda x: f(x))(1.0)
    with pytest.raises(TypeError, match=r"^cond: true_fun must be a function"):
        fg.lax.cond(True, 1.0, 2.0)


def f(x, y):
    return x * y


CALLS = {
    "cross_entropy: the argument 'targets' is missing: got cross_entropy(1); write "
    "cross_entropy(logits, targets)": lambda: fg.losses.cross_entropy(1),
    "BatchNorm: unexpected keyword argument 'training'; use key=, which is given in training "
    "alone": lambda: nn.BatchNorm(3).init(fg.random.key(0))(X, training=True),
    "Dense: the argument 'x' is missing: got Dense(); write Dense(x)": lambda: nn.Dense(3, 3).init(
        fg.random.key(0)
    )(),
    "sgd: the argument 'learning_rate' is missing: got sgd(); write sgd(learning_rate)": lambda: (
        optim.sgd()
    ),
    "Dense: the argument 'out_features' is missing: got Dense(10); write "
    "Dense(in_features, out_features)": lambda: nn.Dense(10),
    "windows: unexpected keyword argument 'overlap'; write "
    "windows(series, length, horizon=1, stride=1)": lambda: fg.data.windows(X, 2, overlap=1),
    "r2: 2 positional arguments at most: got 3; write r2(predictions, targets)": lambda: (
        fg.train.r2(1.0, 2.0, 3.0)
    ),
    "r2: the argument 'predictions' was given twice, by place and by name; write "
    "r2(predictions, targets)": lambda: fg.train.r2(1.0, predictions=2.0),
    "Loader: unexpected keyword argument 'batchsize'; use batch_size": lambda: fg.data.Loader(
        np.ones(3), batchsize=2
    ),
    "normal: unexpected keyword argument 'size'; use shape": lambda: fg.random.normal(
        fg.random.key(0), size=3
    ),
}


@pytest.mark.parametrize("words", CALLS)
def test_a_call_whose_arguments_do_not_fit_shows_the_right_one(words):
    with pytest.raises(TypeError) as error:
        CALLS[words]()

    assert str(error.value) == words


def test_a_keyword_has_another_name_here():
    rows = [line.split(None, 2) for line in KEYWORDS.split("\n") if line]

    assert not [theirs for theirs, ours, *_ in rows if theirs == ours]
    assert sorted(map(tuple, rows)) == [tuple(row) for row in rows]  # in order


def test_a_near_name_is_named():
    with pytest.raises(AttributeError, match="has no attribute 'value_and_gard'; use value_and_gr"):
        fg.value_and_gard  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'kernal'; use kernel"):
        nn.Dense(2, 3).kernal  # noqa: B018


# of instances, or of versions before
OLD = {
    "autograd.multigrad", "autograd.scipy.misc.logsumexp", "jax.Array.block_until_ready",
    "jax.Array.weak_type", "jax.tree_leaves", "jax.tree_map", "torch.optim.Optimizer.param_groups",
}  # fmt: skip


@pytest.mark.peers
@pytest.mark.parametrize("library", ["torch", "jax", "optax", "autograd"])
def test_a_row_names_what_the_other_library_has(library):
    pytest.importorskip(library)

    def exists(name):
        parts = name.split(".")
        for n in range(len(parts), 0, -1):
            try:
                value = importlib.import_module(".".join(parts[:n]))
            except ImportError:
                continue
            for part in parts[n:]:
                value = getattr(value, part, None)
            return value is not None
        return False

    named = [name for name in rows() if name.split(".")[0] == library]

    assert {name for name in named if not exists(name)} <= OLD


def test_the_same_names_need_no_row():
    assert counterpart("jax.vmap").ours == "funcgrad.vmap"
    assert counterpart("jax.numpy.sin").ours == "numpy.sin"
    assert counterpart("optax.adamw").ours == "funcgrad.optim.adamw"
    assert counterpart("autograd.scipy.special.gammaln").ours == "funcgrad.scipy.special.gammaln"
    assert counterpart("jax.nothing") is None
