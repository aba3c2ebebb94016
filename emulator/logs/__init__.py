"""Log Analytics of the box: one workspace, its tables, and the API that queries them with KQL."""

WORKSPACE = "33333333-3333-3333-3333-333333333333"
