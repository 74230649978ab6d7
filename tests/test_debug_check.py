"""debug.check: each planted fault is found at its line, and a clean program has no finding."""

import numpy as np
import pytest

import funcgrad as fg

RNG = np.random.default_rng(0)
BATCH = RNG.normal(size=(16, 5)).astype(np.float32)
TARGETS = RNG.normal(size=16).astype(np.float32)
PARAMS = {
    "a": RNG.normal(size=(5, 8)).astype(np.float32),
    "b": np.zeros(8, np.float32),
    "c": RNG.normal(size=8).astype(np.float32),
}
LARGE = RNG.normal(size=(400, 400))
BUFFER = np.zeros(3)
HISTORY = []
GENERATOR = np.random.default_rng(1)


def clean(params, x, y):
    hidden = np.tanh(x @ params["a"] + params["b"])
    return np.mean((hidden @ params["c"] - y) ** 2)


def mixed(params, x, y):
    return clean(params, x, y.astype(float))  # the sub in clean is mixed


def unread(params, x, y):
    return np.mean(x @ params["a"])


def rounded(params, x, y):
    a = np.round(params["a"])  # here
    return np.mean(x @ a @ params["c"] + params["b"].sum())


def dead(params, x, y):
    hidden = fg.nn.relu(x @ params["a"] + params["b"] - 100.0)  # here
    return np.mean((hidden @ params["c"] - y + params["b"].sum()) ** 2)


def not_finite(params, x, y):
    z = np.log(params["b"])  # here
    return clean(params, x, y) + np.sum(z)


def vanishing(params, x, y):
    hidden = np.tanh(x @ params["a"] * np.float32(1e-9))  # here
    return np.mean(hidden @ params["c"]) + params["b"].sum()


def exploding(params, x, y):
    return clean(params, x, y) + np.sum(params["b"]) * np.float32(1e8)


def drawing(params, x, y):
    noise = np.random.normal(size=16).astype(np.float32)  # here
    return clean(params, x, y + noise)


def generated(params, x, y):
    noise = GENERATOR.normal(size=16).astype(np.float32)  # here
    return clean(params, x, y + noise)


def appending(params, x, y):
    HISTORY.append(1)  # here
    return clean(params, x, y)


def printing(params, x, y):
    print("loss")  # here
    return clean(params, x, y)


def filling(params, x, y):
    BUFFER[:] += 1.0  # here
    return clean(params, x, y)


def writing(params, x, y):
    params["b"][:] = 1.0  # here
    return clean(params, x, y)


def crossing(params, x, y):
    hidden = np.tanh(x @ params["a"] + params["b"])
    return np.mean((hidden @ params["c"][:, None] - y) ** 2)  # here


def repeating(params, x, y):
    key = fg.random.fold_in(fg.random.key(0), params["c"].astype(int)[0])
    noise = fg.random.normal(key, (16,)) + fg.random.uniform(key, (16,))  # here
    return clean(params, x, y + noise)


def meant(params, x, y):
    k1, k2 = fg.random.split(fg.random.fold_in(fg.random.key(0), params["c"].astype(int)[0]))
    noise = fg.random.normal(k1, (16,)) + fg.random.uniform(k2, (16,))
    return clean(params, x, y + noise) + np.mean((y[:, None] - y) ** 2)


def recompiling(params, x, y):
    loss = fg.jit(clean)
    return loss(params, x, y)  # here


def found(report, word="here"):
    """The kinds of findings, and whether each is at the line marked."""
    rows = []
    for finding in report.findings:
        path, _, number = finding.line.rpartition(":")
        marked = path == __file__ and LINES[int(number) - 1].endswith(f"# {word}\n")
        rows.append((finding.kind, marked))
    return rows


with open(__file__) as file:
    LINES = file.readlines()

COMPILED = lambda f: fg.jit(fg.grad(f))
FAULTS = [
    (crossing, fg.grad, "crossed shapes", True),
    (repeating, fg.grad, "reused key", True),
    (rounded, fg.grad, "zero gradient", True),
    (dead, fg.grad, "dead ReLU", True),
    (not_finite, fg.grad, "nan or inf", True),
    (vanishing, fg.grad, "vanishing gradient", True),
    (exploding, fg.grad, "exploding gradient", False),
    (drawing, COMPILED, "random numbers", True),
    (generated, COMPILED, "random numbers", True),
    (appending, COMPILED, "side effect", True),
    (printing, COMPILED, "side effect", True),
    (filling, COMPILED, "lost write", True),
    (writing, COMPILED, "lost write", True),
    (writing, fg.grad, "lost write", True),
    (mixed, fg.grad, "mixed dtypes", False),
]


@pytest.mark.parametrize(
    "transform",
    [lambda f: f, fg.grad, fg.jit, lambda f: fg.jit(fg.value_and_grad(f))],
)
def test_a_clean_program_has_a_report_of_one_line(transform):
    report = fg.debug.check(transform(clean), PARAMS, BATCH, TARGETS)

    assert not report
    assert repr(report) == "check of clean: nothing found"


@pytest.mark.parametrize(("fault", "transform", "kind", "marked"), FAULTS)
def test_a_planted_fault_is_found_at_its_line(fault, transform, kind, marked):
    params = {k: v.copy() for k, v in PARAMS.items()}
    report = fg.debug.check(transform(fault), params, BATCH, TARGETS)

    assert (kind, marked) in found(report), report


@pytest.mark.parametrize("jit", [lambda f: f, fg.jit])
def test_gradients_inside_of_a_training_step_are_checked(jit):
    def step(params, x, y):
        value, grads = fg.value_and_grad(dead)(params, x, y)
        return {k: params[k] - 0.1 * grads[k] for k in params}, value

    report = fg.debug.check(jit(step), PARAMS, BATCH, TARGETS)

    assert ("dead ReLU", True) in found(report)
    assert "zero gradient" in [finding.kind for finding in report.findings]


def test_compiled_functions_with_static_arguments_are_checked():
    def power(x, n):
        print("traced")  # here
        return x**n if n > 1 else x

    report = fg.debug.check(fg.jit(power, static_argnums=1), np.ones(3), 2)

    assert found(report) == [("side effect", True)]


def test_distances_and_split_keys_are_clean():
    assert not fg.debug.check(fg.grad(meant), PARAMS, BATCH, TARGETS)


def test_arguments_that_are_not_read_are_named():
    report = fg.debug.check(fg.grad(unread), PARAMS, BATCH, TARGETS)

    assert [f.what for f in report.findings] == [
        "that of argument 0 ('params') at ['b'] is 0: the function does not read it",
        "that of argument 0 ('params') at ['c'] is 0: the function does not read it",
    ]


def test_integers_are_named_with_the_cure():
    report = fg.debug.check(fg.grad(lambda w: (w * 2.0).sum()), np.arange(3))

    (finding,) = report.findings
    assert finding.kind == "integer input" and "3.0 in place of 3" in finding.cure


def test_python_scalars_and_wanted_conversions_are_not_mixed():
    assert not fg.debug.check(lambda w: np.sum(2.0 * w + np.pi), BATCH)
    assert not fg.debug.check(lambda w: np.sum(w.astype(np.float64) ** 2), BATCH)


def test_products_and_integers_that_promote_are_mixed():
    f = lambda w, x: np.sum(x @ w * np.arange(16))

    report = fg.debug.check(f, PARAMS["a"][:, 0], BATCH)
    assert [f.kind for f in report.findings] == ["mixed dtypes"]
    assert "f32[16] and i64[16] gives f64[16]" in report.findings[0].what


def test_functions_compiled_anew_in_each_call_are_found():
    report = fg.debug.check(recompiling, PARAMS, BATCH, TARGETS)

    assert ("recompilation", True) in found(report)
    assert "make the compiled function once" in report.findings[0].cure


def test_many_programs_for_few_calls_are_found():
    f = fg.jit(lambda x: x.sum())
    for n in range(1, 6):
        f(np.ones(n))

    (finding,) = fg.debug.check(f, np.ones(3)).findings
    assert finding.what.startswith("5 programs for 5 calls; the last one: argument 0 ('x') was")


def test_large_constants_of_compiled_functions_are_found():
    f = fg.jit(lambda x: np.sum(x @ LARGE))  # product

    assert found(fg.debug.check(f, np.ones(400)), "product") == [("large constant", True)]
    assert not fg.debug.check(lambda x: np.sum(x @ LARGE), np.ones(400))


def test_side_effects_of_eager_code_are_allowed():
    assert not fg.debug.check(fg.grad(printing), PARAMS, BATCH, TARGETS)
    assert not fg.debug.check(fg.grad(appending), PARAMS, BATCH, TARGETS)


def test_a_check_prints_nothing(capsys):
    fg.debug.check(fg.jit(printing), PARAMS, BATCH, TARGETS)

    assert capsys.readouterr().out == ""


def test_a_nan_of_the_data_is_found_and_a_training_step_with_one_is_checked():
    x = np.where(np.arange(80).reshape(16, 5) == 7, np.nan, BATCH).astype(np.float32)
    loss = lambda w, x: np.mean(fg.nn.relu(x @ w) ** 2)
    step = lambda w, x: fg.value_and_grad(loss)(w, x)
    for f in (loss, step, fg.jit(step)):
        found = fg.debug.check(f, PARAMS["a"], x).findings

        assert any("argument 1 holds a nan" in finding.what for finding in found)
