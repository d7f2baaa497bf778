"""Puts docker/prometheus/rules.yml into an object of the Prometheus operator's.

Run ``python -m tests.kubernetes.update_rules`` after a change of the rules.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = ROOT / "docker" / "prometheus" / "rules.yml"
MANIFEST = ROOT / "docker" / "kubernetes" / "components" / "monitoring" / "rules.yaml"

_HEAD = """\
# Made of docker/prometheus/rules.yml: python -m tests.kubernetes.update_rules
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: weightbank
  namespace: weightbank
  labels:
    app.kubernetes.io/name: weightbank
spec:
"""


def manifest_of(rules: str) -> str:
    """Return the object for the text of a file of rules: the same text, further in."""
    lines = [line for line in rules.splitlines() if not line.startswith("#")]
    return _HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines)


if __name__ == "__main__":
    MANIFEST.write_text(manifest_of(RULES.read_text("utf-8")), "utf-8")
