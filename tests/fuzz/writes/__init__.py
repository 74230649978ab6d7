"""Random programs that write into arrays, run in every way and held against plain NumPy.

``program.py`` is what a program is, ``generate.py`` grows one from the lines of ``views.py``,
``values.py``, ``stores.py`` and ``blocks.py``, ``plain.py`` runs it without the library,
``laws.py`` are the laws, ``shrink.py`` makes a failure small and ``plants.py`` plants faults.
``python -m tests.fuzz --writes`` runs them.
"""
