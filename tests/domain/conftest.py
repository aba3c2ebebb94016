"""How long Hypothesis looks: the same examples in every run, few enough that the whole core is tested in seconds."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "postern", max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("postern")
