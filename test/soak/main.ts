/** `npm run soak [-- churn|rotation --requests N --certificates N --json]`: what the live suites do for a moment, at length. */
import { parseArgs } from "node:util";
import { churn } from "./churn.ts";
import { rotation } from "./rotation.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string", default: "200000" },
    certificates: { type: "string", default: "200" },
    json: { type: "boolean", default: false },
  },
});
const [soak = "churn"] = positionals;
const requests = Number(values.requests);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
if (soak === "churn") {
  const result = await churn(requests, progress);
  finish(result, result.lost + result.executedTwice + result.neverExecuted === 0);
} else if (soak === "rotation") {
  const result = await rotation(requests, Number(values.certificates), progress);
  finish(result, result.failed === 0 && result.rootReplaced);
} else {
  process.stderr.write(`soak: ${soak}: expected churn or rotation\n`);
  process.exitCode = 2;
}

function finish(result: object, good: boolean): void {
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? 0 : 2)}\n`);
  process.exitCode = good ? 0 : 1;
}
