"""What Kubernetes scales replicas by, as a server tells it."""

import re

from tests.api.conftest import Api
from tests.kubernetes.manifests import only


def test_the_autoscaler_goes_by_a_metric_that_there_is(api: Api) -> None:
    """One value for each replica, without labels that would have to be added up."""
    (metric,) = only("base", "HorizontalPodAutoscaler")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    lines = api.get("/metrics").text.splitlines()
    assert [line for line in lines if re.match(rf"{name} \d", line)]
    assert f"# TYPE {name} gauge" in lines
