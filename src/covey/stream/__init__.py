"""Training from files that need not fit into memory: read in pieces, in an order well mixed."""
