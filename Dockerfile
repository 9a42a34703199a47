# Ringtrip in a container: docs/docker.md.
#     docker build -t ringtrip .
#     docker run -p 8000:8000 --env-file .env ringtrip

# ---- what builds ----
FROM debian:12-slim AS build
WORKDIR /src
# What is needed changes less often than the source: a layer of its own.
COPY tools/install-deps tools/packages.txt tools/
RUN tools/install-deps build \
    && apt-get install -y --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
# The weights of the speech detector, by npm; npm_config_registry names another registry than npm's own.
ARG npm_config_registry
COPY tools/fetch-vad-model tools/
COPY tools/vad-model tools/vad-model
RUN tools/fetch-vad-model
COPY . .
RUN meson setup /build --native-file tools/presets/release.ini --prefix /usr -Dtests=disabled \
    && meson install -C /build --destdir /out --strip --quiet \
    && rm -rf /out/usr/include /out/usr/lib/*/libringtrip.a /out/usr/lib/*/pkgconfig \
    && tools/runtime-packages /out/usr/bin/ringtrip /out/usr/bin/ringtrip-sandbox > /out/packages

# ---- what runs ----
FROM debian:12-slim
# Beside the libraries: roots of certificates, zones, the words that the offline model hears, and curl for the health check.
RUN --mount=type=bind,from=build,source=/out/packages,target=/packages \
    apt-get update \
    && DEBIAN_FRONTEND=noninteractive xargs -a /packages apt-get install -y --no-install-recommends \
        ca-certificates curl pocketsphinx-en-us tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --shell /usr/sbin/nologin --home-dir /srv/ringtrip --no-create-home ringtrip \
    && install -d /srv/ringtrip \
    && install -d -o ringtrip -g ringtrip -m 0750 /var/lib/ringtrip
COPY --from=build /out/usr /usr
RUN ldconfig

USER ringtrip
# .env is read here when it is mounted; records go into the volume.
WORKDIR /srv/ringtrip
ENV RECORDS_DIR=/var/lib/ringtrip
VOLUME /var/lib/ringtrip
EXPOSE 8000
# SIGTERM drains: give it time with docker run --stop-timeout.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD p=${SERVER_PORT:-${PORT:-8000}}; curl -fso /dev/null "http://127.0.0.1:$p/live" || curl -fsko /dev/null "https://127.0.0.1:$p/live"
ENTRYPOINT ["ringtrip"]
CMD ["serve"]
