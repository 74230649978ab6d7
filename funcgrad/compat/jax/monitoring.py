"""``jax.monitoring``: events and listeners; this library records no event, so none is called."""

from typing import Any


def record_event(*_: Any, **__: Any) -> None:
    """Do nothing: there are no listeners."""


record_event_duration_secs = record_event_time_span = record_scalar = record_event


def register_event_listener(callback: Any) -> None:
    """Do nothing: no event is recorded."""


register_event_duration_secs_listener = register_event_time_span_listener = register_event_listener
register_scalar_listener = unregister_event_listener = register_event_listener
unregister_event_duration_listener = unregister_event_time_span_listener = register_event_listener
unregister_scalar_listener = register_event_listener


def clear_event_listeners() -> None:
    """Do nothing: there are no listeners."""
