"""What every test shares: hypothesis searches the same examples in every run, and there is one PostgreSQL."""

from hypothesis import HealthCheck, settings

from tests.stores import postgresql_server

__all__ = ["postgresql_server"]

settings.register_profile(
    "tierwise",
    derandomize=True,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tierwise")
