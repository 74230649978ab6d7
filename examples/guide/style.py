"""The look of figures in the gallery."""

from pathlib import Path

STYLE = Path(__file__).parent / "gallery" / "gallery.mplstyle"


def apply(config, script):
    """Set the style before each plate, whatever the one before it changed."""
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.style.use(["default", STYLE])
