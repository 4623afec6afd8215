import { formatDiagnostic } from "@tulle/api";
import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import { defineCommand } from "../command.ts";
import { readManifests } from "../control-plane/manifests.ts";
import { apiOptions, connect, namespaceOption } from "../control-plane/options.ts";
import { CliError, reason, UsageError } from "../errors.ts";
import { printAnswer, printChange } from "../explain/print.ts";
import { style } from "../terminal/style.ts";

export const explain = defineCommand({
  name: "explain",
  summary: "says why a request went, or would go, where it goes",
  usage: [
    "explain REQUEST",
    "explain --from CLIENT [METHOD] URL [-H 'NAME: VALUE' …] [--principal ID] [--claims JSON]",
    "explain -f FILE|DIR|- [-n NS]",
  ],
  description: `Of a request that there was (REQUEST is a line of an access log, a request id or a trace id): what happened, why, and what to do
about it. Of one that there could be: the way through listener, filters, route, cluster and endpoints, and through the server's proxy,
each step with the object, the file and the line that made it so, and what was considered and lost. With -f: what applying these objects
would change, for which proxies, and for the requests that are recorded. Answers come from the same matchers that carry traffic.
Exit code: 0 if there is an answer, whatever it says; 1 if nobody knows such a request or client.`,
  examples: [
    {
      command: "tulle explain --from productpage GET http://reviews:9080/reviews/0 -H 'end-user: jason'",
      does: "where such a request would go",
    },
    { command: "tulle explain 5a0e3bc8-9c1f-4a3e-8d2f-0a1b2c3d4e5f", does: "what became of a request, by its id" },
    { command: "tulle explain -f reviews-v2.yaml", does: "what would change" },
    {
      command: "tulle explain --config-dump dump.json --from x/default http://reviews:9080/",
      does: "by the config dump of any Envoy",
    },
  ],
  options: {
    from: {
      type: "string",
      value: "CLIENT",
      help: "who sends it: a workload or service, NAME.NAMESPACE, or a proxy's node id",
    },
    header: { type: "string", short: "H", value: "'NAME: VALUE'", multiple: true, help: "a header of the request" },
    principal: { type: "string", value: "ID", help: "SPIFFE id that the client shows, in place of its own" },
    claims: { type: "string", value: "JSON", help: "claims of a token that is taken for valid" },
    "config-dump": {
      type: "string",
      value: "FILE",
      help: "answer of a proxy's /config_dump?include_eds, in place of what is connected",
    },
    filename: {
      type: "string",
      short: "f",
      value: "FILE|DIR|-",
      multiple: true,
      help: "objects that could be applied",
    },
    recursive: { type: "flag", short: "R", help: "also directories below DIR" },
    namespace: namespaceOption,
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json", "yaml"],
      default: "table",
      help: "how to print it",
    },
    ...apiOptions,
  },
  positionals: { min: 0, max: 3 },
  run: async ({ options, positionals }) => {
    const client = connect(options);
    const print = (answer: object, text: () => string): void => {
      console.log(
        options.output === "json"
          ? JSON.stringify(answer, undefined, 2)
          : options.output === "yaml"
            ? stringify(answer).trimEnd()
            : text(),
      );
    };
    if (options.filename.length > 0) {
      if (positionals.length > 0) throw new UsageError("explain -f takes no request");
      const manifests = readManifests(options.filename, options.recursive);
      const answer = await client.explainChange(manifests.stream, options.namespace);
      const problems = answer.diagnostics as Parameters<typeof formatDiagnostic>[0][];
      for (const problem of problems) {
        const text = formatDiagnostic({ ...problem, ...manifests.locate(problem.line) });
        process.stderr.write(`${(problem.severity === "error" ? style.bad : style.caution)(text, process.stderr)}\n`);
      }
      if (problems.some(({ severity }) => severity === "error")) throw new CliError("the objects could not be applied");
      print(answer, () => printChange(answer));
      return 0;
    }
    const answer = await client.explain(questionOf(options, positionals));
    print(answer, () => printAnswer(answer));
    return 0;
  },
});

interface Asked {
  readonly from: string | undefined;
  readonly header: readonly string[];
  readonly principal: string | undefined;
  readonly claims: string | undefined;
  readonly "config-dump": string | undefined;
}

function questionOf(asked: Asked, positionals: readonly string[]) {
  const { from, principal } = asked;
  const dump = asked["config-dump"];
  if (from === undefined && dump === undefined) {
    const [request, ...more] = positionals;
    if (request === undefined || more.length > 0) {
      throw new UsageError("explain takes one request (quote a log line), or --from CLIENT with a URL, or -f FILE");
    }
    return { request };
  }
  const [first, second, third] = positionals;
  if (first === undefined || third !== undefined) throw new UsageError("with --from explain takes [METHOD] URL");
  const headers = asked.header.map((text): [string, string] => {
    const colon = text.indexOf(":", 1);
    if (colon < 0) throw new UsageError(`-H ${text}: expected NAME: VALUE`);
    return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  });
  return {
    ...(from === undefined ? {} : { from }),
    method: second === undefined ? "GET" : first,
    url: second ?? first,
    headers,
    ...(principal === undefined ? {} : { principal }),
    ...(asked.claims === undefined ? {} : { claims: parseJson(asked.claims, "--claims") as Record<string, unknown> }),
    ...(dump === undefined ? {} : { configDump: parseJson(readText(dump), dump) }),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${reason(error)}`);
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CliError(`${what} is not JSON: ${reason(error)}`);
  }
}
