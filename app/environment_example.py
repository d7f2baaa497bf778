"""Prints .env.example: ``python -m app.environment_example > .env.example``."""

import textwrap
from collections.abc import Iterator

from app.settings import PREFIX
from app.settings_table import default_of, ordered_fields

_COLUMNS = 100

_OF_COMPOSE = {
    "host": "docker-compose.yml has 0.0.0.0, and publishes the port on 127.0.0.1 alone.",
    "port": "docker-compose.yml has 8000; SERVER_PORT is the one outside.",
    "data_dir": "docker-compose.yml has /data, a volume.",
    "keys": "docker-compose.yml has off, since nobody else reaches the port.",
    "threads": "docker-compose.yml has SERVER_CPUS.",
    "trusted_proxies": "docker-compose.yml has Docker's networks for replicas.",
    "database_url": "REPLICA_DATABASE_URL is that of replicas.",
    "shutdown_timeout_seconds": "STOP_GRACE_PERIOD has to be longer.",
}
"""What a reader of this file has to know besides."""

_HEAD = """\
# Copy this file to .env: `docker compose` reads it. What is commented out is the default.
# Lines of WEIGHTBANK_ reach the servers; what they mean is in docs/settings.md too.

# ---- What docker-compose.yml asks for ----

# Profiles that `docker compose up` starts besides: gpu, postgres, monitoring.
#COMPOSE_PROFILES=

# The base image, and the instruction set that kernels are compiled for: x86-64-v2, -v3, -v4 or
# armv8-a; empty for x86-64-v3 or armv8-a.
#PYTHON_IMAGE=python:3.11-slim
#KERNELS=
#SERVER_IMAGE=weightbank:0.1.0
#GPU_IMAGE=weightbank:0.1.0-gpu

# Images of others, by version.
#NGINX_IMAGE=nginx:1.28.0
#POSTGRES_IMAGE=postgres:17.6
#PROMETHEUS_IMAGE=prom/prometheus:v3.5.0
#GRAFANA_IMAGE=grafana/grafana:12.1.1

# Ports on 127.0.0.1.
#SERVER_PORT=8000
#GPU_PORT=8001
#BALANCER_PORT=8080
#PROMETHEUS_PORT=9090
#GRAFANA_PORT=3000

# What each server may use. No more processors than there are.
#SERVER_CPUS=2
#SERVER_MEMORY=4g
#STOP_GRACE_PERIOD=45s

# 0 leaves the single server out, where replicas or a GPU's server take its place.
#SERVER_REPLICAS=1

# The profile postgres. A password of your own is needed: openssl rand -hex 32.
#REPLICAS=2
#POSTGRES_PASSWORD=
#REPLICA_DATABASE_URL=postgresql://weightbank@postgres/weightbank

# The profile monitoring.
#PROMETHEUS_RETENTION=15d
#GRAFANA_PASSWORD=admin

# ---- The service itself ----
"""


def environment_example() -> str:
    """Return the file, with a line for each setting.

    Examples:
        >>> "#WEIGHTBANK_LIMIT_STREAMS=32" in environment_example()
        True
    """
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for name, field in ordered_fields():
        told = f"{field.description} {_OF_COMPOSE.get(name, '')}".replace("`", "").strip()
        default = default_of(name, field)
        written = default.strip("`") if default.startswith("`") else ""
        comment = textwrap.fill(
            told, _COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
        yield f"\n{comment}\n#{PREFIX}{name.upper()}={written}\n"


if __name__ == "__main__":
    print(environment_example(), end="")  # noqa: T201 - this is what it is for
