"""A file that takes another's place: kills, readers meanwhile, modes and owners, what is left."""

import errno
import importlib
import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from funcgrad import io

replace = importlib.import_module("funcgrad.io.atomic")
ENDINGS = [".safetensors", ".npz"]
posix = pytest.mark.skipif(os.name == "nt", reason="modes and owners of Unix")
root = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may")


def mode_of(path):
    return os.stat(path).st_mode & 0o777


def temporary(folder):
    return [path for path in folder.iterdir() if path.suffix == ".tmp"]


# kills

# forked writers are killed at random moments, while a forked reader reads in a loop
KILLS = """
import json, os, random, signal, sys, time
import numpy as np
from funcgrad import io

folder, kills = sys.argv[1], int(sys.argv[2])
random.seed(0)
files = [f"{folder}/model.safetensors", f"{folder}/model.npz"]
shapes = [(30_000, 20_000), (20_000, 30_000)]  # the layout changes from step to step
state_of = lambda n: {
    "a": np.full(shapes[n % 2][0], float(n)), "b": np.full(shapes[n % 2][1], float(n)), "n": n
}
is_one = lambda state: all(np.all(x == state["n"]) for x in state.values())

def write(first, out):
    checkpoints = io.CheckpointManager(f"{folder}/steps", keep=2)
    for n in range(first, 10**9):
        checkpoints.save(n, state_of(n), {"n": str(n)})
        os.write(out, b"0:%d " % n)
        for path in files:
            io.save(path, state_of(n), {"n": str(n)})
        os.write(out, b"1:%d " % n)

def read(out):
    checkpoints, counts = io.CheckpointManager(f"{folder}/steps"), dict.fromkeys(
        ["reads", "mixed", "back", "bare"], 0)
    counts["errors"], last = [], 0
    while not os.path.exists(f"{folder}/stop"):
        try:
            step, state, metadata = checkpoints.read()
            loaded = [io.load(path, mmap=counts["reads"] % 2 > 0) for path in files]
            ones = [is_one(s) for s in [state, *loaded, checkpoints.restore()]]
            ones += [step == state["n"] == int(metadata["n"])]
            counts["back"] += step < last
            last = step
            counts["mixed"] += not all(ones)
            checkpoints.latest(), checkpoints.metadata(), [io.load_metadata(p) for p in files]
        except BaseException as error:
            counts["bare"] += 1
            counts["errors"] = [*counts["errors"], repr(error)][:5]
        counts["reads"] += 1
    os.write(out, json.dumps(counts).encode())

def fork(call, *args):
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(ours)
            call(*args, theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    return pid, ours

def drain(pipe):
    text = b""
    while part := os.read(pipe, 65536):
        text += part
    os.close(pipe)
    return text.decode()

os.mkdir(f"{folder}/steps")
for path in files:
    io.save(path, state_of(0), {"n": "0"})
    os.chmod(path, 0o640)
    if os.getuid() == 0:
        os.chown(path, 1234, 4321)
first = 1
io.CheckpointManager(f"{folder}/steps").save(first, state_of(first), {"n": "1"})
reader, counts = fork(read)
lost, most_left, left_in_all, done = 0, 0, 0, {"0": first, "1": 0}
places = [folder, f"{folder}/steps"]
left = lambda: [name for place in places for name in os.listdir(place) if name.endswith(".tmp")]
for _ in range(kills):
    pid, out = fork(write, first + 1)
    time.sleep(random.uniform(0.002, 0.06))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for part in drain(out).split():
        done[part[0]] = int(part[2:])
    newest = io.CheckpointManager(f"{folder}/steps").read()
    lost += newest.step < done["0"] or not is_one(newest.state)
    lost += any(not is_one(io.load(path)) or io.load(path)["n"] < done["1"] for path in files)
    most_left = max(most_left, sum(f".{pid}." in name for name in left()))
    left_in_all += len(left())
    first = newest.step
open(f"{folder}/stop", "w").close()
counts = json.loads(drain(counts))
os.waitpid(reader, 0)
io.CheckpointManager(f"{folder}/steps").save(first + 1, state_of(first + 1), {"n": str(first + 1)})
io.save(files[0], state_of(0))
status = [os.stat(path) for path in files]
print(json.dumps(counts | {
    "kills": kills, "saves": first, "lost": lost, "most_left": most_left,
    "left_in_all": left_in_all, "left": len(left()),
    "modes": sorted({oct(s.st_mode & 0o777) for s in status}),
    "owners": sorted({(s.st_uid, s.st_gid) for s in status}),
}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_kills_while_saving_lose_mix_and_leave_nothing(tmp_path, kills):
    command = [sys.executable, "-c", KILLS, str(tmp_path), str(kills)]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    got = json.loads(subprocess.check_output(command, text=True, env=environ))

    assert [got[n] for n in ("lost", "mixed", "back", "bare")] == [0, 0, 0, 0], got
    assert got["most_left"] == 1 and got["left"] == 0, got  # of one process, and in the end
    assert got["reads"] > kills / 4 and got["saves"] > kills / 4, got
    assert got["modes"] == ["0o640"]
    assert os.getuid() != 0 or got["owners"] == [[1234, 4321]]


# temporary files


def test_writers_at_once_disturb_nobody(tmp_path):
    faults = []

    def save(number):
        try:
            for n in range(30):
                io.save(tmp_path / f"{n % 3}.npz", {"a": np.full(100, number), "n": number})
                got = io.load(tmp_path / f"{n % 3}.npz")
                assert np.all(got["a"] == got["n"])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == [] and temporary(tmp_path) == []


def test_what_a_live_writer_is_writing_stays_however_old_it_is(tmp_path):
    with replace.replacing(tmp_path / "a.npz") as file:
        file.write(b"half")
        (name,) = temporary(tmp_path)
        os.utime(name, (0, 0))
        io.save(tmp_path / "b.npz", {})
        assert name.exists()

    assert (tmp_path / "a.npz").read_bytes() == b"half" and temporary(tmp_path) == []


def left(folder, host, age=0):
    """Make a temporary file that nobody writes."""
    name = folder / f".model.npz.{host}.{os.getpid()}.0123456789ab.tmp"
    name.write_bytes(b"left")
    os.utime(name, (time.time() - age,) * 2)
    return name


def test_what_a_dead_writer_left_goes_even_if_its_number_is_in_use_again(tmp_path):
    here, far, longer = (
        left(tmp_path, replace._host()),
        left(tmp_path, "elsewhere"),
        left(tmp_path, "elsewhere2", 2 * replace.STALE),
    )
    io.save(tmp_path / "b.npz", {})

    assert [path.exists() for path in (here, far, longer)] == [False, True, False]


def test_where_there_are_no_locks_only_age_counts(tmp_path, monkeypatch):
    class Lockless:
        LOCK_EX = LOCK_NB = 0

        def flock(self, *args):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    for module in (None, Lockless()):
        monkeypatch.setattr(replace, "fcntl", module)
        new, old = left(tmp_path, replace._host()), left(tmp_path, "x", 2 * replace.STALE)
        io.save(tmp_path / "b.npz", {"w": 1.0})

        assert new.exists() and not old.exists() and io.load(tmp_path / "b.npz") == {"w": 1.0}


def test_a_writer_whose_file_is_taken_before_it_is_locked_makes_another(tmp_path, monkeypatch):
    lock, taken = replace._lock, []

    def late(handle):
        if len(taken) < 3:
            (name,) = temporary(tmp_path)
            taken.append(name)
            if len(taken) == 3:
                return False  # another holds it, and is about to delete it
            name.unlink()
        return lock(handle)

    monkeypatch.setattr(replace, "_lock", late)
    file, name = replace._temporary(tmp_path / "a.npz", 0o600)
    file.close()

    assert len({*taken, name}) == 4 and name.exists()


def test_files_that_only_look_like_ours_stay(tmp_path):
    names = [".a.tmp", "model.npz.host.12.0123456789ab.tmp", ".vimrc.12.tmp", ".a.npz.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (0, 0))
    odd = tmp_path / f".x.npz.{replace._host()}.1.0123456789ab.tmp"
    odd.mkdir()
    (tmp_path / f".y.npz.{replace._host()}.1.0123456789ab.tmp").symlink_to(tmp_path / ".a.tmp")
    io.save(tmp_path / "b.npz", {})

    assert all((tmp_path / name).exists() for name in names) and odd.is_dir()


def test_the_longest_name_that_a_file_may_have_is_no_hindrance(tmp_path):
    for name in ("a" * 243 + ".safetensors", "ü" * 121 + "a.safetensors"):
        io.save(tmp_path / name, {"w": 1.0})
        assert io.load(tmp_path / name) == {"w": 1.0}
    with pytest.raises(OSError, match="File name too long"):
        io.save(tmp_path / ("a" * 300 + ".npz"), {})

    assert temporary(tmp_path) == []


# modes and owners


@posix
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_keeps_its_mode_and_a_new_one_has_that_of_the_umask(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    mask = os.umask(0o027)
    try:
        io.save(path, {"w": 1.0})
        assert mode_of(path) == 0o640
        for mode in (0o600, 0o666, 0o755):
            path.chmod(mode)
            io.save(path, {"w": 2.0})
            assert mode_of(path) == mode
    finally:
        os.umask(mask)


@posix
def test_a_secret_file_is_never_readable_meanwhile_and_the_umask_is_left_alone(
    tmp_path, monkeypatch
):
    io.save(tmp_path / "a.npz", {})
    (tmp_path / "a.npz").chmod(0o600)
    monkeypatch.setattr(os, "umask", None)  # the mask belongs to the whole process
    with replace.replacing(tmp_path / "a.npz") as file:
        file.write(b"x")
        (name,) = temporary(tmp_path)
        assert mode_of(name) == 0o600
        (tmp_path / "a.npz").chmod(0o640)

    assert mode_of(tmp_path / "a.npz") == 0o640  # the last word counts


@posix
def test_a_write_protected_file_is_refused(tmp_path):
    for ending in ENDINGS:
        path = tmp_path / f"a{ending}"
        io.save(path, {"w": 1.0})
        path.chmod(0o444)
        with pytest.raises(PermissionError, match="write-protected") as caught:
            io.save(path, {"w": 2.0})

        assert caught.value.filename == str(path) and caught.value.errno == errno.EACCES
        assert io.load(path) == {"w": 1.0} and mode_of(path) == 0o444 and not temporary(tmp_path)


@posix
@root
def test_the_owner_and_the_group_stay(tmp_path):
    io.save(tmp_path / "a.npz", {})
    os.chown(tmp_path / "a.npz", 1234, 4321)
    io.save(tmp_path / "a.npz", {"w": 1.0})

    status = os.stat(tmp_path / "a.npz")
    assert (status.st_uid, status.st_gid) == (1234, 4321)


@posix
def test_a_group_that_cannot_be_kept_gets_no_more_than_everybody(tmp_path, monkeypatch):
    def refused(*args):
        raise PermissionError(errno.EPERM, "chown")

    path = tmp_path / "a.npz"
    io.save(path, {})
    real = os.stat

    def foreign(name, **kwargs):
        status = real(name, **kwargs)
        return os.stat_result((*status[:5], 4321, *status[6:])) if name == path else status

    for mode, want in [(0o660, 0o600), (0o664, 0o644), (0o640, 0o600), (0o606, 0o606)]:
        path.chmod(mode)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fchown", refused)
            patch.setattr(os, "stat", foreign)
            io.save(path, {})
        assert mode_of(path) == want


@posix
def test_an_access_list_stays(tmp_path):
    path, other = tmp_path / "a.npz", tmp_path / "b.npz"
    none = 2**32 - 1
    entries = [(1, 6, none), (2, 6, 1234), (4, 0, none), (16, 6, none), (32, 0, none)]
    access = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, mode, who in entries
    )  # user 1234 may write, the group may not; the mode shows the mask, 0660
    io.save(path, {})
    try:
        os.setxattr(path, replace._ACL, access)
    except (AttributeError, OSError):
        pytest.skip("no access lists here")
    io.save(path, {"w": 1.0})
    io.save(other, {})

    assert os.getxattr(path, replace._ACL) == access and mode_of(path) == 0o660
    assert replace._ACL not in os.listxattr(other)


def test_a_system_without_owners_and_descriptors_for_modes_is_served(tmp_path, monkeypatch):
    io.save(tmp_path / "a.npz", {})
    (tmp_path / "a.npz").chmod(0o600)
    for name in ("fchmod", "fchown", "listxattr", "O_NOFOLLOW", "O_NONBLOCK", "uname"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(replace, "fcntl", None)
    io.save(tmp_path / "a.npz", {"w": 1.0})

    assert io.load(tmp_path / "a.npz") == {"w": 1.0} and mode_of(tmp_path / "a.npz") == 0o600


# what cannot be written


@posix
def test_what_cannot_be_replaced_is_an_os_error_and_stays(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    before = sorted(tmp_path.iterdir())
    for name, error, number in [
        ("folder.npz", IsADirectoryError, errno.EISDIR),
        ("pipe.npz", OSError, errno.EINVAL),
        ("loop.npz", OSError, errno.ELOOP),
        ("none/a.npz", FileNotFoundError, errno.ENOENT),
        ("pipe.npz/a.npz", NotADirectoryError, errno.ENOTDIR),
    ]:
        with pytest.raises(error) as caught:
            io.save(tmp_path / name, {})
        assert caught.value.errno == number and caught.value.filename == str(tmp_path / name)

    assert sorted(tmp_path.iterdir()) == before


@posix
@root
def test_a_folder_that_cannot_be_written_to_is_a_permission_error(tmp_path):
    tmp_path.chmod(0o755)
    io.save(tmp_path / "a.npz", {"w": 1.0})
    pid = os.fork()
    if not pid:
        try:
            os.seteuid(1234)
            io.save(tmp_path / "b.npz", {})
        except PermissionError as error:
            os._exit(7 if error.filename == str(tmp_path / "b.npz") else 8)
        finally:
            os._exit(9)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_folder_that_cannot_be_listed_can_be_written_to(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "listdir", refused)
    io.save(os.fsencode(tmp_path / "a.npz"), {"w": 1.0})

    assert io.load(os.fsencode(tmp_path / "a.npz")) == {"w": 1.0}


def test_a_disk_that_is_full_at_the_last_moment_leaves_what_was_there(tmp_path, monkeypatch):
    io.save(tmp_path / "a.npz", {"w": 1.0})

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        io.save(tmp_path / "a.npz", {"w": 2.0})

    assert io.load(tmp_path / "a.npz") == {"w": 1.0} and not temporary(tmp_path)


def test_another_hard_link_keeps_the_older_content(tmp_path):
    io.save(tmp_path / "a.npz", {"w": 1.0})
    os.link(tmp_path / "a.npz", tmp_path / "b.npz")
    io.save(tmp_path / "a.npz", {"w": 2.0})

    assert [io.load(tmp_path / f"{n}.npz")["w"] for n in "ab"] == [2, 1]


def test_a_link_to_nowhere_and_one_to_another_folder_are_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "a.npz").symlink_to("far/a.npz")
    for w in (1.0, 2.0):
        io.save(tmp_path / "a.npz", {"w": w})
        assert (tmp_path / "a.npz").is_symlink() and io.load(tmp_path / "far/a.npz") == {"w": w}

    assert not temporary(tmp_path) and not temporary(tmp_path / "far")
