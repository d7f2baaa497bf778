# Weightbank as an image: `docker build -t weightbank .`; docs/docker.md says how to run it.
#
#   --build-arg TARGET=gpu             kernels for GPUs, with torch and its CUDA libraries
#   --build-arg KERNELS=x86-64-v4      instruction set that kernels are compiled for ahead of time:
#                                      x86-64-v2, -v3, -v4 or armv8-a; empty for the usual one
#   --build-arg PYTHON_IMAGE=...       another base, a mirror's for instance

ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# What a server needs, by its hashes, in an environment of its own without pip. Bytecode is believed
# without a look at its source, which does not change.
COPY requirements ./requirements
RUN python -m venv --without-pip /opt/weightbank \
 && python -m pip --python /opt/weightbank/bin/python install --no-compile --require-hashes -r requirements/server.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/weightbank/lib \
 && python -m pip install --no-compile --require-hashes -r requirements/build.txt

# torch is pinned, not hashed: its CUDA build is another file for each platform.
ARG TARGET=cpu
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN case "${TARGET}" in \
      cpu) ;; \
      gpu) sed -n '/^torch==/p; /^triton==/p' constraints.txt >gpu.txt \
        && python -m pip --python /opt/weightbank/bin/python install -c constraints.txt -r gpu.txt ;; \
      *) echo "TARGET ${TARGET} is unknown; accepted: cpu, gpu" >&2; exit 2 ;; \
    esac

# The library, and machine code of its kernels for all processors that have the instruction set;
# others make theirs.
ARG KERNELS=
COPY weightbank ./weightbank
COPY docker/compile_kernels.py docker/sbom.sh ./docker/
RUN python -m pip wheel --no-deps --no-build-isolation -w wheels . \
 && python -m pip --python /opt/weightbank/bin/python install --no-compile --no-deps wheels/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/weightbank/lib \
 && /opt/weightbank/bin/python docker/compile_kernels.py "${KERNELS}" \
 && sh docker/sbom.sh /opt/weightbank/bin/python /usr/share/doc/weightbank/sbom.cdx.json

# The service itself.
COPY app /srv/weightbank/app
COPY schemas /srv/weightbank/schemas
COPY services /srv/weightbank/services
COPY docker/healthcheck.py /srv/weightbank/
RUN python -m compileall -q --invalidation-mode unchecked-hash /srv/weightbank

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="weightbank" \
      org.opencontainers.image.description="The weights a training run starts from, as a service." \
      org.opencontainers.image.source="https://github.com/weightbank/weightbank" \
      org.opencontainers.image.documentation="https://github.com/weightbank/weightbank/blob/main/docs/docker.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The ids are fixed, because volumes remember numbers.
RUN groupadd --system --gid 10001 weightbank \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin weightbank \
 && install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /opt/weightbank /opt/weightbank
COPY --from=build /srv/weightbank /srv/weightbank
COPY --from=build /usr/share/doc/weightbank /usr/share/doc/weightbank

# Nothing is written but below /data and /tmp: --read-only --tmpfs /tmp works.
ENV PATH=/opt/weightbank/bin:$PATH \
    PYTHONPATH=/srv/weightbank \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    WEIGHTBANK_HOST=0.0.0.0 \
    WEIGHTBANK_DATA_DIR=/data
WORKDIR /srv/weightbank
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-S", "-E", "/srv/weightbank/healthcheck.py"]
# The server itself is process 1 and gets the signals; `docker run --init` has orphans reaped.
ENTRYPOINT ["python", "-m", "app"]
