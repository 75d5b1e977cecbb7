"""A node's programs on fakes, stopped and refused anywhere: what must hold, holds all the time."""
