"""The messages that host and worker exchange, built at run time from the table below.

Knows the names and types of the fields of Azure's public worker protocol ("Azure Functions Language Worker Protobuf",
FunctionRpc.proto), as far as a Python worker in the same process uses them. Nothing travels over a wire here, so the
numbers of the fields do not matter and are simply counted. Refuses to know what any message means.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType, SimpleNamespace

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import DESCRIPTOR as DURATION
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP

PACKAGE = "AzureFunctionsRpcMessages"

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        # Starting the worker and indexing the app.
        "WorkerInitRequest": "string host_version, map<string> capabilities, string function_app_directory",
        "WorkerInitResponse": "map<string> capabilities, WorkerMetadata worker_metadata, StatusResult result",
        "WorkerMetadata": "string runtime_name, string runtime_version, string worker_version, string worker_bitness,"
        " map<string> custom_properties",
        "FunctionsMetadataRequest": "string function_app_directory",
        "FunctionMetadataResponse": "repeated RpcFunctionMetadata function_metadata_results, StatusResult result,"
        " bool use_default_metadata_indexing",
        "RpcFunctionMetadata": "string name, string function_id, string directory, string script_file,"
        " string entry_point, string language, bool is_proxy, bool managed_dependency_enabled,"
        " map<BindingInfo> bindings, repeated string raw_bindings, RpcRetryOptions retry_options,"
        " map<string> properties, StatusResult status",
        "BindingInfo": "string type, enum<in out inout> direction, enum<undefined string binary stream> data_type,"
        " map<string> properties",
        "RpcRetryOptions": "int32 max_retry_count, enum<exponential_backoff fixed_delay> retry_strategy,"
        " Duration delay_interval, Duration minimum_interval, Duration maximum_interval",
        "FunctionLoadRequest": "string function_id, RpcFunctionMetadata metadata, bool managed_dependency_enabled",
        "FunctionLoadResponse": "string function_id, StatusResult result, bool is_dependency_downloaded",
        # Running one function.
        "InvocationRequest": "string invocation_id, string function_id, repeated ParameterBinding input_data,"
        " map<TypedData> trigger_metadata, RpcTraceContext trace_context, RetryContext retry_context",
        "InvocationResponse": "string invocation_id, repeated ParameterBinding output_data, TypedData return_value,"
        " StatusResult result",
        "RpcTraceContext": "string trace_parent, string trace_state, map<string> attributes",
        "RetryContext": "int32 retry_count, int32 max_retry_count, RpcException exception",
        "ParameterBinding": "string name, oneof<rpc_data> TypedData data",
        "TypedData": "oneof<data> string string, oneof<data> string json, oneof<data> bytes bytes,"
        " oneof<data> bytes stream, oneof<data> RpcHttp http, oneof<data> sint64 int, oneof<data> double double,"
        " oneof<data> CollectionBytes collection_bytes, oneof<data> CollectionString collection_string,"
        " oneof<data> CollectionDouble collection_double, oneof<data> CollectionSInt64 collection_sint64",
        "CollectionBytes": "repeated bytes bytes",
        "CollectionString": "repeated string string",
        "CollectionDouble": "repeated double double",
        "CollectionSInt64": "repeated sint64 sint64",
        "StatusResult": "enum<Failure Success Cancelled> status, string result, RpcException exception",
        "RpcException": "string source, string stack_trace, string message, bool is_user_exception, string type",
        # One HTTP request or response.
        "RpcHttp": "string method, string url, map<string> headers, TypedData body, map<string> params,"
        " string status_code, map<string> query, bool enable_content_negotiation, repeated RpcHttpCookie cookies",
        "RpcHttpCookie": "string name, string value, NullableString domain, NullableString path,"
        " NullableTimestamp expires, NullableBool secure, NullableBool http_only,"
        " enum<None Lax Strict ExplicitNone> same_site, NullableDouble max_age",
        "NullableString": "string value",
        "NullableBool": "bool value",
        "NullableDouble": "double value",
        "NullableTimestamp": "Timestamp value",
    }
)
"""Each message with its fields: an optional rule (`map`, `repeated`, `oneof`), the type, the name."""

_FIELD = re.compile(
    r"(?:oneof<(?P<choice>\w+)> )?(?P<repeated>repeated )?"
    r"(?:(?P<rule>map|enum)<(?P<of>[\w ]+)>|(?P<type>\w+)) (?P<name>\w+)"
)

_SCALARS = MappingProxyType(
    {
        "string": FieldDescriptorProto.TYPE_STRING,
        "bytes": FieldDescriptorProto.TYPE_BYTES,
        "bool": FieldDescriptorProto.TYPE_BOOL,
        "int32": FieldDescriptorProto.TYPE_INT32,
        "sint64": FieldDescriptorProto.TYPE_SINT64,
        "double": FieldDescriptorProto.TYPE_DOUBLE,
    }
)
_FOREIGN = MappingProxyType({"Duration": ".google.protobuf.Duration", "Timestamp": ".google.protobuf.Timestamp"})


def build() -> SimpleNamespace:
    """All message classes of the table, as attributes of one namespace, which is how the worker library wants them."""
    file = FileDescriptorProto(name="worker.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend([DURATION.name, TIMESTAMP.name])
    for name, fields in MESSAGES.items():
        _describe(file.message_type.add(name=name), _read(fields))
    pool = DescriptorPool()
    for part in (DURATION.serialized_pb, TIMESTAMP.serialized_pb, file.SerializeToString()):
        pool.AddSerializedFile(part)
    classes = {name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}
    return SimpleNamespace(**classes)


def _read(fields: str) -> Iterator[re.Match[str]]:
    for text in fields.split(","):
        match = _FIELD.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not a field of a message: {text!r}")
        yield match


def _describe(message: DescriptorProto, fields: Iterator[re.Match[str]]) -> None:
    for number, text in enumerate(fields, start=1):
        field = message.field.add(name=text["name"], number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        if text["repeated"] or text["rule"] == "map":
            field.label = FieldDescriptorProto.LABEL_REPEATED
        match text["rule"]:
            case "map":
                _add_map(message, field, text["of"])
            case "enum":
                _add_enum(message, field, text["of"].split())
            case _:
                _set_type(field, text["type"])
        if text["choice"]:
            if not message.oneof_decl:
                message.oneof_decl.add(name=text["choice"])
            field.oneof_index = 0


def _set_type(field: FieldDescriptorProto, name: str) -> None:
    if name in _SCALARS:
        field.type = _SCALARS[name]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = _FOREIGN.get(name, f".{PACKAGE}.{name}")


def _add_map(message: DescriptorProto, field: FieldDescriptorProto, of: str) -> None:
    """A map is, in the protocol's own terms, a repeated message of key and value."""
    entry = message.nested_type.add(name="".join(word.capitalize() for word in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    optional = FieldDescriptorProto.LABEL_OPTIONAL
    entry.field.add(name="key", number=1, label=optional, type=FieldDescriptorProto.TYPE_STRING)
    _set_type(entry.field.add(name="value", number=2, label=optional), of)
    field.type = FieldDescriptorProto.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"


def _add_enum(message: DescriptorProto, field: FieldDescriptorProto, values: list[str]) -> None:
    enum = message.enum_type.add(name="".join(word.capitalize() for word in field.name.split("_")))
    for number, value in enumerate(values):
        enum.value.add(name=value, number=number)
    field.type = FieldDescriptorProto.TYPE_ENUM
    field.type_name = f".{PACKAGE}.{message.name}.{enum.name}"
