from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from results.differences import MOST_WORDS, difference


def value(name="Potassium", value="5.1", **others):
    fields = {"code": "K", "units": "mmol/L", "reference_range": "3.5-5.3", "flags": "N"}
    rest = {"note": "", "status": "F", "document": "", "sub_id": "", "coded": ""}
    return SimpleNamespace(**(fields | rest | {"name": name, "value": value} | others))


def side(found, *kinds):
    return "".join(piece.text for piece in found.pieces if piece.kind in kinds)


@given(st.text(), st.text())
def test_both_texts_can_be_read_from_their_difference(was, now):
    found = difference(was, now)
    if was == now:
        assert found.pieces == ()
    else:
        assert side(found, "same", "gone") == was
        assert side(found, "same", "new") == now


def test_a_long_text_is_compared_by_lines_and_loses_nothing():
    was = "\n".join(f"line {n} of many" for n in range(MOST_WORDS))
    now = was.replace("line 7 ", "line seven ")
    found = difference(was, now)
    assert side(found, "gone") == "line 7 of many\n"
    assert side(found, "same", "new") == now


def test_only_the_words_that_changed_are_marked():
    found = difference("No fracture seen.", "Fracture seen.")
    assert [(p.kind, p.text) for p in found.pieces if p.kind != "same"] == [
        ("gone", "No fracture"),
        ("new", "Fracture"),
    ]


def test_a_changed_value_says_what_it_was_and_what_it_is():
    found = difference("", "", [value()], [value(value="6.8", flags="HH")])
    (change,) = found.values
    assert (change.name, change.was, change.now) == (
        "Potassium",
        "5.1 mmol/L, flagged normal, range 3.5-5.3",
        "6.8 mmol/L, flagged critically high, range 3.5-5.3",
    )


def test_a_value_that_came_and_one_that_went_are_both_said():
    found = difference("", "", [value()], [value(name="Sodium", code="NA", value="140")])
    assert {(each.name, bool(each.was), bool(each.now)) for each in found.values} == {
        ("Potassium", True, False),
        ("Sodium", False, True),
    }


def test_any_field_that_a_reader_reads_is_a_change():
    for field in ("value", "units", "reference_range", "flags", "note", "status"):
        assert difference("", "", [value()], [value(**{field: "other"})]), field


def test_how_final_the_whole_is_makes_no_difference_of_a_value():
    assert not difference("", "", [value(status="P")], [value(status="F")])


def test_two_values_of_one_code_are_compared_each_with_its_own():
    found = difference("", "", [value(), value(value="1")], [value(), value(value="2")])
    assert [(each.was[0], each.now[0]) for each in found.values] == [("1", "2")]
