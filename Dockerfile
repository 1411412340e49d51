# docker build -t mem0lite . && docker run -p 127.0.0.1:8888:8888 -v mem0lite:/data -e MEM0LITE_API_KEYS=… mem0lite
FROM python:3.13-slim AS build
ARG EXTRAS=server
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mem0lite ./mem0lite
RUN python -m venv /opt/mem0lite && /opt/mem0lite/bin/pip install --no-cache-dir ".[$EXTRAS]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home mem0lite && install -d -m 0700 -o mem0lite -g mem0lite /data
COPY --from=build /opt/mem0lite /opt/mem0lite
USER 10001
ENV PATH=/opt/mem0lite/bin:$PATH \
    MEM0LITE_DB=/data/mem0lite.db \
    MEM0LITE_HOST=0.0.0.0 \
    MEM0LITE_ACCESS_LOG=1
VOLUME /data
EXPOSE 8888
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8888/health/ready', timeout=3)"]
ENTRYPOINT ["mem0lite", "serve"]
