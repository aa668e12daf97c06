"""The command sets that we put together, read by others' code: the library's, as DCMTK's is in
test_scu and test_scp."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from iep.dicom import commands

CT = "1.2.840.10008.5.1.4.1.1.2"
uids = st.from_regex(r"[0-9](\.[1-9][0-9]{0,8}){1,6}", fullmatch=True)


def _of_the_library(message, **about):
    primitive = C_STORE()
    for name, value in about.items():
        setattr(primitive, name, value)
    message.primitive_to_message(primitive)
    if isinstance(message, C_STORE_RQ):
        message.command_set.CommandDataSetType = 0x0001  # there is a data set
        message._set_command_group_length()
    return encode(message.command_set, True, True)


@given(st.integers(1, 65535), uids)
def test_a_request_is_byte_for_byte_the_librarys(number, uid):
    theirs = _of_the_library(
        C_STORE_RQ(), MessageID=number, AffectedSOPClassUID=CT, AffectedSOPInstanceUID=uid,
        Priority=0,
    )  # fmt: skip
    assert commands.store(number, CT, uid) == theirs


@given(st.integers(1, 65535), uids, st.sampled_from([0x0000, 0xA700, 0xB000, 0xC000, 0x0122]))
def test_an_answer_is_byte_for_byte_the_librarys(number, uid, status):
    theirs = _of_the_library(
        C_STORE_RSP(), MessageIDBeingRespondedTo=number, AffectedSOPClassUID=CT,
        AffectedSOPInstanceUID=uid, Status=status,
    )  # fmt: skip
    assert commands.stored(number, CT, uid, status) == theirs


@pytest.mark.parametrize("limit", [12, 64, 131_072])
def test_no_fragment_is_longer_than_the_peer_takes(limit):
    command = commands.store(7, CT, "1.2.3.4.5")
    sent = list(commands.fragments(command, 3, limit))
    assert all(len(each) - 6 <= limit for each in sent)
    assert b"".join(each[12:] for each in sent) == command
    assert [each[11] for each in sent] == [1] * (len(sent) - 1) + [3]
    assert {each[10] for each in sent} == {3}


def test_what_was_put_together_is_read_as_what_was_meant():
    read = read_dataset(BytesIO(commands.stored(9, CT, "1.2.3", 0xA700)), True, True)
    assert (read.MessageIDBeingRespondedTo, read.Status) == (9, 0xA700)
    assert read.CommandDataSetType == 0x0101  # no data set follows
