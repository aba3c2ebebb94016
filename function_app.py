"""Postern as a function app: registers what `shared.triggers` offers, and does nothing else."""

import azure.functions as func

from shared.bootstrap import Postern
from shared.triggers import events, health, http, portal, timers
from shared.triggers.endpoints import ENDPOINTS

_postern = Postern()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(health.blueprint(_postern))
app.register_functions(http.blueprint(_postern, ENDPOINTS))
app.register_functions(timers.blueprint(_postern))
app.register_functions(events.blueprint(_postern))
app.register_functions(portal.blueprint())
