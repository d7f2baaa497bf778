#!/bin/sh
# Lists what is installed for a Python, with licences: a software bill of materials (CycloneDX, JSON).
#
#     sh docker/sbom.sh PYTHON OUTPUT [CYCLONEDX_PY [OPTION...]]
#
# The same environment gives the same file: no serial number, and no time unless SOURCE_DATE_EPOCH is
# set. Without CYCLONEDX_PY, the tool is installed by its hashes beside, so that it is not in the list.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: sh docker/sbom.sh PYTHON OUTPUT [CYCLONEDX_PY [OPTION...]]" >&2
    exit 2
fi
python=$1
output=$2
shift 2
tool=${1:-}
[ $# -eq 0 ] || shift
root=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "$tool" ]; then
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "$root/requirements/sbom.txt"
    tool=$tools/bin/cyclonedx-py
fi

mkdir -p "$(dirname "$output")"
# Some packages say their licence in free words alone, which are a text to this tool.
"$tool" environment --output-reproducible --gather-license-texts \
    --spec-version 1.6 --output-format JSON \
    --pyproject "$root/pyproject.toml" --mc-type application "$@" -o "$output" "$python"
