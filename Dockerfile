# Multi-stage: compilers stay behind; the service runs without root; weights live in a volume.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/voicebot
ENV PATH=/opt/voicebot/bin:$PATH PIP_NO_CACHE_DIR=1
COPY pyproject.toml README.md LICENSE ./
COPY voicebot voicebot
RUN pip install .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 voicebot && useradd --uid 10001 --gid voicebot --home-dir /srv/voicebot voicebot \
 && mkdir -p /srv/voicebot/var /srv/voicebot/models/weights && chown -R voicebot:voicebot /srv/voicebot
COPY --from=build /opt/voicebot /opt/voicebot
ENV PATH=/opt/voicebot/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv/voicebot
COPY --chown=voicebot:voicebot config config
COPY --chown=voicebot:voicebot models/catalogue.toml models/catalogue.toml
COPY --chown=voicebot:voicebot models/cards models/cards
USER voicebot
VOLUME ["/srv/voicebot/models/weights", "/srv/voicebot/var"]
# SIP over UDP and TCP, media streams; RTP needs its port range (or --network host).
EXPOSE 5060/udp 5060/tcp 8765/tcp 8088/tcp 16384-16584/udp
ENV VOICEBOT_RTP__LAST_PORT=16584
HEALTHCHECK --interval=15s --timeout=3s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["voicebot"]
CMD ["serve", "--pull"]
