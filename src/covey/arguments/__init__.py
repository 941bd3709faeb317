"""What callers give, checked: numbers, names of targets, labels of rows, tables, paths."""
