"""What the image exchange keeps, a module for each thing. Other rooms have no business here."""

from .arrivals import ReceivedFile, Study, StudyEventRow
from .directory import Alias, Institution, Node
from .discs import Disc, DiscEventRow
from .gateway import GatewayHeard, GatewayNonce, ManifestLine
from .tickets import CallDay, Ticket, TicketDraft, TicketEventRow, TicketExam, TicketMail
from .transactions import (
    Attachment,
    Transaction,
    TransactionEventRow,
    TransactionMessage,
)
from .transfers import Lane, PauseEventRow, Transfer, TransferEventRow, TransferInstance
from .trauma import OnCallPage, OnCallPerson

__all__ = [
    "Alias", "Attachment", "CallDay", "Disc", "DiscEventRow", "GatewayHeard", "GatewayNonce",
    "Institution", "Lane", "ManifestLine", "Node", "OnCallPage", "OnCallPerson", "PauseEventRow",
    "ReceivedFile", "Study", "StudyEventRow", "Ticket", "TicketDraft", "TicketEventRow",
    "TicketExam", "TicketMail", "Transaction", "TransactionEventRow", "TransactionMessage",
    "Transfer", "TransferEventRow", "TransferInstance",
]  # fmt: skip
