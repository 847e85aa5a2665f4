"""The kinds of alarms."""

from enum import StrEnum


class AlarmKind(StrEnum):
    """What an alarm is about, which is also how the ids of its checks begin.

    The first four can be told of at once, the last two when outcomes have matured.
    """

    INPUT_DRIFT = "input_drift"
    SCORE_DRIFT = "score_drift"
    TIER_MIGRATION = "tier_migration"
    COMPLETENESS = "completeness"
    CALIBRATION = "calibration"
    DISCRIMINATION = "discrimination"
