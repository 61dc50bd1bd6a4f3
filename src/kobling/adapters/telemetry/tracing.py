"""Traces, where somebody wants them: spans of runs, jobs and requests, sent by OTLP over HTTP.

Until `traced` is entered, a span costs next to nothing and nothing of OpenTelemetry is loaded. Spans carry
ids, counts and statuses; the data of records does not belong there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from kobling.model.errors import ConfigurationError

Attribute: TypeAlias = str | int | float | bool
_NAME: Final = "kobling"
# A command should end although nobody takes its spans.
_WAIT_SECONDS: Final = 5
_tracers: list[Any] = []


class Span:
    """A stretch of time with what is known of it; it may stand for nothing."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def note(self, **attributes: Attribute) -> None:
        """Adds what became known."""
        if self._span is not None:
            self._span.set_attributes({f"{_NAME}.{name}": value for name, value in attributes.items()})

    def end(self, **attributes: Attribute) -> None:
        """It is over."""
        if self._span is not None:
            self.note(**attributes)
            self._span.end()


def begun(name: str, **attributes: Attribute) -> Span:
    """A span below the present one, which whoever asked for it ends."""
    span = Span(_tracers[-1].start_span(name) if _tracers else None)
    span.note(**attributes)
    return span


@contextmanager
def span(name: str, **attributes: Attribute) -> Iterator[Span]:
    """A span of what is done inside; those that begin there lie below it."""
    if not _tracers:
        yield Span()
        return
    # The text of an error may hold what nobody has looked at.
    with _tracers[-1].start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as current:
        made = Span(current)
        made.note(**attributes)
        try:
            yield made
        except BaseException as error:
            made.note(error=type(error).__name__)
            raise


@contextmanager
def traced(url: str) -> Iterator[None]:
    """Sends the spans that begin inside to that address; without one nothing is sent.

    Raises ConfigurationError where OpenTelemetry is not installed.
    """
    if not url or _tracers:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError(
            "[trace] url is set, and OpenTelemetry is not installed.",
            cure="Install it: pip install 'kobling[telemetry]'. Or take the key out.",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": _NAME}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=url, timeout=_WAIT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracers.append(provider.get_tracer(_NAME))
    try:
        yield
    finally:
        _tracers.pop()
        provider.shutdown()
