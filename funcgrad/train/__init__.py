"""Parts of a training loop: progress, metrics, scores, early stopping, history, log files."""

from ..core.lazy import publish as _publish
from .early_stopping import EarlyStopping as EarlyStopping, StoppingState as StoppingState
from .history import History as History
from .metrics import Metrics as Metrics, Stats as Stats
from .progress_bar import Progress as Progress, progress as progress
from .rate_range import RateRange as RateRange, learning_rate_range as learning_rate_range
from .scores import (
    accuracy as accuracy,
    confusion_matrix as confusion_matrix,
    f1 as f1,
    mean_absolute_error as mean_absolute_error,
    precision as precision,
    r2 as r2,
    recall as recall,
    roc_auc as roc_auc,
    root_mean_squared_error as root_mean_squared_error,
    top_k_accuracy as top_k_accuracy,
)
from .writers import CsvWriter as CsvWriter, TensorBoardWriter as TensorBoardWriter

_publish(__name__)
