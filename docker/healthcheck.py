"""Ends with 0 while the server in this container says that requests should come, else with 1."""

import http.client
import os
import sys

_SECONDS = 4


def main() -> int:
    """Ask ``/readyz``, and say what is missing."""
    port = int(os.environ.get("WEIGHTBANK_PORT") or 8000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        print(answer.read(1000).decode("utf-8", "replace"))
    except OSError as error:
        print(error)
        return 1
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
