"""Arrays of other libraries: the words that refuse them."""

from typing import Any

# where numpy.asarray may refuse an array: of a GPU, of a graph of torch, or not computed yet
_WAYS = {"torch": "x.numpy(force=True)", "cupy": "x.get()", "dask": "x.compute()"}


def refusal(x: Any) -> str:
    """The words that refuse an array of another library: class, shape and dtype, and the cure."""
    kind = type(x)
    name = f"{kind.__module__}.{kind.__name__}".replace("jaxlib._jax.ArrayImpl", "jax.Array")
    shape, dtype = (getattr(x, name, None) for name in ("shape", "dtype"))
    got = name if shape is None else f"{name} of shape {tuple(shape)} and dtype {dtype}"
    return f"an array of another library cannot be traced: got {got}; write {_to_numpy(x)}"


def _to_numpy(x: Any) -> str:
    """How an array of another library becomes one of NumPy."""
    kind = type(x)
    library = kind.__module__.partition(".")[0]
    if library == "jax" and kind.__name__.endswith("Tracer"):
        return "funcgrad.bridge.to_jax(f) for a transform of JAX"
    if library == "jax" and kind.__name__ == "PRNGKeyArray":
        return "numpy.asarray(jax.random.key_data(x))"
    narrow = "bfloat16" in str(getattr(x, "dtype", ""))  # which NumPy does not have
    if library == "torch" and narrow:
        return "x.float().numpy(force=True)"
    return _WAYS.get(library, f"numpy.asarray(x{', float' if narrow else ''})")
