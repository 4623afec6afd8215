// How a process that carries traffic is started, so that it stays small. Node's defaults suit a program that has the machine
// to itself; there is a sidecar beside every service. Measured in docs/decisions/0014-memory.md.
// Plain JavaScript that any Node since 16 can run, like the launcher that uses it.

/** Commands whose process is a proxy. */
const PROXY_COMMANDS = new Set(["captured-sidecar", "gateway", "proxy", "run"]);

/**
 * V8's young generation grows to 3 × 16 MB under load; a request's garbage dies young in a smaller one, too. A proxy does the
 * same few things all day: TurboFan gets to them soon, and the middle compiler's code and working memory are 10 MB. So little
 * survives a young collection that waking threads to share the work costs more than the work. What V8 does beside the main
 * thread (compiling, marking) one thread can do; each of four has its own megabyte.
 */
const FLAGS = ["--max-semi-space-size=2", "--no-maglev", "--no-parallel-scavenge", "--v8-pool-size=1"];

/**
 * For glibc's allocator (others don't read them): what V8's compilers took goes back to the system when they have finished,
 * instead of staying in the arena of each of their threads.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: "32768", MALLOC_TRIM_THRESHOLD_: "65536" };

/** In the environment of a process started so: the names that were added to it, for startedAsProxy to take away. */
const MARK = "TULLE_PROXY_PROCESS";

/**
 * Node's flags and the environment for `tulle ARGUMENTS…`; undefined if it needs no other than `env`. What the user has set wins.
 * @param {readonly string[]} args
 * @param {Readonly<NodeJS.ProcessEnv>} env
 * @returns {{ flags: string[], env: NodeJS.ProcessEnv } | undefined}
 */
export function proxyProcess(args, env) {
  if (!PROXY_COMMANDS.has(args[0])) return undefined;
  const added = Object.keys(ALLOCATOR).filter((name) => env[name] === undefined);
  const settings = Object.fromEntries(added.map((name) => [name, ALLOCATOR[name]]));
  const flags = FLAGS.filter((flag) => !env.NODE_OPTIONS?.includes(flag.split("=")[0]));
  return { flags, env: { ...env, ...settings, [MARK]: added.join(",") } };
}

/**
 * Whether this process was started as proxyProcess says; takes the traces of it out of its environment, which is not for the
 * programs that it starts (the allocator has read it).
 */
export function startedAsProxy() {
  const added = process.env[MARK];
  if (added === undefined) return false;
  for (const name of [MARK, ...added.split(",")]) delete process.env[name];
  return true;
}
