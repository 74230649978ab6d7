"""``jax.example_libraries.stax``: layers, which are pairs of functions (init, apply).

``init(key, input_shape)`` gives the shape of the result and the parameters,
``apply(params, inputs, rng=key)`` the result. A length of the batch may be -1.
"""

# ruff: noqa: N802, N803, the names of stax
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import lax, nn, numpy as jnp, random, shapes

Layer = tuple[Callable[..., Any], Callable[..., Any]]
relu, sigmoid, softplus, elu, selu, gelu = (
    getattr(nn, name) for name in ("relu", "sigmoid", "softplus", "elu", "selu", "gelu")
)
leaky_relu, softmax, log_softmax, standardize = (
    getattr(nn, name) for name in ("leaky_relu", "softmax", "log_softmax", "standardize")
)
logsoftmax, _initializers = log_softmax, nn.initializers
glorot = glorot_normal = _initializers.glorot_normal
randn = normal = _initializers.normal
zeros, ones = _initializers.zeros, _initializers.ones


def Dense(out_dim: int, W_init: Any = None, b_init: Any = None) -> Layer:
    """x @ W + b."""
    weights, biases = W_init or glorot_normal(), b_init or normal()

    def init(rng: Any, input_shape: Any) -> Any:
        k1, k2 = random.split(rng)
        params = weights(k1, (input_shape[-1], out_dim)), biases(k2, (out_dim,))
        return (*input_shape[:-1], out_dim), params

    return init, lambda params, inputs, **_: jnp.dot(inputs, params[0]) + params[1]


def _convolution(convolve: Callable[..., Any], shape_of: Callable[..., Any]) -> Any:
    """A layer constructor for a convolution."""

    def layer(
        dimension_numbers: Any, out_chan: int, filter_shape: Sequence[int], strides: Any = None,
        padding: Any = "VALID", W_init: Any = None, b_init: Any = None,
    ) -> Layer:  # fmt: skip
        lhs, rhs, out = dimension_numbers
        strides = strides or (1,) * len(filter_shape)
        weights = W_init or glorot_normal(rhs.index("I"), rhs.index("O"))
        biases = b_init or normal(1e-6)

        def init(rng: Any, input_shape: Any) -> Any:
            lengths = {"O": out_chan, "I": input_shape[lhs.index("C")]}
            spatial = iter(filter_shape)
            kernel = tuple([lengths[c] if c in lengths else next(spatial) for c in rhs])
            k1, k2 = random.split(rng)
            w = weights(k1, kernel)
            b = biases(k2, tuple([out_chan if c == "C" else 1 for c in out]))
            return shape_of(input_shape, kernel, strides, padding, dimension_numbers), (w, b)

        def apply(params: Any, inputs: Any, **_: Any) -> Any:
            w, b = params
            return convolve(inputs, w, strides, padding, dimension_numbers=dimension_numbers) + b

        return init, apply

    return layer


GeneralConv = _convolution(
    lambda *args, **named: lax.conv_general_dilated(*args, **named), shapes.conv_general_shape_tuple
)
GeneralConvTranspose = _convolution(
    lambda *args, **named: lax.conv_transpose(*args, **named), shapes.conv_transpose_shape_tuple
)
Conv = functools.partial(GeneralConv, ("NHWC", "HWIO", "NHWC"))
Conv1DTranspose = functools.partial(GeneralConvTranspose, ("NHC", "HIO", "NHC"))
ConvTranspose = functools.partial(GeneralConvTranspose, ("NHWC", "HWIO", "NHWC"))


def BatchNorm(
    axis: Any = (0, 1, 2), epsilon: float = 1e-5, center: bool = True, scale: bool = True,
    beta_init: Any = zeros, gamma_init: Any = ones,
) -> Layer:  # fmt: skip
    """Values of mean 0 and variance 1 along axes, scaled and shifted."""
    axes = (axis,) if jnp.isscalar(axis) else tuple(axis)

    def init(rng: Any, input_shape: Any) -> Any:
        shape = tuple([n for d, n in enumerate(input_shape) if d not in axes])
        k1, k2 = random.split(rng)
        beta = beta_init(k1, shape) if center else ()
        return input_shape, (beta, gamma_init(k2, shape) if scale else ())

    def apply(params: Any, x: Any, **_: Any) -> Any:
        beta, gamma = params
        z = standardize(x, axes, epsilon=epsilon)
        z = jnp.expand_dims(gamma, axes) * z if scale else z
        return z + jnp.expand_dims(beta, axes) if center else z

    return init, apply


def _of_same_shape(apply: Callable[..., Any]) -> Layer:
    """A layer without parameters whose results have the shape of its inputs."""
    return lambda rng, input_shape: (input_shape, ()), apply


def elementwise(fun: Callable[..., Any], **fun_kwargs: Any) -> Layer:
    """Apply a function to each element."""
    return _of_same_shape(lambda params, inputs, **_: fun(inputs, **fun_kwargs))


Tanh, Relu, Exp = elementwise(jnp.tanh), elementwise(relu), elementwise(jnp.exp)
LogSoftmax, Softmax = elementwise(log_softmax, axis=-1), elementwise(softmax, axis=-1)
Softplus, Sigmoid, Elu = elementwise(softplus), elementwise(sigmoid), elementwise(elu)
LeakyRelu, Selu, Gelu = elementwise(leaky_relu), elementwise(selu), elementwise(gelu)
Identity = elementwise(lambda x: x)


def _pooling(reducer: Any, start: float, mean: bool = False) -> Callable[..., Layer]:
    """A layer constructor for windows of spatial axes."""

    def layer(
        window_shape: Any, strides: Any = None, padding: Any = "VALID", spec: Any = None
    ) -> Layer:
        rank = len(window_shape)
        others = (0, rank + 1) if spec is None else sorted((spec.index("N"), spec.index("C")))
        whole, steps = [*window_shape], [*(strides or (1,) * rank)]
        for d in others:
            whole.insert(d, 1)
            steps.insert(d, 1)

        def init(rng: Any, input_shape: Any) -> Any:
            return shapes.reduce_window_shape_tuple(input_shape, whole, steps, padding), ()

        def reduced(x: Any) -> Any:
            return lax.reduce_window(x, start, reducer, tuple(whole), tuple(steps), padding)

        def apply(params: Any, inputs: Any, **_: Any) -> Any:
            found = reduced(inputs)
            return found / reduced(jnp.ones_like(inputs)) if mean else found

        return init, apply

    return layer


MaxPool = _pooling(lax.max, -math.inf)
SumPool, AvgPool = _pooling(lax.add, 0.0), _pooling(lax.add, 0.0, mean=True)
Flatten: Layer = (
    lambda rng, input_shape: ((input_shape[0], math.prod(input_shape[1:])), ()),
    lambda params, inputs, **_: jnp.reshape(inputs, (inputs.shape[0], -1)),
)


def FanOut(num: int) -> Layer:
    """A list of copies."""
    return lambda rng, shape: ([shape] * num, ()), lambda params, inputs, **_: [inputs] * num


FanInSum: Layer = (lambda rng, shapes: (shapes[0], ()), lambda params, inputs, **_: sum(inputs))


def FanInConcat(axis: int = -1) -> Layer:
    """Inputs joined along an axis."""

    def init(rng: Any, input_shape: Any) -> Any:
        joined = list(input_shape[0])
        joined[axis] = sum(shape[axis] for shape in input_shape)
        return tuple(joined), ()

    return init, lambda params, inputs, **_: jnp.concatenate(inputs, axis)


def Dropout(rate: Any, mode: str = "train") -> Layer:
    """Elements, each kept with probability ``rate`` and divided by it, or 0."""

    def apply(params: Any, inputs: Any, *, rng: Any = None, **_: Any) -> Any:
        if rng is None:
            raise ValueError("Dropout: it draws: got no key; call apply(params, inputs, rng=key)")
        if mode != "train":
            return inputs
        return jnp.where(random.bernoulli(rng, rate, inputs.shape), inputs / rate, 0)

    return _of_same_shape(apply)


def serial(*layers: Layer) -> Layer:
    """Layers one after another."""

    def init(rng: Any, input_shape: Any) -> Any:
        params = []
        for first, _ in layers:
            rng, key = random.split(rng)
            input_shape, param = first(key, input_shape)
            params.append(param)
        return input_shape, params

    def apply(params: Any, inputs: Any, **named: Any) -> Any:
        keys = _keys(named.pop("rng", None), len(layers))
        for (_, run), param, key in zip(layers, params, keys, strict=True):
            inputs = run(param, inputs, rng=key, **named)
        return inputs

    return init, apply


def _keys(rng: Any, count: int) -> Any:
    return (None,) * count if rng is None else random.split(rng, count)


def parallel(*layers: Layer) -> Layer:
    """Layers beside each other, of one input each."""

    def init(rng: Any, input_shape: Any) -> Any:
        rows = zip(layers, _keys(rng, len(layers)), input_shape, strict=True)
        pairs = [first(key, shape) for (first, _), key, shape in rows]
        return tuple([shape for shape, _ in pairs]), tuple([params for _, params in pairs])

    def apply(params: Any, inputs: Any, **named: Any) -> Any:
        keys = _keys(named.pop("rng", None), len(layers))
        rows = zip(layers, params, inputs, keys, strict=True)
        return [run(param, x, rng=key, **named) for (_, run), param, x, key in rows]

    return init, apply


def shape_dependent(make_layer: Callable[[Any], Layer]) -> Layer:
    """A layer that is made when the shape of its input is known."""
    return (
        lambda rng, input_shape: make_layer(input_shape)[0](rng, input_shape),
        lambda params, inputs, **named: make_layer(inputs.shape)[1](params, inputs, **named),
    )
