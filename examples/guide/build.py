"""Build the guide into build/guide/html: ``python examples/guide/build.py``.

Sources are copied to build/guide/source, and pages of the reference are written beside them. Pages
and plates are executed, links and spelling are checked, and warnings of Sphinx are errors.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import checks
import reference

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "guide"
SOURCE, HTML = BUILD / "source", BUILD / "html"


def fresh():
    """Remove what an earlier version of the library printed and drew."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "funcgrad").rglob("*.py")):
        digest.update(path.read_bytes())
    stamp = BUILD / "library"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(BUILD, ignore_errors=True)
        BUILD.mkdir(parents=True)
        stamp.write_text(digest.hexdigest())


def copy():
    """Make the copy equal to the sources; unchanged files keep their times, for the next build."""
    skip = shutil.ignore_patterns("__pycache__", "gallery", "*.py", "*.txt")
    kept = {"reference", "gallery"}  # written by the build
    for path in SOURCE.glob("*") if SOURCE.exists() else ():
        if path.name not in kept and not (HERE / path.name).exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(HERE, SOURCE, ignore=skip, dirs_exist_ok=True)
    shutil.copy2(HERE / "conf.py", SOURCE)
    profile = BUILD / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    shutil.copy2(HERE / "ipython_kernel_config.py", profile)


def sphinx(options):
    """Run Sphinx on the copy; warnings are errors."""
    environ = {
        **os.environ,
        "GUIDE": str(HERE),
        "IPYTHONDIR": str(BUILD / "ipython"),
        "MATPLOTLIBRC": str(HERE / "gallery" / "gallery.mplstyle"),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore:Creating legend:UserWarning",  # on a busy machine it is slow
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1750000000"),
    }
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "auto"]
    paths = ["-d", str(BUILD / "doctrees"), str(SOURCE), str(HTML)]
    return subprocess.run([*command, *options, *paths], env=environ, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run neither pages nor plates")
    quick = parser.parse_args().quick
    fresh()
    copy()
    reference.write(SOURCE / "reference")
    # a page that is not executed has no kernel that names its language
    skipped = ("nb_execution_mode=off", "plot_gallery=0", "suppress_warnings=myst-nb.lexer")
    options = [x for option in skipped for x in ("-D", option)] if quick else []
    failed = sphinx(options) or checks.report(HTML)
    print(f"{HTML}/index.html" if not failed else "the guide has the faults named above")
    return failed


if __name__ == "__main__":
    sys.exit(main())
