/** `npm run soak [-- --requests N] [--json]`: the churn test at length. */
import { parseArgs } from "node:util";
import { churn } from "./churn.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "200000" }, json: { type: "boolean", default: false } },
});
const result = await churn(Number(values.requests), (text) => process.stderr.write(`${text}\n`));
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${JSON.stringify(result, undefined, 2)}\n`);
process.exitCode = result.lost + result.executedTwice + result.neverExecuted === 0 ? 0 : 1;
