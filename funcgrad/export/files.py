"""Generated files: each ends in the digest of its text, so that a changed one is kept."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from ..io.atomic import replacing

_MARK = "/* funcgrad:sha256:"


def write(texts: Mapping[Path, str]) -> None:
    """Write files atomically, or none.

    Raises:
        FileExistsError: if a file exists that is not ours, or that was changed.
        OSError: if a file cannot be written.
    """
    for path in texts:
        if os.path.lexists(path) and not _is_own(path):
            raise FileExistsError(
                f"export.c: {os.fspath(path)!r} exists, and was not written by funcgrad or was "
                f"changed since; choose another path"
            )
    for path, text in texts.items():
        with replacing(path) as file:
            file.write(_signed(text).encode("ascii"))


def _signed(text: str) -> str:
    return f"{text}{_MARK}{hashlib.sha256(text.encode('ascii')).hexdigest()[:16]} */\n"


def _is_own(path: Path) -> bool:
    """Whether a file is one of ours, as it was written."""
    try:
        found = path.read_bytes().decode("ascii")
    except (UnicodeDecodeError, OSError):
        return False
    text, mark, _ = found.rpartition(_MARK)
    return bool(mark) and _signed(text) == found
