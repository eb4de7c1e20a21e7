import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
held = []
others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
for pid in {1, os.getppid(), *others}:
    for request in (16, 0x4206):  # PTRACE_ATTACH, PTRACE_SEIZE
        if libc.ptrace(request, pid, None, None) == 0:
            held.append(("ptrace", pid))


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


buffer = ctypes.create_string_buffer(64)
for pid in (1, os.getppid()):
    maps = [line.split("-")[0] for line in open(f"/proc/{pid}/maps")] if os.access(f"/proc/{pid}/maps", os.R_OK) else []
    for start in maps[:3]:
        mine, theirs = Piece(ctypes.addressof(buffer), 64), Piece(int(start, 16), 64)
        if libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0 and b"CANARY" in buffer.raw:
            held.append(("memory", pid))
print(f"{len(held)} processes held", *held)
