import { defineCommand } from "../command.ts";
import type { ControlPlaneClient, JoinToken } from "../control-plane/client.ts";
import { connectAsOwner, ownerOptions } from "../control-plane/options.ts";
import { CliError, UsageError } from "../errors.ts";
import { outputOption, structured } from "../insight/options.ts";
import { formatTable } from "../terminal/table.ts";

export const token = defineCommand({
  name: "token",
  summary: "tokens by which workloads of other machines join",
  usage: [
    "token create --service-account NS/NAME [--ttl DURATION]",
    "token list [-o table|json|yaml]",
    "token revoke ID",
  ],
  description: `A token gives a workload its first certificate: tulle run --token-file FILE, or the environment variable TULLE_TOKEN. From then on the certificate renews itself. A token is for one service account, may be used by all of its workloads, and ends after --ttl. Once it is
revoked nobody joins with it any more, and who has joined with it gets no new certificate: what they hold ends by itself, in a day
at most. The control plane keeps only a hash; a token is printed once.`,
  examples: [
    { command: "tulle token create --service-account default/reviews", does: "a token, on standard output" },
    {
      command: "tulle token create --service-account default/ci --ttl 15m",
      does: "for a machine that is about to start",
    },
    { command: "tulle token revoke 3f9a0c12b7de", does: "by the id that list shows" },
  ],
  options: {
    "service-account": { type: "string", value: "NS/NAME", help: "whose identity it gives" },
    ttl: { type: "duration", value: "DURATION", default: 86_400_000, help: "how long it can be used" },
    output: { ...outputOption, help: "how list prints them" },
    ...ownerOptions,
  },
  positionals: { min: 1, max: 2 },
  run: async ({ options, positionals: [action, id] }) => {
    if (action === "create") return create(connectAsOwner(options), options["service-account"], options.ttl);
    if (action === "list") return list(connectAsOwner(options), options.output);
    if (action === "revoke") return revoke(connectAsOwner(options), id);
    throw new UsageError(`unknown action ${action}`, ["One of create, list, revoke."]);
  },
});

async function create(client: ControlPlaneClient, account: string | undefined, lifetimeMs: number): Promise<number> {
  if (account === undefined) throw new UsageError("--service-account is missing: --service-account NS/NAME");
  const [namespace, serviceAccount, more] = account.split("/");
  if (namespace === undefined || serviceAccount === undefined || more !== undefined) {
    throw new UsageError(`--service-account ${account}: not of the form NS/NAME`, ["Such as default/reviews."]);
  }
  const lifetimeSeconds = lifetimeMs / 1000;
  const { id, token: text, expiresAt } = await client.createToken({ namespace, serviceAccount, lifetimeSeconds });
  console.log(text);
  process.stderr.write(`token ${id} for ${account}, until ${expiresAt}\n`);
  return 0;
}

async function list(client: ControlPlaneClient, output: string): Promise<number> {
  const tokens = await client.tokens();
  if (output !== "table") console.log(structured(tokens, output));
  else if (tokens.length === 0) process.stderr.write("no tokens\n");
  else console.log(formatTable(tokens.map(row), { header: ["ID", "SERVICE ACCOUNT", "CREATED", "EXPIRES", "STATE"] }));
  return 0;
}

function row({ id, namespace, serviceAccount, createdAt, expiresAt, revokedAt }: JoinToken): string[] {
  const over = Date.parse(expiresAt) <= Date.now() ? "expired" : "valid";
  return [id, `${namespace}/${serviceAccount}`, createdAt, expiresAt, revokedAt === undefined ? over : "revoked"];
}

async function revoke(client: ControlPlaneClient, id: string | undefined): Promise<number> {
  if (id === undefined) throw new UsageError("no id given: tulle token revoke ID", ["Ids: tulle token list"]);
  const holders = await client.revokeToken(id);
  if (holders === undefined) throw new CliError(`there is no token ${id}`, ["Ids: tulle token list"]);
  console.log(`token ${id} revoked`);
  for (const { identity, node, until } of holders) {
    process.stderr.write(`${identity}${node === "" ? "" : ` (${node})`} holds a certificate until ${until}\n`);
  }
  return 0;
}
