"""How long Hypothesis looks here: the same stories in every run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "postern", max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("postern")
