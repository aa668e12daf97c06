"""An order to a partner in enhanced mode asks for both acknowledgements."""

import pytest

from messaging import wire
from messaging.models import OutboundMessage, Partner

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("mode", "asks"), [("original", ("", "")), ("enhanced", ("AL", "AL"))])
def test_an_order_asks_for_the_acknowledgements_that_were_agreed(surgery, mode, asks):
    Partner.objects.update(acknowledgement_mode=mode)
    surgery.released()
    header = wire.parse(bytes(OutboundMessage.objects.latest("pk").raw)).header
    assert (header.get(15), header.get(16)) == asks
