"""The only device."""


class Device(str):
    """The only device."""

    __slots__ = ()
    id = process_index = 0
    platform = device_kind = "cpu"


CPU = Device("cpu")
