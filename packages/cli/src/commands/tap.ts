import type { KeptRequest } from "@tulle/telemetry/records";
import { defineCommand } from "../command.ts";
import { apiOptions, connect } from "../control-plane/options.ts";
import { structured } from "../insight/options.ts";
import { onStop } from "../process/stop-signal.ts";
import { lineOf } from "../tap/line.ts";
import { PAIR_MS, Pairs } from "../tap/pairs.ts";
import type { TappedRequest } from "../tap/pairs.ts";
import { style } from "../terminal/style.ts";

interface TapEvent {
  readonly requests: readonly KeptRequest[];
  /** That we were too slow for. */
  readonly missed: number;
}

export const tap = defineCommand({
  name: "tap",
  summary: "shows requests as they happen",
  usage: ["tap [SERVICE|WORKLOAD] [options]"],
  description: `One line a request, as both ends tell it: when, from whom to whom, what was asked, the answer, how long it took, and in plain words
what went wrong. Proxies tell of failed, flagged and slow requests first and of all others within a budget (50 a second each);
what was left out is said on stderr. Ends with Ctrl-C.`,
  examples: [
    { command: "tulle tap", does: "everything" },
    { command: "tulle tap reviews --status error", does: "what fails at reviews" },
    { command: "tulle tap --from productpage --path /reviews -o json", does: "an object for each line" },
    { command: "tulle tap ratings --max 10", does: "ten requests" },
  ],
  positionals: { min: 0, max: 1 },
  options: {
    from: { type: "string", value: "NAME", help: "sent by this service or workload" },
    to: { type: "string", value: "NAME", help: "to this service or workload" },
    namespace: { type: "string", short: "n", value: "NS", help: "with one end in this namespace" },
    status: { type: "string", value: "STATUS", help: "404, 5xx, or error: failed, flagged or without an answer" },
    method: { type: "string", value: "METHOD", help: "GET, POST, …" },
    path: { type: "string", value: "PREFIX", help: "whose path begins so" },
    flags: { type: "string", value: "FLAGS", help: "with one of these response flags, such as UF,UO" },
    max: { type: "integer", min: 1, value: "N", help: "ends after so many" },
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json", "yaml"],
      default: "table",
      help: "lines, an object on each line, or a YAML document each",
    },
    ...apiOptions,
  },
  run: async ({ options, positionals: [subject] }) => {
    const { from, to, namespace, status, method, path, flags, max = Infinity, output } = options;
    const query = new URLSearchParams();
    const wanted = { subject, source: from, destination: to, namespace, status, method, path, flags };
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
    const stop = new AbortController();
    onStop(() => stop.abort());
    let count = 0;
    const print = (request: TappedRequest): void => {
      if (count++ >= max) return;
      if (output === "json") console.log(JSON.stringify(request));
      else if (output === "yaml") console.log(`---\n${structured(request, output)}`);
      else console.log(lineOf(request));
      if (count >= max) stop.abort();
    };
    const pairs = new Pairs();
    const printDue = (nowMs: number): void => {
      for (const request of pairs.due(nowMs)) print(request);
    };
    const timer = setInterval(() => printDue(Date.now()), PAIR_MS / 2);
    try {
      await connect(options).events(
        `/api/v1/tap?${query.toString()}`,
        (event) => onEvent(event as TapEvent),
        stop.signal,
      );
    } finally {
      clearInterval(timer);
      printDue(Infinity);
    }
    return 0;

    function onEvent({ requests, missed }: TapEvent): void {
      const leftOut = requests.reduce((sum, request) => sum + request.leftOut, 0);
      if (leftOut > 0) note(`${leftOut} more like these were left out by proxies, for want of budget`);
      if (missed > 0) note(`${missed} were missed: they came faster than they were read`);
      for (const request of requests) {
        const whole = pairs.add(request, Date.now());
        if (whole !== undefined) print(whole);
      }
    }
  },
});

function note(text: string): void {
  process.stderr.write(`${style.dim(`… ${text}`, process.stderr)}\n`);
}
