/** What the documents name is there: files, links, commands of `tulle` with their options, scripts of npm, paths of the HTTP API. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../../packages/cli/src/commands/index.ts";
import { ROUTES } from "../../packages/control/src/http/routes.ts";

const DOCUMENTS = globSync(
  ["*.md", "docs/**/*.md", "packages/*/README.md", "test/**/README.md", "bench/README.md", "examples/*/README.md"],
  {
    exclude: ["**/node_modules/**"],
  },
).toSorted();

/** What paths in code quotes may be in, beside the repository and the document's own folder. */
const FOLDERS = [
  "",
  "packages",
  "packages/control/src/telemetry",
  "test/contract",
  "test/e2e",
  "bench",
  "examples/bookinfo",
  "examples/bookinfo/config",
  ...globSync(["packages/*", "packages/*/src"]),
];
/** Made when something runs, in somebody else's repository, or with a word that stands for others. */
const ELSEWHERE = /^(?:source|envoy|istio|manifests|ca|packages\/cli\/dist)\/|[A-Z]{4}/;

const read = (file: string): string => readFileSync(file, "utf8");
const lost = (find: (file: string, text: string) => readonly string[]): string[] =>
  DOCUMENTS.flatMap((file) => find(file, read(file)).map((what) => `${file}: ${what}`));

test("links lead to files", () => {
  const found = lost((file, text) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)]
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(join(dirname(file), path))),
  );
  assert.deepEqual(found, []);
});

test("files that are named are there", () => {
  const found = lost((file, text) =>
    [...text.matchAll(/`([\w.-]+\/[\w./-]*(?:\.(?:ts|tsx|js|md|sh|yaml|json|proto)|\/))`/g)]
      .map(([, path = ""]) => path)
      .filter((path) => !ELSEWHERE.test(path))
      .filter((path) => ![dirname(file), ...FOLDERS].some((folder) => existsSync(join(folder, path)))),
  );
  assert.deepEqual(found, []);
});

test("scripts of npm, and of node, are there", () => {
  const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
  const found = lost((_, text) => [
    ...[...text.matchAll(/npm run ([\w:]+)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => scripts[name] === undefined),
    ...[...text.matchAll(/\b(?:node|bash) ((?:scripts|test|bench)\/[\w./-]+)/g)]
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(path)),
  ]);
  assert.deepEqual(found, []);
});

test("commands of tulle are commands, with options that they have", async () => {
  const found: string[] = [];
  for (const file of DOCUMENTS) {
    for (const line of commandLines(read(file))) {
      const [, name = "", rest = ""] = /^tulle ([a-z][a-z-]*)(.*)$/.exec(line) ?? [];
      if (name === "" || name === "help") continue;
      const command = await COMMANDS[name]?.();
      if (command === undefined) found.push(`${file}: tulle ${name}`);
      const known = new Set(
        Object.entries(command?.options ?? {}).flatMap(([long, { short }]) => [`--${long}`, `-${short}`]),
      );
      const unknown = optionsOf(rest).filter((option) => !known.has(option) && option !== "--help" && option !== "-h");
      for (const option of unknown) found.push(`${file}: tulle ${name} ${option}`);
    }
  }
  assert.deepEqual(found, []);
});

test("paths of the HTTP API are routes", () => {
  const found = lost((file, text) =>
    // Bookinfo has paths of its own.
    [...(file.startsWith("examples/") ? "" : text).matchAll(/\/(api\/v[12]\/[\w/-]*\w)/g)]
      .map(([, path = ""]) => path.split("/"))
      .filter((path) => !ROUTES.some((route) => path.every((part, i) => [part, "*"].includes(route.path[i] ?? ""))))
      .map((path) => path.join("/")),
  );
  assert.deepEqual(found, []);
});

/** Of shell blocks and of code quotes, each from `tulle` on; lines that end in a backslash go on. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    block.replaceAll("\\\n", " ").split("\n"),
  );
  const quotes = [...text.replaceAll(/```.*?```/gs, "").matchAll(/`([^`\n]+)`/g)].map(([, quote = ""]) => quote);
  return [...blocks, ...quotes].flatMap(
    (line) => /(?:^|[;&|(] ?|sudo |npx |\$ |\S=\S+ )(tulle [^#]*)/.exec(line)?.[1]?.trim() ?? [],
  );
}

/** Up to the program that a command runs, or to what its output goes into. */
function optionsOf(rest: string): string[] {
  const own = rest.split(/ (?:--|\||&|>) /)[0]!.replaceAll(/'[^']*'|"[^"]*"/g, "");
  return [...own.matchAll(/(?<=[\s[])(--[a-z][a-z-]*|-[A-Za-z])(?![\w-])/g)].map(([, option = ""]) => option);
}
