"""Whether mail in the name of our Senders will be believed: what the DNS says of their domains."""

from newsletter.delivery.mail.sender_domain import arrived, bimi
from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts, asker
from newsletter.delivery.mail.sender_domain.records import Record, look, records, senders, signing

__all__ = ["AskTexts", "Record", "arrived", "asker", "bimi", "look", "records", "senders", "signing"]
