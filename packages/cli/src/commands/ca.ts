import { setTimeout as delay } from "node:timers/promises";
import { defineCommand } from "../command.ts";
import type { AuthorityState, ControlPlaneClient, RotationState } from "../control-plane/client.ts";
import { connectAsOwner, ownerOptions } from "../control-plane/options.ts";
import { CliError, UsageError } from "../errors.ts";
import { structured } from "../insight/options.ts";
import { formatTable } from "../terminal/table.ts";

const POLL_MS = 500;

/** What each step does, for people. */
const STEPS = {
  distribute: "a new root is made, and every workload is told to trust it beside the old one",
  sign: "the new root signs from now on, and every workload gets a new certificate",
  retire: "the old root is trusted no more",
} as const;

export const ca = defineCommand({
  name: "ca",
  summary: "the certificate authority: what it signs with, and how its root is replaced",
  usage: ["ca show [-o table|json|yaml|pem]", "ca rotate [--dry-run | --step] [--force] [--wait DURATION]"],
  description: `rotate replaces the root without a failed request, in three steps: distribute (a new root is trusted by everybody), sign (it signs, and
workloads get new certificates at once), retire (the old one is forgotten). Before each it waits until nobody would be cut off. With
--step it takes one step and ends, refusing it if somebody would be cut off; with --dry-run it only says what the next step is, whom
it would cut off now, and why. A control plane that is restarted in between goes on where it was.`,
  examples: [
    { command: "tulle ca show", does: "roots, what is between them and workloads, how many certificates each has" },
    { command: "tulle ca show -o pem > roots.pem", does: "what other machines need to know the control plane by" },
    { command: "tulle ca rotate --dry-run", does: "what would happen" },
    { command: "tulle ca rotate", does: "all steps, each when it is safe" },
  ],
  options: {
    output: {
      type: "choice",
      short: "o",
      value: "FORMAT",
      choices: ["table", "json", "yaml", "pem"],
      default: "table",
      help: "how show prints it",
    },
    "dry-run": { type: "flag", help: "only say what the next step would do" },
    step: { type: "flag", help: "take one step, now or not at all" },
    force: { type: "flag", help: "with --step: also if workloads are cut off" },
    wait: { type: "duration", value: "DURATION", default: 600_000, help: "how long to wait until a step is safe" },
    ...ownerOptions,
  },
  positionals: { min: 1, max: 1 },
  run: async ({ options, positionals: [action] }) => {
    if (action === "show") return show(await connectAsOwner(options).authority(), options.output);
    if (action !== "rotate") throw new UsageError(`unknown action ${action}`, ["One of show, rotate."]);
    if (options.force && !options.step) throw new UsageError("--force goes with --step");
    if (options.step && options["dry-run"]) throw new UsageError("--step and --dry-run do not go together");
    const client = connectAsOwner(options);
    if (options["dry-run"]) return rehearse(await client.rotation());
    if (options.step) return takeStep(client, options.force);
    return rotate(client, options.wait);
  },
});

function show(state: AuthorityState, output: "table" | "json" | "yaml" | "pem"): number {
  if (output === "pem") process.stdout.write(state.bundle);
  else if (output !== "table") console.log(structured(state, output));
  else {
    const rows = [
      ...state.roots.map(({ id, subject, notAfter, certificates, signs }) => [
        id,
        `root${state.kind === "own" ? "" : ", plugged in"}${signs ? ", signs" : ""}`,
        subject,
        notAfter,
        `${certificates}`,
      ]),
      ...state.chain.map(({ id, subject, notAfter }) => [id, "intermediate", subject, notAfter, ""]),
    ];
    console.log(formatTable(rows, { header: ["ID", "IS", "SUBJECT", "EXPIRES", "CERTIFICATES"], right: [4] }));
  }
  return 0;
}

function nextOf({ next }: RotationState): NonNullable<RotationState["next"]> {
  if (next !== undefined) return next;
  throw new CliError("the certificate authority is plugged in", [
    "It is rotated by its files: first root-cert.pem with both roots, then the new signer, then root-cert.pem with the new root.",
  ]);
}

function rehearse(state: RotationState): number {
  const next = nextOf(state);
  console.log(`next step: ${next}: ${STEPS[next]}`);
  if (state.cutOff.length === 0) console.log("nobody would be cut off");
  printCutOff(state);
  return state.cutOff.length === 0 ? 0 : 1;
}

function printCutOff({ cutOff }: RotationState): void {
  for (const { identity, node, why } of cutOff)
    console.log(`would be cut off: ${node || identity} (${identity}): ${why}`);
}

async function takeStep(client: ControlPlaneClient, force: boolean): Promise<number> {
  const state = await client.rotation();
  const next = nextOf(state);
  if (state.cutOff.length > 0 && !force) {
    printCutOff(state);
    throw new CliError(`${next} would cut off ${state.cutOff.length} workloads`, [
      "Wait until they have what they need, or stop them.",
      "To take the step all the same: --force",
    ]);
  }
  await client.rotate(next, force);
  console.log(`done: ${next}: ${STEPS[next]}`);
  return 0;
}

/** Until the old root is gone. */
async function rotate(client: ControlPlaneClient, waitMs: number): Promise<number> {
  for (;;) {
    const deadline = performance.now() + waitMs;
    let state = await client.rotation();
    const next = nextOf(state);
    if (state.cutOff.length > 0) {
      console.log(`${next} waits for ${state.cutOff.length} workloads`);
      printCutOff(state);
    }
    while (state.cutOff.length > 0) {
      if (performance.now() > deadline) {
        printCutOff(state);
        throw new CliError(`${next} is not safe after ${waitMs / 1000} s`, [
          "Go on later: tulle ca rotate",
          "If those that are left are gone for good: tulle ca rotate --step --force",
          "More time: --wait",
        ]);
      }
      await delay(POLL_MS);
      state = await client.rotation();
    }
    await client.rotate(next, false);
    console.log(`done: ${next}: ${STEPS[next]}`);
    if (next === "retire") return 0;
  }
}
