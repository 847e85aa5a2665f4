"""What the battery tolerates: every threshold in one place, with a default."""

from pydantic import Field

from features.terms import Declared, Tier


class Limits(Declared):
    """The battery's settings.

    Attributes:
        level: of intervals; a test's false alarms are 1 − level.
        minimum_outcomes: good and bad outcomes that a figure on outcomes needs, of each kind.
        minimum_segment: customers that a segment or a protected group needs to stand alone.
        bins: of equal count, for calibration, stability (a recorded reference has its own) and score bands.
        expected_per_bin: customers (or outcomes) that a bin of a chi-squared statistic is expected to hold.
        least_auc: what the AUC must be shown to exceed, over all and without a department.
        tolerated_level: how far the level of risk may be off, in log-odds (0.2: a fifth of the odds).
        lowest_slope, highest_slope: between these the calibration slope may lie.
        tolerated_ece: an expected calibration error that does not matter.
        material_psi: a PSI or CSI that does not matter (Siddiqi 2006: below 0.1 no change worth a look).
        sensitivity_customers: of whom one indicator after another is moved.
        tolerated_jumps: the share of tiers that a step of one indicator to the next range may move by two or
            more.
        tolerated_raises: how far the share of tiers that rise if a department says nothing may exceed the
            share of those that fall.
        tolerated_segment_auc: how far a segment's AUC may stay behind that of all.
        tolerated_segment_level: as `tolerated_level`, of a segment.
        size: the indicator by whose bands sizes are told apart; by default the first number of the group
            `asset_size`.
        favourable: the tiers that count as favourable, for fairness.
        least_parity: the lowest share of favourable tiers, divided by the highest (29 CFR 1607.4(D): 0.8).
        tolerated_odds: the largest difference of shares of favourable tiers at the same outcome.
        tolerated_loss: how far the AUC may stay behind a challenger's.
        tolerated_log_loss: how far the log-loss may, in nats.
        tolerated_price: what being printable may cost in AUC.
        resamples: of a bootstrap or a simulation.
        seed: of both.
    """

    level: float = Field(default=0.95, gt=0.5, lt=1)
    minimum_outcomes: int = Field(default=20, ge=5)
    minimum_segment: int = Field(default=100, ge=20)
    bins: int = Field(default=10, ge=2, le=100)
    expected_per_bin: float = Field(default=5.0, ge=1)
    least_auc: float = Field(default=0.5, ge=0.5, lt=1)
    tolerated_level: float = Field(default=0.2, ge=0)
    lowest_slope: float = Field(default=0.8, gt=0, le=1)
    highest_slope: float = Field(default=1.25, ge=1)
    tolerated_ece: float = Field(default=0.01, ge=0, lt=1)
    material_psi: float = Field(default=0.1, ge=0)
    sensitivity_customers: int = Field(default=2_000, ge=20)
    tolerated_jumps: float = Field(default=0.05, ge=0, le=1)
    tolerated_raises: float = Field(default=0.05, ge=0, le=1)
    tolerated_segment_auc: float = Field(default=0.1, ge=0)
    tolerated_segment_level: float = Field(default=0.4, ge=0)
    size: str | None = None
    favourable: tuple[Tier, ...] = (Tier.PREMIUM, Tier.GOOD)
    least_parity: float = Field(default=0.8, ge=0, le=1)
    tolerated_odds: float = Field(default=0.1, ge=0, le=1)
    tolerated_loss: float = Field(default=0.01, ge=0)
    tolerated_log_loss: float = Field(default=0.005, ge=0)
    tolerated_price: float = Field(default=0.02, ge=0)
    resamples: int = Field(default=1_000, ge=100)
    seed: int = 20260101

    @property
    def alpha(self) -> float:
        """The share of false alarms that a test allows."""
        return 1.0 - self.level
