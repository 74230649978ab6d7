"""A transformed function reads a dict in the order in which its caller wrote it."""

import copy
import itertools
import pickle
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree
from funcgrad.core.tree_code import orders

ORDERS = [
    {"b": 2.0, "a": 3.0},
    {"a": 3.0, "b": 2.0},
]


def ordered(p: dict[str, Any]) -> Any:
    """Squares as digits in the order of the dict, so that another order gives another number."""
    total = 0.0
    for x in p.values():
        total = 10.0 * total + x**2
    return total


def stacked(p: dict[str, float]) -> dict[str, np.ndarray]:
    return {key: np.array([x, x]) for key, x in p.items()}


@fg.custom_vjp
def by_rule(p: dict[str, Any]) -> Any:
    return ordered(p)


by_rule.defvjp(
    lambda p: (ordered(p), p),
    lambda p, ct: (
        {k: 2.0 * x * w * ct for (k, x), w in zip(p.items(), (10.0, 1.0), strict=True)},
    ),
)


# each gives the value of `ordered`
# fmt: off
VALUES: dict[str, Callable[[dict[str, float]], Any]] = {
    "jit": fg.jit(ordered),
    "jit by auto": fg.jit(ordered, backend="auto"),
    "value_and_grad": lambda p: fg.value_and_grad(ordered)(p)[0],
    "jvp": lambda p: fg.jvp(ordered, (p,), (p,))[0],
    "vjp": lambda p: fg.vjp(ordered, p)[0],
    "linearize": lambda p: fg.linearize(ordered, p)[0],
    "vmap": lambda p: fg.vmap(ordered)(stacked(p))[0],
    "jit of vmap": lambda p: fg.jit(fg.vmap(ordered))(stacked(p))[1],
    "checkpoint": fg.checkpoint(ordered),
    "custom_vjp": by_rule,
    "cond": lambda p: fg.jit(lambda q: lax.cond(q["a"] > 0.0, ordered, lambda _: 0.0, q))(p),
    "switch": lambda p: lax.switch(1, [lambda _: 0.0, ordered], p),
    "scan of rows": lambda p: lax.scan(lambda c, row: (c, ordered(row)), 0.0, stacked(p))[1][1],
    "scan of a carry": lambda p: lax.scan(lambda c, _: (c, ordered(c)), p, np.arange(2))[1][1],
    "map": lambda p: lax.map(ordered, stacked(p))[0],
    "while_loop": lambda p: ordered(lax.while_loop(lambda _: False, lambda c: c, p)),
    "ravel_pytree": lambda p: ordered(fg.ravel_pytree(p)[1](fg.ravel_pytree(p)[0])),
    "tree.map": lambda p: ordered(tree.map(np.float64, p)),
    "tree.map of two": lambda p: ordered(tree.map(lambda x, _: x, p, dict(sorted(p.items())))),
    "defaultdict": lambda p: fg.jit(ordered)(defaultdict(float, p)),
    "keywords": lambda p: fg.jit(lambda **q: ordered(q))(**p),
    "keywords of vmap": lambda p: fg.vmap(lambda **q: ordered(q))(**stacked(p))[0],
}
# fmt: on


@pytest.mark.parametrize("p", ORDERS, ids=str)
@pytest.mark.parametrize("name", VALUES)
def test_a_function_reads_a_dict_in_its_own_order(name: str, p: dict[str, float]) -> None:
    for _ in range(3):  # the first call stages, the third is by generated code
        assert VALUES[name](p) == ordered(p)


# fmt: off
GRADIENTS: dict[str, Callable[[dict[str, float]], dict[str, Any]]] = {
    "grad": fg.grad(ordered),
    "jit of grad": fg.jit(fg.grad(ordered)),
    "grad of jit": fg.grad(fg.jit(ordered)),
    "grad of a rule": fg.grad(by_rule),
    "grad of a scan": fg.grad(lambda p: lax.scan(lambda c, _: (c, ordered(c)), p, None, 2)[1][1]),
    "grad of checkpoint": fg.grad(fg.checkpoint(ordered)),
    "vjp": lambda p: fg.vjp(ordered, p)[1](1.0)[0],
    "jacfwd": fg.jacfwd(ordered),
    "jacrev": fg.jacrev(ordered),
    "keywords": lambda p: fg.grad(lambda **q: ordered(q), argnames=tuple(p))(**p),
}
# fmt: on


@pytest.mark.parametrize("p", ORDERS, ids=str)
@pytest.mark.parametrize("name", GRADIENTS)
def test_a_gradient_has_the_order_of_its_argument(name: str, p: dict[str, float]) -> None:
    want = [(k, 2.0 * x * w) for (k, x), w in zip(p.items(), (10.0, 1.0), strict=True)]

    got = GRADIENTS[name](p)

    assert list(got.items()) == want


def test_calls_of_both_orders_alternate_through_generated_code() -> None:
    compiled, gradient = fg.jit(ordered), fg.grad(ordered)

    for p in ORDERS * 12:
        assert compiled(p) == ordered(p)
        assert list(gradient(p)) == list(p)

    assert compiled.cache_info().misses == 2


def test_structures_of_dicts_in_two_orders_are_equal() -> None:
    first, second = map(tree.structure, ORDERS)

    assert first == second and hash(first) == hash(second)
    assert orders(first) != orders(second)
    assert tree.leaves(ORDERS[0]) == tree.leaves(ORDERS[1]) == [3.0, 2.0]


def test_keys_of_different_types_keep_their_order() -> None:
    keys = ["b", 1, (2, "a"), "a", None, 2.5]
    for order in itertools.islice(itertools.permutations(keys), 0, None, 97):
        p = {key: float(i) for i, key in enumerate(order)}
        nested = [defaultdict(list, p), {"z": p, "y": p}]
        assert list(tree.map(lambda x: x, p)) == list(fg.jit(lambda q: q)(p)) == list(order)
        for q in fg.jit(lambda q: q)(nested)[0], tree.map(lambda x: x, nested)[1]["z"]:
            assert list(q.items()) == list(p.items())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_structure_keeps_the_order_when_it_is_copied(copied: Callable[[Any], Any]) -> None:
    structure = copied(tree.structure([ORDERS[0], defaultdict(int, ORDERS[0])]))

    built = structure.unflatten([3.0, 2.0, 3.0, 2.0])

    assert list(map(list, built)) == [["b", "a"]] * 2


def test_keywords_of_a_function_without_a_star_have_one_program() -> None:
    difference = fg.jit(lambda a, b: a - b)

    assert difference(a=3.0, b=2.0) == difference(b=2.0, a=3.0) == 1.0
    assert difference.cache_info().misses == 1


def test_explain_names_the_order_of_keywords() -> None:
    compiled = fg.jit(lambda **p: ordered(p))
    compiled(b=2.0, a=3.0)
    compiled(a=3.0, b=2.0)

    assert "the order of the keyword arguments was ('b', 'a'), and is ('a', 'b')" in str(
        compiled.explain()
    )


def test_an_update_has_the_order_of_the_parameters() -> None:
    optimizer = fg.optim.adam(0.1)
    p = ORDERS[0]
    updates, state = optimizer.update(fg.grad(ordered)(p), optimizer.init(p), p)

    assert list(updates) == list(fg.optim.apply_updates(p, updates)) == ["b", "a"]
    assert list(state[1].mu) == ["b", "a"]
