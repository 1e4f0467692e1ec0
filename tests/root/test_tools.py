# SPDX-License-Identifier: BSD-3-Clause
"""What people run inside a login goes on working: multiplexers, debuggers, builds, pools."""
from commands import PYTHON, eventually
from session_test import SessionTest
from stage import STAGE
from terminals import Terminal


class Multiplexers(SessionTest):
    def test_tmux_is_detached_and_attached_from_a_second_login(self):
        def work(who):
            with Terminal(who.ssh_argv(tty=True), TERM="xterm") as terminal:
                terminal.expect("ready> ")
                terminal.send("tmux -f /dev/null new-session -s work\r")
                terminal.expect(r"ready> ")
                terminal.send("echo in-$((6*7))\r")
                terminal.expect("in-42")
            eventually(lambda: "work" in who.ssh("tmux ls").out, "the session outlives its login")
            with Terminal(who.ssh_argv("tmux attach -t work", tty=True), TERM="xterm") as terminal:
                terminal.expect("in-42")
                terminal.send("exit 0\r")
                terminal.expect("exited")
                return terminal.wait()
        self.assertEqual(0, self.both(work))

    def test_tmux_window_is_under_the_same_policy(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        probe = " ; ".join(f"(exec 3<>/dev/tcp/127.0.0.1/{listener.port}) && echo {name}"
                           for name, listener in (("one", allowed), ("two", refused)))
        self.confined.write("probe.sh", f"{{ {probe} ; }} >~/said 2>&1; mv ~/said ~/result\n")
        done = self.confined.ssh("tmux new-session -d 'bash probe.sh'")
        self.assertEqual(0, done.status, done)
        result = self.confined.home / "result"
        eventually(result.exists, "the window reports")
        self.assertIn("one", result.read_text())
        self.assertNotIn("two\n", result.read_text())
        self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))

    def test_screen_is_detached_and_attached(self):
        STAGE.policy("[network]\nunix_allow = own /run/screen/S-%u/*\n")

        # In one login: from a second one, screen's server would have to signal the new client.
        def work(who):
            with Terminal(who.ssh_argv(tty=True), TERM="xterm") as terminal:
                terminal.expect("ready>")
                terminal.send("screen -S work\r")
                terminal.expect("ready>")
                terminal.send("echo in-$((6*7))\r")
                terminal.expect("in-42")
                terminal.send("\x01d")
                terminal.expect("detached")
                terminal.send("screen -ls\r")
                terminal.expect("Detached")
                terminal.send("screen -r work\r")
                terminal.expect("in-42")
                terminal.send("exit\r")
                terminal.expect("terminating")
                terminal.send("exit 4\r")
                return terminal.wait()
        self.assertEqual(4, self.both(work))


class Debuggers(SessionTest):
    def test_strace_follows_an_own_program(self):
        def work(who):
            done = who.ssh("strace -f -e trace=execve -o trace sh -c '/bin/true; exit 3'; "
                           "echo $?; grep -c 'execve(' trace")
            return done.out
        self.assertEqual("3\n2\n", self.both(work))

    def test_strace_attaches_to_an_own_process(self):
        def work(who):
            return who.ssh("(while :; do sleep 0.05; done) & timeout 1 strace -o trace -p $! "
                           "2>/dev/null; kill $!; grep -q wait4 trace && echo traced").out
        self.assertEqual("traced\n", self.both(work))

    def test_gdb_attaches_to_an_own_process(self):
        def work(who):
            done = who.ssh("sleep 100 & gdb -nx -batch -p $! -ex 'info inferiors' 2>/dev/null "
                           "| grep -c 'process'; kill $!")
            return done.out.strip() != "0"
        self.assertTrue(self.both(work))

    def test_gdb_runs_an_own_program(self):
        def work(who):
            return who.ssh("gdb -nx -batch -ex run -ex 'info program' /bin/true 2>&1 "
                           "| grep -c 'exited normally'").out
        self.assertEqual("1\n", self.both(work))


class Processes(SessionTest):
    def test_pipeline_of_thousands_of_short_processes(self):
        def work(who):
            return who.ssh("seq 3000 | xargs -n1 -P8 /bin/echo | sort -n | md5sum").out
        self.assertTrue(self.both(work))

    def test_loop_of_thousands_of_short_processes(self):
        def work(who):
            return who.ssh("n=0; while [ $n -lt 2000 ]; do /bin/true && n=$((n+1)); done; "
                           "echo $n").out
        self.assertEqual("2000\n", self.both(work))

    def test_make_in_parallel(self):
        makefile = "all: $(addsuffix .txt,$(shell seq 60))\n%.txt:\n\t@echo $* >$@\n"
        def work(who):
            who.write("Makefile", makefile)
            return who.ssh("make -s -j4 && cat *.txt | sort -n | tr '\\n' ' '").out
        self.assertEqual(" ".join(map(str, range(1, 61))) + " ", self.both(work))

    def test_python_multiprocessing(self):
        def work(who):
            who.write("pool.py", "import multiprocessing\n"
                      "def square(n):\n    return n * n\n"
                      "if __name__ == '__main__':\n"
                      "    for method in ('fork', 'spawn', 'forkserver'):\n"
                      "        with multiprocessing.get_context(method).Pool(4) as pool:\n"
                      "            print(method, sum(pool.map(square, range(1000))))\n")
            return vars(who.ssh(f"{PYTHON} pool.py"))
        self.assertEqual(0, self.both(work)["status"])

    def test_python_asyncio_with_an_allowed_and_a_refused_server(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        said = self.confined.python(f"""
import asyncio
async def greet(port):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return (await reader.readline()).decode()
    except OSError as error:
        return errno.errorcode[error.errno]
async def main():
    child = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    return [await greet({allowed.port}), await greet({refused.port}), out.decode()]
answer(asyncio.run(main()))
""")
        self.assertEqual(["hello\n", "EACCES", "child\n"], said)
        self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))

    def test_own_processes_are_limited_and_rescheduled(self):
        def work(who):
            return who.ssh(
                "sleep 100 & renice -n 19 -p $!; taskset -p 1 $! >taskset; chrt -b -p 0 $!;"
                "ionice -c 3 -p $!; prlimit --nofile=9:9 --pid $!;"
                "ps -o nice=,cls= -p $!; ionice -p $!; prlimit --nofile -no HARD --pid $!;"
                "prlimit --nofile -no HARD --pid 1 >reading; kill $!").out.partition("\n")[2]
        def threads(who):
            return who.ssh(f"""{PYTHON} -c '
import os, threading
def work():
    os.sched_setaffinity(threading.get_native_id(), [0])
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    print(os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0))
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(os.getpriority(os.PRIO_PROCESS, 0))'""").out
        def nobody(who):
            return who.python("""
answer([[attempt(os.setpriority, os.PRIO_PROCESS, pid, 5),
         attempt(os.sched_setaffinity, pid, [0]),
         attempt(os.sched_setscheduler, pid, os.SCHED_OTHER, os.sched_param(0)),
         attempt(os.sched_setparam, pid, os.sched_param(0))]
        for pid in (-1, -(1 << 31), (1 << 31) - 1)])""")
        self.assertIn("ESRCH", self.both(nobody)[0])
        self.assertEqual(["19", "B"], self.both(work).split()[:2])
        self.assertRegex(self.both(threads), r"^\{0\} 19\n1?[0-8]\n$")

    def test_orphans_are_collected(self):
        def work(who):
            who.ssh("for n in $(seq 50); do (sleep 0.01 &) ; done; sleep 0.5")
            return True
        self.both(work)
        eventually(lambda: not self.confined.processes(), "no orphan is left")
