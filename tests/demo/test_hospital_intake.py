"""What the hospital answers to what it gets, and what it keeps."""

import pytest

from demo.hospital import Hospital, lists
from demo.hospital.departments import departments_from
from demo.hospital.hl7 import read
from tests.demo.peers import (
    PATIENT,
    Product,
    Sender,
    blood_order,
    by_hl7apy,
    field,
    header,
    imaging_order,
)


def answer(text: str) -> tuple[str, str, str]:
    """MSA-1, MSA-2 and MSA-3."""
    msa = read(text.encode()).first("MSA")
    assert msa is not None
    return msa.get(1), msa.get(2), msa.get(3)


def test_an_order_is_answered_with_exactly_one_acknowledgement_of_its_own(
    hospital: Hospital, sender: Sender
) -> None:
    first = sender.ask(imaging_order("OC1-1", control="C1"))
    second = sender.ask(imaging_order("OC1-2", control="C2"))
    assert answer(first)[:2] == ("AA", "C1")
    assert answer(second)[:2] == ("AA", "C2")
    assert not sender.heard
    assert by_hl7apy(first.encode()).msa.msa_2.value == "C1"
    assert [order.placer for order in hospital.orders()] == ["OC1-2", "OC1-1"]


def test_the_same_message_twice_is_one_order_and_the_same_answer(
    hospital: Hospital, sender: Sender
) -> None:
    first = sender.ask(imaging_order())
    again = sender.ask(imaging_order())
    assert again == first
    assert len(hospital.orders()) == 1


def test_a_used_control_id_with_other_content_is_refused(
    hospital: Hospital, sender: Sender
) -> None:
    sender.ask(imaging_order("OC1-1", control="C1"))
    code, _, words = answer(sender.ask(imaging_order("OC1-2", control="C1")))
    assert code == "AE"
    assert "used before" in words
    assert [order.placer for order in hospital.orders()] == ["OC1-1"]
    assert answer(sender.ask(imaging_order("OC1-1", control="C1")))[0] == "AA"


def test_a_placer_number_under_a_new_control_id_is_not_a_second_order(
    hospital: Hospital, sender: Sender
) -> None:
    sender.ask(imaging_order("OC1-1", control="C1"))
    assert answer(sender.ask(imaging_order("OC1-1", control="C2")))[0] == "AA"
    assert len(hospital.orders()) == 1
    assert "no second order" in hospital.messages()[0].note


@pytest.mark.parametrize("kind", ["OML^O21", "OML^O33"])
def test_each_test_of_a_laboratory_message_is_an_order(
    hospital: Hospital, sender: Sender, kind: str
) -> None:
    assert answer(sender.ask(blood_order("OC1-1", "OC1-2", kind=kind)))[0] == "AA"
    assert {order.placer for order in hospital.orders()} == {"OC1-1", "OC1-2"}
    assert {order.specimen[1] for order in hospital.orders()} == {"Venous blood"}


def test_what_a_clinician_wrote_is_read_as_it_was_written(
    hospital: Hospital, sender: Sender
) -> None:
    sender.ask(imaging_order())
    order = hospital.orders()[0]
    assert order.details == "Cough & weight loss\nsix weeks"
    assert order.reasons == ["Persistent cough"]
    assert order.answers == [["Could the patient be pregnant?", "No"]]
    assert order.patient_name == "O'HARA, Zoë (Mrs)"
    assert order.orderer_name == "Dr Asha Patel"


def test_latin_1_is_read_as_msh_18_says(hospital: Hospital, sender: Sender) -> None:
    order = imaging_order().decode().replace("UNICODE UTF-8", "8859/1")
    assert answer(sender.ask(order.encode("latin-1")))[0] == "AA"
    assert hospital.orders()[0].patient_name == "O'HARA, Zoë (Mrs)"


REFUSED = {
    "no MSH": (b"PID|1||9990000018\r", "AE", "does not start with MSH"),
    "empty": (b"", "AE", "does not start with MSH"),
    "not the character set": (
        imaging_order().replace("ë".encode(), b"\xeb"),
        "AE",
        "not in the character set",
    ),
    "unknown character set": (
        imaging_order().replace(b"UNICODE UTF-8", b"KLINGON"),
        "AE",
        "is not read here",
    ),
    "unknown type": (header("ORM^O02", "C9").encode(), "AR", "ORM^O02 is not taken"),
    "unknown receiver": (imaging_order(to="RIS^ZZZ"), "AR", "no such receiver"),
    "bloods to radiology": (
        blood_order().replace(b"LIMS|RZ1", b"RIS|RZ1"),
        "AR",
        "is not taken by RZ1 radiology",
    ),
    "production": (imaging_order().replace(b"|T|2.4", b"|P|2.4"), "AR", "not a production"),
    "no order": (header("OMG^O19^OMG_O19", "C9").encode(), "AE", "no ORC"),
    "other order control": (imaging_order(order="HD"), "AE", "order control HD"),
    "no placer number": (imaging_order(""), "AE", "placer order number"),
    "no code": (imaging_order(code=""), "AE", "OBR-4"),
    "no control id": (imaging_order(control=""), "AE", "MSH-10"),
    "no patient": (imaging_order().replace(b"PID|1", b"PIX|1"), "AE", "PID is missing"),
    "unknown order": (imaging_order(order="CA"), "AR", "is not held here"),
    "change of an unknown order": (imaging_order(order="XO"), "AR", "is not held here"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_with_words_and_kept(
    hospital: Hospital, sender: Sender, name: str
) -> None:
    raw, code, words = REFUSED[name]
    said = answer(sender.ask(raw))
    assert said[0] == code
    assert words in said[2]
    assert hospital.orders() == []
    assert hospital.messages()[0].raw == raw
    assert answer(sender.ask(imaging_order(control="C99")))[0] == "AA"


def test_a_refusal_names_the_message_whose_bytes_could_not_be_read(sender: Sender) -> None:
    raw = imaging_order(control="C7").replace("ë".encode(), b"\xeb")
    assert answer(sender.ask(raw))[1] == "C7"


def test_an_error_put_right_may_be_sent_again_under_its_number(
    hospital: Hospital, sender: Sender
) -> None:
    assert answer(sender.ask(imaging_order("", control="C1")))[0] == "AE"
    assert answer(sender.ask(imaging_order("OC1-1", control="C1")))[0] == "AA"
    assert len(hospital.orders()) == 1


def test_one_bad_test_in_a_message_leaves_none_of_it(hospital: Hospital, sender: Sender) -> None:
    raw = blood_order("OC1-1", "OC1-2").replace(b"ORC|NW|OC1-2", b"ORC|XX|OC1-2")
    assert answer(sender.ask(raw))[0] == "AE"
    assert hospital.orders() == []


def test_a_code_nobody_does_is_taken_and_then_refused_as_an_order(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    said = sender.ask(imaging_order(code="NOSUCHCODE^Nothing^NICIP"))
    assert answer(said)[0] == "AA"
    (reply,) = product.wait_for(1)
    message = by_hl7apy(reply)
    order = message.org_o20_response.org_o20_order
    assert order.orc.orc_1.value == "UA"
    assert order.orc.orc_16.orc_16_1.value == "UNK"
    assert message.msa.msa_2.value == "OC1000001"
    assert hospital.orders()[0].status == "rejected"


def test_only_agreed_codes_are_done_where_codes_were_agreed(tmp_path: object) -> None:
    agreed = departments_from(
        {
            "departments": [
                {"application": "RIS", "facility": "RZ1", "name": "R", "codes": ["XCHES"]}
            ]
        }
    )
    radiology = agreed.find("RIS", "RZ1")
    assert radiology is not None
    assert radiology.does("XCHES", "XR Chest")
    assert not radiology.does("XKNEL", "XR Knee Lt")


def test_a_cancel_request_waits_for_its_answer(hospital: Hospital, sender: Sender) -> None:
    sender.ask(imaging_order("OC1-1", control="C1"))
    assert answer(sender.ask(imaging_order("OC1-1", control="C2", order="CA")))[0] == "AA"
    assert hospital.orders()[0].actions == ["confirm_cancel", "refuse_cancel"]


def test_a_synthetic_order_is_answered_and_is_nobody_s_work(
    hospital: Hospital, sender: Sender
) -> None:
    text = imaging_order("SYN1", control="S1")
    agreed = _agreed_by(text)
    for department in hospital.memory.departments:
        department.synthetic = agreed
    assert answer(sender.ask(text))[:2] == ("AA", "S1")
    assert hospital.orders() == []
    assert hospital.messages() == []


@pytest.mark.parametrize("changed", [("SYNTHETIC", None), (None, "9999999999")])
def test_half_of_a_synthetic_order_is_an_order_like_any_other(
    hospital: Hospital, sender: Sender, changed: tuple[str | None, str | None]
) -> None:
    text = imaging_order("SYN1", control="S1")
    code, number = _agreed_by(text)
    for department in hospital.memory.departments:
        department.synthetic = (changed[0] or code, changed[1] or number)
    assert answer(sender.ask(text))[0] == "AA"
    assert [each.placer for each in hospital.orders()] == ["SYN1"]


def _agreed_by(text: bytes) -> tuple[str, str]:
    """The order's own code and number, as if they had been agreed to mean nothing."""
    message = read(text)
    order, person = message.first("OBR"), message.first("PID")
    assert order
    assert person
    return order.get(4), person.get(3)


def imported(control: str = "OC1000900") -> bytes:
    """An examination made elsewhere, as the image exchange registers it."""
    return (
        header("OMG^O19^OMG_O19", control)
        + PATIENT
        + "ORC|NW|OC100000012X|||CM||||20261122104200+0000\r"
        + "OBR|1|OC100000012X||MKNER^MRI knee right^L|||20261020101500+0100||||||"
        + "Imported images from Brackenford. Not reported here.|||||OC100000012X|||||||R\r"
        + "OBX|1|ST|113014^DICOM Study^DCM||2.25.7||||||F\r"
    ).encode()


def test_an_examination_made_elsewhere_is_entered_with_its_own_day_and_answered_with_a_number(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    assert "|AA|" in sender.ask(imported())
    order = hospital.orders()[0]
    assert order.acquired == "20261020101500+0100"
    assert order.actions == ["accept", "reject"]
    hospital.act(order.placer, "accept")
    (answer,) = product.wait_for(1)
    assert field(answer, "MSH", 8).startswith("ORG^O20")
    assert field(answer, "ORC", 1) == "OK"
    assert field(answer, "ORC", 2) == "OC100000012X"
    assert field(answer, "ORC", 3) == order.filler != ""
    assert field(answer, "ORC", 5) == "CM"
    assert order.status == "imported"
    assert order.actions == []


def test_an_examination_made_elsewhere_can_be_refused_and_is_in_no_list_of_requests(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    sender.ask(imported())
    order = hospital.orders()[0]
    department = hospital.memory.departments.by_key[order.department]
    assert b"OC100000012X" not in lists.written(hospital.memory, department, "orders")
    hospital.act(order.placer, "reject")
    (answer,) = product.wait_for(1)
    assert field(answer, "ORC", 1) == "UA"
