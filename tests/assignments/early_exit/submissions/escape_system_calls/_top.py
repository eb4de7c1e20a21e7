import ctypes
import platform

libc = ctypes.CDLL(None, use_errno=True)
calls = {  # name: (number on x86_64, arguments)
    "memfd_create": (319, b"hidden", 0),
    "memfd_secret": (447, 0),
    "shmget": (29, 0, 1 << 20, 0o1600),
    "msgget": (68, 0, 0o1600),
    "add_key": (248, b"user", b"canary", b"x", 1, -3),
    "keyctl": (250, 0, -3, 0),
    "io_uring_setup": (425, 8, ctypes.create_string_buffer(256)),
    "bpf": (321, 0, ctypes.create_string_buffer(256), 128),
    "userfaultfd": (323, 0),
    "perf_event_open": (298, ctypes.create_string_buffer(256), 0, -1, -1, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, b"", 0, b""),
    "reboot": (169, 0xFEE1DEAD, 672274793, 0, 0),
    "swapon": (167, b"/tmp/swap", 0),
    "settimeofday": (164, ctypes.create_string_buffer(16), None),
    "sethostname": (170, b"canary", 6),
    "open_by_handle_at": (304, -100, ctypes.create_string_buffer(64), 0),
    "acct": (163, b"/tmp/acct"),
    "quotactl": (179, 0x800002, 0, 0, 0),
    "syslog": (103, 3, ctypes.create_string_buffer(100), 100),
}
answered = []
if platform.machine() == "x86_64":
    answered = [name for name, (number, *rest) in calls.items() if libc.syscall(number, *rest) >= 0]
print(f"{len(answered)} calls answered", *answered)
