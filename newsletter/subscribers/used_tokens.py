"""Links that work once: what is kept of one that was used, so that it does not work twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert_new
from newsletter.db.models import UsedToken
from newsletter.subscribers.tokens import TokenError, fingerprint


def spend(session: Session, token: str, *, now: datetime) -> None:
    """Use this link up; it was read before and is ours. Raises ``TokenError`` when it was used already. The caller commits."""
    if not insert_new(session, UsedToken, [{"token_hash": _mark(token), "used_at": now}]):
        raise TokenError("this link was used already")


def is_spent(session: Session, token: str) -> bool:
    """Whether the link was used already."""
    return session.scalar(select(UsedToken.id).where(UsedToken.token_hash == _mark(token))) is not None


def _mark(token: str) -> str:
    """Of what is signed alone: a signature can be spelled in several ways (four last letters mean the same bits, and what is no
    letter of base64 is read over), and each spelling would be a new link."""
    return fingerprint(token.rpartition(".")[0])
