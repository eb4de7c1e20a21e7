"""The filter of system calls: what it refuses, what it pretends, and that an ordinary program does not notice it."""

import ctypes
import fcntl
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.box import syscall_list
from autograder.inside import confine

pytestmark = pytest.mark.skipif(
    platform.machine() not in confine.AUDIT_ARCHITECTURES, reason="there is a filter for x86_64 and aarch64 only"
)

NUMBERS = json.loads(confine.CALLS.read_text())["numbers"]
HERE = NUMBERS.get(platform.machine(), {})
PRELUDE = """
import ctypes, errno, fcntl, json, os, platform, resource, socket, struct, sys, tempfile
from autograder.inside.confine import confine
from autograder.inside.namespaces import give_up_privileges
resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
inherited = socket.socket(socket.AF_UNIX)
host_file = open(sys.argv[1])
give_up_privileges()
confine()
libc = ctypes.CDLL(None, use_errno=True)
CLONE = 220 if platform.machine() == "aarch64" else 56

def error(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    except ValueError:  # what resource makes of it
        return "EPERM"

def call(number, *arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_long(word) for word in arguments]
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(ctypes.c_long(number), *words) < 0 else None
"""


def confined(code: str, tmp_path: Path, *, wait_s: float = 60) -> object:
    """What a process under the filter leaves in ``found``."""
    (tmp_path / "file").touch()
    text = f"{PRELUDE}\n{code}\nprint(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-c", text, str(tmp_path / "file")], capture_output=True, text=True, timeout=wait_s
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_when_nobody_named_a_call_then_it_is_refused(tmp_path: Path) -> None:
    """Each is made with nonsense for arguments: what is refused is not looked at any further."""
    answered = confine.answers(platform.machine())
    unfiltered = {335, 336} if platform.machine() == "x86_64" else set()  # uretprobe, uprobe: Linux asks no filter
    others = [number for number in range(max(HERE.values()) + 1) if number not in {*answered, *unfiltered}]
    code = f"found = {{number: call(number, -1, -1, -1, -1, -1, -1) for number in {others}}}"

    assert set(confined(code, tmp_path).values()) == {"EPERM"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [457, 500, 5000, 0x40000000 + 39])
def test_when_a_call_is_newer_than_the_list_then_it_is_not_implemented(number: int, tmp_path: Path) -> None:
    assert confined(f"found = call({number}, 0)", tmp_path) == "ENOSYS"


@pytest.mark.parametrize("name", confine.REFUSED)
def test_what_we_refuse_is_refused(name: str, tmp_path: Path) -> None:
    if name not in HERE:
        pytest.skip(f"{platform.machine()} has no {name}")

    assert HERE[name] not in confine.answers(platform.machine())


@pytest.mark.parametrize("name", ["io_uring_setup", "ptrace", "bpf", "keyctl", "mount", "unshare", "setns", "kcmp",
                                  "pidfd_getfd", "process_madvise", "userfaultfd", "perf_event_open"])  # fmt: skip
def test_what_moby_keeps_from_containers_is_refused(name: str) -> None:
    assert HERE.get(name) not in confine.answers(platform.machine())


def test_each_of_our_rules_names_a_call_that_some_machine_has() -> None:
    known = set().union(*NUMBERS.values())

    assert {*confine.REFUSED, *confine.PRETENDED, *confine.BY_ARGUMENT} <= known


ANSWERS = {
    "socket.socket(socket.AF_INET)": "EPERM",
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)": "EPERM",
    "socket.socketpair(socket.AF_INET)": "EPERM",
    "socket.socketpair(socket.AF_NETLINK, socket.SOCK_RAW)": "EPERM",
    "socket.socketpair(socket.AF_VSOCK)": "EPERM",
    "socket.socketpair(30)": "EPERM",  # TIPC, for which the host would load a module
    "socket.socketpair()": None,
    "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)": "EPERM",  # nobody counts what waits in it
    "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)": "EPERM",
    "os.sendfile(os.pipe()[1], host_file.fileno(), 0, 1)": "ENOSYS",
    "os.fork() or os._exit(0)": None,
    "os.memfd_create('x')": "EPERM",
    "fcntl.fcntl(host_file, 1024, fcntl.F_RDLCK)": "EPERM",  # a lease
    "fcntl.fcntl(host_file, 1026, 1)": "EPERM",  # F_NOTIFY
    "fcntl.fcntl(host_file, 1036, struct.pack('Q', 1))": "EPERM",  # a write hint of the host's inode
    "fcntl.fcntl(os.pipe()[0], 1031, 1 << 20)": "EPERM",  # a larger pipe
    "fcntl.fcntl(host_file, fcntl.F_GETFD)": None,
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))": "EPERM",
    "resource.prlimit(0, resource.RLIMIT_CORE, (0, 1))": "EPERM",
    "resource.getrlimit(resource.RLIMIT_CORE)": None,
    "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))": None,
    "fcntl.ioctl(inherited, 0x8912, bytes(64))": "ENOTTY",  # SIOCGIFCONF, the host's addresses
    "fcntl.ioctl(inherited, 0x8933, bytes(64))": "ENOTTY",  # SIOCGIFINDEX
    "fcntl.ioctl(inherited, 0x8982, bytes(64))": "ENOTTY",  # SIOCGIFVLAN loads a module
    "fcntl.ioctl(inherited, 0x894C)": "ENOTTY",  # SIOCGSKNS, the host's network namespace
    "inherited.setsockopt(1, 25, b'eth0')": "ENOPROTOOPT",  # SO_BINDTODEVICE
    "inherited.setsockopt(1, 62, 1)": "ENOPROTOOPT",  # SO_BINDTOIFINDEX
    "inherited.getsockopt(1, 25, 16)": "ENOPROTOOPT",
    "inherited.setsockopt(1, 26, bytes(16))": "ENOPROTOOPT",  # a filter
    "inherited.getsockopt(1, 77)": "ENOPROTOOPT",  # SO_PEERPIDFD
    "inherited.getsockopt(1, 71, 8)": "ENOPROTOOPT",  # SO_NETNS_COOKIE
    "inherited.setsockopt(1, socket.SO_SNDBUF, 4096)": None,
    "inherited.getsockopt(1, socket.SO_ERROR)": None,
    "fcntl.ioctl(os.openpty()[1], 0x5423, struct.pack('i', 3))": "ENOTTY",  # TIOCSETD
    "fcntl.ioctl(os.openpty()[1], 0x5412, b'x')": "ENOTTY",  # TIOCSTI
    "os.get_terminal_size(os.openpty()[1])": None,
    "fcntl.ioctl(os.pipe()[0], 0x541B, bytes(4))": None,  # FIONREAD
    "os.kill(os.getpid(), 0)": None,
    # Calls of the C library, which answer with a number and leave the error in errno.
    "numbered(libc.prctl(4, 0, 0, 0, 0))": "EPERM",  # PR_SET_DUMPABLE: it would hide its descriptors from the watchdog
    "numbered(libc.prctl(62, 1, 0, 1, 0))": "EPERM",  # PR_SCHED_CORE
    "numbered(libc.prctl(22, 2, 0, 0, 0))": "EPERM",  # another filter
    "numbered(libc.prctl(15, b'name', 0, 0, 0))": None,
    "numbered(libc.madvise(ctypes.c_void_p(0x10000), 4096, 12))": "EINVAL",  # MADV_MERGEABLE
    "numbered(libc.unshare(0x10000000))": "EPERM",
    "numbered(libc.mmap(None, 1 << 21, 3, 0x40022, -1, 0) + 1 or -1)": "ENOMEM",  # MAP_HUGETLB
    "numbered(libc.personality(0x0040000))": "EPERM",  # ADDR_NO_RANDOMIZE
    "numbered(libc.mmap(None, 4096, 3, 0x21, -1, 0) + 1 or -1)": "ENOMEM",  # shared, and of no file
    "numbered(libc.syscall(436, 900, 901, 2))": "EINVAL",  # close_range with descriptors of its own
    "numbered(libc.syscall(436, 900, 901, 0))": None,
    "numbered(libc.syscall(CLONE, 0x10900, 0, 0, 0, 0))": "EPERM",  # a thread with descriptors of its own
    "numbered(libc.personality(0xffffffff))": None,
}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """The result of each of ANSWERS, in a process of its own."""
    code = f"""
def numbered(made):
    if made < 0:
        raise OSError(ctypes.get_errno(), "")

found = {{}}
for what in {list(ANSWERS)!r}:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(error(lambda: eval(what))).encode())
        os._exit(0)
    os.close(writing)
    found[what] = json.loads(os.read(reading, 100))
    os.close(reading)
    os.wait()"""
    return confined(code, tmp_path_factory.mktemp("answers"))  # type: ignore[return-value]


@pytest.mark.parametrize("what", ANSWERS)
def test_a_call_is_answered_by_its_arguments(what: str, answered: dict[str, str | None]) -> None:
    assert answered[what] == ANSWERS[what]


def test_a_new_limit_that_lies_at_a_round_address_does_not_pass_for_none(tmp_path: Path) -> None:
    """The filter sees a pointer as two halves; memory at 4 GiB has a lower half of zeros."""
    number = HERE["prlimit64"]
    code = f"""
libc.mmap.restype = ctypes.c_void_p
at = libc.mmap(ctypes.c_void_p(1 << 32), ctypes.c_size_t(4096), 3, 0x100022, -1, ctypes.c_long(0))
assert at == 1 << 32
found = call({number}, 0, {confine.CORE}, at, 0)"""

    assert confined(code, tmp_path) == "EPERM"


@pytest.mark.parametrize("lock", ["fcntl.flock(host_file, fcntl.LOCK_EX)", "fcntl.lockf(host_file, fcntl.LOCK_SH)"])
def test_a_lock_on_a_file_of_the_host_is_answered_and_not_held(lock: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code = f"{PRELUDE}\n{lock}\nprint('locked', flush=True)\nimport time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "file")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with (tmp_path / "file").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.kill()


def test_an_ordinary_program_does_not_notice_the_filter(tmp_path: Path) -> None:
    """Besides torch, students' code uses threads, processes, pools, event loops, databases, archives, copies."""
    code = """
import asyncio, concurrent.futures, multiprocessing, shutil, sqlite3, subprocess, threading, zipfile
os.chdir(tempfile.mkdtemp())
found = []
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    found.append(sum(pool.map(abs, [-1, -2])))
with multiprocessing.get_context("fork").Pool(2) as pool:
    found.append(sum(pool.map(abs, [-1, -2])))
found.append(subprocess.run(["sh", "-c", "echo $((1 + 2))"], capture_output=True, text=True).stdout.strip())
async def later():
    process = await asyncio.create_subprocess_exec("true")
    return await process.wait()
found.append(asyncio.run(later()))
with sqlite3.connect("book.db") as book:
    book.execute("create table t (x)")
    book.execute("insert into t values (7)")
found.append(sqlite3.connect("book.db").execute("select x from t").fetchone()[0])
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.writestr("x", "y")
shutil.copytree(".", "../copy-of-it", dirs_exist_ok=True)
shutil.copy2("book.db", "again.db")
found.append(sorted(os.listdir(".")))
"""

    assert confined(code, tmp_path) == [3, 3, "3", 0, 7, ["a.zip", "again.db", "book.db"]]


def test_when_the_machine_has_no_list_then_nothing_runs() -> None:
    with pytest.raises(OSError, match="riscv64"):
        confine.program("riscv64")


@pytest.mark.parametrize("machine", sorted(confine.AUDIT_ARCHITECTURES))
def test_the_numbers_are_those_of_libseccomp(machine: str) -> None:
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed here")
    code = syscall_list.MACHINES[machine][0]
    known = {name: number for name in NUMBERS[machine] if (number := syscall_list.number_of(name, code)) is not None}

    assert known.items() <= NUMBERS[machine].items()
    assert len(known) > 250


def test_from_the_profile_only_what_every_container_may_call_is_taken() -> None:
    group = {"action": "SCMP_ACT_ALLOW"}
    profile = {
        "syscalls": [
            group | {"names": ["read"]},
            group | {"names": ["arch_prctl"], "includes": {"arches": ["amd64"]}},
            group | {"names": ["s390_runtime_instr"], "includes": {"arches": ["s390x"]}},
            group | {"names": ["mount"], "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            group | {"names": ["ptrace"], "includes": {"minKernel": "4.8"}},
            group | {"names": ["personality"], "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
            group | {"names": ["clone"], "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"action": "SCMP_ACT_ERRNO", "names": ["clone3"]},
        ]
    }

    assert syscall_list.allowed_names(profile) == ["arch_prctl", "read"]
