/**
 * Path templates of Envoy's `uri_template` matcher: `/users/{id}/posts/**`. `*` and `{name}` stand for one segment or the rest of one,
 * `**` and `{name=**}` for any number. Syntax and limits: Envoy `source/extensions/path/uri_template_lib/uri_template_internal.cc`;
 * what Envoy ends itself on, or takes a star in the middle of a segment for, is refused.
 */
import { type TextTest, fullMatch, substitution } from "./regex.ts";

/** What may stand in a segment: unreserved characters, percent signs, sub-delimiters but `*`, `:` and `@`. */
const SEGMENT_CHARACTERS = "-a-zA-Z0-9._~%!$&'()+,;:@=";
/** A path, other than a template, may have stars. */
const ONE_SEGMENT = `[${SEGMENT_CHARACTERS}*]+`;
const ANY_SEGMENTS = `[${SEGMENT_CHARACTERS}*/]*`;
const LITERAL = new RegExp(`^[${SEGMENT_CHARACTERS}]*$`);
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const MAX_VARIABLES = 5;
const MAX_NAME_LENGTH = 16;

/** A test of a path without its query. Throws an Error with what is wrong with the template. */
export function uriTemplateTest(template: string): TextTest {
  return fullMatch(new TemplateReader(template).pattern());
}

/**
 * Puts what the variables of a template stood for in a path into another one: `/{a}/x/{b}`. Envoy `uri_template_rewriter`.
 * Throws an Error with what is wrong with either.
 */
export function uriTemplateRewrite(template: string, rewrite: string): (path: string) => string {
  const reader = new TemplateReader(template);
  const pattern = `^${reader.pattern()}$`;
  if (!rewrite.startsWith("/") || rewrite.includes("//")) {
    throw new Error(`invalid path template rewrite ${rewrite}: it must begin with a slash, and have no two together`);
  }
  const names = [...reader.names];
  const substitute = rewrite.replaceAll("\\", "\\\\").replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`invalid path template rewrite ${rewrite}: the template has no variable ${name}`);
    return `\\${index + 1}`;
  });
  return substitution(pattern, substitute);
}

class TemplateReader {
  private readonly template: string;
  /** Of variables, in their order, which is that of the pattern's groups. */
  readonly names = new Set<string>();
  /** `**` has been: no other operator may follow. */
  private open = false;

  constructor(template: string) {
    this.template = template;
  }

  /** The template as a regular expression. */
  pattern(): string {
    if (!this.template.startsWith("/")) this.fail("it must begin with a slash");
    // Slashes of a variable's own pattern do not divide.
    const segments = this.template.slice(1).split(/\/(?![^{]*\})/);
    return segments.map((segment, i) => `/${this.segment(segment, i === segments.length - 1)}`).join("");
  }

  /** Text, an operator or variable, and in the last segment text again. */
  private segment(text: string, isLast: boolean): string {
    if (text === "" && !isLast) this.fail("an empty segment");
    const parts = /^([^*{]*)(\*\*?|\{[^{}]*\})?(.*)$/.exec(text);
    const [, before = "", operator = "", after = ""] = parts ?? [];
    if (operator.startsWith("*") && before !== "") this.fail("a star in the middle of a segment");
    if (after !== "" && !isLast) this.fail("text after an operator, and more segments");
    const glob = operator.startsWith("{") ? this.variable(operator.slice(1, -1)) : this.operator(operator);
    return this.literal(before) + glob + this.literal(after);
  }

  private operator(text: string): string {
    if (text === "") return "";
    if (this.open) this.fail("no operator may follow **");
    if (text === "*") return ONE_SEGMENT;
    this.open = true;
    return ANY_SEGMENTS;
  }

  /** `name` or `name=pattern`. */
  private variable(text: string): string {
    const [name, pattern = "*"] = text.split(/=(.*)/s);
    if (!VARIABLE_NAME.test(name) || name.length > MAX_NAME_LENGTH) this.fail(`invalid variable name ${name}`);
    if (this.names.has(name)) this.fail(`variable ${name} is there twice`);
    this.names.add(name);
    if (this.names.size > MAX_VARIABLES) this.fail(`more than ${MAX_VARIABLES} variables`);
    const segments = pattern.split("/").map((segment) => {
      if (segment === "") this.fail("an empty segment");
      return segment === "*" || segment === "**" ? this.operator(segment) : this.literal(segment);
    });
    return `(${segments.join("/")})`;
  }

  private literal(text: string): string {
    if (!LITERAL.test(text)) this.fail(`${text} has characters that are not allowed`);
    return text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&");
  }

  private fail(what: string): never {
    throw new Error(`invalid path template ${this.template}: ${what}`);
  }
}
