"""Customer satisfaction (客戶滿意度): notices answered, scores, and what became of objections."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.supervision.estimates import mean, proportion
from serving.supervision.figures import Figure, Measured

SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Objection:
    """A customer's objection: whether it was upheld; None where its case is open, or decided nothing."""

    upheld: bool | None


@dataclass(frozen=True)
class Feedback:
    """What customers said in a period.

    `notices` were sent to customers, of which `answered` were answered by its end. `answers` are the scores
    from 1 to 5 that were given in it, each notice's last, and `objections` those whose case was closed in the
    period, or is open when it ends.
    """

    notices: int
    answered: int
    answers: Sequence[int]
    objections: Sequence[Objection]


def satisfaction(said: Feedback) -> Mapping[str, Measured]:
    """Return the figures of what customers said; without values where they said nothing.

    Raises:
        ValueError: a score is none of 1 to 5, or more notices were answered than sent.
    """
    if any(score not in SCORES for score in said.answers):
        raise ValueError("answers: a score is 1, 2, 3, 4 or 5")
    if said.answered > said.notices:
        raise ValueError("answered: there are more than notices")
    decided = [objection.upheld for objection in said.objections if objection.upheld is not None]
    by_score = Counter(said.answers)
    return {
        "satisfaction.answered": Measured(proportion(said.answered, said.notices)),
        "satisfaction.score": Measured(
            mean(np.array(said.answers, dtype=np.float64)),
            {str(score): Figure(float(by_score[score]), by_score[score]) for score in SCORES if said.answers},
        ),
        "satisfaction.upheld": Measured(proportion(sum(decided), len(decided))),
    }
