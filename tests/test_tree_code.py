"""Generated code of a structure: it flattens and builds as the generic functions do."""

import pickle
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.tree_code import MISS, TreeCode

Point = namedtuple("Point", ["x", "y"])


class Label(str):
    """A key that is a str."""


@tree.register_dataclass
@dataclass
class Layer:
    weight: Any
    name: Any = field(default="", metadata={"static": True})


X, Y = np.ones(2), np.zeros((2, 3))
# fmt: off
TREES = [
    X, 1.5, [X], (X,), (), [], {}, None, (None, X), [X, [Y, (1.0, X)], {"b": Y, "a": [X]}],
    {"w": X, "b": None}, {1: X, 2: Y}, {True: X}, {1.0: X}, {(1, "a"): X}, {Label("w"): X},
    Point(X, Y), Point(None, X), OrderedDict(b=X, a=Y), defaultdict(list, a=X), Layer(X, "tanh"),
    Layer(X, 1), Layer(X, True), Layer([X, Y], (1, 2.0)), Layer({"w": X}, None),
    [Layer(X), Layer(Y)], tree.Partial(pow, X), [[[[X]]]], {"it's": X, "\n": Y},
    tuple([X] * 50), 1j, [True, 2], "text",
]
# fmt: on


def code_of(x):
    code = TreeCode(tree.structure(x))
    code.generate()
    return code


def test_code_flattens_and_builds_as_the_generic_functions():
    for x in TREES:
        leaves, treedef = tree.flatten(x)
        code = code_of(x)

        found = code.flatten(x)
        again = code.build(list(range(len(leaves))))

        assert len(found) == len(leaves) and all(a is b for a, b in zip(found, leaves, strict=True))
        assert repr(again) == repr(tree.unflatten(treedef, list(range(len(leaves)))))


def test_code_takes_no_tree_of_another_structure():
    for i, x in enumerate(TREES):
        code = code_of(x)
        for j, other in enumerate(TREES):
            same = repr(tree.structure(other)) == repr(tree.structure(x))
            same = same and type(getattr(x, "name", 0)) is type(getattr(other, "name", 0))
            assert (code.flatten(other) is not MISS) == same, (i, j)


def test_a_leaf_that_has_become_a_node_is_another_structure():
    code = code_of([X, X])

    for part in ([X], (X, X), None, Point(X, X), Layer(X)):
        assert code.flatten([X, part]) is MISS and code.flatten([part, X]) is MISS


def test_code_is_made_for_hashable_static_data_alone():
    x = Layer(X, ["a", "list"])
    code = code_of(x)

    assert code.flatten(x) is MISS


def test_a_function_meets_structures_in_turns():
    loss = lambda p: sum(np.sum(x**2) for x in tree.leaves(p))
    gradient = fg.grad(loss)
    kinds = [x for x in TREES[:16] if tree.leaves(x)]

    for x in [kinds[0]] * 20 + kinds * 3 + [kinds[9]] * 20 + kinds:
        assert repr(gradient(x)) == repr(fg.grad(loss)(x))


def test_static_data_that_do_not_compare_are_met_each_time_anew():
    gradient = fg.grad(lambda layer: np.sum(layer.weight * layer.name))

    for scale in range(20):
        got = gradient(Layer(X, np.array([scale, 2.0])))
        assert got.weight.tolist() == [scale, 2.0]


def test_a_function_with_code_of_a_structure_pickles():
    gradient = fg.grad(np.linalg.norm)
    for _ in range(20):
        want = gradient(X)

    assert pickle.loads(pickle.dumps(gradient))(X).tolist() == want.tolist()
