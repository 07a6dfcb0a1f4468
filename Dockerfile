# Sweepfront as an image. `docker build -t sweepfront .`; docs/deploy.md has the rest.
# Pin the base by its digest for production: --build-arg BASE=python:...@sha256:...
ARG BASE=docker.io/library/python:3.11.14-slim-bookworm

FROM ${BASE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /opt/sweepfront
COPY requirements.lock pyproject.toml ./
# Who reaches package indexes by a proxy or a mirror hands over a file of exported variables:
# --secret id=build-env,src=FILE. It is there during the step and in no layer.
# The installer is the one that the lock pins, checked by its hashes like everything else.
RUN --mount=type=secret,id=build-env \
    if [ -f /run/secrets/build-env ]; then . /run/secrets/build-env; fi; \
    awk '/^uv==/ {on=1} on {print} on && !/\\$/ {exit}' requirements.lock > /tmp/uv.lock; \
    python3 -m venv /tmp/installer; \
    /tmp/installer/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --quiet --require-hashes -r /tmp/uv.lock; \
    python3 -m venv --without-pip venv; \
    /tmp/installer/bin/uv pip install --quiet --no-cache --compile-bytecode --python venv/bin/python \
        --require-hashes --only-binary :all: -r requirements.lock; \
    find venv/lib -regex '.*/site-packages/\(pandas\|scipy\|sklearn\)\(/.*\)?/tests' \
        -prune -exec rm -r {} + # tests of these packages, 90 MB
COPY . .
# uv builds the package itself: nothing is fetched. It stays in this folder, beside its migrations.
RUN /tmp/installer/bin/uv pip install --quiet --offline --no-cache --no-deps \
        --python venv/bin/python --editable .; \
    rm venv/.lock; \
    venv/bin/python -m compileall -q app sweepfront alembic

FROM ${BASE} AS service
# The base's installer is of no use here: uv, in the virtual environment, makes those of trials.
RUN if python3 -m pip --version > /dev/null 2>&1; then \
        python3 -m pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip; \
    fi; \
    groupadd --gid 10001 sweepfront; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data sweepfront; \
    install --directory --mode=0700 --owner=10001 --group=10001 /data
COPY --from=build /opt/sweepfront /opt/sweepfront
WORKDIR /opt/sweepfront
# All that is written goes to /data, and what is passing to /tmp.
ENV PATH=/opt/sweepfront/venv/bin:$PATH \
    HOME=/data/home \
    UV_CACHE_DIR=/data/cache/uv \
    SWEEPFRONT_DATA_DIR=/data/sweepfront \
    SWEEPFRONT_CODE_ROOTS=/opt/sweepfront \
    SWEEPFRONT_HOST=0.0.0.0 \
    SWEEPFRONT_PORT=8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SWEEPFRONT_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
