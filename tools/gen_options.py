"""Write docs/options.md from the table of options: python tools/gen_options.py."""

from pathlib import Path

from bootwave.options import keys, section_named
from bootwave.optionsfile import shown

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

HEAD = """\
<!-- Made by tools/gen_options.py from engine/bootwave/options.py: edit those. -->
# The server's options

`bootwave init DIR` writes a file `bootwave.toml` in which every option stands with its
default, commented out. An option is, in this order, what its environment variable says,
what the file says, its default. `bootwave options check` shows every option, its value,
where it came from and what is wrong; nothing that is misspelt is ignored.

* The file is the one named by `-o`/`--options` (before or after the command), else by
  `BOOTWAVE_OPTIONS`, else `bootwave.toml` in the current directory. Without any, the
  defaults hold and files are looked for in the current directory; only `bootwave init`
  makes a database, so a command in a wrong directory fails and starts nothing.
* The variable of `[http]` `listen` is `BOOTWAVE_HTTP__LISTEN`: two underscores between
  section and name. Lists are separated by commas there. Switches know `true`, `false`,
  `on`, `off`, `yes`, `no`, `1` and `0`.
* Addresses are numeric with a port: `0.0.0.0:8080`, `[::]:8080`, `:8080`, or
  `localhost:8080`. Port 0 lets the kernel choose, and `bootwave serve` prints which.
* URLs have no user and password. An @ is taken for the end of one, and refused, unless
  it is in the path of a host without a port, behind that path, or behind an address in
  brackets: `http://pbx/a?mail=b@c` is right.
* `BOOTWAVE_TRACEBACK=1` shows developers where a command failed.
* A running engine reads the file again on SIGHUP and replaces its workers one after the
  other; listeners, files of `[store]` and `server.workers` change at the next start.
  The certificates and keys that files name are read again, too.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    section = ""
    for key in keys():
        name, _, option = key.name.rpartition(".")
        if name != section:
            section = name
            first = (section_named(name).__doc__ or "").splitlines()[0]
            parts.append(f"\n## [{name}]\n\n{first}\n")
        help_ = key.help.replace("|", "\\|")
        parts.append(
            f"\n### {name}.{option}\n\n{help_}\n\n"
            f"* default: `{shown(key.default)}`\n"
            f"* may be: {key.kind}\n"
            f"* variable: `{key.variable}`\n"
        )
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
