"""What the image exchange keeps, a module for each thing. Other rooms have no business here."""

from .arrivals import ReceivedFile, Study, StudyEventRow
from .directory import Alias, Institution, Node
from .discs import Disc, DiscEventRow
from .tickets import Ticket, TicketEventRow, TicketExam, TicketMail
from .transactions import (
    Attachment,
    Transaction,
    TransactionEventRow,
    TransactionMessage,
)
from .transfers import Lane, Transfer, TransferEventRow, TransferInstance
from .trauma import OnCallPage

__all__ = [
    "Alias", "Attachment", "Disc", "DiscEventRow", "Institution", "Lane", "Node", "OnCallPage",
    "ReceivedFile", "Study", "StudyEventRow", "Ticket", "TicketEventRow", "TicketExam",
    "TicketMail", "Transaction", "TransactionEventRow", "TransactionMessage", "Transfer",
    "TransferEventRow", "TransferInstance",
]  # fmt: skip
