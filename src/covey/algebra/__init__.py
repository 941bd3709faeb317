"""Linear algebra of triangles, points and boxes, on NumPy arrays; it knows no distribution."""
