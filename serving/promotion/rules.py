"""What a procedure asks of a model before it governs."""

from features.terms import Declared


class PromotionRules(Declared):
    """The settings of promotion.

    Attributes:
        exceptions: whether a failed check of the battery may be accepted, with a reason that approvers read.
        challenger_first: whether a champion's successor must have been its approved challenger.
    """

    exceptions: bool = False
    challenger_first: bool = True
