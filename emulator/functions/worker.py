"""Microsoft's own worker library in this process: index an app, run one of its functions.

Knows how `azure-functions-runtime` is driven (its public coroutines, the order of its messages) and keeps every
protobuf message to itself. Refuses to know routes, schedules and queues. The library keeps its functions in module
globals, so there is one worker per process.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from emulator.functions import messages
from emulator.functions.exchange import Request, Response, read_response, write_request
from emulator.functions.retries import ExponentialBackoff, FixedDelay, Policy, Try

HOST_VERSION = "4.1052.200"

type Binding = Mapping[str, object]


class IndexingError(Exception):
    """The app's modules could not be imported, or what they declare is not a function app."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """One function as the worker describes it."""

    id: str
    name: str
    bindings: tuple[Binding, ...]
    retry: Policy | None


@dataclass(frozen=True, slots=True)
class Item:
    """What a queue trigger hands over: the message's text, and what the function may ask about the message."""

    body: str | bytes
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tick:
    """What a timer trigger hands over: the JSON of a `TimerInfo`."""

    info: Mapping[str, object]


type Payload = Request | Tick | Item


@dataclass(frozen=True, slots=True)
class Call:
    """One run of one function: `argument` is the name of the parameter that receives the payload."""

    function: str
    argument: str
    payload: Payload
    invocation: str
    attempt: Try | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The function returned; HTTP functions with a response."""

    response: Response | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The function raised, or returned what it may not."""

    message: str
    trace: str


type Outcome = Succeeded | Failed


class Worker:
    """The worker of one function app."""

    def __init__(self, app: Path) -> None:
        self._app = app
        self._messages = messages.build()

    async def index(self) -> tuple[Indexed, ...]:
        """Import the app and list its functions; raises IndexingError with the worker's own words."""
        _enter(self._app)
        runtime.start_threadpool_executor()
        m, directory = self._messages, str(self._app)
        request = m.WorkerInitRequest(host_version=HOST_VERSION, function_app_directory=directory)
        _check((await runtime.worker_init_request(self._request(worker_init_request=request))).result)
        request = m.FunctionsMetadataRequest(function_app_directory=directory)
        answer = await runtime.functions_metadata_request(self._request(functions_metadata_request=request))
        _check(answer.result)
        found = answer.function_metadata_results
        for metadata in found:
            request = m.FunctionLoadRequest(function_id=metadata.function_id, metadata=metadata)
            _check((await runtime.function_load_request(self._request(function_load_request=request))).result)
        return tuple(_read_function(metadata) for metadata in found)

    async def invoke(self, call: Call) -> Outcome:
        """Run a function once. What goes wrong inside it is an outcome, not an exception."""
        answer = await runtime.invocation_request(self._request(invocation_request=self._write_call(call)))
        if answer.result.status != self._messages.StatusResult.Success:
            return Failed(answer.result.exception.message, answer.result.exception.stack_trace)
        value = answer.return_value
        return Succeeded(read_response(value) if value.WhichOneof("data") else None)

    def stop(self) -> None:
        """Wait for the threads of synchronous functions, and end them."""
        runtime.stop_threadpool_executor()

    def _request(self, **content: object) -> SimpleNamespace:
        properties = {"host": "127.0.0.1", "protos": self._messages}
        return SimpleNamespace(request=SimpleNamespace(**content), properties=properties)

    def _write_call(self, call: Call) -> object:
        m = self._messages
        data, metadata = self._write_payload(call.payload)
        retry = m.RetryContext()
        if call.attempt is not None:
            exception = m.RpcException(message=call.attempt.reason)
            retry = m.RetryContext(
                retry_count=call.attempt.number, max_retry_count=call.attempt.limit, exception=exception
            )
        return m.InvocationRequest(
            invocation_id=call.invocation,
            function_id=call.function,
            input_data=[m.ParameterBinding(name=call.argument, data=data)],
            trigger_metadata=metadata,
            trace_context=m.RpcTraceContext(trace_parent=_trace(call.invocation)),
            retry_context=retry,
        )

    def _write_payload(self, payload: Payload) -> tuple[object, dict[str, object]]:
        data = self._messages.TypedData
        match payload:
            case Request():
                return data(http=write_request(payload, self._messages)), {}
            case Tick(info):
                return data(json=json.dumps(info)), {}
            case Item(bytes(body), metadata):
                return data(bytes=body), self._write_metadata(metadata)
            case Item(body, metadata):
                return data(string=body), self._write_metadata(metadata)

    def _write_metadata(self, metadata: Mapping[str, object]) -> dict[str, object]:
        data = self._messages.TypedData
        return {
            name: data(string=value) if isinstance(value, str) else data(json=json.dumps(value, default=str))
            for name, value in metadata.items()
        }


def _enter(app: Path) -> None:
    """What Azure does before the app is imported: its folder comes first on the path and is the current one."""
    sys.path.insert(0, str(app))
    os.chdir(app)


def _check(result: Any) -> None:  # noqa: ANN401 - The messages' classes are made at run time and have no static type.
    if result.status != 1:
        raise IndexingError(f"{result.exception.message}\n{result.exception.stack_trace}".strip())


def _read_function(metadata: Any) -> Indexed:  # noqa: ANN401 - As above.
    bindings = tuple(json.loads(text) for text in metadata.raw_bindings)
    retry = _read_retry(metadata.retry_options) if metadata.HasField("retry_options") else None
    return Indexed(metadata.function_id, metadata.name, bindings, retry)


def _read_retry(options: Any) -> Policy:  # noqa: ANN401 - As above.
    if options.retry_strategy == options.fixed_delay:
        return FixedDelay(options.max_retry_count, _read_duration(options.delay_interval))
    return ExponentialBackoff(
        options.max_retry_count, _read_duration(options.minimum_interval), _read_duration(options.maximum_interval)
    )


def _read_duration(duration: Any) -> timedelta:  # noqa: ANN401 - As above.
    return timedelta(seconds=duration.seconds)


def _trace(invocation: str) -> str:
    """A W3C `traceparent` made from the invocation's id, so that it can be found again in the log."""
    digits = invocation.replace("-", "")
    return f"00-{digits}-{digits[:16]}-01"
