"""HTTP: routes, settings, errors and middleware. The only importer of FastAPI."""
