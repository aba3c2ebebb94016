"""Postern as a function app: registers what `shared.triggers` offers, and does nothing else."""

import azure.functions as func

from shared.bootstrap import Postern
from shared.triggers import grants, health, policies, timers

_postern = Postern()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for _module in (health, policies, grants, timers):
    app.register_functions(_module.blueprint(_postern))
