"""The box: an Azure small enough for one laptop. It never imports `shared`, and `shared` never imports it."""
