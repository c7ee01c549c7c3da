"""Subscription events: what became of each Subscription and Trial stays on record"""

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    event = op.create_table('subscription_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('heard_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('processor', sa.Text(), nullable=False),
    sa.Column('agreement', sa.Text(), nullable=True),
    sa.Column('trial', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=True),
    sa.Column('paid_until', UTCDateTime(timezone=True), nullable=True),
    sa.Column('past_due_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('cancel_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('month_cents', sa.Integer(), nullable=True),
    sa.Column('cents', sa.Integer(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.CheckConstraint("kind IN ('trial','changed','paid','refunded')", name=op.f('ck_subscription_event_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscription_event')),
    sa.UniqueConstraint('key', name=op.f('uq_subscription_event_key'))
    )
    op.create_index(op.f('ix_subscription_event_at'), 'subscription_event', ['at'])
    op.create_index(op.f('ix_subscription_event_agreement'), 'subscription_event', ['agreement'])
    if rows := _known_so_far():
        op.bulk_insert(event, rows)


def downgrade() -> None:
    op.drop_table('subscription_event')


def _known_so_far() -> list[dict[str, object]]:
    """The Trials and Subscriptions there are, as facts: how each stands now is all that is known of its past."""
    moment = UTCDateTime(timezone=True)
    subscriber = sa.table('subscriber', sa.column('id'), sa.column('address_hash'), sa.column('trial_started_at', moment))
    subscription = sa.table('subscription', sa.column('id'), sa.column('subscriber_id'), sa.column('processor'),
        sa.column('processor_id'), sa.column('status'), sa.column('started_at', moment), sa.column('paid_until', moment),
        sa.column('past_due_at', moment), sa.column('cancel_at', moment), sa.column('changed_at', moment))
    blank = dict.fromkeys(('agreement', 'trial', 'status', 'paid_until', 'past_due_at', 'cancel_at', 'month_cents', 'cents', 'currency'))
    rows, trials = [], {}
    for reader in op.get_bind().execute(sa.select(subscriber).where(subscriber.c.trial_started_at.is_not(None))):
        began = reader.trial_started_at
        mark = trials[reader.id] = _mark(f"{reader.address_hash}:{began.isoformat()}")
        rows.append({**blank, 'key': f"trial:{mark}", 'kind': 'trial', 'at': began, 'heard_at': began,
            'processor': '', 'trial': mark})
    for kept in op.get_bind().execute(sa.select(subscription).order_by(subscription.c.id)):
        mark = _mark(f"{kept.processor}:{kept.processor_id}")
        line = {**blank, 'kind': 'changed', 'processor': kept.processor, 'agreement': mark, 'trial': trials.get(kept.subscriber_id),
            'paid_until': kept.paid_until, 'month_cents': 0 if kept.processor == 'comp' else None}
        if kept.status in ('active', 'trialing', 'past_due'):
            at, now = kept.started_at, kept.status
        else:  # it paid from its beginning to its end, as far as anybody can tell
            rows.append({**line, 'key': f"changed:{mark}:{kept.started_at.isoformat()}", 'at': kept.started_at,
                'heard_at': kept.changed_at, 'status': 'active'})
            at, now = kept.cancel_at or kept.changed_at, kept.status
        rows.append({**line, 'key': f"changed:{mark}:{kept.changed_at.isoformat()}:now", 'at': at, 'heard_at': kept.changed_at,
            'status': now, 'past_due_at': kept.past_due_at, 'cancel_at': kept.cancel_at})
    return rows


def _mark(words: str) -> str:
    return sha256(words.encode()).hexdigest()[:32]
