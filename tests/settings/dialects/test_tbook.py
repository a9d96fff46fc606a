from xml.etree import ElementTree

import pytest

from bootwave.directory.records import Contact
from bootwave.settings.dialects.tbook import (
    DESK,
    M9,
    Book,
    Share,
    book_document,
    items,
    own_items,
    share,
)
from bootwave.settings.layers import Slot

ODD = Contact('Ann & <Bob> "C"', "402", "mobile", "vip")
ANNA = Contact("Anna", "+4930")


@pytest.mark.parametrize(
    ("shared", "own", "most", "expected"),
    [
        (None, [], 100, None),
        (None, [None, None], 100, None),
        (0, [], 100, Share(0, 0)),
        (None, [0], 100, Share(0, 0)),
        (300, [None], 0, Share(300, 0)),
        (300, [5, None], 100, Share(95, 5)),
        (10, [5, 3], 100, Share(10, 8)),
        (10, [70, 50], 100, Share(0, 100)),
        (None, [7], 0, Share(0, 7)),
    ],
)
def test_accounts_come_first_where_there_is_little_room(
    shared: int | None, own: list[int | None], most: int, expected: Share | None
) -> None:
    assert share(shared, own, most) == expected


def test_an_entry_says_what_is_known_and_nothing_else() -> None:
    root = ElementTree.fromstring(
        b"<tbook>%b</tbook>" % items(enumerate([ODD, ANNA], 3), DESK, "active")
    )
    assert [(dict(each.attrib), [(c.tag, c.text) for c in each]) for each in root] == [
        (
            {"context": "active", "type": "vip", "index": "3"},
            [("name", ODD.name), ("number", "402"), ("number_type", "mobile")],
        ),
        (
            {"context": "active", "type": "none", "index": "4"},
            [("name", "Anna"), ("number", "+4930")],
        ),
    ]


def test_the_books_of_accounts_follow_the_domain_s_and_end_where_room_does() -> None:
    books = [(1, [ANNA]), (4, [ODD, ANNA])]
    markup = own_items(books, M9, Share(7, 2)).encode()
    root = ElementTree.fromstring(b"<tbook>%b</tbook>" % markup)
    assert [(each.get("context"), each.get("index")) for each in root] == [
        ("identity1", "8"),
        ("identity4", "9"),
    ]


def test_a_book_of_its_own_is_baked_but_for_the_accounts_entries() -> None:
    plan = book_document(Book([ODD], Slot(0)), M9)
    assert plan.slots == 1
    own = own_items([(2, [ANNA])], M9, Share(1, 1))
    root = ElementTree.fromstring(plan.assemble(plan.fill([own])))
    assert (root.tag, root.attrib) == ("tbook", {"complete": "true"})
    assert [each.findtext("name") for each in root] == [ODD.name, "Anna"]
    assert root[0].get("context") == "<global>"


def test_an_empty_book_is_told_so_that_phones_forget_theirs() -> None:
    document = book_document(Book([], None), M9).assemble(b"")
    assert len(ElementTree.fromstring(document)) == 0
