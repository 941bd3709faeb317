"""Tables from files and to files, as people and programs write them."""

from covey.files.read import Earlier, read_table
from covey.files.write import TABLE_SUFFIXES, writable, write_table, write_text

__all__ = ["TABLE_SUFFIXES", "Earlier", "read_table", "writable", "write_table", "write_text"]
