# The product's image: one image, each service of docker-compose.yml its own command.

# --- What is made once, with tools that the product does not need at run time ---
FROM python:3.11-slim AS made
WORKDIR /app
COPY requirements.lock requirements-runtime.lock ./
RUN python -m venv /runtime \
 && /runtime/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-runtime.lock \
 && python -m venv /tools \
 && /tools/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /tools/bin/python -m demo.styles \
 && DEBUG=1 DATABASE_URL=postgresql:///none REDIS_URL=redis://none STATIC_ROOT=/static \
    /runtime/bin/python manage.py collectstatic --noinput \
 && rm -rf node_modules demo tests

# --- What runs ---
FROM python:3.11-slim
RUN useradd --system --no-create-home --uid 10001 ordercomms
COPY --from=made /runtime /runtime
COPY --from=made /app /app
COPY --from=made /static /static
WORKDIR /app
ENV PATH=/runtime/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/static DATA_DIR=/data
RUN mkdir -p /data/images /bounces/new /bounces/cur /bounces/tmp /standby && chown -R ordercomms /data /bounces /standby
USER ordercomms
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", \
     "--workers", "4", "--blocking-threads", "1", "ordercomms.wsgi:application"]
