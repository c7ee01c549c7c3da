"""All tables. Values and constraints only: what they mean is decided in the rooms above."""

from newsletter.db.models.articles import Article, LinkLook
from newsletter.db.models.base import Base
from newsletter.db.models.deliveries import (
    Correction,
    Delivery,
    DeliveryEvent,
    DeliveryEventSum,
    LeftOut,
    Notice,
)
from newsletter.db.models.instance import Instance
from newsletter.db.models.issues import Check, Issue, IssueRevision, IssueSum, Placement, Rendition
from newsletter.db.models.operators import AuditEntry, Operator, SignIn, SpentToken
from newsletter.db.models.outlets import Feed, Outlet
from newsletter.db.models.runs import Run
from newsletter.db.models.stories import HistoryLink, Report, Story, StoryChange, StoryTelling
from newsletter.db.models.subscribers import (
    Knock,
    Read,
    Subscriber,
    Subscription,
    SubscriptionEvent,
    Suppression,
    Wish,
)

__all__ = [
    "Article",
    "AuditEntry",
    "Base",
    "Check",
    "Correction",
    "Delivery",
    "DeliveryEvent",
    "DeliveryEventSum",
    "Feed",
    "HistoryLink",
    "Instance",
    "Issue",
    "IssueRevision",
    "IssueSum",
    "Knock",
    "LeftOut",
    "LinkLook",
    "Notice",
    "Operator",
    "Outlet",
    "Placement",
    "Read",
    "Rendition",
    "Report",
    "Run",
    "SignIn",
    "SpentToken",
    "Story",
    "StoryChange",
    "StoryTelling",
    "Subscriber",
    "Subscription",
    "SubscriptionEvent",
    "Suppression",
    "Wish",
]
