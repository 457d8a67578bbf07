"""How a command speaks where a stream's encoding has few characters."""

import io
import sys


def speak_anywhere() -> None:
    """Print a question mark for what the stream's encoding lacks, instead of raising at the end of the work."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
