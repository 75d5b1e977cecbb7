"""What decides: values in, values out; no clock, file, socket or chance."""
