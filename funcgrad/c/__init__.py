"""From equations to C99: a second writer over the program that the optimiser leaves.

``regions.py`` groups the equations that are written in C, and ``kernel.py`` calls each group as one
function from NumPy source. ``writer.py`` writes its equations, each as its primitive's ``in_c``
says, loops of elementwise ones as in ``chains.py``; the table of their functions is in
``functions.py``, that of complex numbers in ``complexes.py``. Functions in C that a program calls
are in ``helpers.py``, ``tiles.py``, ``lapack.py``, ``orders.py`` and ``elementary/``. A value is
scalars in registers, or elements of memory (``values.py``).
``compiler.py`` compiles the text of all functions of a program at once, ``objects.py`` keeps the
object, ``library.py`` calls it.
"""
