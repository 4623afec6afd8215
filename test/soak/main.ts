/** `npm run soak [-- churn|rotation --requests N --certificates N --json]`: what the live suites do for a moment, at length. */
import { parseArgs } from "node:util";
import { churn } from "./churn.ts";
import { rotation } from "./rotation.ts";

const USAGE = `npm run soak -- [churn|rotation] [options]

  churn       endpoints, routes and backends change, are killed and come back under load: nothing is lost, nothing executed twice (default)
  rotation    certificates and the root are replaced under load: nothing fails

  --requests N      at least so many (200000)
  --certificates N  rotation: so many are issued meanwhile (200)
  --json            the result on one line
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h", default: false },
    requests: { type: "string", default: "200000" },
    certificates: { type: "string", default: "200" },
    json: { type: "boolean", default: false },
  },
});
const [soak = "churn"] = positionals;
const requests = Number(values.requests);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
if (values.help) process.stdout.write(USAGE);
else if (soak === "churn") {
  const result = await churn(requests, progress);
  finish(result, result.lost + result.executedTwice + result.neverExecuted === 0);
} else if (soak === "rotation") {
  const result = await rotation(requests, Number(values.certificates), progress);
  finish(result, result.failed === 0 && result.rootReplaced);
} else {
  process.stderr.write(`soak: ${soak}: expected churn or rotation\n\n${USAGE}`);
  process.exitCode = 2;
}

function finish(result: object, good: boolean): void {
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? 0 : 2)}\n`);
  process.exitCode = good ? 0 : 1;
}
