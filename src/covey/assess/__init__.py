"""How good a fit is, in figures and in words; NumPy only."""
