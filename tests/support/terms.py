"""Terms of the compiler's table of identities, as values."""

from funcgrad.compile import algebra


def evaluated(term, holes):
    """Value of one side of an identity, its holes filled by name."""
    if isinstance(term, algebra.Hole):
        return holes[term.name]
    if isinstance(term, algebra.Term):
        return term.prim(*(evaluated(t, holes) for t in term.terms))
    return term
