"""What somebody is told to do about a file that cannot be made out.

Whoever reads files for others, who have no options, says it in other words.
"""

SEPARATOR = "pass `sep`"
SEPARATOR_OR_ENCODING = "pass `sep` and `encoding`"
ENCODING = "Pass the right `encoding`, for example cp1252, or write the file again."
ONE_TABLE = "Write each table to a file of its own"
