/** Objects as YAML text, for files that the control plane writes itself. Strings that could be read as anything else are quoted. */

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Plain scalars that no YAML version reads as something else. */
const PLAIN = /^[A-Za-z_/][A-Za-z0-9_./-]*$/;
const RESERVED = /^(?:true|false|yes|no|on|off|null|y|n|nan|inf)$/i;

export function toYaml(value: Json): string {
  return `${lines(value, "").join("\n")}\n`;
}

function lines(value: Json, indent: string): string[] {
  if (Array.isArray(value)) {
    return (value as readonly Json[]).flatMap((item) => {
      if (isScalar(item)) return [`${indent}- ${scalar(item)}`];
      const [first, ...rest] = lines(item, `${indent}  `);
      return [`${indent}- ${first!.trimStart()}`, ...rest];
    });
  }
  return Object.entries(value as { readonly [key: string]: Json }).flatMap(([key, item]) => {
    if (item === undefined) return [];
    const name = `${indent}${text(key)}:`;
    return isScalar(item) ? [`${name} ${scalar(item)}`] : [name, ...lines(item, `${indent}  `)];
  });
}

/** Empty collections have only a flow form. */
function isScalar(value: Json): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}

function scalar(value: Json): string {
  if (typeof value === "string") return text(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[]" : "{}";
  return String(value ?? null);
}

/** JSON strings are YAML's double-quoted ones. */
function text(value: string): string {
  return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value);
}
