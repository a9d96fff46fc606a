"""What stands in a desk phone's document beside settings and keys.

| element                           | place                 | source                   |
| --------------------------------- | --------------------- | ------------------------ |
| certificates/certificate          | first                 | snom wiki, Desk Phone    |
|                                   |                       | Configuration Files      |
| tbook/item                        | behind functionKeys   | ``tbook``                |
| dialplan/TEMPLATE                 | behind tbook          | snom wiki, Dial Plan XML |
| gui-languages, web-languages      | last                  | snom wiki, gui-languages |
"""

from collections.abc import Sequence
from typing import NamedTuple

from bootwave.directory.records import DialTemplate, LanguageFile
from bootwave.settings.dialects.pieces import Pieces
from bootwave.settings.dialects.tbook import DESK, Book, add_book


class Parts(NamedTuple):
    """Those of one document; ``book`` and ``dialplan`` are None where it has none.

    The URLs of ``languages`` are those of one model and firmware.
    """

    certificates: Sequence[str] = ()
    book: Book | None = None
    dialplan: Sequence[DialTemplate] | None = None
    languages: Sequence[LanguageFile] = ()


NO_PARTS = Parts()


def languages_of(
    files: Sequence[LanguageFile], model: str, firmware: str
) -> tuple[LanguageFile, ...]:
    """Return those of *files* for a phone of *model* with *firmware*, "" unknown.

    Where one names the model it takes the place of the one for all models.  A URL that
    needs to know what is not known is left out: a phone would ask for a file that is
    not there.
    """
    chosen: dict[tuple[str, str], LanguageFile] = {}
    for each in files:
        if each.model not in ("", model) or (
            not each.model and (each.kind, each.name) in chosen
        ):
            continue
        if ("{model}" in each.url and not model) or (
            "{firmware}" in each.url and not firmware
        ):
            continue
        url = each.url.replace("{model}", model).replace("{firmware}", firmware)
        chosen[each.kind, each.name] = LanguageFile(each.kind, each.name, url)
    return tuple(chosen.values())


def add_certificates(out: Pieces, parts: Parts) -> None:
    """Add what must stand first."""
    if not parts.certificates:
        return
    out.markup(b" <certificates>\n")
    for certificate in parts.certificates:
        out.markup(b'  <certificate type="base64">')
        out.text(certificate)
        out.markup(b"</certificate>\n")
    out.markup(b" </certificates>\n")


def add_others(out: Pieces, parts: Parts) -> None:
    """Add what stands behind settings and keys."""
    if parts.book is not None:
        out.markup(b' <tbook e="2" complete="true">\n')
        add_book(out, parts.book, DESK)
        out.markup(b" </tbook>\n")
    if parts.dialplan is not None:
        out.markup(b' <dialplan e="2">\n')
        for rule in parts.dialplan:
            out.markup(b"  <TEMPLATE")
            out.attribute(b"MATCH", rule.match)
            out.attribute(b"Timeout", str(rule.timeout))
            if rule.user:
                out.attribute(b"User", rule.user)
            if rule.rewrite:
                out.attribute(b"Rewrite", rule.rewrite)
            out.markup(b"/>\n")
        out.markup(b" </dialplan>\n")
    for kind in ("gui", "web"):
        files = [each for each in parts.languages if each.kind == kind]
        if not files:
            continue
        out.markup(b" <%b-languages>\n" % kind.encode())
        for each in files:
            out.markup(b"  <language")
            out.attribute(b"url", each.url)
            out.attribute(b"name", each.name)
            out.markup(b"/>\n")
        out.markup(b" </%b-languages>\n" % kind.encode())
