"""Names of other libraries and their counterparts: one table for error messages and ``migrate``.

A module in ``SPACES`` has counterparts of the same names; the tables of the files here list the
names that differ. A line is a name, its counterpart, and words that complete "use ...": ``np.``
stands for NumPy, whose function takes traced values, ``fg.`` for funcgrad, ``-`` for none.
``keywords.py`` lists keywords of functions.
"""

from .jax import JAX
from .keywords import KEYWORDS as KEYWORDS
from .scipy import SCIPY
from .torch import TORCH

ROWS = SCIPY + TORCH + JAX

# module of another library -> our modules that have its names, the first one found counts
SPACES = {
    "scipy": "fg.scipy",
    "scipy.special": "fg.scipy.special",
    "scipy.linalg": "fg.scipy.linalg",
    "scipy.integrate": "fg.scipy.integrate",
    "scipy.interpolate": "fg.scipy.interpolate",
    "scipy.ndimage": "fg.scipy.ndimage",
    "scipy.optimize": "fg.scipy.optimize",
    "scipy.signal": "fg.scipy.signal",
    "scipy.stats": "fg.scipy.stats",
    "scipy.sparse.linalg": "fg.scipy.sparse.linalg",
    "scipy.fft": "fg.scipy.fft np.fft",
    "jax": "fg",
    "jax.numpy": "np",
    "jax.numpy.linalg": "np.linalg",
    "jax.numpy.fft": "np.fft",
    "jax.lax": "fg.lax np",
    "jax.lax.linalg": "fg.linalg",
    "jax.nn": "fg.nn",
    "jax.nn.initializers": "fg.nn.init",
    "jax.random": "fg.random",
    "jax.tree": "fg.tree",
    "jax.tree_util": "fg.tree",
    "jax.flatten_util": "fg",
    "jax.test_util": "fg",
    "jax.experimental.jet": "fg",
    "jax.scipy": "fg.scipy",
    "jax.scipy.special": "fg.scipy.special",
    "jax.scipy.linalg": "fg.scipy.linalg",
    "jax.scipy.integrate": "fg.scipy.integrate",
    "jax.scipy.optimize": "fg.scipy.optimize",
    "jax.scipy.signal": "fg.scipy.signal",
    "jax.scipy.stats": "fg.scipy.stats",
    "optax": "fg.optim fg.losses fg.optim.contrib",
    "optax.losses": "fg.losses",
    "optax.schedules": "fg.optim",
    "optax.contrib": "fg.optim.contrib fg.optim",
    "flax.linen": "fg.nn",
    "flax.linen.initializers": "fg.nn.init",
    "equinox": "fg.nn",
    "equinox.nn": "fg.nn",
    "autograd": "fg",
    "autograd.numpy": "np",
    "autograd.numpy.linalg": "np.linalg",
    "autograd.numpy.fft": "np.fft",
    "autograd.numpy.random": "np.random",
    "autograd.scipy": "fg.scipy",
    "autograd.scipy.special": "fg.scipy.special",
    "autograd.scipy.linalg": "fg.scipy.linalg",
    "autograd.scipy.integrate": "fg.scipy.integrate",
    "autograd.scipy.signal": "fg.scipy.signal",
    "autograd.scipy.stats": "fg.scipy.stats",
    "torch": "np fg.special fg.linalg fg.lax",
    "torch.special": "fg.special",
    "torch.linalg": "np.linalg fg.linalg",
    "torch.fft": "np.fft",
    "torch.func": "fg",
    "torch.nn": "fg.nn",
    "torch.nn.init": "fg.nn.init",
    "torch.nn.functional": "fg.nn fg.losses",
    "torch.Tensor": "np fg.nn fg.special np.linalg",
}

# classes of other libraries whose attributes are asked of ours
KINDS = {
    "array": "torch.Tensor jax.Array tf.Tensor",
    "model": "torch.nn.Module flax.linen.Module keras.Model",
    "optimizer": "torch.optim.Optimizer keras.Optimizer",
    "object": "sklearn.preprocessing.StandardScaler torch.utils.data.DataLoader",
    "function": "torch.optim.lr_scheduler.LRScheduler",
}
