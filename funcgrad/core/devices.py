"""JAX's functions for devices: the only device is the CPU, where arrays are ready at once."""

from typing import Any

from .errors import UnsupportedError, shown


def device_put(x: Any, device: None = None) -> Any:
    """Pass a tree of arrays through: it is on the only device.

    Raises:
        UnsupportedError: if a device is given.

    >>> device_put([1.0, 2.0])
    [1.0, 2.0]
    """
    if device is not None:
        raise UnsupportedError(
            f"device_put: the only device is the CPU: got device={shown(device)}; leave it out"
        )
    return x


def block_until_ready(x: Any) -> Any:
    """Pass a tree of arrays through: results are ready when a function returns.

    >>> block_until_ready([1.0, 2.0])
    [1.0, 2.0]
    """
    return x
