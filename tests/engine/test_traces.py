"""Aim: where somebody wants traces, a run, its jobs and their requests are spans of one trace, without the
data of records; where nobody does, nothing of OpenTelemetry is even loaded.

Method: a receiver of OTLP on this machine; what it gets is read by OpenTelemetry's own types.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from engine.world import World
from service.receivers import HookServer, serving


@pytest.fixture
def receiver() -> Iterator[HookServer]:
    server = HookServer()
    with serving(server):
        yield server


def spans(receiver: HookServer) -> list[Span]:
    found = []
    for _, body in receiver.posts:
        request = ExportTraceServiceRequest.FromString(body)
        found += [span for one in request.resource_spans for each in one.scope_spans for span in each.spans]
    return found


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_run_its_jobs_and_their_batches_are_one_trace(
    common: World, pair: tuple[str, str], receiver: HookServer
) -> None:
    common.edit_customer(pair[0], address="Canary street 1")
    before = common.configuration
    trace = msgspec.structs.replace(before.trace, url=receiver.url)
    common.configuration = msgspec.structs.replace(before, trace=trace)
    try:
        job = common.sync("CUSTOMER")["CUSTOMER"]
    finally:
        common.configuration = before
    found = spans(receiver)
    [run] = [one for one in found if one.name == "run"]
    assert attributes(run)["kobling.mappings"] == "CUSTOMER"
    [told] = [one for one in found if one.name == "job"]
    assert attributes(told)["kobling.job"] == int(job["job"])
    assert attributes(told)["kobling.status"] == "finished"
    batches = [attributes(one) for one in found if one.name == "batch"]
    assert {one["kobling.system"] for one in batches} >= {"Dataverse"}
    assert {one["kobling.status"] for one in batches} == {200}
    assert {one.trace_id for one in found} == {run.trace_id}
    assert {one.parent_span_id for one in found if one is not run} == {run.span_id}
    assert not any(word in str(found) for word in ("Canary", pair[0], pair[1]))


def test_nobody_who_wants_no_traces_loads_them() -> None:
    code = (
        "import sys, kobling.service.session, kobling.adapters.odata.http\n"
        "import kobling.adapters.telemetry.tracing as one\n"
        "with one.traced(''), one.span('run'): pass\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
