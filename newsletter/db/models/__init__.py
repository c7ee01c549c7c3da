"""All tables: columns and constraints only. What their values mean is decided in the packages above."""

from newsletter.db.models.articles import Article, ArticlePage, LinkStatus, SiteRule
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
from newsletter.db.models.operators import AuditEntry, Operator, SignIn, UsedToken
from newsletter.db.models.outlets import Feed, Outlet
from newsletter.db.models.runs import Run
from newsletter.db.models.stories import HistoryLink, Report, Story, StoryChange, StoryRevision
from newsletter.db.models.subscribers import (
    PendingRequest,
    RateLimitHit,
    Read,
    Subscriber,
    Subscription,
    SubscriptionEvent,
    Suppression,
)

__all__ = [
    "Article",
    "ArticlePage",
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
    "LeftOut",
    "LinkStatus",
    "Notice",
    "Operator",
    "Outlet",
    "PendingRequest",
    "Placement",
    "RateLimitHit",
    "Read",
    "Rendition",
    "Report",
    "Run",
    "SignIn",
    "SiteRule",
    "Story",
    "StoryChange",
    "StoryRevision",
    "Subscriber",
    "Subscription",
    "SubscriptionEvent",
    "Suppression",
    "UsedToken",
]
