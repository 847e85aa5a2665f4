"""What every test shares: hypothesis searches the same examples in every run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "tierwise",
    derandomize=True,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tierwise")
