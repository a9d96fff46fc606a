from bootwave.store.listing.orders import Order, Part, statement

NUMBERS = Order("number", "t", "t.x", ("t.number", "t.id"), prefix="number_prefix")


def sql(order: Order, part: Part, *, prefixed: bool = False, down: bool = False) -> str:
    return statement(order, part, prefixed=prefixed, descending=down)


def test_a_list_begins_at_the_lowest_key() -> None:
    assert sql(NUMBERS, Part.BEGIN) == (
        "SELECT t.number, t.id, t.x FROM t WHERE t.number >= :low "
        "ORDER BY t.number, t.id LIMIT :most"
    )


def test_behind_a_key_come_those_that_begin_as_it_does_and_then_the_others() -> None:
    assert "t.number = :a0 AND t.id > :a1 " in sql(NUMBERS, Part.ALIKE)
    assert "WHERE t.number > :a0 ORDER" in sql(NUMBERS, Part.BEHIND)


def test_downwards_a_page_lies_before_its_key() -> None:
    assert "t.number = :a0 AND t.id < :a1 " in sql(NUMBERS, Part.ALIKE, down=True)
    behind = sql(NUMBERS, Part.BEHIND, down=True)
    assert "t.number < :a0" in behind
    assert "ORDER BY t.number DESC, t.id DESC" in behind


def test_a_prefix_bounds_both_ends_of_the_list() -> None:
    begin = sql(NUMBERS, Part.BEGIN, prefixed=True)
    assert "t.number >= :low AND t.number < :high" in begin
    assert ":low" not in sql(NUMBERS, Part.BEHIND, prefixed=True)
    assert ":high" not in sql(NUMBERS, Part.BEHIND, prefixed=True, down=True)


def test_filters_and_the_condition_of_the_index_stand_in_every_part() -> None:
    order = Order(
        "id", "t", "t.x", ("t.a", "t.b", "t.c"), {"of": "t.o"}, always="t.w <> ''"
    )
    for part in Part:
        assert "WHERE t.o = :of AND t.w <> ''" in sql(order, part)
    assert "t.a = :a0 AND (t.b, t.c) > (:a1, :a2)" in sql(order, Part.ALIKE)
