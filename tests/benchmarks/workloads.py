"""The workloads, written once for the libraries that take functions: funcgrad, JAX, autograd.

``STEPS[name](lib)`` returns one full step from inputs to outputs, where ``lib`` says what the
library calls things (see ``libraries.py``). A training step takes its state first and returns
``(state, loss)``. What the steps are given stands in ``inputs.py``.
"""

from inputs import HIDDEN, WIDTH
from workload import MissingError

RATE, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8
HEADS = 4


# losses ---------------------------------------------------------------------------------------


def squared_error(lib):
    # a sum over a count: autograd's mean would make float64 of float32
    return lambda out, y: lib.np.sum((out - y) ** 2) / out.size


def shifted(lib, x):
    return x - lib.stop_gradient(lib.np.max(x, axis=-1, keepdims=True))


def cross_entropy(lib):
    def loss(logits, y):
        x = shifted(lib, logits)
        logp = x - lib.np.log(lib.np.sum(lib.np.exp(x), axis=-1, keepdims=True))
        return -lib.np.sum(y * logp) / len(y)

    return loss


def tanh(lib):
    return lib.np.tanh


def relu(lib):
    return lambda x: lib.np.maximum(x, 0.0)


def mlp(params, x, activation):
    """Apply weights and biases in turn; no activation after the last."""
    for k in range(0, len(params) - 2, 2):
        x = activation(x @ params[k] + params[k + 1])
    return x @ params[-2] + params[-1]


def mlp_loss(lib, activation=tanh, loss=squared_error):
    act, judge = activation(lib), loss(lib)
    return lambda params, x, y: judge(mlp(params, x, act), y)


# training steps -------------------------------------------------------------------------------


def adam(xp, state, grads):
    """Return the state after one update.

    Source: Kingma & Ba 2015, section 2, the form with the corrections in the rate.
    """
    count = state["count"] + 1.0
    rate = RATE * xp.sqrt(1.0 - B2**count) / (1.0 - B1**count)
    m = [B1 * m + (1 - B1) * g for m, g in zip(state["m"], grads, strict=True)]
    v = [B2 * v + (1 - B2) * (g * g) for v, g in zip(state["v"], grads, strict=True)]
    moved = zip(state["params"], m, v, strict=True)
    params = [p - rate * m / (xp.sqrt(v) + EPS) for p, m, v in moved]
    return {"params": params, "m": m, "v": v, "count": count}


def adam_step(lib, activation, loss):
    value_and_grad = lib.value_and_grad(mlp_loss(lib, activation, loss))

    def step(state, x, y):
        value, grads = value_and_grad(state["params"], x, y)
        return adam(lib.np, state, grads), value

    return step


def cnn(lib):
    for name in ("conv_general_dilated", "reduce_window", "max"):
        if not hasattr(lib.lax, name):
            raise MissingError(f"{lib.name} has no {name}")
    judge = cross_entropy(lib)

    def layer(x, w, b):
        layout = ("NHWC", "HWIO", "NHWC")
        y = lib.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout)
        y = lib.np.maximum(y + b, 0.0)
        window = (1, 2, 2, 1)
        return lib.lax.reduce_window(y, -lib.np.inf, lib.lax.max, window, window, "VALID")

    def loss(params, x, y):
        w1, b1, w2, b2, w3, b3 = params
        h = layer(layer(x, w1, b1), w2, b2)
        return judge(h.reshape(len(x), -1) @ w3 + b3, y)

    value_and_grad = lib.value_and_grad(loss)

    def step(params, x, y):
        value, grads = value_and_grad(params, x, y)
        return [p - 0.01 * g for p, g in zip(params, grads, strict=True)], value

    return step


# derivatives ----------------------------------------------------------------------------------


def gru(lib):
    """Return the gradient of a loss of the last state.

    Source: Cho et al. 2014 (arXiv:1406.1078), the reset gate after the product, as in cuDNN.
    """
    xp, n = lib.np, HIDDEN
    sigmoid = lambda x: 1.0 / (1.0 + xp.exp(-x))

    def loss(params, xs):
        def cell(h, x):
            gx, gh = x @ params["wx"] + params["b"], h @ params["wh"]
            r = sigmoid(gx[:, :n] + gh[:, :n])
            z = sigmoid(gx[:, n : 2 * n] + gh[:, n : 2 * n])
            new = xp.tanh(gx[:, 2 * n :] + r * gh[:, 2 * n :])
            return (1.0 - z) * new + z * h, None

        start = xp.zeros((xs.shape[1], n), dtype=xs.dtype)
        return xp.sum(lib.scan(cell, start, xs)[0] ** 2)

    return lib.grad(loss)


def attention(lib):
    """Return value and gradient of a transformer's block, the norms before the parts."""
    xp = lib.np

    def norm(x, scale, shift):
        x = x - xp.sum(x, axis=-1, keepdims=True) / WIDTH
        variance = xp.sum(x * x, axis=-1, keepdims=True) / WIDTH
        return scale * x / xp.sqrt(variance + 1e-5) + shift

    def softmax(x):
        e = xp.exp(shifted(lib, x))
        return e / xp.sum(e, axis=-1, keepdims=True)

    def gelu(x):
        return 0.5 * x * (1.0 + xp.tanh(0.7978845608 * (x + 0.044715 * (x * x * x))))

    def heads(x):
        b, t, d = x.shape
        return xp.transpose(x.reshape(b, t, HEADS, d // HEADS), (0, 2, 1, 3))

    def attend(x, qkv, out):
        parts = x @ qkv
        q, k, v = (heads(parts[..., i * WIDTH : (i + 1) * WIDTH]) for i in range(3))
        scores = q @ xp.swapaxes(k, -1, -2) * (WIDTH // HEADS) ** -0.5
        mixed = xp.transpose(softmax(scores) @ v, (0, 2, 1, 3))
        return mixed.reshape(x.shape) @ out

    def loss(params, x):
        x = x + attend(norm(x, *params["norm1"]), params["qkv"], params["out"])
        x = x + mlp(params["mlp"], norm(x, *params["norm2"]), gelu)
        return xp.sum(x * x) / x.size

    return lib.value_and_grad(loss)


def elementwise(lib):
    def f(x):
        square = x * x
        return lib.np.sum(lib.np.tanh(x) * lib.np.exp(-square) + lib.np.sin(x) * square)

    return lib.grad(f)


def hvp(lib):
    loss = mlp_loss(lib)
    return lambda params, v, x, y: lib.hvp(lambda params: loss(params, x, y), params, v)


def per_example(lib):
    return lib.per_example(lib.grad(mlp_loss(lib)))


def rosenbrock(lib):
    return lambda x: lib.np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


# fmt: off
STEPS = {
    "mlp-tiny":    lambda lib: adam_step(lib, tanh, squared_error),
    "mlp-mnist":   lambda lib: adam_step(lib, relu, cross_entropy),
    "mlp-wide":    lambda lib: adam_step(lib, relu, cross_entropy),
    "mlp-deep":    lambda lib: adam_step(lib, tanh, squared_error),
    "cnn":         cnn,
    "gru":         gru,
    "attention":   attention,
    "elementwise": elementwise,
    "hvp":         hvp,
    "per-example": per_example,
    "hessian":     lambda lib: lib.hessian(rosenbrock(lib)),
    "rosenbrock":  lambda lib: lib.grad(rosenbrock(lib)),
}
# fmt: on
