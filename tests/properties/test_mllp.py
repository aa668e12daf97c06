"""The frames of a stream do not depend on how the stream was cut."""

from hypothesis import given
from hypothesis import strategies as st

from messaging import mllp
from tests.hostile.streams import frames_of

messages = st.binary(max_size=60).filter(lambda raw: not {0x0B, 0x1C} & set(raw))
noise = st.binary(max_size=10).filter(lambda raw: 0x0B not in raw)


@st.composite
def streams(draw):
    """A stream with noise between its frames, the same cut anywhere, and what it says."""
    sent = draw(st.lists(messages, max_size=5))
    stream = b"".join(draw(noise) + mllp.frame(message) for message in sent)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return sent, pieces


@given(streams())
def test_any_chunking_yields_the_same_frames(case):
    sent, pieces = case
    deframer = mllp.Deframer()
    assert [frame for piece in pieces for frame in deframer.feed(piece)] == sent
    assert deframer.began_at is None
    assert deframer.held == 0


@given(streams())
def test_byte_by_byte_yields_the_same_frames(case):
    sent, pieces = case
    deframer = mllp.Deframer()
    stream = b"".join(pieces)
    assert [f for byte in stream for f in deframer.feed(bytes([byte]))] == sent


bits = st.lists(st.sampled_from((b"\x0b", b"\x1c", b"\r", b"a", b"\x1c\r", b"bc")), max_size=40)


@given(bits, st.data())
def test_any_stream_however_broken_is_read_as_the_rule_says_however_it_is_cut(pieces, data):
    """Frames begun twice, ended by half, never begun, never ended: by a rule written apart."""
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    deframer = mllp.Deframer()
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [frame for part in parts for frame in deframer.feed(part)] == frames_of(stream)
