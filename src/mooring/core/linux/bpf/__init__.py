"""eBPF without a library: objects of a compiler, the kernel's types, bpf(2) and tc in bytes."""
