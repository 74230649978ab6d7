"""Arrays in files: trees as safetensors or npz, and checkpoints of a training. No pickles."""

from ..core.lazy import publish as _publish
from .checkpoints import Checkpoint as Checkpoint, CheckpointManager as CheckpointManager
from .formats import DamagedFileError as DamagedFileError, FileFormatError as FileFormatError
from .serialization import load as load, load_metadata as load_metadata, save as save
from .torch import load_torch as load_torch

_publish(__name__)
