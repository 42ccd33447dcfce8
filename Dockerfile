# unblur in a container, for a processor: no root, no network, and nothing written but your folder.
#
#   docker build -t unblur .
#   docker run --rm --network none --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" \
#     -v "$PWD:/photos" unblur photo.jpg
#
# EXTRAS: which of pyproject.toml go in, such as `openvino,heif,raw,web`. docs/install.md tells more.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ARG EXTRAS=openvino
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN python3 -m venv /opt/unblur \
  && /opt/unblur/bin/pip install --no-cache-dir --disable-pip-version-check \
       -c constraints.txt ".[${EXTRAS}]" \
  && rm -rf /opt/unblur/lib/python3*/site-packages/pip*

FROM ${BASE}
COPY --from=build /opt/unblur /opt/unblur
# What is kept or cached goes where any user may write, and is gone with the container.
ENV PATH=/opt/unblur/bin:$PATH HOME=/tmp UNBLUR_DATA=/tmp/unblur PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /photos
ENTRYPOINT ["unblur"]
CMD ["--help"]
