import pytest

from bootwave.errors import SettingError
from bootwave.settings.dialects.pieces import Pieces
from bootwave.settings.layers import Slot


def test_what_is_baked_is_written_as_the_value_of_a_slot_would_be() -> None:
    value = '<a b="&">\t'
    baked, filled = Pieces(), Pieces()
    for out, content in ((baked, value), (filled, Slot(0))):
        out.text(content)
        out.attribute(b"label", content)
        out.line(content)
    plan = filled.plan()
    assert plan.slots == 3
    assert plan.assemble(plan.fill([value])) == baked.plan().assemble(b"")


def test_a_slot_of_markup_takes_markup_as_it_is() -> None:
    out = Pieces()
    out.markup(b"<a>")
    out.markup(Slot(1))
    out.markup(b"</a>")
    plan = out.plan()
    assert plan.assemble(plan.fill(["", "<b/>"])) == b"<a><b/></a>"


def test_a_line_does_not_end_before_its_end() -> None:
    with pytest.raises(SettingError, match="line"):
        Pieces().line("off\nuser_host1&: elsewhere")
