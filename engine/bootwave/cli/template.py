"""The options file that ``bootwave init`` writes: every option, commented out."""

import textwrap

from bootwave.options import keys, section_named
from bootwave.optionsfile import shown

_HEAD = """\
# The options of bootwave, each with its default.  Take the "#" away to change one;
# "bootwave options check" shows what holds and what is wrong.  Every option is also
# an environment variable, which wins: [http] listen is BOOTWAVE_HTTP__LISTEN, and
# lists are separated by commas there.
"""
_WIDTH = 78


def options_text() -> str:
    """Return the text of an options file in which nothing is set."""
    lines = [_HEAD]
    section = ""
    for key in keys():
        name, _, option = key.name.rpartition(".")
        if name != section:
            section = name
            about = (section_named(name).__doc__ or "").splitlines()[0]
            lines.append(f"\n[{name}]  # {about}\n")
        lines += textwrap.wrap(
            key.help, _WIDTH, initial_indent="# ", subsequent_indent="# "
        )
        lines.append(f"#{option} = {shown(key.default)}\n")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"
