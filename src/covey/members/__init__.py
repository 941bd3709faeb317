"""Networks that are trained side by side, and what they predict."""
