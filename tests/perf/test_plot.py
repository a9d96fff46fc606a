from xml.etree import ElementTree

import pytest

from perf.plot import growth, svg

RESULTS = {
    "lines": [
        {"name": "growth/1000", "median": {"bootwave": 12.0, "cold": 30.0}},
        {"name": "growth/1000000", "median": {"bootwave": 13.0, "cold": 33.0}},
        {"name": "http-new-64", "median": {"bootwave": 1.0}},
    ]
}


def test_only_the_growth_row_is_drawn() -> None:
    assert growth(RESULTS) == {
        "kept ready": [(1000.0, 12.0), (1_000_000.0, 13.0)],
        "cold": [(1000.0, 30.0), (1_000_000.0, 33.0)],
    }


def test_the_drawing_is_well_formed_and_has_every_point() -> None:
    drawing = ElementTree.fromstring(svg(growth(RESULTS), "Cost & fleet"))
    names = [element.tag.rpartition("}")[2] for element in drawing.iter()]
    assert names.count("circle") == 4
    assert names.count("polyline") == 2
    assert "1,000,000" in [element.text for element in drawing.iter()]


def test_a_higher_cost_is_drawn_higher() -> None:
    drawing = ElementTree.fromstring(svg(growth(RESULTS), "title"))
    heights = [
        float(element.attrib["cy"])
        for element in drawing.iter()
        if element.tag.endswith("circle")
    ]
    assert heights[2] < heights[0]


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        svg({}, "title")
