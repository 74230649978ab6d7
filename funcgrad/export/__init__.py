"""Files of a program for other environments: C99 that needs neither Python nor NumPy."""

from ..core.lazy import publish as _publish
from .api import Exported as Exported, c as c
from .onnx import onnx as onnx
from .stablehlo import stablehlo as stablehlo

_publish(__name__)
