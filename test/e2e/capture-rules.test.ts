/** `tulle capture-rules --apply` and `--cleanup` against this machine's kernel, in a network namespace of their own. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Namespace, whyNoNamespaces } from "./support/namespaces.ts";

const TULLE = join(import.meta.dirname, "../../packages/cli/bin/tulle.js");
const MANY =
  "--redirect-dns --capture-all-dns --drop-invalid -x 10.0.0.0/8,fd00::/8 -o 5432 -q 99 -c eth9 -k tap0".split(" ");

describe("capture rules in the kernel", { skip: whyNoNamespaces() }, () => {
  const namespace = new Namespace();
  before(() => namespace.create());
  after(() => namespace.remove());

  const tulle = (...args: readonly string[]): void => {
    namespace.exec(process.execPath, TULLE, "capture-rules", ...args);
  };
  const kernel = (): string =>
    [
      ["iptables-save"],
      ["ip6tables-save"],
      ["nft", "list", "ruleset"],
      ["ip", "rule"],
      ["ip", "route", "show", "table", "all"],
    ]
      .map((command) => namespace.exec(...command))
      .join("")
      .replaceAll(/^#.*\n/gm, "")
      .replaceAll(/counter packets \d+ bytes \d+/g, "counter")
      .replaceAll(/\[\d+:\d+\]/g, "[0:0]");

  for (const rules of ["iptables", "nft"] as const) {
    for (const mode of ["REDIRECT", "TPROXY"] as const) {
      test(`${rules}, ${mode}: applied twice they are there once, cleaned up twice they are gone`, () => {
        tulle("--apply", "--rules", rules, "-m", mode, ...MANY);
        const once = kernel();
        assert.match(once, /TULLE_INBOUND/);
        tulle("--apply", "--rules", rules, "-m", mode, ...MANY);
        assert.equal(kernel(), once);
        tulle("--cleanup", "--rules", rules);
        tulle("--cleanup", "--rules", rules);
        assert.doesNotMatch(kernel(), /tulle|0x539/i);
      });

      test(`${rules}, ${mode}: other options replace what was there`, () => {
        tulle("--apply", "--rules", rules, "-m", mode, ...MANY);
        tulle("--apply", "--rules", rules, "-m", mode, "-x", "192.168.0.0/16");
        const replaced = kernel();
        tulle("--cleanup", "--rules", rules);
        tulle("--apply", "--rules", rules, "-m", mode, "-x", "192.168.0.0/16");
        const anew = kernel();
        tulle("--cleanup", "--rules", rules);
        assert.equal(withoutEmpty(replaced), withoutEmpty(anew));
        assert.doesNotMatch(replaced, /10\.0\.0\.0\/8|5432/);
      });
    }
  }

  test("what it prints can be given to the programs that it names", () => {
    const print = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [TULLE, "capture-rules", ...args], { encoding: "utf8" });
    const feed = (input: string, ...command: readonly string[]): void => {
      const { status, stderr } = spawnSync("ip", ["netns", "exec", namespace.name, ...command], {
        input,
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
    };
    const [v4, v6] = print().split("# ip6tables-restore --noflush\n") as [string, string];
    feed(v4, "iptables-restore", "--noflush");
    feed(v6, "ip6tables-restore", "--noflush");
    feed(print("--rules", "nft"), "nft", "-f", "-");
    tulle("--cleanup");
    tulle("--cleanup", "--rules", "nft");
  });

  test("without privileges it says what is needed, and exits with 1", () => {
    for (const rules of ["iptables", "nft"]) {
      const { status, stderr } = spawnSync(
        "setpriv",
        ["--reuid", "65534", "--clear-groups", process.execPath, TULLE, "capture-rules", "--apply", "--rules", rules],
        { encoding: "utf8" },
      );
      assert.equal(status, 1);
      assert.match(stderr, /Run it as root \(sudo\), or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW\./);
    }
  });
});

/** Tables that iptables has made are never gone, even if nothing is in them. */
function withoutEmpty(text: string): string {
  return text
    .replaceAll(/^\*\w+\n(?::\w+ ACCEPT \[0:0\]\n)+COMMIT\n/gm, "")
    .replaceAll(/^table ip6? \w+ \{\n(?:\tchain \w+ \{\n\t\ttype .*\n\t\}\n+)*\}\n/gm, "");
}
