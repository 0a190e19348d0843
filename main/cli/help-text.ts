import { EXIT_CODES_HELP } from './exit-codes.ts';

/** What stands below the options of each --help, in the manner of a man page. */
const pageEnd = (...sections: readonly string[]): string =>
  `\n${[...sections, EXIT_CODES_HELP].join('\n\n')}\n`;

export const ROOT_HELP = pageEnd(
  `EXAMPLES
  sudo emberscope record -a -d 10 -o machine.ember     everything, for 10 seconds
  sudo emberscope record -F 999 -- ./app --flag        a program and its children
  emberscope report machine.ember                      hottest functions, losses, own cost
  emberscope symbolize machine.ember                   names for what had none, e.g. with new debug files
  emberscope machine.ember                             the same as: emberscope open machine.ember
  emberscope serve machine.ember                       the window in a browser, for machines without a display`,
  `FILES
  *.ember    a session: one SQLite database, described in SESSION-FORMAT.md. It holds samples, symbols,
             host facts, losses and the profiler's own cost, and opens anywhere without privileges.`,
  `ENVIRONMENT
  NO_COLOR                 set to anything: no colours on the terminal
  DEBUGINFOD_URLS          servers of debug files, see: emberscope symbolize --help
  EMBERSCOPE_APP_COMMAND   how the desktop app is started, a JSON array; set by the launcher`,
);

export const RECORD_HELP = pageEnd(
  `TARGETS
  Give exactly one. A process or command is followed with its threads and descendants, also those born
  during the recording. A cgroup includes its descendants. A command is started as the calling user
  and held until sampling runs, so that its first instruction is recorded; the recording ends with it.
  Its exit status is printed when it is not 0 and does not change that of emberscope.`,
  `EXAMPLES
  sudo emberscope record -a -d 10 -o machine.ember
  sudo emberscope record -p "$(pgrep -o nginx)" -F 499
  sudo emberscope record --cgroup system.slice/nginx.service -d 5m
  sudo emberscope record -F 999 -o app.ember -- ./app --flag
  sudo emberscope record -a --aggregate -d 8h -o night.ember`,
  `UNWINDING
  --unwind auto  user stacks by tables made of .eh_frame, which need no frame pointers, and one step by
                 frame pointer wherever no table has the address, as in generated code
  --unwind eh    by tables alone
  --unwind fp    by the kernel, along frame pointers: breaks in code built without them
  Kernels older than 5.15 know fp only. A stack that ends before its thread's start says so and why.`,
  `FILES
  Without -o the session is written to the current folder as DATE-TIME-TARGET.ember. It is readable
  from the first second. If the recorder is killed, all but about the last second is kept.`,
  `SOURCES
  Besides samples of what runs, one recording can measure, all on one clock:
  --off-cpu [MIN]    waits of at least MIN (1ms by default) with the stacks that wait; --wakers adds who
                     ended them
  --run-queue        time from wake-up, or preemption, to running
  --syscalls         every system call by number and outcome
  --block-io         block requests: in the queue, in the device
  --function PROBE   NAME or NAM* of the kernel, PATH:SYMBOL or PATH:+0xOFFSET of a program or library
  --count EVENT      a stack for each page-faults, context-switches, CATEGORY:NAME, ...; EVENT/100 for
                     every hundredth
  --trace PROBE      a list of events: tracepoint:CATEGORY:NAME, usdt:FILE:PROVIDER:NAME or a function;
                     --filter 'pid == 42', --returns for what functions return and how long they take
  --detail histogram counts calls in the kernel and keeps some of each bucket with stacks; --detail
                     events keeps each call. --no-on-cpu leaves the samples out.
  "emberscope latency", "emberscope events" and the window show them.`,
  `OVERHEAD
  Each sample interrupts its CPU for some microseconds. At 99 Hz that is well under 0.1 % of a CPU, at
  999 Hz some tenths of a percent, at 20 kHz a large part of one. Writing the session adds work on
  some CPU. What it really cost is measured, shown while recording and stored: see "own cost" in
  "emberscope report". --aggregate counts equal stacks in the kernel: cheaper for hours, but without
  the time of each sample.`,
);

export const LATENCY_HELP = pageEnd(
  `OUTPUT
  A table per source of durations: off-CPU time by state, run-queue latency, calls of functions, system
  calls by outcome, block requests. Percentiles come from buckets and are off by at most 1.6 %; counts,
  totals and the longest are exact.`,
  `EXAMPLES
  sudo emberscope record -a -d 10 --syscalls --off-cpu -o waits.ember
  emberscope latency waits.ember
  emberscope latency waits.ember --json | jq '.[] | select(.name == "read")'`,
);

export const PROBES_HELP = pageEnd(
  `OUTPUT
  Kernel functions, tracepoints with their fields and events to count; with --binary functions of the
  file and its USDT probes. "problem" says why one cannot be measured. Without privileges the kernel
  tells less: tracepoints lack category and fields, and functions that nobody may trace are not marked.
  --estimate counts one function, or CATEGORY:NAME, on the whole machine for 0.2 s, and prints how often
  it is hit and what share of a CPU measuring it would take.`,
  `EXAMPLES
  emberscope probes vfs_read
  sudo emberscope probes sched wak --kind tracepoint
  emberscope probes --binary /usr/lib/x86_64-linux-gnu/libc.so.6 malloc
  sudo emberscope probes --estimate sched:sched_switch`,
);

export const EVENTS_HELP = pageEnd(
  `OUTPUT
  One line per event in the order of the recording: time since its start, thread, CPU, the fields as the
  kernel defines them, and the innermost function of the stack.`,
  `EXAMPLES
  sudo emberscope record -a -d 5 --no-on-cpu --trace tracepoint:sched:sched_process_exec -o exec.ember
  emberscope events exec.ember`,
);

export const REPORT_HELP = pageEnd(
  `OUTPUT
  Target, host, sampling, what was lost and what to do about it, what recording cost; then functions by
  self weight (in the function alone) and by total weight (in it or what it called; recursion counts
  once per sample), and processes. Shares are of all samples in the session.
  --quality prints instead the share of complete user stacks, what is cut and why, which modules lack
  names, losses, memory of unwind tables and own CPU, each with what to do about it.
  --json prints all of it as one object; weights are samples, shares 0 to 1, times nanoseconds.`,
  `EXAMPLES
  emberscope report app.ember --top 30
  emberscope report app.ember --json | jq '.hottestBySelf[0]'`,
);

export const SYMBOLIZE_HELP = pageEnd(
  `OUTPUT
  How many frames got a name, by image, and what is still without one and why. Names are only added:
  samples, stacks and totals stay byte for byte. A program or debug file is believed if its build id is
  the recorded one; generated code and the kernel only in the boot they were recorded in.
  Ctrl-C ends it early; the file keeps what was found. A session that is being recorded is refused.`,
  `DEBUGINFOD
  --debuginfod asks the servers named in DEBUGINFOD_URLS, through the system's client library
  (libdebuginfod.so.1), for the files that are missing here, hottest first. Without the option nothing
  is asked of the network. Files are kept where the library keeps them: DEBUGINFOD_CACHE_PATH.`,
  `EXAMPLES
  emberscope symbolize app.ember
  DEBUGINFOD_URLS=https://debuginfod.debian.net emberscope symbolize app.ember --debuginfod`,
);

export const EXPORT_HELP = pageEnd(
  `FORMATS
  folded   "command;root;...;leaf count" lines, exactly as FlameGraph's stackcollapse-perf prints them
  svg      one flame graph image with tooltips; no script
  html     one interactive page: zoom, search, details; no network, no other file needed`,
  `EXAMPLES
  emberscope export app.ember --format folded | flamegraph.pl > app.svg
  emberscope export app.ember --format html -o app.html`,
  `FILES
  OUT is replaced only once the new file is complete.`,
);

export const SQL_HELP = pageEnd(
  `TABLES
  Those of the file (SESSION-FORMAT.md), such as process, thread, stack, frame, function, stack_total and
  the views hot_function and hot_stack; and one more, unpacked when it is named:
  sample (time_ns, thread, stack, cpu, weight, source). Only questions are allowed: select, with,
  values, explain.`,
  `EXAMPLES
  emberscope sql app.ember 'SELECT * FROM hot_function LIMIT 10'
  emberscope sql app.ember 'SELECT time_ns / 1000000000 AS second, count(*) FROM sample GROUP BY 1' --csv`,
);

export const DOCTOR_HELP = pageEnd(
  `OUTPUT
  One line per check: ok, limited (works with less), missing, or info; with the fix where one is needed.
  The exit code is 0 when recording is possible here and 1 when it is not.`,
  `EXAMPLES
  emberscope doctor
  sudo emberscope doctor --json`,
);

export const DEMO_HELP = pageEnd(
  `FILES
  emberscope-demo.ember and emberscope-demo.html in the current folder; earlier ones are replaced.`,
  `EXAMPLES
  sudo emberscope demo`,
);

export const OPEN_HELP = pageEnd(
  `EXAMPLES
  emberscope open app.ember
  emberscope app.ember`,
);

export const SERVE_HELP = pageEnd(
  `BROWSER
  Prints an address with a key and serves the window there until Ctrl-C. Only this machine can connect, and
  only who has the address: do not put it on a command line, where everybody can read it. Files are opened
  and written on the machine that serves, with the rights of the user who serves.`,
  `RECORDING
  The server is never root. A live recording needs what the helper needs: start it by sudo, and it serves as
  you with the capabilities of a recording alone; or as a plain user on a machine whose helper has been
  given them. Without, recorded sessions can be opened.`,
  `EXAMPLES
  emberscope serve app.ember
  sudo emberscope serve --record --port 8123
  ssh -t -L 8123:127.0.0.1:8123 build-7 emberscope serve app.ember --port 8123`,
);

export const INSTALL_HELPER_HELP = pageEnd(
  `WHAT IT DOES
  Recording needs privileges that the window never has. A helper has them, which polkit starts after asking for an
  administrator's password. Packages bring it along; from a checkout or an unpacked archive this command copies it
  to /usr/lib/emberscope, with launchers in /usr/libexec/emberscope and a polkit policy. Run it again after an
  update. It changes no setting of the system.
  --group adds a launcher with file capabilities for servers, where nobody can answer a dialog: members of the group
  may then record every process of the machine at any time.`,
  `EXAMPLES
  sudo emberscope install-helper
  sudo groupadd --system profilers && sudo usermod -aG profilers "$USER"
  sudo emberscope install-helper --group profilers`,
);

export const UNINSTALL_HELPER_HELP = pageEnd(
  `EXAMPLES
  sudo emberscope uninstall-helper`,
);
