"""Postern as a function app: registers what `shared.triggers` offers, and does nothing else."""

import azure.functions as func

from shared.bootstrap import Postern
from shared.triggers import grants, health, http, policies, timers

_postern = Postern()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(health.blueprint(_postern))
app.register_functions(http.blueprint(_postern, (*policies.ENDPOINTS, *grants.ENDPOINTS)))
app.register_functions(timers.blueprint(_postern))
