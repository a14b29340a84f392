"""Memory limits, read from made-up trees of /proc and /sys and from the machine's own."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gradlab import memory
from tests.cli.calling import ENVIRONMENT

MB = 2**20
ROOM = 24_000 * MB


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Write files below a made-up root folder; there is no ulimit and 24 GB free."""
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)

    def write(**files):
        for name, text in files.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return tmp_path

    write(**{"proc/meminfo": f"MemTotal: 99999999 kB\nMemAvailable: {ROOM // 1024} kB\n"})
    return write


def mount(kind, point, top="/", options="rw"):
    return f"33 31 0:30 {top} {point} rw,relatime shared:9 - {kind} {kind} {options}\n"


V2 = {"proc/self/mountinfo": mount("cgroup2", "/sys/fs/cgroup")}
V1 = {
    "proc/self/mountinfo": mount("cgroup", "/sys/fs/cgroup/cpu", options="rw,cpu")
    + mount("cgroup", "/sys/fs/cgroup/memory", options="rw,memory")
    + mount("cgroup2", "/sys/fs/cgroup/unified")
}


def group(path, limit, used, stat="", *, version=2):
    names = (
        ("memory.max", "memory.current")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    )
    folder = f"sys/fs/cgroup{path}" if version == 2 else f"sys/fs/cgroup/memory{path}"
    return {
        f"{folder}/{names[0]}": f"{limit}\n",
        f"{folder}/{names[1]}": f"{used}\n",
        f"{folder}/memory.stat": stat,
    }


def test_without_groups_it_is_what_the_machine_has_free(machine):
    assert memory.available_bytes(machine()) == ROOM
    assert memory.available_bytes(machine(**{"proc/self/cgroup": "0::/\n"}, **V2)) == ROOM


@pytest.mark.parametrize("limited", ["/a", "/a/b", "/a/b/job_7"])
def test_a_limit_of_version_2_is_found_wherever_it_stands(machine, limited):
    files = {"proc/self/cgroup": "0::/a/b/job_7\n"} | V2
    for path in ("/a", "/a/b", "/a/b/job_7"):
        files |= group(path, 512 * MB if path == limited else "max", 100 * MB)
    assert memory.available_bytes(machine(**files)) == 412 * MB


def test_the_least_of_nested_groups_counts_and_none_beside_them(machine):
    files = {"proc/self/cgroup": "0::/a/b\n"} | V2
    files |= group("/a", 800 * MB, 700 * MB) | group("/a/b", 512 * MB, 10 * MB) | group("/other", MB, 0)
    assert memory.available_bytes(machine(**files)) == 100 * MB


def test_a_group_that_is_slowed_down_is_as_good_as_full(machine):
    files = {"proc/self/cgroup": "0::/a\n"} | V2 | group("/a", 900 * MB, 100 * MB)
    files["sys/fs/cgroup/a/memory.high"] = f"{300 * MB}\n"
    assert memory.available_bytes(machine(**files)) == 200 * MB


@pytest.mark.parametrize("limited", ["", "/slurm", "/slurm/job_7"])
def test_a_limit_of_version_1_is_found_wherever_it_stands(machine, limited):
    files = {"proc/self/cgroup": "5:cpu:/\n4:memory:/slurm/job_7\n0::/\n"} | V1
    for path in ("", "/slurm", "/slurm/job_7"):
        limit = 512 * MB if path == limited else 9223372036854771712
        files |= group(path, limit, 100 * MB, version=1)
    assert memory.available_bytes(machine(**files)) == 412 * MB


@pytest.mark.parametrize(
    ("version", "stat"),
    [(2, f"anon 5\ninactive_file {30 * MB}\n"), (1, f"inactive_file 4096\ntotal_inactive_file {30 * MB}\n")],
)
def test_unused_pages_of_files_count_as_free(machine, version, stat):
    line = "0::/a\n" if version == 2 else "4:cpu,memory:/a\n"
    files = {"proc/self/cgroup": line} | (V2 if version == 2 else V1)
    files |= group("/a", 512 * MB, 112 * MB, stat, version=version)
    assert memory.available_bytes(machine(**files)) == 430 * MB


def test_a_container_that_sees_its_own_group_as_the_root(machine):
    files = {"proc/self/cgroup": "0::/docker/abc/inner\n"}
    files["proc/self/mountinfo"] = mount("cgroup2", "/sys/fs/cgroup", top="/docker/abc")
    files |= group("", 512 * MB, 12 * MB) | group("/inner", "max", 12 * MB)
    assert memory.available_bytes(machine(**files)) == 500 * MB
    # A name space of its own, under which the path leads out.
    files["proc/self/cgroup"] = "0::/../other\n"
    files["proc/self/mountinfo"] = mount("cgroup2", "/sys/fs/cgroup")
    assert memory.available_bytes(machine(**files)) == 500 * MB


def test_what_the_process_has_already_is_its_own(machine):
    files = {"proc/self/cgroup": "0::/a\n"} | V2 | group("/a", 512 * MB, 212 * MB)
    assert (
        memory.available_bytes(machine(**files, **{"proc/self/status": f"VmRSS: {200 * 1024} kB\n"}))
        == 500 * MB
    )


def test_no_group_gives_more_than_its_limit(machine):
    # Libraries that another group has read are the process's, and not charged to its own group.
    files = {"proc/self/cgroup": "0::/a\n"} | V2 | group("/a", 512 * MB, 12 * MB)
    files["proc/self/status"] = f"VmRSS: {200 * 1024} kB\n"
    assert memory.available_bytes(machine(**files)) == 512 * MB


def test_more_used_than_allowed_is_nothing_free(machine):
    files = {"proc/self/cgroup": "0::/a\n"} | V2 | group("/a", 5 * MB, 6 * MB)
    assert memory.available_bytes(machine(**files)) == 0


@pytest.mark.parametrize("broken", ["", "x\n", "0:a\n", "a::/b\n\x00"])
def test_files_that_say_something_else_are_no_limit(machine, broken):
    files = {"proc/self/cgroup": "0::/a\n"} | V2 | group("/a", broken, broken, broken)
    assert memory.available_bytes(machine(**files)) == ROOM
    assert memory.available_bytes(machine(**V2, **{"proc/self/cgroup": broken})) == ROOM
    assert (
        memory.available_bytes(machine(**{"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": broken}))
        == ROOM
    )


@pytest.mark.parametrize("which", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_ulimit_counts_less_what_is_used(machine, monkeypatch, which):
    limit = lambda asked: 900 * MB if asked == getattr(resource, which) else resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda asked: (limit(asked), resource.RLIM_INFINITY))
    status = f"VmSize: {500 * 1024} kB\nVmData: {500 * 1024} kB\n"
    assert memory.available_bytes(machine(**{"proc/self/status": status})) == 400 * MB


@pytest.fixture
def real_group():
    """What has a shell enter a real control group with 512 MB before it becomes another program."""
    name = f"gradlab-{os.getpid()}"
    for top, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = Path(top) / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / limit).exists():
            (folder / limit).write_text(str(512 * MB))
            yield f'echo $$ > {folder}/cgroup.procs && exec "$@"'
            folder.rmdir()
            return
        folder.rmdir()
    pytest.skip("no control group can be made here")


def test_in_a_real_group_the_default_sweep_is_refused_before_it_starts(real_group, tmp_path):
    words = [sys.executable, "-m", "gradlab", "sweep", "--out", str(tmp_path)]
    said = subprocess.run(
        ["sh", "-c", real_group, "sh", *words], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert said.returncode == 7
    available = int(re.search(r"(\d+) MB available; choose a smaller grid", said.stderr)[1])
    assert 300 < available <= round(512 * MB / 1e6)
    assert not any(tmp_path.iterdir())


def test_of_this_machine_it_is_a_plausible_number_of_bytes():
    assert 2**20 < memory.available_bytes() < 2**50


@pytest.mark.skipif(sys.platform != "linux", reason="what freed memory does is the C library's own elsewhere")
def test_freed_memory_goes_back_to_the_system_in_a_process_of_our_own(monkeypatch):
    monkeypatch.setattr(memory, "_own", True)
    resident = lambda: memory._fields(memory.Path("/proc/self/status"))["VmRSS"]
    some = [bytes(100_000) for _ in range(1000)]
    last = bytes(100_000)
    before = resident()
    del some
    memory.release(programs=False)
    assert resident() < before - 50_000
    assert len(last) == 100_000


def test_a_command_has_room_for_every_thread_that_compiles_unless_the_user_says(monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "_libc", lambda *call: calls.append(call))
    monkeypatch.setattr(memory, "_own", False)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    memory.own_process(4)
    assert memory.is_own()
    assert calls == []
    monkeypatch.delenv("MALLOC_ARENA_MAX")
    memory.own_process(4)
    # M_ARENA_MAX
    assert calls == [("mallopt", -8, 6)]
