"""Random programs, run in every way the library has, and held against plain NumPy.

``programs.py`` is what a program is, ``grammar.py`` the lines it is made of, ``generate.py`` grows
one, ``plain.py`` runs it without the library, ``laws.py`` are the laws, ``shrink.py`` makes a
failure small and ``plants.py`` plants faults. ``writes/`` has programs that write into arrays.
``python -m tests.fuzz --help`` runs them.
"""
