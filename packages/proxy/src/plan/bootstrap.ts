/** Reads an Envoy bootstrap file: the same file starts Envoy and this proxy. */
import { readFile } from "node:fs/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { type Bootstrap, BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { ScalarTag, Tags } from "yaml";
import { checkMessage } from "./check.ts";
import { decodeJson } from "./json.ts";
import { ConfigError, Place, type Problem, throwProblems } from "./problems.ts";

/** Reads and checks the file. Throws ConfigError with every problem found. */
export async function loadBootstrapFile(path: string): Promise<Bootstrap> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ConfigError([
      { path, message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` },
    ]);
  }
  return parseBootstrap(text, path);
}

/** @param name shown in errors; a name in `.json` must hold JSON, any other may hold either. */
export async function parseBootstrap(text: string, name: string): Promise<Bootstrap> {
  const json = await parseConfigText(text, name);
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const bootstrap = decodeJson(BootstrapSchema, json, place);
  checkMessage(BootstrapSchema, bootstrap, place);
  throwProblems(problems);
  return bootstrap;
}

/** YAML or JSON, as a value. Throws ConfigError. */
export async function parseConfigText(text: string, name: string): Promise<JsonValue> {
  if (name.endsWith(".json") || text.trimStart().startsWith("{")) {
    try {
      return JSON.parse(text) as JsonValue;
    } catch (error) {
      // A YAML flow mapping may start with a brace too.
      if (name.endsWith(".json")) throw new ConfigError([{ path: name, message: String(error) }]);
    }
  }
  // Loaded here: a JSON bootstrap starts without a YAML parser.
  const { isScalar, parseDocument, visit } = await import("yaml");
  const document = parseDocument(text, { prettyErrors: true, customTags: asEnvoyReads });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const at = error.linePos?.[0];
        return {
          path: at === undefined ? name : `${name}:${at.line}:${at.col}`,
          message: error.message.split("\n")[0],
        };
      }),
    );
  }
  visit(document, {
    // Keys are text, whatever they look like.
    Pair(_, { key }) {
      if (isScalar(key) && key.source !== undefined) key.value = key.source;
    },
  });
  const json = document.toJS() as JsonValue | undefined;
  // Envoy: "Unable to convert YAML as JSON".
  if (json === null || json === undefined) throw new ConfigError([{ path: name, message: "is empty" }]);
  return json;
}

/**
 * Plain scalars as Envoy reads them: `yes`, `on` and `y` are booleans, and a number with a fraction is text, which a number field takes as
 * well. Envoy `source/common/protobuf/yaml_utility.cc`, parseYamlNode; yaml-cpp `convert<bool>`.
 */
function asEnvoyReads(tags: Tags): Tags {
  const others = tags.filter((tag) => typeof tag === "string" || !/:(bool|float)$/.test(tag.tag));
  return [...others, BOOLEAN];
}

const BOOLEAN: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  identify: (value) => typeof value === "boolean",
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|t|on)/i.test(text),
};
