"""The plates of the guide's gallery: their form, and that each runs and passes its own check."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

GALLERY = Path(__file__).parent.parent / "examples" / "guide" / "gallery"
PLATES = {path.stem: path for path in sorted(GALLERY.rglob("*.py"))}
QUICK = {"gaussian_process", "pendulum_fit", "xor"}  # each takes less than 0.5 s

each_plate = pytest.mark.parametrize("name", PLATES)


def imported(path):
    """The packages that a plate imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    return {name.split(".")[0] for name in names}


@each_plate
def test_a_plate_is_short_and_says_what_it_shows(name):
    text = PLATES[name].read_text(encoding="utf-8")
    blank, title, line, _, *prose = ast.get_docstring(ast.parse(text), clean=False).splitlines()

    assert len(text.splitlines()) <= 60
    assert blank == "" and line == "=" * len(title)
    assert 2 <= len(re.findall(r"\.(?=\s|$)", " ".join(prose))) <= 5
    assert re.search(r"^print\(.*^assert .*^plt\.show\(\)\n\Z", text, re.M | re.S)


@each_plate
def test_a_plate_imports_nothing_but_numpy_and_matplotlib(name):
    assert imported(PLATES[name]) - sys.stdlib_module_names <= {"funcgrad", "matplotlib", "numpy"}


def test_plates_have_names_of_their_own():
    assert len(PLATES) == len(list(GALLERY.rglob("*.py")))


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PLATES]
)
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
def test_a_plate_passes_its_own_check_and_draws(name, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="draws the plates")
    if "scipy.optimize import minimize" in PLATES[name].read_text(encoding="utf-8"):
        pytest.importorskip("scipy", reason="its solver minimizes")
    import matplotlib.pyplot as plt

    monkeypatch.chdir(PLATES[name].parent)  # as the build of the guide does
    plt.switch_backend("agg")
    plt.close("all")
    runpy.run_path(str(PLATES[name]))

    assert capsys.readouterr().out
    assert any(ax.get_xlabel() or ax.get_title() for ax in plt.gcf().axes)
    plt.gcf().canvas.draw()
    plt.close("all")
