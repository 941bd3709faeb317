"""How good the joint predictions are, on real data and on published protocols, beside peers."""
