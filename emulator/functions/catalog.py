"""The functions of an app, read from the bindings that the worker reports.

Knows which triggers this host serves and checks what only a host can: routes that collide, schedules, missing settings,
levels of authorization. All that is wrong is told at once. Refuses to know how triggers are served.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from emulator.functions import ncrontab, templates
from emulator.functions.ncrontab import Schedule, ScheduleError
from emulator.functions.retries import Policy
from emulator.functions.routes import shape
from emulator.functions.settings import SettingsError, resolve
from emulator.functions.templates import Template, TemplateError
from emulator.functions.worker import Binding, Indexed

_QUEUE = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_QUEUE_LENGTHS = range(3, 64)
_RESERVED = frozenset({"admin", "runtime"})


class CatalogError(Exception):
    """What the host refuses in an app: all of it, one line each."""

    def __init__(self, issues: Iterable[str]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(self.issues))


class Level(StrEnum):
    """Who may call an HTTP function, in Azure's words. Only `anonymous` needs no key."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """Called by requests. No methods means every method."""

    template: Template
    methods: frozenset[str]
    level: Level


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """Called by the clock. `monitored` timers know when they last ran."""

    schedule: Schedule
    on_startup: bool
    monitored: bool


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """Called by messages of a queue. `connection` is the setting that says in which account."""

    queue: str
    connection: str


type Trigger = HttpTrigger | TimerTrigger | QueueTrigger


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `argument` is the name of the parameter that the trigger fills."""

    id: str
    name: str
    argument: str
    trigger: Trigger
    retry: Policy | None
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class _Context:
    environ: Mapping[str, str]
    prefix: str


def read(indexed: Iterable[Indexed], environ: Mapping[str, str], prefix: str) -> tuple[Function, ...]:
    """The functions of an app; raises CatalogError."""
    context = _Context(environ, prefix)
    functions, issues = [], []
    for one in indexed:
        try:
            functions.append(_read_function(one, context))
        except (SettingsError, ScheduleError, TemplateError, TypeError, ValueError) as error:
            issues.append(f"{one.name}: {error}")
    issues.extend(_find_collisions(functions))
    if not functions and not issues:
        issues.append("the app has no functions")
    if issues:
        raise CatalogError(issues)
    return tuple(functions)


def _read_function(one: Indexed, context: _Context) -> Function:
    triggers = [binding for binding in one.bindings if str(binding["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise ValueError(f"a function has exactly one trigger, not {len(triggers)}")
    trigger = triggers[0]
    _check_others([binding for binding in one.bindings if binding is not trigger])
    return Function(
        one.id, one.name, str(trigger["name"]), _read_trigger(one.name, trigger, context), one.retry, one.bindings
    )


def _check_others(bindings: list[Binding]) -> None:
    for binding in bindings:
        if (str(binding["type"]).lower(), str(binding["direction"]).lower()) != ("http", "out"):
            raise ValueError(f"this host has no {binding['type']} {str(binding['direction']).lower()}put binding")


def _read_trigger(name: str, binding: Binding, context: _Context) -> Trigger:
    match str(binding["type"]).lower():
        case "httptrigger":
            return _read_http(name, binding, context)
        case "timertrigger":
            return _read_timer(binding, context)
        case "queuetrigger":
            return _read_queue(binding, context)
        case _:
            raise ValueError(f"this host does not know the trigger {binding['type']!r}")


def _read_http(name: str, binding: Binding, context: _Context) -> HttpTrigger:
    route = str(binding.get("route") or name)
    template = templates.parse("/".join(part for part in (context.prefix, route) if part))
    if template.text.partition("/")[0].lower() in _RESERVED:
        raise TemplateError(f"route {template.text!r} conflicts with the host's own routes")
    methods = binding.get("methods") or ()
    if not isinstance(methods, list | tuple):
        raise TypeError(f"methods are a list, not {methods!r}")
    level = str(binding.get("authLevel", Level.FUNCTION)).lower()
    if level not in set(Level):
        raise ValueError(f"authLevel is {binding['authLevel']!r}: anonymous, function or admin")
    return HttpTrigger(template, frozenset(str(method).upper() for method in methods), Level(level))


def _read_timer(binding: Binding, context: _Context) -> TimerTrigger:
    schedule = ncrontab.parse(resolve(str(binding.get("schedule", "")), context.environ))
    monitored = binding.get("useMonitor") is not False
    return TimerTrigger(schedule, on_startup=binding.get("runOnStartup") is True, monitored=monitored)


def _read_queue(binding: Binding, context: _Context) -> QueueTrigger:
    queue = resolve(str(binding.get("queueName", "")), context.environ)
    if not _QUEUE.fullmatch(queue) or len(queue) not in _QUEUE_LENGTHS:
        raise ValueError(f"{queue!r} is not a name for a queue")
    connection = str(binding.get("connection") or "AzureWebJobsStorage")
    if not {connection, f"{connection}__queueServiceUri"} & context.environ.keys():
        raise SettingsError(f"there is no app setting {connection} nor {connection}__queueServiceUri")
    return QueueTrigger(queue, connection)


def _find_collisions(functions: list[Function]) -> list[str]:
    """Pairs of HTTP functions that answer the same requests."""
    issues: list[str] = []
    seen: list[tuple[Function, HttpTrigger]] = []
    for function in functions:
        if not isinstance(function.trigger, HttpTrigger):
            continue
        issues.extend(
            f"{function.name}: route {function.trigger.template.text!r} is also that of {other.name}"
            for other, trigger in seen
            if _collide(function.trigger, trigger)
        )
        seen.append((function, function.trigger))
    return issues


def _collide(first: HttpTrigger, second: HttpTrigger) -> bool:
    meet = not first.methods or not second.methods or first.methods & second.methods
    return bool(meet) and shape(first.template) == shape(second.template)
