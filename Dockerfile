# Glassnet for several people, without rights, on a file system that it cannot write to. deploy/README.md runs it.
FROM python:3.11-slim-bookworm

RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin glassnet \
    && install -d -o glassnet -g glassnet -m 700 /runs

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY dashboard.py shared.py ./
COPY .streamlit .streamlit
COPY static static
COPY nn_core nn_core
COPY ui ui
COPY pages pages
# What the first start would write beside the program: the chart library, and the compiled modules.
RUN python -c "import pathlib, shutil, plotly as p; \
shutil.copy(pathlib.Path(p.__file__).parent / 'package_data' / 'plotly.min.js', 'static')" \
    && python -m compileall -q nn_core ui pages

ENV GLASSNET_RUNS=/runs \
    HOME=/tmp \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER glassnet
VOLUME /runs
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4).read()"]
CMD ["streamlit", "run", "shared.py", "--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true"]
