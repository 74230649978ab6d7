"""Trees of arrays in safetensors and npz files, and checkpoints of a training; no pickles."""

from ..core.lazy import publish as _publish
from .checkpoints import Checkpoint as Checkpoint, CheckpointManager as CheckpointManager
from .formats import DamagedFileError as DamagedFileError, FileFormatError as FileFormatError
from .serialization import load as load, load_metadata as load_metadata, save as save
from .torch import load_torch as load_torch

_publish(__name__)
