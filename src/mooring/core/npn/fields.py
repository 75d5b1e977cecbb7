"""Reading an object's fields: `core.net.fields`, under the name that this room uses."""

from mooring.core.net.fields import Field, T, Unreadable

__all__ = ["Field", "T", "Unreadable"]
