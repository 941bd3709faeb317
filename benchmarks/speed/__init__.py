"""How fast training and prediction are, and what memory they take, beside peers."""
