"""Commands as tests run them."""

from covey import cli

FAST = ["--members", "2", "--family", "student_t", "--random-state", "0", "--quiet"]


def run(*arguments):
    """Run a command in this process; its exit status."""
    return cli.main([str(argument) for argument in arguments])
